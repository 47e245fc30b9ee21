# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that could be templates, YAML or numbers, in every option that takes one: kept, exported, applied again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.filter.llm_state_yaml import llm_state_yaml
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Field

from . import conftest
from .harness import change, run, succeed
from .proxy import Proxy
from .states import State, gone
from .test_objects import LIVES, Life, Options

pytestmark = pytest.mark.usefixtures("named")
TEXTS = {
    "template": "{{ 7 * 7 }} {% if x %} {# no comment #} {{ lookup('pipe', 'id') }}",
    "override": "#jinja2: variable_start_string: '[['\n[[ 7 * 7 ]]",
    "yaml": "!vault | &a *b - ? : [x, {y: z}] # no comment %TAG ' \" \\",
    "lines": " first\n  second\r\n\tthird\n\n",
    "null": "null",
    "long": "ä{" * 4000,
    "odd": "\x0b\u200b\ufeff ü ☃ 🎉 \x7f\x1b[31m \u0301",
}
# Names, addresses, and what LiteLLM reads.
NOT_FREE = {
    "key": {"key"},
    "team": {"team_id"},
    "user": {"user_email", "sso_user_id"},
    "model": {"model_name"},
    "mcp_server": {
        "alias",
        "auth_type",
        "authorization_url",
        "byok_api_key_help_url",
        "command",
        "issuer",
        "oauth2_flow",
        "registration_url",
        "server_id",
        "source_url",
        "spec_path",
        "subject_token_type",
        "token_exchange_endpoint",
        "token_exchange_profile",
        "token_url",
        "url",
    },
    "vector_store": {"custom_llm_provider"},
    "pass_through_endpoint": {"target"},
}
SECRET = "secret-value-{{ 6 * 7 }}"
KIND_OF = {f"litellm_{kind.name}": kind for kind in KINDS.values()}
STRUCTURES = {
    "credential_info",
    "guardrail_info",
    "mcp_info",
    "metadata",
    "model_info",
    "prompt_info",
    "search_tool_info",
    "vector_store_metadata",
}


def is_free(field: Field) -> bool:
    named = field.refers or field.refers_in or field.choices or field.duration
    return field.type == "str" and not (named or field.secret or field.licence or field.ignore_drift)


def with_text(life: Life, text: str) -> Options:
    """One object whose texts are all this one, and whose secrets are known."""
    kind = KIND_OF[life.module]
    options = {**life.name, **_secret(life.create)}
    free = [field.name for field in kind.fields if is_free(field) and field.name not in NOT_FREE.get(kind.name, ())]
    options.update(dict.fromkeys(free, text))
    if "credential_values" in options:
        options["credential_values"] = {"api_key": SECRET}
    inside = {"a": text, "b": [text, {text: text}]}
    options.update(dict.fromkeys(STRUCTURES & set(kind.by_name), inside))
    return options


def _secret(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _secret(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_secret(part) for part in value]
    return SECRET if isinstance(value, str) and "secret-" in value else value


def state_of(text: str) -> State:
    state: State = {}
    for life in LIVES:
        state.setdefault(KIND_OF[life.module].plural, []).append(with_text(life, text))
    return state


def exported(proxy: Proxy, state: State) -> dict[str, t.Any]:
    """The export of these objects alone."""
    found = succeed(proxy, "litellm_info", kinds=list(state)).data
    desired, placeholders = {}, []
    for plural, items in state.items():
        name = KINDS[plural].identity
        ours = [number for number, one in enumerate(found["desired"][plural]) if one[name] == items[0][name]]
        desired[plural] = [found["desired"][plural][number] for number in ours]
        paths = (path for path in found["placeholders"] if path[0] == plural and int(path[1]) in ours)
        placeholders += [[plural, "0", *path[2:]] for path in paths]
    return {"desired": desired, "placeholders": placeholders}


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("litellm_user", {"user_id": "tx-user", "user_alias": "a\u2028b"}),
        ("litellm_tag", {"name": "tx-tag", "description": "a\x85b"}),
        ("litellm_prompt", {"prompt_id": "tx", "prompt_info": {"a": ["\u2029"]}}),
        ("litellm_user", {"user_id": "tx-user", "metadata": {"a": ["\0"]}}),
    ],
)
def test_what_litellm_would_change_is_refused(proxy: Proxy, module: str, options: Options) -> None:
    for check in (True, False):
        result = run(proxy, module, **options, check=check)
        assert "line end of Unicode" in result["msg"] or "NUL" in result["msg"]
        assert not result.wrote


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_stays_a_text(proxy: Proxy, tmp_path: Path, name: str) -> None:
    state = state_of(TEXTS[name])
    succeed(proxy, "litellm_state", desired=gone(state))
    change(proxy, "litellm_state", desired=state)
    export = exported(proxy, state)
    written = llm_state_yaml(export)
    assert "secret-value" not in json.dumps(export) + written
    answer = applied(proxy, tmp_path, written, state)
    succeed(proxy, "litellm_state", desired=gone(state))
    assert answer.returncode == 0, answer.stdout[-3000:]
    assert "changed=0" in answer.stdout, answer.stdout[-6000:]


def applied(proxy: Proxy, folder: Path, written: str, state: State) -> subprocess.CompletedProcess[str]:
    """The file of the export as variables of a play in check mode, its secrets filled in."""
    (folder / "llm_state.yml").write_text(written)
    variables = {line.split("}}")[0].strip() for line in written.split("{{")[1:] if line.strip().startswith("vault_")}
    secrets = "".join(f"{one}: !unsafe {json.dumps(_value(one, state))}\n" for one in sorted(variables))
    (folder / "secrets.yml").write_text(secrets or "{}\n")
    connection = {"api_url": proxy.url, "api_key": proxy.master_key, "desired": "{{ llm_state }}"}
    task = {"llmfleet.gateway.litellm_state": connection, "check_mode": True, "diff": True}
    files = ["llm_state.yml", "secrets.yml"]
    play = {"hosts": "localhost", "gather_facts": False, "vars_files": files, "tasks": [task]}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(conftest.collections_path())}
    python = f"ansible_python_interpreter={sys.executable}"
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", python, str(folder / "play.yml")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _value(variable: str, state: State) -> str:
    return str(state["keys"][0]["key"]) if variable.startswith("vault_key_") else SECRET
