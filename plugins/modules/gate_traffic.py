#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gate_traffic
short_description: Send requests to servers of the gate, or take them away
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Tells the gate (HAProxy) of this host whether servers get requests, over its runtime socket and without a reload, and waits
    until those that run have ended.
  - The state is kept in a file, from which the gate takes it after a reload or a restart.
  - An instance of vLLM gets requests from the gates of all the gateways, so it has no request any more when the gate of each
    of them says so.
options:
  socket:
    description:
      - Path of the runtime socket of the gate, C(llm_fleet.hosts[inventory_hostname].gate.socket).
      - The socket of HAProxy's master process, C(master.sock) in the same folder, reaches workers of before a reload as well.
    type: path
    required: true
  servers:
    description: The servers, by HAProxy's names.
    type: list
    elements: dict
    required: true
    suboptions:
      backend:
        description: Name of the backend, such as V(vllm-assistant).
        type: str
        required: true
      server:
        description: Name of the server in it.
        type: str
        required: true
  state:
    description:
      - V(drain) sends new requests to other servers of the backend. Where there is none, they are refused with status 503.
      - V(hold) lets new requests wait in the gate until a server of the backend is ready, for O(servers) that are the last one.
      - V(ready) sends requests there again. Requests that were held go on as soon as the gate knows the server as up; where it is not up
        after 15 seconds, the hold ends all the same.
    type: str
    required: true
    choices: [ready, drain, hold]
  wait:
    description: Whether to wait, with V(drain) and V(hold), until no request of the servers runs in this gate.
    type: bool
    default: true
  timeout:
    description: Seconds to wait. When they are over, the task fails and the state stays.
    type: int
    default: 600
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Take the requests away from an instance that has others beside it, in the gates of all gateways
  llmfleet.gateway.gate_traffic:
    socket: "{{ llm_fleet.hosts[item].gate.socket }}"
    servers:
      - {backend: vllm-assistant, server: gpu1-assistant}
    state: drain
  loop: "{{ llm_fleet.gateways }}"
  delegate_to: "{{ item }}"

- name: Let requests wait while the only instance is changed
  llmfleet.gateway.gate_traffic:
    socket: /opt/llmfleet/gate/run/admin.sock
    servers:
      - {backend: vllm-assistant, server: gpu1-assistant}
    state: hold
    timeout: 900

- name: Send requests there again
  llmfleet.gateway.gate_traffic:
    socket: /opt/llmfleet/gate/run/admin.sock
    servers:
      - {backend: vllm-assistant, server: gpu1-assistant}
    state: ready
"""

RETURN = r"""
servers:
  description: The servers and how they are now.
  returned: success
  type: list
  elements: dict
  contains:
    backend:
      description: Name of the backend.
      type: str
    server:
      description: Name of the server.
      type: str
    state:
      description: As O(state).
      type: str
    operational:
      description: What HAProxy says of it, such as C(UP), C(DOWN), C(DRAIN), C(MAINT (resolution)) for a name that no container has.
      type: str
    current:
      description: Requests that run.
      type: int
    queued:
      description: Requests that wait for a free place.
      type: int
    waited:
      description: Seconds that were waited.
      type: float
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.runtime import GateError, Runtime
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.traffic import READY, STATES, Load, Server, Traffic

SERVER = {"backend": {"type": "str", "required": True}, "server": {"type": "str", "required": True}}
NOTHING = Load(0, 0, "")


def argument_spec() -> dict[str, t.Any]:
    return {
        "socket": {"type": "path", "required": True},
        "servers": {"type": "list", "elements": "dict", "required": True, "options": SERVER},
        "state": {"type": "str", "required": True, "choices": STATES},
        "wait": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 600},
    }


def perform(params: dict[str, t.Any], check_mode: bool, traffic: Traffic) -> dict[str, t.Any]:
    wanted = params["state"]
    before = {server: state for server, state in traffic.before().items() if server in traffic.servers}
    differs = [server for server in traffic.servers if before[server] != wanted]
    waited = 0.0
    if not check_mode:
        waited = _carry_out(params, traffic, wanted)
    load = traffic.load()
    rows = [_row(server, wanted, load.get(server, NOTHING), waited) for server in traffic.servers]
    diff = [{"before": _text(before, differs), "after": _text(dict.fromkeys(differs, wanted), differs)}]
    return {"changed": bool(differs), "servers": rows, "diff": diff if differs else []}


def _carry_out(params: dict[str, t.Any], traffic: Traffic, wanted: str) -> float:
    """Also where the state is as wanted: a run that was cut off may have left requests that are held, or that run."""
    traffic.set(wanted)
    if wanted == READY:
        traffic.release()
        return 0.0
    if not params["wait"]:
        return 0.0
    waited, left = traffic.wait(params["timeout"])
    if left:
        still = ", ".join(f"{server} ({one.current} run, {one.queued} wait)" for server, one in sorted(left.items()))
        raise GateError(f"after {params['timeout']} s requests are left on {still}; the state stays {wanted}")
    return waited


def _row(server: Server, state: str, load: Load, waited: float) -> dict[str, t.Any]:
    return {
        "backend": server.backend,
        "server": server.name,
        "state": state,
        "operational": load.status,
        "current": load.current,
        "queued": load.queued,
        "waited": round(waited, 1),
    }


def _text(found: t.Mapping[Server, str], servers: t.Iterable[Server]) -> str:
    return "".join(f"{server}: {found[server]}\n" for server in servers)


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    servers = [Server(entry["backend"], entry["server"]) for entry in module.params["servers"]]
    try:
        result = perform(module.params, module.check_mode, Traffic(Runtime(module.params["socket"]), servers))
    except (GateError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
