# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import export
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key, litellm_state

from .scripted import Call, Script, free, key, named, run_module, sha

RAW = "sk-0123456789abcdef"
GROUP = {"access_group_id": "g-1", "access_group_name": "cheap", "access_model_names": ["a"]}


def teams(*found: tuple[str, str]) -> Call:
    answer = {"teams": [{"team_alias": alias, "team_id": id_} for alias, id_ in found], "total": len(found)}
    return Call("GET", "/v2/team/list", answer)


def test_a_team_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(named("app", key("app", RAW, team_id="t-1")), teams(("other", "t-0"), ("research", "t-1")))
    result = run_module(litellm_key, script, {"key_alias": "app", "team_alias": "research"}, monkeypatch=monkeypatch)
    assert result["changed"] is False
    script.assert_done()


def test_a_null_takes_the_key_out_of_its_team(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(
        named("app", key("app", RAW, team_id="t-1")),
        Call("POST", "/key/update", {}, body={"key": sha(RAW), "team_id": None}),
        named("app", key("app", RAW)),
    )
    assert run_module(litellm_key, script, {"key_alias": "app", "team_alias": None}, monkeypatch=monkeypatch)["changed"]


@pytest.mark.parametrize(
    ("found", "said"),
    [([], "there is no team with the team_alias 'research'"), ([("research", "a"), ("research", "b")], "a, b")],
)
def test_an_unknown_or_ambiguous_name_is_said(
    monkeypatch: pytest.MonkeyPatch, found: list[tuple[str, str]], said: str
) -> None:
    options = {"key_alias": "app", "team_alias": "research"}
    assert said in run_module(litellm_key, Script(named("app"), teams(*found)), options, monkeypatch=monkeypatch)["msg"]


def test_name_and_id_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"key_alias": "app", "team_alias": "research", "team_id": "t-1"}
    assert "mutually exclusive" in run_module(litellm_key, Script(), options, monkeypatch=monkeypatch)["msg"]


DESIRED: dict[str, t.Any] = {
    "access_groups": [{"access_group_name": "cheap", "access_model_names": ["a"]}],
    "keys": [{"key_alias": "app", "key": RAW, "access_group_names": ["cheap"]}],
}


def state(monkeypatch: pytest.MonkeyPatch, script: Script, check: bool = False) -> dict[str, t.Any]:
    result = run_module(litellm_state, script, {"desired": DESIRED, "workers": 1}, check=check, monkeypatch=monkeypatch)
    script.assert_done()
    return result


def test_an_object_of_the_same_run_has_its_id_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    none_yet = (Call("GET", "/v1/access_group", []), named("app"), Call("GET", "/v1/access_group", []), free(RAW))
    owned = {"metadata": {"llmfleet": {"owner": "llmfleet.gateway"}}, "access_group_ids": ["g-1"]}
    script = Script(
        *none_yet,
        Call("POST", "/v1/access_group", GROUP),
        Call("GET", "/v1/access_group", [GROUP]),
        Call(
            "POST",
            "/key/generate",
            {"token": sha(RAW)},
            check_body=lambda body: bool(body["access_group_ids"] == ["g-1"]),
        ),
        Call("GET", "/v1/access_group", [GROUP]),
        named("app", key("app", RAW, **owned)),
    )
    done = state(monkeypatch, script)
    assert done["counts"]["create"] == 2
    foreseen = state(monkeypatch, Script(*none_yet), check=True)
    assert foreseen["diff"] == done["diff"]


def test_an_export_names_groups_and_says_nothing_twice() -> None:
    found = {
        "teams": [{"team_alias": "t", "team_id": "t-1", "access_group_ids": ["g-1", "g-2"]}],
        "access_groups": [{**GROUP, "assigned_team_ids": ["t-1"], "assigned_key_ids": [sha(RAW), "unknown"]}],
        "keys": [key("app", RAW, access_group_ids=["g-1"])],
    }
    shown = export.portable(found, {"g-1": "cheap"})
    assert shown["teams"][0]["access_group_ids"] == ["g-2"]
    assert shown["access_groups"][0]["assigned_key_ids"] == ["unknown"]
    assert shown["keys"][0]["access_group_names"] == ["cheap"]
    assert shown["keys"][0]["access_group_ids"] == []
    unknown = export.portable({"keys": found["keys"]}, {})
    assert unknown["keys"][0]["access_group_ids"] == ["g-1"]
    assert "g-1" not in json.dumps(shown["keys"])


def test_what_stays_as_it_is_must_not_name_what_the_call_deletes(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"model": "openai/x", "litellm_credential_name": "c"}
    found = {"model_name": "m", "litellm_params": params, "model_info": {"id": "m-1", "db_model": True}}
    script = Script(
        Call("GET", "/credentials", {"credentials": [{"credential_name": "c", "credential_values": {}}]}),
        Call("GET", "/v2/model/info", {"data": [found], "total_count": 1}),
    )
    desired = {
        "credentials": [{"credential_name": "c", "state": "absent"}],
        "models": [{"model_id": "m-1", "model_name": "m", "litellm_params": params}],
    }
    result = run_module(litellm_state, script, {"desired": desired, "workers": 1}, check=True, monkeypatch=monkeypatch)
    assert "no credential with the credential_name 'c' after this call, which deletes it" in result["msg"]
