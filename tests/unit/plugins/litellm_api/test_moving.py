# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key moves to a team that has its person and room for its limits, after all else of it has changed."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key, litellm_state

from .scripted import Call, Script, key, listed, named, run_module

Options = dict[str, t.Any]
ADA = [{"user_id": "ada", "role": "user"}]


def team(**more: t.Any) -> Options:
    return {"team_id": "t", "team_alias": "t", "members_with_roles": [], "metadata": {}, **more}


def looked_up(**more: t.Any) -> Call:
    return Call("GET", "/v2/team/list", {"teams": [team(**more)], "total": 1})


CASES: list[tuple[Options, Options, Options, str]] = [
    ({"user_id": "ada"}, {}, {}, "LiteLLM moves it only where its user_id 'ada' is, and 't' does not have it"),
    ({"user_id": "ada"}, {}, {"members_with_roles": ADA}, ""),
    ({"user_id": "ada"}, {"user_id": None}, {}, ""),
    ({}, {}, {}, ""),
    ({"tpm_limit": 9}, {}, {"tpm_limit": 3}, "LiteLLM does not move it to 't': its tpm_limit is 9, and that has 3"),
    ({"tpm_limit": 1, "rpm_limit": 9}, {}, {"rpm_limit": 3}, "its rpm_limit is 9, and that has 3"),
    ({"rpm_limit": 9}, {}, {"rpm_limit": 3}, ""),  # LiteLLM looks at neither without a limit of tokens
    ({"tpm_limit": 9}, {"tpm_limit": 2}, {"tpm_limit": 3}, ""),
]


@pytest.mark.parametrize(("found", "more", "place", "said"), CASES)
def test_a_key_moves_only_where_litellm_moves_it(
    found: Options, more: Options, place: Options, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    references, moving = looked_up(**place), looked_up(**place)
    script = Script(named("k", key("k", **found)), references, moving)
    result = run_module(
        litellm_key, script, {"key_alias": "k", "team_id": "t", **more}, check=True, monkeypatch=monkeypatch
    )
    assert said in result.get("msg", "") if said else result["changed"], result


def test_who_is_declared_in_the_team_or_says_so_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for others, fits in (
        ({"teams": [{"team_alias": "t", "members_with_roles": [{"user_id": "ada"}]}]}, True),
        ({"teams": [{"team_alias": "t", "members_with_roles": [{"user_id": "alan"}]}]}, False),
        ({"teams": [{"team_alias": "t"}], "users": [{"user_id": "ada", "teams": ["t"]}]}, True),
        ({"teams": [{"team_alias": "t"}], "users": [{"user_id": "ada", "teams": []}]}, False),
    ):
        calls = [Call("GET", "/user/list", {"users": [{"user_id": "ada", "teams": []}], "total": 1})] * (
            "users" in others
        )
        calls += [Call("GET", "/v2/team/list", {"teams": [team()], "total": 1})]
        calls += [Call("GET", "/key/list", listed(key("k", user_id="ada")))]
        more = [Call("GET", "/v2/team/list", {"teams": [team()], "total": 1})] * 4
        keys = {"keys": [{"key_alias": "k", "team_id": "t"}]}
        result = run_module(
            litellm_state, Script(*calls, *more), {"desired": {**others, **keys}}, check=True, monkeypatch=monkeypatch
        )
        assert result.get("changed") if fits else "moves it only where" in result["msg"], (others, result)


def test_the_team_is_changed_after_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key("k", user_id="ada")
    after = {**before, "user_id": None, "team_id": "t", "rpm_limit": 3}
    token = before["token"]
    script = Script(
        named("k", before),
        looked_up(),
        looked_up(),
        Call("POST", "/key/update", {}, body={"key": token, "user_id": None, "rpm_limit": 3}),
        Call("POST", "/key/update", {}, body={"key": token, "team_id": "t"}),
        named("k", after),
    )
    options = {"key_alias": "k", "team_id": "t", "user_id": None, "rpm_limit": 3}
    result = run_module(litellm_key, script, options, monkeypatch=monkeypatch)
    assert result["changed"], result
    script.assert_done()


def test_a_key_moves_to_a_team_that_the_same_call_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key("k")
    made = {"team_id": "new-id", "team_alias": "new", "members_with_roles": [], "metadata": {}}
    none, one = ({"teams": teams, "total": len(teams)} for teams in ([], [made]))
    script = Script(
        Call("GET", "/v2/team/list", none),
        named("k", before),
        Call("GET", "/v2/team/list", none),
        Call("POST", "/team/new", made),
        Call("GET", "/v2/team/list", one),
        Call("POST", "/key/update", {}, body={"key": before["token"], "team_id": "new-id"}),
        Call("GET", "/v2/team/list", one),
        named("k", {**before, "team_id": "new-id"}),
    )
    wanted = {"teams": [{"team_alias": "new"}], "keys": [{"key_alias": "k", "team_alias": "new"}]}
    result = run_module(litellm_state, script, {"desired": wanted, "owner": ""}, monkeypatch=monkeypatch)
    assert result.get("changed"), (result, script.sent)
    script.assert_done()
