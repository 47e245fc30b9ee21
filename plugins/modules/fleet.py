# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet
short_description: Computes the fleet as one value
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads the defaults of all the roles of this collection and the variables of every host of the groups C(gateways) and
    C(gpu_servers), whether the run is limited or not, and computes placement, addresses, ports, names and start order once.
  - Register the result as C(llm_fleet); every role of this collection reads it under that name.
  - Runs on the controller. Changes nothing, and returns no secret.
options:
  stage:
    description:
      - V(declared) needs no host. It refuses with every fault of every variable at once, each with its remedy.
      - V(known) comes after M(llmfleet.gateway.host_info) has looked at the hosts (C(llm_host)). Nothing is left open then.
      - V(kinds) shows each model of C(llm_models) alone on each kind of GPU of C(llm_plan_gpus). It needs no host.
      - V(rollout) makes batches of what M(llmfleet.gateway.compose_project) said of O(service) by its step C(fetch), so that
        C(llm_rollout_min_ready) holds. V(rolled) says what one of them came to. Both read C(llm_fleet) and what the role registered.
      - V(traffic) says which servers of the gates get no requests, or get them again, for the O(names) of servers and instances, and
        refuses where fewer replicas would be left than C(llm_rollout_min_ready) says. V(chosen) says which projects are meant.
      - V(service_state) says in which order projects are stopped, started or restarted (O(act)) that O(services) and O(names) mean, and
        where their requests are meanwhile.
      - V(switched) says which models of C(llm_models) are off once the first of O(names) has left and the second has come.
      - V(canary) compares the members of O(batch) with the others of their backends, and what each answered to the same questions as
        another one.
      - V(upgrade) says which services run another image than the declared one, and what follows of it; it reads what
        M(llmfleet.gateway.container_info) said (C(upgrade_found)). V(upgraded) makes the reading that remembers it, V(upgrade_outcome) compares again
        and makes the one that remembers what came of it, and V(upgrade_undo) says what the way back is.
      - V(report) says at the end of a run which hosts failed or did not answer, and who counts on them. It reads C(llm_fleet).
    type: str
    choices:
      - declared
      - known
      - kinds
      - rollout
      - rolled
      - traffic
      - chosen
      - service_state
      - switched
      - canary
      - upgrade
      - upgraded
      - upgrade_outcome
      - upgrade_undo
      - report
    required: true
  service:
    description: The service that O(stage=rollout) makes batches of.
    type: str
    choices: [vllm, litellm]
  batch:
    description: The one of RV(batches) that O(stage=rolled) judges.
    type: dict
  before:
    description: For each gateway what M(llmfleet.gateway.gate_statistics) said before O(batch) was watched.
    type: list
    elements: dict
  after:
    description: The same afterwards.
    type: list
    elements: dict
  names:
    description: Servers, and instances as C(SERVER/NAME), or C(NAME) for all of that name.
    type: list
    elements: str
  state:
    description:
      - What becomes of their requests. V(drained) is kept for later runs until V(ready) ends it. V(away) and V(back) are for the time
        of a run; requests for models that are nowhere else wait meanwhile.
    type: str
    choices: [drained, ready, away, back]
  act:
    description: What is done to O(services) and O(names) in O(stage=service_state).
    type: str
    choices: [started, stopped, restarted]
  services:
    description: Services that are meant, all with none.
    type: list
    elements: str
    choices: [postgres, redis, gate, vllm, litellm, edge]
    default: []
  upgrade:
    description: What O(stage=upgrade) returned, for O(stage=upgraded) and O(stage=upgrade_outcome).
    type: dict
  record:
    description: What is remembered of an upgrade of LiteLLM beside its images.
    type: dict
    default: {}
  migrated:
    description: Whether a LiteLLM of the new release may have migrated the database.
    type: bool
    default: false
  with_postgres:
    description:
      - Whether O(stage=upgrade_undo) brings PostgreSQL back to its earlier minor release as well. Backups that are made afterwards may be of no
        use, since an older release can't restore all that it dumps of a database that a newer one has served.
    type: bool
    default: false
  driver_to_come:
    description: Whether GPUs that can't be read yet may be later in this run. Their servers are listed in C(open) then.
    type: bool
    default: false
  preflight:
    description: Whether to show what was found on the hosts, and to refuse those that can't be used.
    type: bool
    default: true
  secrets:
    description: Whether the secrets have to be there already. A plan can be made without them.
    type: bool
    default: true
extends_documentation_fragment:
  - llmfleet.gateway.reading
"""

EXAMPLES = r"""
- name: Check the declaration
  llmfleet.gateway.fleet:
    stage: declared
  register: llm_fleet
  run_once: true
"""

RETURN = r"""
stage:
  description: V(declared) or V(known).
  returned: stage is V(declared) or V(known)
  type: str
root:
  description: Directory on the hosts that holds the projects.
  returned: success
  type: str
gateways:
  description: Names of the gateways.
  returned: success
  type: list
  elements: str
gpu_servers:
  description: Names of the GPU servers.
  returned: success
  type: list
  elements: str
instances:
  description:
    - The vLLM instances of the whole fleet in the order of the declaration, complete. Of a replica on several servers each
      node is one; all of them stand in C(unit), the head first, which alone has an API.
  returned: success
  type: list
  elements: dict
