# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For every option of every kind, from the tables: changing it leaves all others as they are on the real proxy."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Field, Kind
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds._table import LIFETIME

from .harness import run, succeed
from .proxy import Proxy
from .test_objects import LIVES, Life, Options

# What can't stand beside the other options, or names objects that must exist.
LEFT_OUT = {
    "key": {
        "agent_id",
        "key_type",
        "budget_id",
        "team_id",
        "organization_id",
        "project_id",
        "end_user_budget_id",
        "access_group_ids",
    },
    "team": {"access_group_ids", "default_estimated_output_tokens", "team_id"},
    "user": {"teams", "sso_user_id"},
    "customer": {"budget_id", "default_model"},
    "tag": {"budget_id"},
    "mcp_server": {"command", "args", "env", "spec_path", "dcr_bridge", "per_server_oauth_discovery"},
    "vector_store": {"litellm_credential_name", "team_id"},
    "pass_through_endpoint": {"guardrails"},
    "agent": {"access_group_ids", "kill_switch"},
    "memory": {"team_id", "user_id"},
    "policy": {"inherit", "pipeline", "guardrails_add", "guardrails_remove"},
    "access_group": {"access_agent_ids", "assigned_team_ids", "assigned_key_ids"},
}
# Where any other value of the type won't do.
SECOND = {
    "oauth2_flow": "authorization_code",
    "budget_fallbacks": {"a": ["c"]},
    "auth_type": "bearer_token",
}
WITH: dict[str, Options] = {
    "auth_type": {"credentials": {"auth_value": "secret-1"}},
    "search_tool_info": {"litellm_params": {"api_key": "secret-value-1"}},
}
KIND_OF = {f"litellm_{kind.name}": kind for kind in KINDS.values()}


def written(kind: Kind) -> list[Field]:
    left = LEFT_OUT.get(kind.name, set())
    return [f for f in kind.fields if not f.licence and not f.ignore_drift and f.name not in left]


def some_value(field: Field) -> t.Any:
    """A value of the option's type."""
    if field.choices:
        return field.choices[0]
    if field.duration:
        return "30d"
    values = {"int": 7, "float": 7.5, "bool": True, "list": ["a"], "dict": {"a": 1}, "str": "text"}
    return values[field.type]


def another(field: Field, value: t.Any) -> t.Any:
    """A second value, by type."""
    if field.choices:
        return next(choice for choice in field.choices if choice != value)
    if field.duration:
        return "60d"
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, list):
        return [*value[1:], "z"] if field.elements == "str" else None
    if isinstance(value, dict):
        return {**value, **{name: another(field, part) for name, part in list(value.items())[-1:]}}
    return f"{value}x"


def everything(life: Life, kind: Kind) -> Options:
    return {**{f.name: some_value(f) for f in written(kind) if f.name not in life.create}, **life.create}


def changeable(life: Life, kind: Kind) -> list[Field]:
    return [f for f in written(kind) if not f.create_only and f.compare != LIFETIME]


CASES = [(life, f.name) for life in LIVES for f in changeable(life, KIND_OF[life.module])]


@pytest.fixture(scope="module")
def made(proxy: Proxy, named: None) -> t.Iterator[t.Callable[[Life], Options]]:
    """One object of a kind with all of its options."""
    objects: dict[str, Options] = {}

    def options_of(life: Life) -> Options:
        if life.module not in objects:
            options = everything(life, KIND_OF[life.module])
            succeed(proxy, life.module, **life.name, state="absent")
            succeed(proxy, life.module, **life.name, **options)
            objects[life.module] = options
        return objects[life.module]

    yield options_of
    for life in LIVES:
        succeed(proxy, life.module, **life.name, state="absent")


@pytest.mark.parametrize(("life", "name"), CASES, ids=lambda case: case if isinstance(case, str) else case.module)
def test_only_what_is_named_changes(proxy: Proxy, made: t.Callable[[Life], Options], life: Life, name: str) -> None:
    options = made(life)
    value = life.update.get(name) or SECOND.get(name)
    if not value or value == options[name]:
        value = another(KIND_OF[life.module].by_name[name], options[name])
    together = next((g for g in KIND_OF[life.module].required_together if name in g), ())
    changed = {**WITH.get(name, {}), **{one: options[one] for one in together}, name: value}
    result = run(proxy, life.module, **life.name, **changed)
    assert not result.failed, result["msg"]
    others = {one: value for one, value in options.items() if one != name and one not in together}
    left = succeed(proxy, life.module, **life.name, **others, check=True)
    back = succeed(proxy, life.module, **life.name, **options)
    assert left["changed_fields"] == []
    # To the declaration that was somebody else's change, which it sees and takes back, and nothing besides. What came
    # into a dictionary, and the declaration does not name, stays.
    assert set(back["changed_fields"]) <= {name, *WITH.get(name, {})}
    assert name in back["changed_fields"] or KIND_OF[life.module].by_name[name].type == "dict"
    assert not succeed(proxy, life.module, **life.name, **options, check=True)["changed"]
