# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is a difference and what only looks like one; names that change, and references to nothing."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import apply, plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.errors import NotKeptError, PlanError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted, wanted_of
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key, litellm_model, litellm_state, litellm_team

from .scripted import Call, Script, free, key, listed, named, run_module, sha

KEY, MODEL, CREDENTIAL, TEAM = KINDS["keys"], KINDS["models"], KINDS["credentials"], KINDS["teams"]
RAW = "sk-0123456789abcdef"


@pytest.mark.parametrize(
    ("wanted", "found", "changes"),
    [
        ({"fallbacks": ["a", "b"]}, {"fallbacks": ["b", "a"]}, True),
        ({"stop": ["a", "b"]}, {"stop": ["a", "b"]}, False),
        ({"rpm": "3"}, {"rpm": 3}, False),
        ({"rpm": "4"}, {"rpm": 3}, True),
        ({"input_cost_per_token": "3e-7"}, {"input_cost_per_token": 3e-7}, False),
        ({"litellm_credential_name": "a"}, {"litellm_credential_name": "b"}, True),
    ],
)
def test_parameters_of_a_model(wanted: dict[str, t.Any], found: dict[str, t.Any], changes: bool) -> None:
    params = {"model_id": "m", "litellm_params": wanted, "state": "present"}
    operation = plan.plan(MODEL, wanted_of(MODEL, params, params), {"model_id": "m", "litellm_params": found})
    assert operation.changes is changes


@pytest.mark.parametrize(
    ("shown", "changes"),
    [
        ({"api_key": "ab****op", "api_base": "http://x"}, False),
        ({"api_key": "zy****lk", "api_base": "http://x"}, True),
        ({"api_key": "ab****op", "api_base": "http://y"}, True),
        ({"api_base": "http://x"}, False),
    ],
)
def test_what_the_proxy_shows_of_a_credential_is_compared(shown: dict[str, t.Any], changes: bool) -> None:
    values = {"api_key": "abcdefghijklmnop", "api_base": "http://x"}
    wanted = Wanted("c", {"credential_values": values}, fingerprint_key=b"k")
    marker = plan.marker_target(CREDENTIAL, wanted, {})
    found = {"credential_name": "c", "credential_values": shown, "credential_info": {"llmfleet": marker}}
    operation = plan.plan(CREDENTIAL, wanted, found)
    assert operation.changes is changes
    assert "abcdef" not in str(operation.diff())


def test_metadata_of_litellm_counts_where_it_is_named() -> None:
    found = key("k", metadata={"logging": [1], "model_rpm_limit": {"m": 1}, "note": 1})
    assert not plan.plan(KEY, Wanted("k", {"metadata": {"note": 1}}), found).changes
    cleared = plan.plan(KEY, Wanted("k", {"metadata": {"logging": None}}), found)
    assert cleared.body == {"metadata": {"model_rpm_limit": {"m": 1}, "note": 1}}
    assert plan.plan(KEY, Wanted("k", {"metadata": {"model_rpm_limit": {"m": 2}}}), found).changes


def test_tools_have_no_order() -> None:
    found = key("k", object_permission={"mcp_tool_permissions": {"s": ["b", "a"]}})
    wanted = Wanted("k", {"object_permission": {"mcp_tool_permissions": {"s": ["a", "b"]}}})
    assert not plan.plan(KEY, wanted, found).changes


def test_what_was_not_kept_is_named_by_its_part() -> None:
    wanted = Wanted("m", {"litellm_params": {"model": "x", "rpm": 3}})
    with pytest.raises(NotKeptError, match=r"did not keep: litellm_params\.rpm\. What was sent"):
        apply.check_kept(MODEL, wanted, {"model_id": "m", "litellm_params": {"model": "x"}})


def test_a_new_model_needs_a_name_and_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(Call("GET", "/v2/model/info", {"data": [], "total_count": 0}))
    result = run_module(litellm_model, script, {"model_id": "m"}, monkeypatch=monkeypatch)
    assert "a new one needs model_name, litellm_params.model" in result["msg"]


