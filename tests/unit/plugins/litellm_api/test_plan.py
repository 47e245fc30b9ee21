# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import plan as p
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KEY
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted

from .scripted import key, sha

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=timezone.utc)


def planned(given: dict[str, t.Any], found: dict[str, t.Any] | None, **more: t.Any) -> p.Operation:
    return p.plan(KEY, Wanted("app", given, **more), found, NOW)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"max_budget": 10.0}, {"max_budget": 10}),
        ({"tpm_limit": 5}, {"tpm_limit": "5"}),
        ({"models": ["b", "a"]}, {"models": ["a", "b"]}),
        ({"models": []}, {"models": []}),
        ({"models": None}, {"models": []}),
        ({"blocked": False}, {"blocked": None}),
        ({"blocked": None}, {"blocked": None}),
        ({"metadata": {}}, {"metadata": {"mine": 1}}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": 1, "other": 2}}),
        ({"model_rpm_limit": {"m": 1}}, {"metadata": {"model_rpm_limit": {"m": 1}}}),
        ({"model_rpm_limit": None}, {"metadata": {}}),
        ({"soft_budget": 2.0}, {"litellm_budget_table": {"soft_budget": 2}}),
        ({"soft_budget": None}, {"litellm_budget_table": None}),
        ({"organization_id": "o"}, {"org_id": "o"}),
        ({"spend": 0.0}, {"spend": 12.5}),
        ({"duration": "30d"}, {"expires": "2026-11-22T21:00:00Z"}),
        ({"duration": "30d"}, {"expires": None}),
        ({"duration": "-1"}, {"expires": None}),
        ({"key": "sk-0123456789abcdef"}, {}),
        (
            {"budget_limits": [{"budget_duration": "1d", "max_budget": 1}]},
            {"budget_limits": [{"budget_duration": "1d", "max_budget": 1.0, "reset_at": "2026-11-23T00:00:00Z"}]},
        ),
        ({"object_permission": {"agents": ["a"]}}, {"object_permission": {"agents": ["a"], "vector_stores": ["v"]}}),
        ({"router_settings": {"num_retries": 2, "timeout": None}}, {"router_settings": {"num_retries": 2}}),
    ],
)
def test_what_litellm_treats_alike_is_no_change(given: dict[str, t.Any], found: dict[str, t.Any]) -> None:
    operation = planned(given, key("app", **found))
    assert operation.action == p.NOTHING
    assert operation.before == operation.after


@pytest.mark.parametrize(
    ("given", "found", "body"),
    [
        ({"max_budget": 0.0}, {"max_budget": None}, {"max_budget": 0.0}),
        ({"max_budget": None}, {"max_budget": 0.0}, {"max_budget": None}),
        ({"models": None}, {"models": ["a"]}, {"models": []}),
        ({"aliases": None}, {"aliases": {"x": "y"}}, {"aliases": {}}),
        ({"blocked": None}, {"blocked": True}, {"blocked": False}),
        ({"duration": None}, {"expires": "2026-12-01T00:00:00Z"}, {"duration": None}),
        ({"model_rpm_limit": {"m": 2}}, {"metadata": {"model_rpm_limit": {"m": 1}}}, {"model_rpm_limit": {"m": 2}}),
        (
            {"model_rpm_limit": None},
            {"metadata": {"model_rpm_limit": {"m": 1}, "mine": 1}},
            {"metadata": {"mine": 1}},
        ),
        (
            {"metadata": {"a": None, "b": 2}},
            {"metadata": {"a": 1, "c": 3, "model_rpm_limit": {"m": 1}}},
            {"metadata": {"b": 2, "c": 3, "model_rpm_limit": {"m": 1}}},
        ),
        (
            {"auto_rotate": True, "rotation_interval": "30d"},
            {"auto_rotate": False, "rotation_interval": "30d"},
            {"auto_rotate": True, "rotation_interval": "30d"},
        ),
        (
            {"object_permission": {"agents": None, "vector_stores": ["v"]}},
            {"object_permission": {"agents": ["a"], "vector_stores": []}},
            {"object_permission": {"agents": [], "vector_stores": ["v"]}},
        ),
        (
            {"object_permission": None},
            {"object_permission": {"object_permission_id": "1", "agents": ["a"], "vector_stores": []}},
            {"object_permission": {"agents": []}},
        ),
    ],
)
def test_only_what_differs_is_written(given: dict[str, t.Any], found: dict[str, t.Any], body: dict[str, t.Any]) -> None:
    operation = planned({**given, "rpm_limit": 3}, key("app", rpm_limit=3, **found))
    assert operation.action == p.UPDATE
    assert operation.body == body


