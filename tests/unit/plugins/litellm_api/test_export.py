# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes from the proxy goes out of the export as data: Ansible loads the file and runs nothing that is in it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.llmfleet.gateway.plugins.filter.llm_state_yaml import llm_state_yaml
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import export
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Field, Kind

from .scripted import key

#: Where this checkout is importable, and so usable by Ansible.
COLLECTIONS = next(path for path in sys.path if (Path(path) / "ansible_collections/llmfleet/gateway").exists())

TEMPLATES = (
    "{{ lookup('pipe', 'touch MARKER') }}",
    "{% set x = lookup('pipe', 'touch MARKER') %}",
    "{# a comment #}",
    "#jinja2:variable_start_string:'[%',variable_end_string:'%]'\n[% lookup('pipe', 'touch MARKER') %]",
    "{{ vault_key_app_key }}",
)


def value_of(field: Field, text: str) -> t.Any:
    """A value of that field with the text wherever a user could put it."""
    if field.name == "members_with_roles":
        return [{"user_id": text, "role": "user"}]
    if field.name in ("expires", "duration") or field.type not in ("str", "list", "dict"):
        return None
    if field.type == "dict":
        return {"plain": text, text: "as a name", "deep": {"list": [text, {"more": text}]}}
    if field.type == "list":
        return [{"name": text, "value": text}] if field.elements == "dict" else [text]
    return text


def found_of(kind: Kind, text: str) -> dict[str, t.Any]:
    """An object as the proxy shows it, with the text in every field."""
    found: dict[str, t.Any] = {kind.identity: text, kind.id: text}
    for field in kind.fields:
        part = found
        for name in field.read_path[:-1]:
            part = part.setdefault(name, {})
        part[field.read_path[-1]] = value_of(field, text)
    found.update(guardrail_definition_location="db", expires=None)
    if kind.name == "model":
        found["model_info"] = {"db_model": True, "tier": text}
    return found


def exported(*texts: str) -> dict[str, t.Any]:
    """What litellm_info answers, as it comes over the wire."""
    desired = {plural: export.desired(kind, [found_of(kind, text) for text in texts]) for plural, kind in KINDS.items()}
    desired = export.unambiguous(desired)
    return t.cast("dict[str, t.Any]", json.loads(json.dumps({"desired": desired, "placeholders": paths(desired)})))


def paths(desired: t.Any) -> list[list[str]]:
    return export.placeholder_paths(desired)


def leaves(value: t.Any, path: tuple[str, ...] = ()) -> t.Iterator[tuple[tuple[str, ...], t.Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield (*path, "name"), name
            yield from leaves(part, (*path, str(name)))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from leaves(part, (*path, str(number)))
    else:
        yield path, value


@pytest.mark.parametrize("text", TEMPLATES)
@pytest.mark.parametrize("plural", list(KINDS))
def test_every_text_of_every_kind_is_data(plural: str, text: str) -> None:
    result = exported(text)
    (one,) = result["desired"][plural]
    assert sum(leaf == text for path, leaf in leaves(one)) >= 1
    ours = {tuple(path) for path in result["placeholders"]}
    tagged = yaml.compose(llm_state_yaml(result))
    for path, node in nodes(tagged):
        if node.value == text and path[1:] not in ours:
            assert node.tag == "!unsafe", path


def nodes(node: t.Any, path: tuple[str, ...] = ()) -> t.Iterator[tuple[tuple[str, ...], t.Any]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield (*path, "name"), name
            yield from nodes(value, (*path, name.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from nodes(value, (*path, str(number)))
    else:
        yield path, node


def test_ansible_loads_the_file_and_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    texts = [text.replace("MARKER", str(marker)) for text in TEMPLATES]
    result = exported(*texts)
    (tmp_path / "state.yml").write_text(llm_state_yaml(result))
    (tmp_path / "play.yml").write_text(
        yaml.safe_dump(
            [
                {
                    "hosts": "localhost",
                    "gather_facts": False,
                    "vars_files": ["state.yml"],
                    "tasks": [
                        {"ansible.builtin.debug": {"msg": "{{ llm_state | to_json }}"}},
                        {
                            "ansible.builtin.copy": {
                                "content": "{{ llm_state | to_json }}",
                                "dest": str(tmp_path / "out.json"),
                            }
                        },
                    ],
                }
            ]
        )
    )
    secrets = dict.fromkeys(variables(result), "filled-in")
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS, "ANSIBLE_LOCALHOST_WARNING": "false"}
    playbook = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [playbook, "-i", "localhost,", "-c", "local", "-e", json.dumps(secrets), str(tmp_path / "play.yml")]
    environment["ANSIBLE_PYTHON_INTERPRETER"] = sys.executable
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not marker.exists()
    read = json.loads((tmp_path / "out.json").read_text())
    ours = {tuple(path) for path in result["placeholders"]}
    after = dict(leaves(read))
    for path, leaf in leaves(result["desired"]):
        if path[-1] != "name":
            assert after[path] == ("filled-in" if path in ours else leaf)


def variables(result: dict[str, t.Any]) -> list[str]:
    names = []
    for path in result["placeholders"]:
        value = result["desired"]
        for part in path:
            value = value[int(part)] if isinstance(value, list) else value[part]
        names.append(value.strip("{} "))
    return names


def test_names_that_read_alike_get_variables_of_their_own() -> None:
    keys = export.desired(KINDS["keys"], [key(alias) for alias in ("a b", "a_b", "c", "\u043a\u043b", "\u044e\u0447")])
    names = [item["key"] for item in export.unambiguous({"keys": keys})["keys"]]
    first, second, third, *others = names
    assert len(set(names)) == 5
    assert all(re.fullmatch(r"{{ [a-z_0-9]+ }}", name) for name in others)
    assert third == "{{ vault_key_c_key }}"
    assert "{{ vault_key_a_b_key }}" not in (first, second)


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="litellm_info"):
        llm_state_yaml({"objects": {}})


def test_the_playbook_writes_a_private_file(tmp_path: Path) -> None:
    """The role's own tasks; the module's answer comes from a variable."""
    tasks = yaml.safe_load((Path(__file__).parents[4] / "roles/gateway_state/tasks/export.yml").read_text())
    (write,) = [task for task in tasks if "ansible.builtin.copy" in task]
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [write],
            "vars": {
                "__gateway_state_found": {"desired": {"keys": [{"key_alias": "app"}]}, "placeholders": []},
                "gateway_state_export_file": str(tmp_path / "state.yml"),
            },
        }
    ]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS}
    environment["ANSIBLE_PYTHON_INTERPRETER"] = sys.executable
    playbook = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [playbook, "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml")]
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert stat.S_IMODE((tmp_path / "state.yml").stat().st_mode) == 0o600
    assert yaml.safe_load((tmp_path / "state.yml").read_text()) == {"llm_state": {"keys": [{"key_alias": "app"}]}}
