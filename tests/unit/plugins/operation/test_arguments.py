# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command says of an operation is judged before any host is asked."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import read_specs, spelling
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._operation import arguments

CHECKOUT = Path(__file__).resolve().parents[4]
HOSTS = ["gw1", "gpu1", "gpu2"]
READ = {"litellm_version", "nvidia_driver_reboot"}
CHECK = "llmfleet.gateway.operation"


def faults(operation: str, **said: t.Any) -> list[str]:
    return arguments.faults(operation, said, READ, HOSTS, ())


GOOD: list[tuple[str, dict[str, t.Any]]] = [
    ("drain", {"server": "gpu2", "confirm": "YES", "result": "r.json"}),
    ("drain", {"instance": ["gpu2/assistant", "coder"], "force": True}),
    ("restart", {"service": "litellm"}),
    ("restart", {"server": "gpu1", "service": ["vllm", "gate"]}),
    ("logs", {}),
    ("logs", {"follow": "0", "lines": 5, "checks": "no", "service": "litellm-1"}),
    ("measure", {"instance": "x", "load": {"concurrency": 64, "requests": "512"}}),
    ("upgrade", {"litellm_version": "1.104.5", "rehearse": "only"}),
    ("uninstall", {"data": "yes", "vault_openai": "x", "region": "eu"}),
    ("drain", {"server": "{{ groups.gpu_servers[0] }}"}),
    ("revoke", {"key_alias": 'o\'brien "x" ключ'}),
    ("rotate_keys", {"keys": "my-app,chat", "grace": "48h"}),
    ("driver", {"nvidia_driver_reboot": "true"}),
    ("rotate_secrets", {"secrets": "redis_password, vllm_api_key"}),
    ("rotate_secrets", {"secrets": "all"}),
    ("restore", {"backup": "offsite:llmfleet-1.tar"}),
]


@pytest.mark.parametrize(("operation", "said"), GOOD)
def test_what_can_be_meant_is_fine(operation: str, said: dict[str, t.Any]) -> None:
    assert faults(operation, **said) == []


REFUSED: list[tuple[str, dict[str, t.Any], str]] = [
    # Names.
    ("drain", {"servr": "gpu2", "instance": "x"}, "servr is no argument of drain; did you mean server?"),
    ("backup", {"trail": "yes"}, "trail is no argument of backup; did you mean trial?"),
    ("reset_database", {"dorp": "litellm_kept_1"}, "dorp is no argument of reset_database; did you mean drop?"),
    ("status", {"pagee": "x"}, "pagee is no argument of status; did you mean page?"),
    ("cleanup", {"confrim": "yes"}, "confrim is no argument of cleanup; did you mean confirm?"),
    # Arguments of others: what was meant to bound the operation would not.
    ("uninstall", {"server": "gpu2"}, "uninstall takes no server; it takes data, confirm, result. For a part"),
    ("cleanup", {"instance": "x"}, "cleanup takes no instance; it takes confirm, result"),
    # What is lacking.
    ("drain", {}, "drain needs -e server=… or -e instance=…"),
    ("revoke", {}, "revoke needs -e key_alias=… or -e key_file=…"),
    ("adopt", {"dir": "f"}, "adopt needs -e compose_dir=…"),
    ("digests", {"signed": "litellm"}, "signed does nothing without -e cosign_key=…"),
    # Values.
    ("drain", {"server": ""}, "server is empty; write a value, or leave it out"),
    ("drain", {"server": "nosuch"}, "server names 'nosuch', which is no host of gateways or gpu_servers; write one of"),
    ("drain", {"server": "gpu1,gpu2"}, "server names 'gpu1,gpu2', which is no host"),
    ("drain", {"server": "gpu2'; DROP"}, 'server names "gpu2\'; DROP", which is no host'),
    ("drain", {"instance": "gpu9/assistant"}, "instance names 'gpu9', which is no host"),
    ("drain", {"instance": "/x"}, "instance is '/x'; write a name such as assistant, or gpu2/assistant"),
    ("restart", {"service": "litelm"}, "service is 'litelm'; did you mean litellm?"),
    ("restart", {"service": ["vllm", ""]}, "service is empty; write a value, or leave it out"),
    ("uninstall", {"data": "maybe"}, "data is 'maybe'; write yes or no"),
    ("uninstall", {"confirm": ["yes"]}, "confirm is a list; write yes or no"),
    ("uninstall", {"confirm": ""}, "confirm is ''; write yes or no"),
    ("logs", {"lines": "many"}, "lines is 'many'; write a whole number from 1 on"),
    ("logs", {"follow": -1}, "follow is -1; write a whole number from 0 on"),
    ("probe", {"seconds": True}, "seconds is True; write a whole number from 1 on"),
    ("status", {"fail_on": "errors"}, "fail_on is 'errors'; did you mean error?"),
    ("revoke", {"key_alias": {"a": 1}}, "key_alias is a dictionary; write one text"),
    ("revoke", {"key_alias": "a\nb"}, "key_alias has a control character; take it out"),
    ("revoke", {"key_file": "/nowhere/key"}, "key_file is no file that can be read: /nowhere/key"),
    ("move_models", {"from_dir": "models"}, "from_dir is 'models'; write the whole path on the server, from / on"),
    ("rotate_keys", {"grace": "soon"}, "grace is 'soon'; write a time such as 48h or 7d"),
    ("measure", {"instance": "x", "load": "64"}, "load is '64'; write it as"),
    ("measure", {"instance": "x", "load": {"concurency": 64}}, "load has 'concurency', which is no part of a load;"),
    ("measure", {"instance": "x", "load": {"input": 0}}, "load input is 0; write a whole number from 1 on"),
    ("rotate_secrets", {"secrets": "redis_pasword"}, "secrets is 'redis_pasword'; did you mean redis_password?"),
    ("rotate_secrets", {"secrets": ","}, "secrets is empty; write a value, or leave it out"),
    ("restore", {"backup": "./nowhere.tar"}, "backup is no file that can be read: "),
    ("rotate_ca", {"llm_ca_last_step": "isue"}, "llm_ca_last_step is 'isue'; did you mean issue?"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "said", "message"), REFUSED)