# Cases 26 and 27 of public reports: BerriAI/litellm#40395 and its kin, BerriAI/terraform-provider-litellm#54.
@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"model_tpm_limit": {"m": 5}, "metadata": {"a": 1}}, {"metadata": {"a": 1, "model_tpm_limit": {"m": 5}}}),
        ({"max_budget": 0.1}, {"max_budget": 0.1}),
        ({"max_budget": 1e-3}, {"max_budget": 0.001}),
        ({"tpm_limit": 100}, {"tpm_limit": "100"}),
        ({"models": ["openai/*", "qwen"]}, {"models": ["qwen", "openai/*"]}),
        ({"budget_duration": "1mo"}, {"budget_duration": "1mo"}),
        ({"duration": "90d"}, {"expires": "2026-11-30T20:00:00Z"}),
        ({"duration": "1d"}, {"expires": "2026-12-30T20:00:00Z"}),
    ],
)
def test_26_27_reported_drift_is_none(given: dict[str, t.Any], found: dict[str, t.Any]) -> None:
    assert planned(given, key("app", **found)).action == p.NOTHING


def test_replaced_metadata_keeps_what_is_not_the_users() -> None:
    found = key("app", metadata={"old": 1, "model_rpm_limit": {"m": 1}, "service_account_id": "s", "llmfleet": {}})
    operation = planned({"metadata": {"new": 1}}, found, replace_metadata=True)
    assert operation.body["metadata"] == {
        "new": 1,
        "model_rpm_limit": {"m": 1},
        "service_account_id": "s",
        "llmfleet": {},
    }
    assert (operation.before["metadata"], operation.after["metadata"]) == ({"old": 1}, {"new": 1})


def test_a_key_is_renewed_only_when_less_than_asked_is_left() -> None:
    found = key("app", expires="2026-11-28T20:00:00.123456Z")
    assert planned({"duration": "30d"}, found, renew_before="5d").action == p.NOTHING
    operation = planned({"duration": "30d"}, found, renew_before="7d")
    assert operation.body == {"duration": "30d"}
    assert operation.after["duration"] == "30d from now"


def test_creation_sends_what_was_given_and_no_null() -> None:
    given = {"key": "sk-0123456789abcdef", "max_budget": None, "duration": "-1", "metadata": {"a": None, "b": 1}}
    operation = planned(given, None)
    assert operation.body == {"key_alias": "app", "key": "sk-0123456789abcdef", "metadata": {"b": 1}}
    assert "sk-0123456789abcdef" not in repr(operation.diff())
    assert "sk-0123456789abcdef" not in repr(operation)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"key": "sk-another-value-00"}, "key is set at creation"),
        ({"key_type": "management"}, "key_type is set at creation"),
    ],
)
def test_what_cannot_be_changed_is_refused(given: dict[str, t.Any], message: str) -> None:
    with pytest.raises(p.PlanError, match=message):
        planned(given, key("app"))


def test_duplicates_are_named_and_never_picked() -> None:
    twins = [key("app", "sk-0123456789abcdef"), key("app", "sk-fedcba9876543210"), key("other", "sk-x")]
    with pytest.raises(p.DuplicateError) as caught:
        p.pick(KEY, "app", twins)
    assert sha("sk-0123456789abcdef") in str(caught.value)
    assert sha("sk-fedcba9876543210") in str(caught.value)


def test_absent_of_nothing_is_nothing() -> None:
    assert planned({}, None, state="absent").action == p.NOTHING
    assert planned({}, key("app"), state="absent").id == sha("sk-0123456789abcdef")
