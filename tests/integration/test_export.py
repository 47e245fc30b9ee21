# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is exported, applied again, changes nothing, and makes the same on an empty gateway."""

from __future__ import annotations

import json
import typing as t

import pytest

from .harness import run, succeed
from .proxy import Proxy
from .states import NAMES, State, everything, gone

SECRETS = {
    "{{ vault_credential_st_cred_api_key }}": "secret-value",
    "{{ vault_model_st_model_api_key }}": "secret-value",
}


def rich() -> State:
    state = everything(2)
    state["keys"][0].update(
        models=["st"],
        max_budget=5,
        duration="30d",
        metadata={"a": 1},
        model_rpm_limit={"st": 3},
        blocked=True,
        object_permission={"agents": ["a"]},
    )
    state["keys"].append({"key_alias": "st-key-2", "key": "sk-state-0123456789abcdef2", "soft_budget": 3})
    state["teams"][0].update(max_budget=3, object_permission={"agents": ["a"]}, model_rpm_limit={"st": 1})
    state["users"][0].update(user_alias="Al", max_budget=2, metadata={"b": 1})
    return state


@pytest.fixture(autouse=True)
def clean(proxy: Proxy) -> t.Iterator[None]:
    succeed(proxy, "litellm_state", desired=gone(rich()))
    yield
    succeed(proxy, "litellm_state", desired=gone(rich()))


def exported(proxy: Proxy) -> State:
    """The export of what this test made, with its secrets filled in."""
    result = succeed(proxy, "litellm_info")
    assert "secret-value" not in json.dumps(result.data)
    raw = {f"{{{{ vault_key_st_key_{n}_key }}}}": f"sk-state-0123456789abcdef{n}" for n in range(3)}
    state: State = {}
    for kind, items in result["desired"].items():
        text = json.dumps([item for item in items if str(item[NAMES[kind]]).startswith("st-")])
        for variable, value in {**SECRETS, **raw}.items():
            text = text.replace(variable, value)
        state[kind] = json.loads(text)
    assert "{{" not in json.dumps(state)
    return state


def without_life(state: State) -> State:
    return {k: [{n: v for n, v in item.items() if n != "duration"} for item in items] for k, items in state.items()}


def test_an_export_changes_nothing_and_recreates_everything(proxy: Proxy) -> None:
    succeed(proxy, "litellm_state", desired=rich())
    first = exported(proxy)
    assert first["keys"][0]["key_alias"]
    again = succeed(proxy, "litellm_state", desired=first, check=True)
    assert again["changed"] is False, again["diff"]
    succeed(proxy, "litellm_state", desired=gone(rich()))
    made = succeed(proxy, "litellm_state", desired=first)
    assert made["counts"]["create"] == sum(len(items) for items in rich().values())
    second = exported(proxy)
    assert sort(without_life(second)) == sort(without_life(first))


def sort(state: State) -> State:
    return {kind: sorted(items, key=lambda item: str(item[NAMES[kind]])) for kind, items in state.items()}


def test_info_reads_by_name_and_owner(proxy: Proxy) -> None:
    succeed(proxy, "litellm_state", desired=rich(), owner="st-owner")
    one = succeed(proxy, "litellm_info", kinds=["keys"], names=["st-key-1"])
    assert [key["key_alias"] for key in one["objects"]["keys"]] == ["st-key-1"]
    owned = succeed(proxy, "litellm_info", owner="st-owner")["desired"]
    assert {len(owned[kind]) for kind in ("teams", "users", "models", "credentials")} == {1}
    assert not owned["budgets"]
    assert run(proxy, "litellm_info", names=["x"]).failed
