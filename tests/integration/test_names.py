# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names on the real proxy: another one for an object that stays, two of one name, and references to nothing."""

from __future__ import annotations

import typing as t

import pytest

from .harness import change, run, succeed
from .proxy import Proxy

RAW = "sk-names-0123456789abcdef"
Options = dict[str, t.Any]

RENAMED = [
    ("litellm_key", "key_alias", "token", {"key": RAW}),
    ("litellm_team", "team_alias", "team_id", {"team_id": "na-team"}),
    ("litellm_mcp_server", "server_name", "server_id", {"url": "http://127.0.0.1:9/mcp", "transport": "http"}),
    ("litellm_access_group", "access_group_name", "access_group_id", {"access_model_names": ["m"]}),
]


@pytest.mark.parametrize(("module", "name", "id", "options"), RENAMED, ids=[row[0] for row in RENAMED])
def test_a_renamed_object_keeps_its_id(proxy: Proxy, module: str, name: str, id: str, options: Options) -> None:
    for one in ("na_old", "na_new"):
        gone: Options = {name: one, "state": "absent"}
        succeed(proxy, module, **gone)
    old: Options = {name: "na_old", **options}
    made = succeed(proxy, module, **old)
    new: Options = {name: "na_new", "previous_name": "na_old", **options}
    renamed = change(proxy, module, **new)
    assert renamed["operation"] == "update"
    assert renamed[id] == made[id]
    assert renamed["changed_fields"][0] == name
    succeed(proxy, module, **gone)


def test_a_key_without_a_name_is_given_one(proxy: Proxy) -> None:
    succeed(proxy, "litellm_key", key_alias="na-key", state="absent")
    made = proxy.call("POST", "/key/generate", {"key": f"{RAW}1", "max_budget": 3})
    named = change(proxy, "litellm_key", key_alias="na-key", key=f"{RAW}1")
    assert named["token"] == made["token"]
    assert named["object"]["max_budget"] == 3
    succeed(proxy, "litellm_key", key_alias="na-key", state="absent")


def test_teams_of_one_name_are_told_apart_by_their_id(proxy: Proxy) -> None:
    for number in (1, 2):
        run(proxy, "litellm_team", team_alias="na-twin", team_id=f"na-twin-{number}", state="absent")
        proxy.call("POST", "/team/new", {"team_alias": "na-twin", "team_id": f"na-twin-{number}"})
    assert "2 teams have" in run(proxy, "litellm_team", team_alias="na-twin", max_budget=3)["msg"]
    change(proxy, "litellm_team", team_alias="na-twin", team_id="na-twin-2", max_budget=3)
    change(proxy, "litellm_team", team_alias="na-twin", team_id="na-twin-1", state="absent")
    change(proxy, "litellm_team", team_alias="na-twin", state="absent")


def test_an_id_that_another_has_is_refused_in_check_mode(proxy: Proxy) -> None:
    succeed(proxy, "litellm_team", team_alias="na-a", team_id="na-id")
    refused = run(proxy, "litellm_team", team_alias="na-b", team_id="na-id", check=True)
    assert "the team_id 'na-id' is that of 'na-a'" in refused["msg"]
    succeed(proxy, "litellm_team", team_alias="na-a", state="absent")


NOTHING: list[tuple[str, Options, str]] = [
    ("litellm_key", {"key_alias": "na-x", "key": RAW, "team_id": "nothing"}, "team"),
    ("litellm_key", {"key_alias": "na-x", "key": RAW, "budget_id": "nothing"}, "budget"),
    ("litellm_key", {"key_alias": "na-x", "key": RAW, "access_group_ids": ["nothing"]}, "access_group"),
    ("litellm_team", {"team_alias": "na-x", "access_group_ids": ["nothing"]}, "access_group"),
    ("litellm_tag", {"name": "na-x", "models": ["nothing"]}, "model"),
    ("litellm_tag", {"name": "na-x", "budget_id": "nothing"}, "budget"),
    ("litellm_customer", {"user_id": "na-x", "budget_id": "nothing"}, "budget"),
    ("litellm_access_group", {"access_group_name": "na-x", "assigned_team_ids": ["nothing"]}, "team"),
    ("litellm_access_group", {"access_group_name": "na-x", "assigned_key_ids": ["nothing"]}, "key"),
    ("litellm_access_group", {"access_group_name": "na-x", "access_mcp_server_ids": ["nothing"]}, "mcp_server"),
    (
        "litellm_model",
        {
            "model_id": "na-x",
            "model_name": "x",
            "litellm_params": {"model": "openai/x", "litellm_credential_name": "nothing"},
        },
        "credential",
    ),
]


@pytest.mark.parametrize(("module", "options", "kind"), NOTHING)
def test_a_reference_to_nothing_is_refused_before_anything_is_written(
    proxy: Proxy, module: str, options: Options, kind: str
) -> None:
    result = run(proxy, module, **options)
    assert f"there is no {kind} with the" in result["msg"]
    assert "'nothing'" in result["msg"]
    assert not result.wrote


def test_a_reference_to_what_the_same_call_makes_or_deletes(proxy: Proxy) -> None:
    key: Options = {"key_alias": "na-key", "key": RAW, "team_id": "na-t"}
    teams = [{"team_alias": "na-t", "team_id": "na-t"}]
    succeed(proxy, "litellm_state", desired={"keys": [key], "teams": teams})
    gone = {"team_alias": "na-t", "state": "absent"}
    another = {**key, "key_alias": "na-key-2", "key": f"{RAW}2"}
    refused = run(proxy, "litellm_state", desired={"keys": [another], "teams": [gone]})
    assert "after this call, which deletes it" in refused["msg"]
    absent = {"key_alias": "na-key", "state": "absent"}
    succeed(proxy, "litellm_state", desired={"keys": [absent], "teams": [gone]})
