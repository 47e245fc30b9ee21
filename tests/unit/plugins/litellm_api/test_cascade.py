# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What LiteLLM deletes along with an object: named, and not taken from others."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.modules import (
    litellm_access_group,
    litellm_budget,
    litellm_key,
    litellm_state,
    litellm_tag,
    litellm_team,
)

from .scripted import Call, Script, key, listed, mappings, run_module, sha

OWNER = "llmfleet.gateway"
MARKED = {"llmfleet": {"owner": OWNER}}
TEAM = {"team_alias": "t", "team_id": "t-1", "metadata": MARKED, "members_with_roles": [{"user_id": "ada"}]}
GONE = {"teams": [{"team_alias": "t", "state": "absent"}]}
RAW = "sk-0123456789abcdef"


def teams(*found: dict[str, t.Any]) -> Call:
    return Call("GET", "/v2/team/list", {"teams": list(found), "total": len(found)})


def keys_of_team(*found: dict[str, t.Any]) -> Call:
    query = {"return_full_object": "true", "page": "1", "size": "100", "team_id": "t-1"}
    return Call("GET", "/key/list", listed(*found), query=query)


NO_MODELS = Call("GET", "/v2/model/info", {"data": [], "total_count": 0})
DELETED = Call("POST", "/team/delete", {}, body={"team_ids": ["t-1"]})


