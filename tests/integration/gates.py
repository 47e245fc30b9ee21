# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real gates on the loopback address: HAProxy of the bench's image, with the configuration that the role renders.

Names that only Docker's networks know are replaced by addresses of this machine; nothing else of the text is changed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
import typing as t
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.runtime import GateError, Runtime
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.traffic import Load, Server, Traffic
from ansible_collections.llmfleet.gateway.plugins.modules.gate_traffic import perform
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca.certificates import authority, certificate
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate, gate_config
from declared import fleet_of
from rendering import make_instance

from .proxy import docker, images

CHECKOUT = Path(__file__).resolve().parents[2]
#: Its connections are how start.sh knows HAProxy's, and root has others here.
USER = os.getuid() or 60803
KEY, SECRET = "a-key-of-the-fleet", "s" * 40
#: Where the containers would be, by a pattern of the configuration.
DOCKER_NAME = re.compile(r"(llmfleet-[\w-]+):(\d+) resolvers docker resolve-prefer ipv4 init-addr none")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def fleet(models: dict[str, int], gateways: t.Sequence[str], servers: t.Sequence[str], **said: t.Any) -> Fleet:
    """Hosts with an instance of each model each, or with so many where there is one server."""
    groups = {"gateways": list(gateways), "gpu_servers": list(servers)}
    names = dict.fromkeys([*gateways, *servers])
    common = {"llm_private_address": "10.0.0.1", "litellm_instances": 1, "litellm_database_host": "10.0.0.1", **said}
    shared = {"postgres_publish_address": "10.0.0.1", "redis_publish_address": "10.0.0.1"}
    elsewhere = [{"name": "elsewhere", "litellm_params": {"model": "openai/x"}}]
    empty = fleet_of([], {name: {**common, **shared} for name in names}, groups, elsewhere)
    instances = []
    for model, replicas in models.items():
        for server in servers:
            instances += [_instance(model, server, number, said) for number in range(replicas)]
    return empty._replace(instances=instances)


def _instance(model: str, server: str, number: int, said: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    name = model if number == 0 else f"{model}-{number + 1}"
    names = {"backend": f"vllm-{model}", "server": f"{server}-{name}"}
    return make_instance(name=name, model_name=model, server=server, gate=names, container=f"llmfleet-{server}-{name}")


class Gate:
    """One host's gate. `ports` are those of this machine by container, host or port of the configuration."""

    def __init__(self, folder: Path, whole: Fleet, host: str, ports: t.Mapping[str, int]) -> None:
        self.folder, self.whole, self.host, self.ports = folder, whole, host, dict(ports)
        self.container = ""
        for name in ("config", "secrets", "run", "state"):
            (folder / name).mkdir(parents=True)
        # HAProxy's sockets are its own.
        (folder / "run").chmod(0o777)

    @property
    def socket(self) -> str:
        return str(self.folder / "run" / gate_config.ADMIN_SOCKET)

    def url(self, model: str) -> str:
        return f"http://127.0.0.1:{self.ports['8100']}/{model}"

    def write(self) -> None:
        """Over the file that is there, as the role does."""
        host = self.whole.hosts[self.host]
        text = self._local(gate.config(self.whole, host))
        (self.folder / "config/new").write_text(text + "\n")
        os.replace(self.folder / "config/new", self.folder / "config/haproxy.cfg")
        (self.folder / "config/away.http").write_text(gate_config.AWAY, newline="")
        unproven = [entry["content"] for entry in gate._files(self.whole, host) if entry["path"] == "config/unproven"]
        (self.folder / "config/unproven").write_text("".join(map(self._port, unproven)))
        secrets = self.folder / "secrets"
        (secrets / "keys").write_text(f"Bearer {KEY}\n")
        now = datetime.now(timezone.utc)
        (secrets / "host.pem").write_text(certificate(SECRET, self.host, [host.address], now))
        (secrets / "authority.pem").write_text(authority(SECRET))

    def _local(self, text: str) -> str:
        text = DOCKER_NAME.sub(lambda found: f"127.0.0.1:{self.ports.get(found[1], 9)}", text)
        # Others' gates are named by their host, on whatever address.
        text = re.sub(r"10\.0\.0\.1:8443 (.*verifyhost )(\S+)", self._far, text)
        for inside in ("4000", "8100", "8405", "8443"):
            text = text.replace(f"bind :{inside}", f"bind 127.0.0.1:{self.ports.setdefault(inside, free_port())}")
        return text

    def _far(self, found: re.Match[str]) -> str:
        return f"127.0.0.1:{self.ports.get(found[2], 9)} {found[1]}{found[2]}"

    def _port(self, rows: str) -> str:
        """Of this machine."""
        return re.sub(r"( (\S+):litellm .* )8443 ", lambda found: f"{found[1]}{self.ports.get(found[2], 9)} ", rows)

    def start(self) -> None:
        self.write()
        mounts = {"config": gate_config.CONFIG, "secrets": gate_config.SECRETS}
        mounts |= {"run": gate_config.RUN, "state": gate_config.STATE}
        volumes = [word for name, inside in mounts.items() for word in ("-v", f"{self.folder / name}:{inside}")]
        user = ["--user", f"{USER}:{USER}", "--read-only", "--cap-drop", "ALL"]
        shutil.copy(CHECKOUT / "roles/gate/files/start.sh", self.folder / "config")
        program, *args = gate.START
        command = ["--entrypoint", program, images("gate")["gate"], *args, *gate.command(gate_config.MEMORY)]
        self.container = docker("run", "-d", "--network", "host", *user, *volumes, *command)
        self.wait()

    def wait(self) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(GateError):
                self.load()
                return
            time.sleep(0.1)
        raise AssertionError(self.logs())

    def logs(self) -> str:
        done = subprocess.run(["docker", "logs", self.container], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def reload(self) -> None:
        """Returns when the new worker has taken over."""
        before = self.workers()[0]
        docker("exec", self.container, "sh", "-c", 'kill -s "$0" 1', "USR2")
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(GateError):
                if self.workers()[0] != before:
                    return
            time.sleep(0.1)
        raise AssertionError(self.logs())

    def restart(self) -> None:
        docker("restart", "--time", "1", self.container)
        self.wait()

    def workers(self) -> list[int]:
        return Runtime(self.socket).workers()

    def traffic(self, state: str, *servers: str, wait: bool = True, timeout: int = 60) -> dict[str, t.Any]:
        """What the module gate_traffic does, with its own code."""
        named = [Server(*server.split("/")) for server in servers]
        params = {"state": state, "wait": wait, "timeout": timeout}
        return perform(params, False, Traffic(Runtime(self.socket), named))

    def load(self) -> dict[Server, Load]:
        return Traffic(Runtime(self.socket), []).load()

    def until_up(self, *servers: str) -> None:
        end = time.monotonic() + 20
        wanted = [Server(*server.split("/")) for server in servers]
        while not all(self.load()[server].up for server in wanted):
            assert time.monotonic() < end, self.load()
            time.sleep(0.1)

    def stop(self) -> None:
        if self.container:
            docker("rm", "--force", self.container)
