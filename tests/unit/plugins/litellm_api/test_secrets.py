# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import (
    argspec,
    export,
    module,
    plan,
    showing,
    values,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import wanted as wanted_module
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Kind
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key

from .scripted import Script, key, named, run_module

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


def wanted(secret: str, fingerprint_key: bytes = b"k") -> Wanted:
    given = {"litellm_params": {**PARAMS, "api_key": secret}}
    return Wanted("m", given, fingerprint_key=fingerprint_key)


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


HIDDEN = "hidden-0123456789"
LOGGING = {"logging": [{"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": HIDDEN}}]}
CALLS: list[tuple[str, dict[str, t.Any]]] = [
    ("keys", {"metadata": LOGGING}),
    ("teams", {"metadata": {"note": LOGGING}}),
    ("keys", {"router_settings": {"redis_password": HIDDEN}}),
    ("models", {"litellm_params": {"model": "x", "extra_headers": {"Authorization": HIDDEN}}}),
    ("models", {"litellm_params": {"model": "x", "vertex_credentials": {"private_key": HIDDEN}}}),
    ("models", {"litellm_params": {"model": "x", "api_base": f"https://user:{HIDDEN}@example.com/v1"}}),
    ("guardrails", {"litellm_params": {"guardrail": "x", "headers": {"X-Any": HIDDEN}}}),
    ("mcp_servers", {"url": f"https://mcp.example.com/sse?token={HIDDEN}"}),
    ("mcp_servers", {"args": ["--token", HIDDEN]}),
    ("mcp_servers", {"args": [f"--api-key={HIDDEN}"]}),
    ("mcp_servers", {"mcp_info": {"headers": {"Authorization": HIDDEN}}}),
    ("credentials", {"credential_info": {"api_key": HIDDEN}}),
]


def shown_to(kind: Kind, options: dict[str, t.Any]) -> dict[str, t.Any]:
    """The object as the proxy would show it, with its secrets."""
    return {kind.identity: "x", kind.id: "x", **options}


@pytest.mark.parametrize(("plural", "options"), CALLS)
def test_a_secret_at_any_depth_is_shown_nowhere(plural: str, options: dict[str, t.Any]) -> None:
    kind = KINDS[plural]
    asked = wanted_module.Wanted("x", options, fingerprint_key=b"k")
    found = shown_to(kind, options)
    other = shown_to(kind, json.loads(json.dumps(options).replace(HIDDEN, "other-0123456789")))
    for there in (None, found, other):
        operation = plan.plan(kind, asked, there)
        assert HIDDEN not in repr(operation.diff()) + repr(operation)
        assert "other-0123456789" not in repr(operation.diff())
    assert HIDDEN not in str(showing.visible(kind, found))
    assert HIDDEN in argspec.secret_strings(kind, options)
    exported = export.desired(kind, [{**found, "guardrail_definition_location": "db", **model()}])
    assert HIDDEN not in str(exported)


def test_a_secret_below_the_first_level_is_compared_by_its_fingerprint() -> None:
    def params(secret: str) -> dict[str, t.Any]:
        return {"model": "x", "extra_headers": {"Authorization": secret, "X-Team": secret}}

    def asked(secret: str) -> wanted_module.Wanted:
        return wanted_module.Wanted("m", {"litellm_params": params(secret)}, fingerprint_key=b"k")

    first = plan.plan(MODEL, asked(HIDDEN), None)
    marked = {"id": "m", "db_model": True, "llmfleet": first.body["model_info"]["llmfleet"]}
    half_masked = {"model": "x", "extra_headers": {"Authorization": "hidd*****6789", "X-Team": "hidd*****6789"}}
    for shown in (params(HIDDEN), half_masked):
        there = {"model_id": "m", "litellm_params": shown, "model_info": marked}
        assert plan.plan(MODEL, asked(HIDDEN), there).action == plan.NOTHING
        assert plan.plan(MODEL, asked("another-secret"), there).action == plan.UPDATE


def test_what_the_proxy_masks_is_compared_as_far_as_it_shows_it() -> None:
    def params(value: str) -> dict[str, t.Any]:
        return {"model": "x", "private_endpoint_name": value}

    asked = wanted_module.Wanted("m", {"litellm_params": params("my-endpoint-name")})
    there = {"model_id": "m", "litellm_params": params("my-e********name"), "model_info": {"id": "m"}}
    assert plan.plan(MODEL, asked, there).action == plan.NOTHING
    there["litellm_params"] = params("your********name")
    assert plan.plan(MODEL, asked, there).action == plan.UPDATE


def test_what_the_proxy_masks_is_exported_as_something_to_fill_in() -> None:
    found = {"model_id": "m", "litellm_params": {"model": "x", "deep": {"private_name": "abcd****wxyz"}}, **model()}
    found["litellm_params"] = {"model": "x", "deep": {"private_name": "abcd****wxyz"}}
    (item,) = export.desired(MODEL, [found])
    assert item["litellm_params"]["deep"] == {"private_name": "{{ vault_model_m_deep_private_name }}"}


def test_a_rotated_keys_successor_gets_what_its_metadata_holds() -> None:
    """To show is one thing, to carry over another."""
    old = key("app", metadata={"note": {"token": HIDDEN}})
    (inherited,) = export.desired(KINDS["keys"], [old], hide=False)
    assert inherited["metadata"] == {"note": {"token": HIDDEN}}


def test_prices_are_exported_as_numbers() -> None:
    found = model()
    found["litellm_params"] = {"model": "x", "input_cost_per_token": "1e-05"}
    (item,) = export.desired(MODEL, [found])
    assert item["litellm_params"] == {"model": "x", "input_cost_per_token": 1e-05}


@pytest.mark.parametrize("options", [{}, {"max_budget": -1}])
def test_the_options_are_shown_without_secrets(monkeypatch: pytest.MonkeyPatch, options: dict[str, t.Any]) -> None:
    """What ansible-playbook -vvv shows, of a success and of a failure; also what is too short to be hidden anywhere."""
    there = key("app", metadata={"note": {"token": "abc", "password": HIDDEN}})
    script = Script(*([] if options else [named("app", there)]))
    given = {"key_alias": "app", "metadata": there["metadata"], **options}
    result = run_module(litellm_key, script, given, monkeypatch=monkeypatch)
    assert bool(result.get("failed")) is bool(options)
    assert result["invocation"]["module_args"]["metadata"] == {"note": {"token": "********", "password": "********"}}
    assert "'abc'" not in str(result)
    assert HIDDEN not in str(result)