def test_what_can_not_is_named_with_what_to_write(operation: str, said: dict[str, t.Any], message: str) -> None:
    (found,) = faults(operation, **said)
    assert found.startswith(message)


def test_all_of_it_is_said_at_once() -> None:
    assert len(faults("drain", servr="gpu2", force="x", result="")) == 4


def test_what_the_inventory_gives_lacks_not() -> None:
    assert arguments.faults("drain", {}, READ, HOSTS, {"server", "llm_models"}) == []


# ---- playbooks and documents


def plays(operation: str) -> list[dict[str, t.Any]]:
    return yaml.safe_load((CHECKOUT / "playbooks" / f"{operation}.yml").read_text())


def test_every_operation_has_its_arguments() -> None:
    """init says what its parameters are itself, and site.yml has the variables of the roles."""
    assert {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")} - {"init", "site"} == set(
        arguments.OPERATIONS
    )


@pytest.mark.parametrize("operation", arguments.OPERATIONS)
def test_the_command_is_checked_before_anything_else(operation: str) -> None:
    first = plays(operation)[0]["tasks"][0]
    assert first[CHECK] == {"name": operation, "check_arguments": True}
    assert first["run_once"] is True


def read_by(operation: str) -> str:
    """The playbook, with the files of tasks and the playbooks that it takes in."""
    text = (CHECKOUT / "playbooks" / f"{operation}.yml").read_text()
    for name in re.findall(r"(tasks/\w+\.yml|import_playbook: \w+\.yml)", text):
        text += (CHECKOUT / "playbooks" / name.removeprefix("import_playbook: ")).read_text()
    for name in re.findall(r"include_tasks: (\w+\.yml)", text):
        path = CHECKOUT / "playbooks" / "tasks" / name
        text += path.read_text() if path.exists() else ""
    return text


@pytest.mark.parametrize("operation", arguments.OPERATIONS)
def test_every_argument_is_read(operation: str) -> None:
    """`force` is llm_rollout_force's, of whatever changes in batches."""
    text = re.sub(r"^#.*$", "", read_by(operation), flags=re.MULTILINE)
    assert [
        name for name in arguments.OPERATIONS[operation] if name != "force" and not re.search(rf"\b{name}\b", text)
    ] == []


def told(operation: str) -> set[str]:
    """Names of `-e name=` and of JSON behind -e, in the head of the playbook and its row of the table."""
    head = (CHECKOUT / "playbooks" / f"{operation}.yml").read_text().partition("\n- ")[0]
    table = (CHECKOUT / "docs" / "operations.md").read_text()
    row = next(line for line in table.splitlines() if line.startswith(f"| `{operation}` |"))
    others = "|".join(set(arguments.OPERATIONS) - {operation})
    own = re.sub(rf"\b(?:{others}) -e \w+=", "", head + row)
    return set(re.findall(r"-e '?\{?\"?([a-z_]+)(?:=|\":)", own))


@pytest.mark.parametrize("operation", arguments.OPERATIONS)
def test_what_documents_tell_is_taken(operation: str) -> None:
    roles = {name for options in read_specs(CHECKOUT).values() for name in options} | spelling.OTHERS
    assert told(operation) - roles - {*arguments.OPERATIONS[operation], *arguments.COMMON} == set()