def test_a_renamed_key_keeps_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    old = key("old")
    script = Script(
        Call("GET", "/key/list", listed(old)),
        Call("POST", "/key/update", {}, body={"key_alias": "new", "key": sha(RAW)}),
        named("new", key("new")),
    )
    options = {"key_alias": "new", "previous_name": "old"}
    result = run_module(litellm_key, script, options, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["diff"]["before"] == {"key_alias": "old"}
    assert result["changed_fields"] == ["key_alias"]


def test_the_value_of_a_renamed_key_is_found_under_its_former_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And kept under the new one."""
    (tmp_path / "old.key").write_text(RAW)
    script = Script(
        Call("GET", "/key/list", listed(key("old"))),
        Call("POST", "/key/update", {}),
        named("new", key("new", metadata={"llmfleet": {"owner": "llmfleet.gateway"}})),
    )
    wanted = {"keys": [{"key_alias": "new", "previous_name": "old"}]}
    options = {"desired": wanted, "key_directory": str(tmp_path), "workers": 1}
    assert run_module(litellm_state, script, options, monkeypatch=monkeypatch)["counts"]["update"] == 1
    assert (tmp_path / "new.key").read_text().strip() == RAW


def test_a_key_without_a_name_is_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = Call("GET", "/key/list", listed(key("")), query={"key_hash": sha(RAW), "return_full_object": "true"})
    script = Script(
        named("app"),
        nameless,
        nameless,
        Call("POST", "/key/update", {}, body={"key_alias": "app", "key": sha(RAW)}),
        named("app", key("app")),
    )
    result = run_module(litellm_key, script, {"key_alias": "app", "key": RAW}, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["operation"] == "update"


def test_a_former_name_is_not_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    owned = key("old", metadata={"llmfleet": {"owner": "llmfleet.gateway"}})
    script = Script(Call("GET", "/key/list", listed(owned)))
    options = {"desired": {"keys": [{"key_alias": "new", "previous_name": "old"}]}, "prune": True, "workers": 1}
    result = run_module(litellm_state, script, options, check=True, monkeypatch=monkeypatch)
    assert result["counts"] == {"create": 0, "update": 1, "delete": 0, "rotate": 0, "none": 0}


def twins() -> Call:
    found = [{"team_alias": "t", "team_id": id} for id in ("a", "b")]
    return Call("GET", "/v2/team/list", {"teams": found, "total": 2})


def test_twins_are_told_apart_by_their_id(monkeypatch: pytest.MonkeyPatch) -> None:
    meant = run_module(litellm_team, Script(twins()), {"team_alias": "t", "team_id": "b"}, monkeypatch=monkeypatch)
    assert (meant["changed"], meant["team_id"]) == (False, "b")
    options = {"team_alias": "t", "team_id": "c", "state": "absent"}
    assert not run_module(litellm_team, Script(twins()), options, monkeypatch=monkeypatch)["changed"]


def test_an_id_that_another_has_is_refused_before_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"team_alias": "other", "team_id": "b"}
    result = run_module(litellm_team, Script(twins()), options, check=True, monkeypatch=monkeypatch)
    assert "the team_id 'b' is that of 't'" in result["msg"]
    assert "previous_name: t" in result["msg"]


def test_references_to_nothing_are_all_named_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"key_alias": "app", "key": RAW, "budget_id": "none", "team_id": "t", "access_group_ids": ["g"]}
    script = Script(
        named("app"),
        free(RAW),
        Call("GET", "/v2/team/list", {"teams": [], "total": 0}),
        Call("GET", "/budget/list", []),
        Call("GET", "/v1/access_group", []),
    )
    result = run_module(litellm_state, script, {"desired": {"keys": [wanted]}, "workers": 1}, monkeypatch=monkeypatch)
    script.assert_done()
    for there_is_no in ("no team with the team_id 't'", "no budget with the budget_id 'none'", "no access_group"):
        assert there_is_no in result["msg"]


def test_a_model_with_a_slash_can_not_be_changed() -> None:
    found = {"model_id": "a/b", "litellm_params": {"rpm": 1}}
    with pytest.raises(PlanError, match="has a slash"):
        plan.plan(MODEL, Wanted("a/b", {"litellm_params": {"rpm": 2}}), found)


def test_callbacks_whose_values_come_back_encrypted() -> None:
    def logging(secret: str) -> dict[str, t.Any]:
        return {"logging": [{"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": secret}}]}

    wanted = Wanted("k", {"metadata": logging("secret-a")}, fingerprint_key=b"k")
    marker = plan.marker_target(KEY, wanted, {})
    found = key("k", metadata={**logging("litellm_enc::FP8OSO=="), "llmfleet": marker})
    assert not plan.plan(KEY, wanted, found).changes
    other = Wanted("k", {"metadata": logging("secret-b")}, fingerprint_key=b"k")
    operation = plan.plan(KEY, other, found)
    assert operation.body["metadata"]["logging"] == logging("secret-b")["logging"]
    assert "secret-b" not in str(operation.diff())