services:
  description: The table of services.
  returned: success
  type: list
  elements: dict
unreachable_hosts:
  description: Hosts that did not answer, with the reason.
  returned: success
  type: dict
open:
  description: Servers whose GPUs are to be read once they have a driver.
  returned: success
  type: list
  elements: str
changes:
  description: What runs and can't be left as it is, where it goes and why, one line for each replica.
  returned: success
  type: list
  elements: str
outside:
  description: Hosts that the run leaves out, by the host of the run that looks at them.
  returned: success
  type: dict
limits_from_vllm:
  description: Whether LiteLLM's configuration depends on what vLLM says when it starts.
  returned: success
  type: bool
nvidia_driver_batch:
  description: How many servers the playbook C(driver) takes at a time.
  returned: success
  type: str
reading:
  description: What is kept on the servers for later runs, which may be unable to ask for it.
  returned: stage is V(declared), V(known), V(traffic), V(upgraded), V(upgrade_outcome) or V(upgrade_undo)
  type: dict
drained:
  description: What persons took requests from by the playbook C(drain), servers and instances as C(SERVER/NAME).
  returned: stage is V(declared) or V(known)
  type: list
  elements: str
rollout:
  description: What the variables C(llm_rollout_*) and C(llm_canary_*) say.
  returned: stage is V(declared) or V(known)
  type: dict
batches:
  description: What changes at the same time, in order, with the hosts' projects and the traffic that is taken away meanwhile.
  returned: stage is V(rollout)
  type: list
  elements: dict
blocked:
  description: What can't be changed while enough is ready, a line each.
  returned: stage is V(rollout)
  type: list
  elements: str
traffic:
  description: For each gateway which servers of its gate get requests, or get none.
  returned: stage is V(rolled) or V(traffic)
  type: list
  elements: dict
released:
  description: The same for servers that could not be brought back. Requests would wait for them in vain.
  returned: stage is V(rolled)
  type: list
  elements: dict
ways:
  description: For each gateway the container that is asked for a completion, and of which models.
  returned: stage is V(rolled)
  type: list
  elements: dict
says:
  description: What happens to whom, a line each.
  returned: stage is V(traffic)
  type: list
  elements: str
short:
  description: Models of which too few replicas would be left, a line each, where C(force) lets that be. It is a matter of consent.
  returned: stage is V(traffic)
  type: list
  elements: str
refused:
  description: Always empty; what is refused fails the task.
  returned: stage is V(traffic), V(upgrade) or V(upgrade_undo)
  type: list
  elements: str
steps:
  description: What is done one after the other, with the projects by host and the traffic before and afterwards.
  returned: stage is V(service_state)
  type: list
  elements: dict
will:
  description: What happens to whom, a line each.
  returned: stage is V(service_state), V(switched), V(upgrade) or V(upgrade_undo)
  type: list
  elements: str
destroys:
  description: What is interrupted by it, a line each.
  returned: stage is V(service_state), V(switched), V(upgrade) or V(upgrade_undo)
  type: list
  elements: str
changed_services:
  description: Services whose containers have another image than the declared one.
  returned: stage is V(upgrade) or V(upgrade_outcome)
  type: list
  elements: str
"off":
  description: What C(llm_models_off) is to be.
  returned: stage is V(switched)
  type: list
  elements: str
before:
  description: What C(llm_models_off) is; or the images that run, by service.
  returned: stage is V(switched) or V(upgrade)
  type: raw
text:
  description: The same as a file of variables.
  returned: stage is V(switched)
  type: str
seen:
  description: What the gates counted, a line for each member, and what came of the questions to it.
  returned: stage is V(canary)
  type: list
  elements: str
projects:
  description: The projects by host; those of vLLM that are upgraded.
  returned: stage is V(chosen) or V(upgrade)
  type: dict
faults:
  description: What failed, a line each.
  returned: stage is V(rolled) or V(canary)
  type: list
  elements: str
undone:
  description: A line for each host that may lack what the run changed.
  returned: stage is V(report)
  type: list
  elements: str
after:
  description: The declared image of each service that is upgraded.
  returned: stage is V(upgrade)
  type: dict
pins:
  description: Variables of releases that the command was given, which have to be in the inventory afterwards.
  returned: stage is V(upgrade)
  type: dict
images:
  description: Of each service that changes its image C(before) and C(after).
  returned: stage is V(upgrade) or V(upgrade_undo)
  type: dict
next:
  description: What is left to be done by a person. A list of sentences in V(upgrade_undo).
  returned: stage is V(upgrade_outcome) or V(upgrade_undo)
  type: raw
back:
  description: The command that goes back.
  returned: stage is V(upgrade_outcome)
  type: str
as_before:
  description: Services that were to be upgraded, and run as before.
  returned: stage is V(upgrade_outcome)
  type: list
  elements: str
remedy:
  description: What to do where something failed.
  returned: stage is V(upgrade_outcome)
  type: str
record:
  description: What is remembered of upgrades, by service.
  returned: stage is V(upgrade_undo)
  type: dict
backup:
  description: The backup that was made before LiteLLM was upgraded.
  returned: stage is V(upgrade_undo)
  type: str
hosts:
  description: For each host its C(address) and what each role reads there, by the role's name.
  returned: success
  type: dict
"""
