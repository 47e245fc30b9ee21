# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to others, or was not named, is left alone by the real proxy's own habits too."""

from __future__ import annotations

import typing as t

import pytest

from .harness import change, run, succeed
from .proxy import Proxy


@pytest.fixture
def team(proxy: Proxy) -> t.Iterator[str]:
    """A team of ours with a person, and a key of that person that was made by hand."""
    declared = {"team_alias": "ot-team", "team_id": "ot-team", "members_with_roles": [{"user_id": "ot-ada"}]}
    succeed(proxy, "litellm_state", desired={"teams": [declared]}, owner="ot")
    hand = {"key_alias": "ot-hand", "team_id": "ot-team", "user_id": "ot-ada"}
    succeed(proxy, "litellm_key", key_alias="ot-hand", state="absent")
    proxy.call("POST", "/key/generate", hand)
    yield "ot-team"
    succeed(proxy, "litellm_team", team_alias="ot-team", state="absent", cascade=True)
    succeed(proxy, "litellm_user", user_id="ot-ada", state="absent", cascade=True)


def aliases(proxy: Proxy) -> set[str]:
    return {key["key_alias"] for key in proxy.call("GET", "/key/list?return_full_object=true&size=100")["keys"]}


def test_pruning_a_team_takes_nothing_of_others_along(proxy: Proxy, team: str) -> None:
    for check in (True, False):
        refused = run(proxy, "litellm_state", desired={"teams": []}, owner="ot", prune=True, check=check)
        assert "key 'ot-hand'" in refused["msg"]
    assert "ot-hand" in aliases(proxy)
    gone = {"team_alias": team, "state": "absent", "cascade": True}
    done = succeed(proxy, "litellm_state", desired={"teams": [gone]}, owner="ot")
    assert len(done["operations"][0]["along"]) == 1
    assert "ot-hand" not in aliases(proxy)


def test_who_leaves_a_team_loses_keys_only_where_that_is_asked_for(proxy: Proxy, team: str) -> None:
    empty: dict[str, t.Any] = {"team_alias": team, "members_with_roles": [{"user_id": "ot-grace"}]}
    assert "key 'ot-hand'" in run(proxy, "litellm_team", **empty)["msg"]
    assert change(proxy, "litellm_team", **empty, cascade=True)["along"]
    assert "ot-hand" not in aliases(proxy)


def test_a_deleted_user_takes_no_key_along_unasked(proxy: Proxy, team: str) -> None:
    assert "key 'ot-hand'" in run(proxy, "litellm_user", user_id="ot-ada", state="absent")["msg"]


def test_a_deleted_budget_sets_nobody_free_unasked(proxy: Proxy) -> None:
    succeed(proxy, "litellm_budget", budget_id="ot-budget", max_budget=3)
    proxy.call("POST", "/customer/new", {"user_id": "ot-customer", "budget_id": "ot-budget"})
    assert "customer 'ot-customer'" in run(proxy, "litellm_budget", budget_id="ot-budget", state="absent")["msg"]
    succeed(proxy, "litellm_budget", budget_id="ot-budget", state="absent", cascade=True)
    succeed(proxy, "litellm_customer", user_id="ot-customer", state="absent")


def test_a_shared_budget_is_not_edited_through_one_of_its_users(proxy: Proxy) -> None:
    succeed(proxy, "litellm_budget", budget_id="ot-shared", max_budget=3)
    succeed(proxy, "litellm_tag", name="ot-tag", budget_id="ot-shared")
    succeed(proxy, "litellm_customer", user_id="ot-customer", budget_id="ot-shared")
    for check in (True, False):
        for module, name in (("litellm_tag", {"name": "ot-tag"}), ("litellm_customer", {"user_id": "ot-customer"})):
            assert "'ot-shared'" in run(proxy, module, **name, max_budget=9, check=check)["msg"]
    assert succeed(proxy, "litellm_budget", budget_id="ot-shared", max_budget=3)["changed"] is False
    succeed(proxy, "litellm_tag", name="ot-tag", state="absent")
    succeed(proxy, "litellm_customer", user_id="ot-customer", state="absent")
    succeed(proxy, "litellm_budget", budget_id="ot-shared", state="absent")


def test_a_budget_without_a_name_of_its_own_is_shared_too(proxy: Proxy) -> None:
    """LiteLLM gives it such a name as it gives to a budget that it makes for one object."""
    budget = proxy.call("POST", "/budget/new", {"max_budget": 3})["budget_id"]
    for number in (1, 2):
        proxy.call("POST", "/tag/new", {"name": f"ot-tag-{number}", "budget_id": budget})
    assert "which tag 'ot-tag-2' has too" in run(proxy, "litellm_tag", name="ot-tag-1", max_budget=9)["msg"]
    succeed(proxy, "litellm_tag", name="ot-tag-2", state="absent")
    change(proxy, "litellm_tag", name="ot-tag-1", max_budget=9)
    succeed(proxy, "litellm_tag", name="ot-tag-1", state="absent")
    succeed(proxy, "litellm_budget", budget_id=budget, state="absent")


