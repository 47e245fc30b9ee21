# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is a part of something larger on the real proxy: fallbacks of the router, attachments of policies, settings."""

from __future__ import annotations

import typing as t

import pytest

from .harness import change, run, succeed
from .proxy import Proxy

Options = dict[str, t.Any]
NAMES = ("pa-small", "pa-large", "pa-other/*")
MODELS: list[Options] = [
    {"model_id": f"pa-{number}", "model_name": name, "litellm_params": {"model": "openai/x"}}
    for number, name in enumerate(NAMES)
]


@pytest.fixture
def models(proxy: Proxy) -> t.Iterator[None]:
    succeed(proxy, "litellm_state", desired={"models": MODELS})
    yield
    fallbacks = [{"model": name, "state": "absent"} for name in ("*", *NAMES)]
    gone = [{"model_id": model["model_id"], "state": "absent"} for model in MODELS]
    succeed(proxy, "litellm_state", desired={"fallbacks": fallbacks, "models": gone})


def router(proxy: Proxy) -> Options:
    return t.cast("Options", proxy.call("GET", "/router/settings")["current_values"])


def stored(proxy: Proxy) -> set[str]:
    """The settings of the router that stand in the database."""
    sources = proxy.call("GET", "/router/settings").get("source") or {}
    return {name for name, source in sources.items() if source == "db"}


def test_fallbacks_live_and_nothing_else_of_the_router_is_stored(proxy: Proxy, models: None) -> None:
    first: Options = {"model": "pa-small", "fallback_models": ["pa-large", "pa-other/x"]}
    everywhere: Options = {"model": "*", "fallback_models": ["pa-large"]}
    change(proxy, "litellm_state", desired={"fallbacks": [first, everywhere]})
    change(proxy, "litellm_fallback", model="pa-small", context_window_fallback_models=["pa-large"])
    change(proxy, "litellm_fallback", model="pa-small", fallback_models=["pa-other/x", "pa-large"])
    assert {"pa-small": ["pa-other/x", "pa-large"]} in router(proxy)["fallbacks"]
    change(proxy, "litellm_fallback", model="pa-small", fallback_models=None)
    assert router(proxy)["context_window_fallbacks"] == [{"pa-small": ["pa-large"]}]
    change(proxy, "litellm_fallback", model="pa-small", state="absent")
    assert router(proxy)["fallbacks"] == [{"*": ["pa-large"]}]
    assert stored(proxy) <= {"fallbacks", "context_window_fallbacks", "content_policy_fallbacks"}


def test_a_fallback_to_no_model_is_refused_before_the_write(proxy: Proxy, models: None) -> None:
    refused = run(proxy, "litellm_fallback", model="pa-small", fallback_models=["pa-none"])
    assert "there is no model with the model_name 'pa-none'" in refused["msg"]
    assert not refused.wrote


def test_a_policy_is_attached_to_what_the_same_call_makes(proxy: Proxy) -> None:
    policy: Options = {"policy_name": "pa-policy", "description": "d"}
    key: Options = {"key_alias": "pa-key", "key": "sk-parts-0123456789abcdef"}
    team: Options = {"team_alias": "pa-team", "team_id": "pa-team"}
    attachments = [{"teams": ["pa-team"], "keys": ["pa-key"]}, {"scope": "*", "default": True}]
    succeed(proxy, "litellm_policy", policy_name="pa-policy", state="absent")
    succeed(proxy, "litellm_key", key_alias="pa-key", state="absent")
    succeed(proxy, "litellm_team", team_alias="pa-team", state="absent")
    together = {"policies": [{**policy, "attachments": attachments}], "keys": [key], "teams": [team]}
    change(proxy, "litellm_state", desired=together)
    change(proxy, "litellm_policy", **{**policy, "description": "e"})
    shown = proxy.call("GET", "/policies/attachments/list")["attachments"]
    assert len([one for one in shown if one["policy_name"] == "pa-policy"]) == 2
    change(proxy, "litellm_policy", policy_name="pa-policy", attachments=attachments[:1])
    change(proxy, "litellm_policy", policy_name="pa-policy", state="absent")
    shown = proxy.call("GET", "/policies/attachments/list")["attachments"]
    assert [one for one in shown if one["policy_name"] == "pa-policy"] == []
    succeed(proxy, "litellm_key", key_alias="pa-key", state="absent")
    succeed(proxy, "litellm_team", team_alias="pa-team", state="absent")


def test_single_sign_on_with_its_secret(proxy: Proxy) -> None:
    secret, names = "GOCSPX-secret-value-1", ("google_client_id", "google_client_secret", "user_email")
    google: Options = {"google_client_id": "id", "google_client_secret": secret}
    done = change(proxy, "litellm_setting", name="sso_settings", values=google)
    assert "secret-value" not in str(done.data["diff"]) + str(done.data["object"])
    refused = run(proxy, "litellm_setting", name="sso_settings", values={"user_email": "pa@example.com"})
    assert "does not show google_client_secret" in refused["msg"]
    assert not refused.wrote
    change(proxy, "litellm_setting", name="sso_settings", values={**google, "user_email": "pa@example.com"})
    change(
        proxy, "litellm_setting", name="sso_settings", values={**google, "google_client_secret": "another-secret-value"}
    )
    change(proxy, "litellm_setting", name="sso_settings", values=dict.fromkeys(names))


def test_switches_and_a_banner(proxy: Proxy) -> None:
    unpriced: Options = {"name": "block_requests_for_models_without_pricing"}
    change(proxy, "litellm_setting", **unpriced, values={"enabled": True})
    change(proxy, "litellm_setting", **unpriced, values={"enabled": False})
    banner: Options = {"enabled": True, "message": "Maintenance on Sunday", "severity": "warning"}
    change(proxy, "litellm_setting", name="user_banner", values=banner)
    change(proxy, "litellm_setting", name="user_banner", values={"message": "On Monday"})
    change(proxy, "litellm_setting", name="user_banner", values={"enabled": False})


PARTS = ("top_k", "similarity_threshold")


@pytest.mark.parametrize("name", ["mcp_semantic_filter_settings", "mcp_tool_search_settings"])
def test_a_setting_with_a_default(proxy: Proxy, name: str) -> None:
    default = proxy.call("GET", f"/get/{name}")["values"]
    change(proxy, "litellm_setting", name=name, values={"top_k": 7})
    change(proxy, "litellm_setting", name=name, values={"similarity_threshold": 0.5})
    change(
        proxy, "litellm_setting", name=name, values={part: default[part] for part in ("top_k", "similarity_threshold")}
    )


def test_the_cache_of_answers(proxy: Proxy) -> None:
    change(proxy, "litellm_setting", name="cache_settings", values={"type": "local", "ttl": 60})
    change(proxy, "litellm_setting", name="cache_settings", values={"ttl": 30})


def test_a_model_of_a_team_needs_a_licence_which_is_said_before_the_write(proxy: Proxy) -> None:
    model: Options = {**MODELS[0], "model_info": {"team_id": "pa-team"}}
    refused = run(proxy, "litellm_model", **model)
    assert "model 'pa-0': model_info.team_id: this needs a LiteLLM Enterprise licence" in refused["msg"]
    assert not refused.wrote
