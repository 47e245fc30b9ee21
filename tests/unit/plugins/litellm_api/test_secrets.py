# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import argspec, export, module, plan, values
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.resources import KINDS

from .scripted import key

PARAMS = {"model": "openai/gpt-4o", "api_base": "http://x", "api_key": "very-secret", "max_tokens": 5}
CREDENTIAL = KINDS["credentials"]
MODEL = KINDS["models"]


def test_only_the_secret_parts_of_options_are_hidden() -> None:
    desired = {
        "models": [{"model_id": "m", "litellm_params": PARAMS}],
        "credentials": [{"credential_name": "c", "credential_values": {"api_base": "http://y"}}],
        "mcp_servers": [{"server_name": "s", "env_vars": [{"name": "A", "value": "of-a-variable"}]}],
        "keys": [{"key_alias": "a", "key": "sk-0123456789abcdef"}],
        "unknown": 3,
    }
    assert argspec.secret_strings_of_state(desired) == {
        "very-secret",
        "http://y",
        "of-a-variable",
        "sk-0123456789abcdef",
    }
    assert argspec.secret_strings_of_state("nonsense") == set()


def model(**more: object) -> dict[str, object]:
    shown = {k: v for k, v in PARAMS.items() if k != "api_key"}
    return {"model_id": "m", "litellm_params": shown, "model_info": {"id": "m", "db_model": True, **more}}


def wanted(secret: str, fingerprint_key: bytes = b"k") -> plan.Wanted:
    given = {"litellm_params": {**PARAMS, "api_key": secret}}
    return plan.Wanted("m", given, fingerprint_key=fingerprint_key)


def test_a_secret_is_compared_by_its_fingerprint() -> None:
    unmarked = plan.plan(MODEL, wanted("very-secret"), model())
    assert unmarked.action == plan.UPDATE
    marked = model(**unmarked.body["model_info"])
    assert plan.plan(MODEL, wanted("very-secret"), marked).action == plan.NOTHING
    assert plan.plan(MODEL, wanted("another"), marked).action == plan.UPDATE
    assert plan.plan(MODEL, wanted("very-secret", b"another"), marked).action == plan.UPDATE
    assert "very-secret" not in repr(unmarked.diff()) + repr(unmarked)


def test_a_change_by_hand_of_a_readable_part_is_seen() -> None:
    marked = model(**plan.plan(MODEL, wanted("very-secret"), model()).body["model_info"])
    marked["litellm_params"] = {**PARAMS, "api_base": "http://elsewhere"}
    assert plan.plan(MODEL, wanted("very-secret"), marked).action == plan.UPDATE


def test_fingerprints_do_not_depend_on_the_order() -> None:
    assert values.fingerprint(b"k", {"a": 1, "b": 2}) == values.fingerprint(b"k", {"b": 2, "a": 1})


def test_an_export_has_variables_in_the_place_of_secrets() -> None:
    found = {"credential_name": "open ai", "credential_values": {"api_key": "sk****bc"}, "credential_info": {"x": None}}
    assert export.desired(CREDENTIAL, [found]) == [
        {
            "credential_name": "open ai",
            "credential_values": {"api_key": "{{ vault_credential_open_ai_api_key }}"},
        }
    ]


def test_an_export_leaves_out_what_litellm_made_by_itself() -> None:
    own = "162053b6-1716-4d89-97df-25aa5850769a"
    budgets = [{"budget_id": own, "soft_budget": 2.0}, {"budget_id": "small", "max_budget": 3.0}]
    assert export.desired(KINDS["budgets"], budgets) == [{"budget_id": "small", "max_budget": 3}]
    mine = key("a", budget_id=own, litellm_budget_table={"budget_id": own, "soft_budget": 2.0})
    shared = key("b", budget_id="small", litellm_budget_table={"budget_id": "small", "soft_budget": 2.0})
    first, second = export.desired(KINDS["keys"], [mine, shared])
    assert (first.get("soft_budget"), first.get("budget_id")) == (2, None)
    assert (second.get("soft_budget"), second.get("budget_id")) == (None, "small")


def test_every_secret_that_a_result_holds_is_found_wherever_it_is() -> None:
    secrets = {"sk-bench-0001", "sk-bench-0002", "sk-bench-0003", "hunter2", 'with "quotes"', "absent"}
    result = {"msg": ["a", {"b": "xsk-bench-0002y"}], "hunter2": None, "deep": ({"c": 'is with "quotes" inside'},)}
    assert module.occurring(secrets, result) == {"sk-bench-0002", "hunter2", 'with "quotes"'}
