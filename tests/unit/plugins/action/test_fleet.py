# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the fleet is read: the roles' defaults, each host's variables over them, templated; fleet-wide ones once."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar, trust_as_template
from ansible_collections.llmfleet.gateway.plugins.action import fleet
from ansible_collections.llmfleet.gateway.plugins.modules import fleet as module
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import Unreadable, check, read_specs
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION, role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import Resolved, resolve


class Inventory:
    def __init__(self, **hosts: dict[str, t.Any]) -> None:
        self.hosts = hosts

    def raw_get(self, host_name: str) -> dict[str, t.Any]:
        return {"inventory_hostname": host_name, **self.hosts[host_name]}


def read(groups: dict[str, list[str]], **hosts: dict[str, t.Any]) -> Resolved:
    loader = DataLoader()
    return resolve(Inventory(**hosts), groups, role_defaults(loader), loader)


ONE = {"gateways": ["a"], "gpu_servers": ["a"]}


def test_defaults_lie_under_the_hosts_variables_and_are_templated_with_them() -> None:
    host = read(ONE, a={"litellm_version": "1.2.3", "llm_gpu_count": 0}).hosts["a"]
    assert host.variables["litellm_image"].endswith(":1.2.3")
    assert host.variables["vllm_image"].startswith("docker.io/vllm/vllm-openai-cpu:")
    assert (host.is_gateway, host.is_gpu_server, host.gpu_count) == (True, True, 0)


def test_variables_of_a_new_role_are_read_without_a_list_of_names() -> None:
    loader = DataLoader()
    defaults = {**role_defaults(loader), "redis_port": 6379}
    found = resolve(Inventory(a={"redis_password": "given", "other": 1}), ONE, defaults, loader).hosts["a"].variables
    assert (found["redis_port"], found["redis_password"], "other" in found) == (6379, "given", False)


def test_every_default_of_every_role_can_be_templated() -> None:
    found = read(ONE, a={"postgres_password": "given"}).hosts["a"].variables
    assert [name for name, value in found.items() if isinstance(value, Unreadable)] == []


def test_what_can_not_be_templated_is_kept_as_such() -> None:
    said = read(ONE, a={"vllm_api_key": trust_as_template("abc{{ nothing_of_that_name }}def")}).hosts["a"].variables
    assert isinstance(said["vllm_api_key"], Unreadable)
    assert "nothing_of_that_name" in said["vllm_api_key"].reason


def test_reading_makes_no_key() -> None:
    """Lookups only look: the declaration is checked long before anything may be made."""
    path = "/nowhere/keys/my-app"
    state = {
        "keys": [
            {"key_alias": "a", "key": trust_as_template(f"{{{{ lookup('llmfleet.gateway.virtual_key', '{path}') }}}}")}
        ]
    }
    said = read(ONE, a={"llm_state": state}).hosts["a"].variables
    assert said["llm_state"]["keys"][0]["key"].startswith("sk-")


def test_models_that_differ_between_hosts_are_refused() -> None:
    groups = {"gateways": ["a"], "gpu_servers": ["b"]}
    faults = read(groups, a={"llm_models": [{"name": "m"}]}, b={"llm_models": []}).faults
    assert faults == [
        "llm_models of b differs from that of a: it is one for the whole fleet, so write it into group_vars/all"
    ]


def test_a_misspelt_variable_is_kept_for_the_check() -> None:
    assert read(ONE, a={"litellm_prot": 1}).hosts["a"].variables["litellm_prot"] == 1


def test_a_secret_that_ansible_would_template_is_refused_without_its_text() -> None:
    found = read(ONE, a={"vllm_api_key": trust_as_template("abc-0123456789{{def")})
    given = {name: host.variables for name, host in found.hosts.items()}
    (line,) = [one for one in check(given, ONE, read_specs(COLLECTION)).faults if one.startswith("vllm_api_key")]
    assert "!unsafe" in line
    assert "abc-" not in line and "def" not in line


# ---- the fingerprint of the key


def an_action(args: dict[str, t.Any], variables: dict[str, t.Any] | None = None) -> fleet.ActionModule:
    loader = DataLoader()
    task = Task.load({"name": "t", "llmfleet.gateway.fleet": {}})
    task.args = args
    found = fleet.ActionModule(
        task,
        connection_loader.get("ansible.builtin.local", PlayContext()),
        PlayContext(),
        loader,
        Templar(loader=loader, variables=variables or {}),
        None,
    )
    found._args = args
    return found