def test_a_deleted_access_group_is_not_taken_from_others_unasked(proxy: Proxy) -> None:
    group = succeed(proxy, "litellm_access_group", access_group_name="ot-group", access_model_names=["m"])
    hand = {"key_alias": "ot-hand", "access_group_ids": [group["access_group_id"]]}
    succeed(proxy, "litellm_key", key_alias="ot-hand", state="absent")
    proxy.call("POST", "/key/generate", hand)
    gone: dict[str, t.Any] = {"access_group_name": "ot-group", "state": "absent"}
    for check in (True, False):
        assert "key 'ot-hand'" in run(proxy, "litellm_access_group", **gone, check=check)["msg"]
    assert len(change(proxy, "litellm_access_group", **gone, cascade=True)["along"]) == 1
    succeed(proxy, "litellm_key", key_alias="ot-hand", state="absent")


def test_a_deleted_key_takes_no_mapping_along_unasked(proxy: Proxy) -> None:
    key = {"key_alias": "ot-hand", "key": "sk-others-0123456789abcdef"}
    mapping = {"jwt_claim_value": "ot-ada", "jwt_claim_name": "sub", "key_alias": "ot-hand"}
    succeed(proxy, "litellm_state", desired={"keys": [key], "jwt_key_mappings": [mapping]})
    gone: dict[str, t.Any] = {"key_alias": "ot-hand", "state": "absent"}
    assert "jwt_key_mapping 'ot-ada'" in run(proxy, "litellm_key", **gone)["msg"]
    both = {"keys": [gone], "jwt_key_mappings": [{"jwt_claim_value": "ot-ada", "state": "absent"}]}
    assert change(proxy, "litellm_state", desired=both)["counts"]["delete"] == 2


def test_what_a_declaration_keeps_does_not_name_what_it_deletes(proxy: Proxy) -> None:
    params = {"model": "openai/x", "litellm_credential_name": "ot-credential"}
    model = {"model_id": "ot-model", "model_name": "ot", "litellm_params": params}
    credential: dict[str, t.Any] = {"credential_name": "ot-credential"}
    made = {**credential, "credential_values": {"api_key": "secret-value"}}
    succeed(proxy, "litellm_state", desired={"credentials": [made], "models": [model]})
    gone = {**credential, "state": "absent"}
    refused = run(proxy, "litellm_state", desired={"credentials": [gone], "models": [model]})
    assert "after this call, which deletes it" in refused["msg"]
    absent = {"model_id": "ot-model", "state": "absent"}
    succeed(proxy, "litellm_state", desired={"credentials": [gone], "models": [absent]})


def test_switches_of_a_model_stay_on(proxy: Proxy) -> None:
    model: dict[str, t.Any] = {"model_id": "ot-model", "model_name": "ot"}
    params = {"model": "openai/x", "use_in_pass_through": True, "merge_reasoning_content_in_choices": True}
    succeed(proxy, "litellm_model", **model, litellm_params=params)
    changed = succeed(proxy, "litellm_model", **model, litellm_params={"rpm": 3})
    assert changed["object"]["litellm_params"].items() >= params.items()
    succeed(proxy, "litellm_model", **model, state="absent")


def test_the_rest_of_an_agents_card_stays(proxy: Proxy) -> None:
    card = {"protocolVersion": "1.0", "name": "n", "description": "d", "url": "http://127.0.0.1:9", "version": "1"}
    modes: dict[str, t.Any] = {"defaultInputModes": ["text"], "defaultOutputModes": ["text"]}
    succeed(proxy, "litellm_agent", agent_name="ot-agent", agent_card_params={**card, **modes})
    changed = change(proxy, "litellm_agent", agent_name="ot-agent", agent_card_params={"description": "e"})
    assert changed["object"]["agent_card_params"].items() >= {**card, "description": "e"}.items()
    succeed(proxy, "litellm_agent", agent_name="ot-agent", state="absent")


def test_the_rest_of_a_guardrails_parameters_stays(proxy: Proxy) -> None:
    params = {"guardrail": "bedrock", "mode": "pre_call", "guardrailIdentifier": "x", "guardrailVersion": "DRAFT"}
    succeed(proxy, "litellm_guardrail", guardrail_name="ot-guard", litellm_params=params)
    changed = change(proxy, "litellm_guardrail", guardrail_name="ot-guard", litellm_params={"default_on": True})
    assert changed["object"]["litellm_params"].items() >= params.items()
    succeed(proxy, "litellm_guardrail", guardrail_name="ot-guard", state="absent")