@pytest.mark.parametrize("check", [True, False])
def test_a_key_of_somebody_else_stops_the_deletion_of_its_team(check: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(teams(TEAM), keys_of_team(key("by-hand", team_id="t-1")), mappings(), NO_MODELS)
    options = {"desired": GONE, "workers": 1}
    result = run_module(litellm_state, script, options, check=check, monkeypatch=monkeypatch)
    script.assert_done()
    assert "key 'by-hand'" in result["msg"]
    assert "not ours" in result["msg"]
    assert "cascade: true" in result["msg"]


def test_asked_for_by_name_it_goes_and_is_in_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(teams(TEAM), keys_of_team(key("by-hand", team_id="t-1")), mappings(), NO_MODELS, DELETED)
    options = {"team_alias": "t", "state": "absent", "cascade": True}
    result = run_module(litellm_team, script, options, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["along"] == [f"key 'by-hand' ({sha(RAW)[:12]})"]
    assert result["diff"]["before"]["along"] == result["along"]


def test_what_carries_our_marker_goes_along_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = key("old", team_id="t-1", metadata=MARKED)
    script = Script(teams(TEAM), keys_of_team(ours), mappings(), NO_MODELS, DELETED)
    result = run_module(litellm_state, script, {"desired": GONE, "workers": 1}, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["operations"][0]["along"] == [f"key 'old' ({sha(RAW)[:12]})"]


@pytest.mark.parametrize("moved", [True, False])
def test_a_declared_key_stays_unless_it_moves_to_another_team(moved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {"key_alias": "app", **({"team_id": None} if moved else {})}
    found = key("app", team_id="t-1", metadata=MARKED)
    one = Call("GET", "/key/list", listed(found))
    script = Script(teams(TEAM), one, keys_of_team(found), *([] if moved else [mappings()]), NO_MODELS)
    options = {"desired": {**GONE, "keys": [declared]}, "workers": 1}
    result = run_module(litellm_state, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert ("counts" in result) is moved
    assert moved or "key 'app'" in result["msg"]


def test_a_person_who_leaves_a_team_leaves_no_key_of_others_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM deletes the person's keys in the team."""
    theirs = key("theirs", team_id="t-1", user_id="ada")
    other = key("other", "sk-1123456789abcdef", team_id="t-1", user_id="grace")
    script = Script(teams(TEAM), keys_of_team(theirs, other), mappings())
    options = {"team_alias": "t", "members_with_roles": [{"user_id": "grace"}]}
    result = run_module(litellm_team, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert "key 'theirs'" in result["msg"]
    assert "'other'" not in result["msg"]


def test_what_a_budget_limits_is_not_set_free_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(
        Call("GET", "/budget/list", [{"budget_id": "b"}]),
        Call("GET", "/key/list", listed(key("app", budget_id="b"))),
        Call("GET", "/customer/list", [{"user_id": "c", "litellm_budget_table": {"budget_id": "b"}}]),
        Call("GET", "/tag/list", []),
        Call("GET", "/access_group/list", {"access_groups": [{"access_group": "g", "budget": {"budget_id": "b"}}]}),
    )
    options = {"budget_id": "b", "state": "absent"}
    result = run_module(litellm_budget, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert "key 'app'" in result["msg"]
    assert "customer 'c'" in result["msg"]
    assert "model_access_group 'g' (stays, without its budget)" in result["msg"]


JWT = {"id": "m-1", "jwt_claim_value": "ada", "jwt_claim_name": "sub"}


def test_a_token_that_may_stand_for_the_key_stops_its_deletion(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM deletes these with the key, and does not show whose they are."""
    script = Script(Call("GET", "/key/list", listed(key("app"))), mappings(JWT))
    result = run_module(litellm_key, script, {"key_alias": "app", "state": "absent"}, monkeypatch=monkeypatch)
    script.assert_done()
    assert "jwt_key_mapping 'ada'" in result["msg"]


def test_a_declaration_says_whose_a_token_is(monkeypatch: pytest.MonkeyPatch) -> None:
    other = key("other", "sk-1123456789abcdef")
    script = Script(Call("GET", "/key/list", listed(key("app"), other)), mappings(JWT))
    mine = {"jwt_claim_value": "ada", "token": sha("sk-1123456789abcdef")}
    keys = [{"key_alias": "app", "state": "absent"}, {"key_alias": "other"}]
    options: dict[str, t.Any] = {"desired": {"keys": keys, "jwt_key_mappings": [mine]}, "workers": 1}
    result = run_module(litellm_state, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["counts"]["delete"] == 1
    script = Script(Call("GET", "/key/list", listed(key("app"), other)), mappings(JWT))
    options["desired"]["jwt_key_mappings"] = [{**mine, "token": sha(RAW)}]
    result = run_module(litellm_state, script, options, check=True, monkeypatch=monkeypatch)
    assert "jwt_key_mapping 'ada' (m-1), declared" in result["msg"]


def test_what_goes_with_a_key_that_goes_with_its_team_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = key("old", team_id="t-1", metadata=MARKED)
    script = Script(teams(TEAM), keys_of_team(ours), mappings(JWT), NO_MODELS)
    result = run_module(litellm_state, script, {"desired": GONE, "workers": 1}, monkeypatch=monkeypatch)
    script.assert_done()
    assert "jwt_key_mapping 'ada'" in result["msg"]


def test_a_proxy_without_such_tokens_deletes_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    none = Call("GET", "/jwt/key/mapping/list", {"detail": "Not Found"}, status=404)
    script = Script(Call("GET", "/key/list", listed(key("app"))), none)
    options = {"key_alias": "app", "state": "absent"}
    result = run_module(litellm_key, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["changed"] is True


def test_who_loses_an_access_group_that_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    group = {"access_group_name": "g", "access_group_id": "g-1"}
    script = Script(
        Call("GET", "/v1/access_group", [group]),
        Call(
            "GET",
            "/key/list",
            listed(key("app", access_group_ids=["g-1"]), key("other", "sk-1123456789abcdef", access_group_ids=["g-2"])),
        ),
        teams({**TEAM, "access_group_ids": ["g-2", "g-1"]}),
        Call("GET", "/v1/agents", []),
    )
    options = {"access_group_name": "g", "state": "absent"}
    result = run_module(litellm_access_group, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert f"key 'app' ({sha(RAW)[:12]}) (stays, without this access group), not ours" in result["msg"]
    assert "team 't'" in result["msg"]
    assert "'other'" not in result["msg"]


BUDGET = "0b1a2c3d-0000-4000-8000-000000000000"


@pytest.mark.parametrize("shared", [True, False])
def test_a_budget_that_was_made_without_a_name_may_be_shared(shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has such a name as those that LiteLLM makes for one object."""
    tag = {"name": "t", "litellm_budget_table": {"budget_id": BUDGET, "max_budget": 3}}
    script = Script(
        Call("GET", "/tag/list", [tag]),
        Call("GET", "/key/list", listed(key("app", budget_id=BUDGET if shared else None))),
        Call("GET", "/customer/list", []),
        Call("GET", "/access_group/list", {"access_groups": []}),
    )
    result = run_module(litellm_tag, script, {"name": "t", "max_budget": 9}, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert ("which key 'app'" in result.get("msg", "")) is shared