@pytest.mark.parametrize(
    ("secrets", "key", "salted"),
    [(True, "a-key-of-full-length", True), (False, "a-key-of-full-length", True), (False, "", False)],
)
def test_a_key_that_stands_for_a_missing_one_gets_no_salt(secrets: bool, key: str, salted: bool) -> None:
    action = an_action({"secrets": secrets})
    hosts = {"a": Host("a", frozenset(), dict(action._with_secrets({"vllm_api_key": key})), {}, "")}
    assert bool(action._salt(hosts)) is salted
    assert not salted or action._salt(hosts) != action._salt(hosts)


# ---- stages of a roll


def stage(variables: dict[str, t.Any], **args: t.Any) -> t.Any:
    return an_action(args, variables).run(task_vars=variables)


def variables(**registered: t.Any) -> dict[str, t.Any]:
    one = {"name": "m", "model_name": "m", "server": "a", "project": "p", "gpus": []}
    told = {"batch": 1, "min_ready": "", "min_ready_by_model": {}, "canary_seconds": 0, "force": False}
    return {
        "llm_fleet": {
            "instances": [one, {**one, "server": "b"}],
            "gateways": [],
            "hosts": {},
            "drained": [],
            "unreachable_hosts": {},
            "rollout": told,
        },
        "ansible_play_hosts": ["a", "b"],
        "hostvars": {host: {"__vllm_fetched": {"projects": {"p": CHANGED}}, **registered} for host in ("a", "b")},
    }


CHANGED = {"change": "changed", "stops": True, "ready": True, "project_dir": "/opt/p"}


def test_batches_are_made_of_what_the_hosts_of_the_run_answered() -> None:
    known = variables()
    assert [list(one["hosts"]) for one in stage(known, stage="rollout", service="vllm")["batches"]] == [["a"], ["b"]]
    known["ansible_play_hosts"] = ["b"]
    assert stage(known, stage="rollout", service="vllm")["hosts"] == ["b"]


@pytest.mark.parametrize(
    ("answer", "faults"),
    [
        ({"projects": {"p": {"changed": True}}}, []),
        ({"projects": {"p": {"failed": True, "msg": "sick", "rollback": "restored"}}}, ["m on a: sick"]),
        ({"skipped": True}, ["m on a: its host dropped out of the run"]),
    ],
)
def test_a_batch_is_judged_by_what_its_hosts_registered(answer: dict[str, t.Any], faults: list[str]) -> None:
    known = variables(__vllm_batch=answer)
    batch = stage(known, stage="rollout", service="vllm")["batches"][0]
    assert stage(known, stage="rolled", batch=batch)["faults"] == faults


def test_a_canary_is_judged_by_what_each_host_printed() -> None:
    batch = {
        "members": [],
        "probes": {"a": [{"of": "m on a", "watched": True}], "b": [{"of": "m on a", "watched": False}]},
    }
    known = variables()
    whole = '{"requests": 30, "errors": 0, "milliseconds": 900, "faults": [], "answers": {}}'
    known["hostvars"]["b"]["__llm_probed"] = {"results": [{"stdout": whole}]}
    arguments = {"stage": "canary", "batch": batch, "before": [], "after": []}
    assert stage(known, **arguments)["faults"] == ["m on a gave no result of the questions that it was asked"]
    known["hostvars"]["a"]["__llm_probed"] = {"results": [{"stdout": whole}]}
    assert stage(known, **arguments)["faults"] == []


COMPLETE = {"ansible_play_hosts_all": ["a", "b"], "ansible_run_tags": ("all",), "ansible_skip_tags": ()}


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ({}, 2),
        ({"ansible_play_hosts_all": ["a"], "ansible_play_hosts": ["a"]}, 1),
        ({"ansible_play_hosts": ["a"]}, 1),
        ({"ansible_run_tags": ("litellm",)}, 1),
        ({"ansible_skip_tags": ("vllm",)}, 1),
    ],
    ids=["complete", "limit", "a host failed", "tags", "skipped tags"],
)
def test_only_a_complete_run_keeps_what_needs_all_of_it(said: dict[str, t.Any], number: int) -> None:
    known = {**variables(), **COMPLETE, **said}
    hosts = {"a": {"keep_reading": False, "keep_complete_reading": True}, "b": {"keep_reading": True}}
    known["llm_fleet"] |= {"hosts": hosts, "reading": {"number": 1}, "complete_reading": {"number": 2}}
    found = stage(known, stage="report")
    assert (found["reading"], found["keeping"]) == ({"number": number}, ["a"] if number == 2 else ["b"])


def test_the_action_takes_what_the_module_documents() -> None:
    documented = set(yaml.safe_load(module.DOCUMENTATION)["options"])
    with pytest.raises(AnsibleActionFail, match="no_such_option") as refused:
        an_action({"stage": "declared", "no_such_option": True}).run(task_vars={})
    names = str(refused.value).partition("include: ")[2].rstrip(".").split(", ")
    assert set(names) == documented
