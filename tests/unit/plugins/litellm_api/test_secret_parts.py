# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which parts of a structure are secrets, at any depth."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import prices, secret_parts

NAMES = [
    "api_key",
    "apiKey",
    "API-KEY",
    "aws_secret_access_key",
    "aws_access_key_id",
    "client_secret",
    "clientSecret",
    "password",
    "redis_password",
    "langfuse_secret_key",
    "langfuse_secret",
    "token",
    "hf-token",
    "hf_token",
    "access_token",
    "vertex_credentials",
    "credentials",
    "Authorization",
    "x-api-key",
    "slack_webhook_url",
    "alert_to_webhook_url",
    "auth_value",
    "salt_key",
    "basic_auth",
    "master_key",
    "cookie",
    "secret_value",
]
NO_NAMES = [
    "input_cost_per_token",
    "cache_read_input_token_cost",
    "output_cost_per_reasoning_token",
    "max_tokens",
    "key",
    "key_alias",
    "key_name",
    "litellm_credential_name",
    "default_api_key_tpm_limit",
    "token_url",
    "auth_type",
    "authorization_url",
    "public_key",
    "model",
    "api_base",
    "tokenizer",
    "key_type",
    "team_member_key_duration",
    "password_required",
    "username",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_secret_is_known(name: str) -> None:
    assert secret_parts.is_secret_name(name)


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_only_looks_like_one_is_none(name: str) -> None:
    assert not secret_parts.is_secret_name(name)


@pytest.mark.parametrize(
    "value",
    [
        {"litellm_params": {"extra_headers": {"X-Anything": "hidden-1"}}},
        {"headers": [{"name": "Authorization", "value": "hidden-1"}]},
        {"logging": [{"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": "hidden-1"}}]},
        {"vertex_credentials": {"type": "service_account", "deep": {"deeper": ["hidden-1"]}}},
        {"url": "https://mcp.example.com/sse?token=hidden-1&x=1"},
        {"url": "https://mcp.example.com/sse?key=hidden-1"},
        {"api_base": "https://user:hidden-1@example.com/v1"},
        {"args": ["mcp-remote", "--token", "hidden-1"]},
        {"args": ["--api-key=hidden-1"]},
        {"args": ["-e", "GITHUB_TOKEN=hidden-1"]},
        {"args": ["--header", "Authorization: Bearer hidden-1"]},
        {"note": "Bearer hidden-1"},
        {"settings": {"cache_params": {"password": "hidden-1"}}},
        {"webhooks": ["https://hooks.example.com/hidden-1"]},
    ],
)
def test_a_secret_is_masked_and_found_at_any_depth(value: dict[str, t.Any]) -> None:
    assert "hidden-1" not in str(secret_parts.masked(value))
    assert any("hidden-1" in text for text in secret_parts.strings(value))
    assert secret_parts.by_path(value)


@pytest.mark.parametrize(
    "value",
    [
        {"model": "openai/gpt-4o", "api_base": "http://10.0.0.1:8000/v1", "max_tokens": 5, "stream": True},
        {"extra_headers": ["X-User", "Authorization"]},
        {"input_cost_per_token": "1e-05", "note": "Basic authentication is on: see the wiki"},
        {"api_key": None, "token": 5, "password": ""},
    ],
)
def test_what_is_no_secret_stays_readable(value: dict[str, t.Any]) -> None:
    assert secret_parts.masked(value) == value
    assert secret_parts.strings(value) == set()


def test_of_an_address_only_the_secret_is_masked() -> None:
    masked = secret_parts.masked({"url": "https://u:p@ss@h.example/x?a=1&token=abc#f"})
    assert masked == {"url": "https://********@h.example/x?a=1&token=********#f"}
    assert "u:p@ss" in secret_parts.strings({"url": "https://u:p@ss@h.example/x"})


def test_two_secrets_that_differ_are_seen_to_differ() -> None:
    old, new = secret_parts.masked_pair({"headers": {"a": "one"}}, {"headers": {"a": "two"}})
    assert old == {"headers": {"a": "******** (found)"}}
    assert new == {"headers": {"a": "******** (wanted)"}}
    assert secret_parts.masked_pair({"a": 1}, {"a": 2}) == ({"a": 1}, {"a": 2})


def test_prices_are_numbers_however_they_are_written() -> None:
    written = {"input_cost_per_token": "1e-05", "tiers": [{"output_cost_per_token": "2e-06"}], "model": "1e-05"}
    assert prices.with_numbers(written) == {
        "input_cost_per_token": 1e-05,
        "tiers": [{"output_cost_per_token": 2e-06}],
        "model": "1e-05",
    }
    assert prices.with_numbers({"price": "free", "cost": "nan"}) == {"price": "free", "cost": "nan"}
