# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users of other tools declare, led through our modules, llm_state and the export on the real proxy."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds._table import SECRETS, SUBSET

from . import named
from .harness import Result, change, succeed
from .peers import CASES, Case, Options, around
from .proxy import Proxy
from .states import State, gone

NAMES = {"fallbacks": "px-large", "mcp_servers": "px_case", "pass_through_endpoints": "/px-case"}
RAW = "sk-peers-0123456789abcdef"
#: What another option says, so that it is not in what a run says it changed.
MEANT = {"access_group_names": "access_group_ids", "key_alias": "token"}
NOT_EXPORTED = {"teams"}  # of a user: the team says it
NOT_SHOWN: dict[str, Options] = {"jwt_key_mappings": {"key_alias": "px-key-1"}}  # and so to be filled in


@pytest.fixture(scope="module")
def there(proxy: Proxy) -> t.Iterator[None]:
    made = around()
    succeed(proxy, "litellm_state", desired=made)
    yield
    left = {plural: [{**item, **named.cascade(plural)} for item in items] for plural, items in gone(made).items()}
    succeed(proxy, "litellm_state", desired=left)


class Object:
    """The object of one case: what was said of it until now."""

    def __init__(self, proxy: Proxy, case: Case) -> None:
        self.proxy, self.case, self.kind = proxy, case, KINDS[case.kind]
        self.module = f"litellm_{self.kind.name}"
        self.name: Options = {self.kind.identity: NAMES.get(case.kind, "px-case")}
        self.said: Options = {}

    def say(self, step: Options) -> Result:
        done = change(self.proxy, self.module, **self.name, **step)
        for option, value in step.items():
            self.said[option] = self._with(option, value)
        return done

    def _with(self, option: str, value: t.Any) -> t.Any:
        """The parts of some options stay where they are not named."""
        field, before = self.kind.by_name.get(option), self.said.get(option)
        merged = field and (field.compare in (SUBSET, SECRETS) or option in ("metadata", self.kind.annotations))
        return {**before, **value} if merged and isinstance(before, dict) and isinstance(value, dict) else value

    def adopted(self) -> None:
        """llm_state makes a mark of its own on it, and nothing else."""
        done = succeed(self.proxy, "litellm_state", desired={self.case.kind: [{**self.name, **self.said}]})
        assert all(one["changed_fields"] == ["owner"] for one in done["operations"]), done["diff"]

    def stands(self, **said: t.Any) -> None:
        """By the module and by llm_state nothing is left to do."""
        options = {**self.name, **(said or self.said)}
        by_module = succeed(self.proxy, self.module, **options)
        assert not by_module["changed"], by_module["diff"]
        by_state = succeed(self.proxy, "litellm_state", desired={self.case.kind: [options]}, check=True)
        assert not by_state["changed"], by_state["diff"]

    def exported(self) -> Options:
        name = next(iter(self.name.values()))
        answer = succeed(self.proxy, "litellm_info", kinds=[self.case.kind], names=[name])
        (found,) = answer["desired"][self.case.kind]
        assert "secret-value" not in json.dumps(answer.data)
        return {option: filled(value, self.said.get(option)) for option, value in found.items()}

    def gone(self) -> None:
        change(self.proxy, self.module, **self.name, state="absent", **named.cascade(self.case.kind))


def filled(value: t.Any, said: t.Any) -> t.Any:
    """An exported value with what was said in the places of its secrets."""
    if isinstance(value, dict):
        return {k: filled(v, said.get(k) if isinstance(said, dict) else None) for k, v in value.items()}
    if isinstance(value, list):
        return [
            filled(one, said[i] if isinstance(said, list) and i < len(said) else None) for i, one in enumerate(value)
        ]
    return said if isinstance(value, str) and value.startswith("{{ vault_") else value


def shown(done: Result, step: Options) -> None:
    """What changed is named, and no secret is told."""
    assert "secret-value" not in json.dumps(done.data)
    assert set(done["changed_fields"]) == {MEANT.get(option, option) for option in step}
    assert done["diff"]["before"] != done["diff"]["after"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(proxy: Proxy, there: None, case: Case) -> None:
    one = Object(proxy, case)
    succeed(proxy, one.module, **one.name, state="absent", **named.cascade(case.kind))
    first = {**case.steps[0], **({"key": RAW} if case.kind == "keys" else {})}
    assert one.say(first)["operation"] == "create"
    one.adopted()
    one.stands()
    for step in case.steps[1:]:
        shown(one.say(step), step)
        one.stands()
    found = one.exported()
    one.stands(**found)
    one.gone()
    change(proxy, "litellm_state", desired={case.kind: [{**found, **NOT_SHOWN.get(case.kind, {})}]})
    one.stands(**{option: value for option, value in one.said.items() if option not in NOT_EXPORTED})
    one.gone()


def whole(number: int = 0) -> State:
    """All kinds that need each other in one declaration; another number is another state of the same objects."""
    remote: Options = {"url": f"http://127.0.0.1:9/{number}", "transport": "http"}
    moderation = {"guardrail": "openai_moderation", "mode": "pre_call", "api_key": "secret-value-1"}
    members: list[Options] = [
        {"user_id": "pw-ada", "max_budget_in_team": number + 1},
        {"user_email": "alan@pw.example.com"},
    ]
    return {
        "budgets": [{"budget_id": "pw-budget", "max_budget": number + 1, "soft_budget": 0.5}],
        "credentials": [{"credential_name": "pw-cred", "credential_values": {"api_key": f"secret-value-{number}"}}],
        "models": [
            {
                "model_id": f"pw-{name}",
                "model_name": f"pw-{name}",
                "litellm_params": {"model": "hosted_vllm/x", "litellm_credential_name": "pw-cred", "rpm": number + 1},
                "model_info": {"mode": "completion", "tier": "free", "max_input_tokens": number + 1},
            }
            for name in ("a", "b")
        ],
        "fallbacks": [{"model": "pw-a", "fallback_models": ["pw-b"]}],
        "mcp_servers": [{"server_name": "pw_tools", "server_id": "pw-tools", **remote}],
        "mcp_toolsets": [
            {"toolset_name": "pw-set", "tools": [{"server_id": "pw-tools", "tool_name": f"t{number}"}]},
        ],
        "guardrails": [
            {"guardrail_name": "pw-guard", "litellm_params": moderation, "guardrail_info": {"description": f"{number}"}}
        ],
        "policies": [
            {"policy_name": "pw-parent", "guardrails_add": ["pw-guard"]},
            {
                "policy_name": "pw-policy",
                "inherit": "pw-parent",
                "description": f"{number}",
                "attachments": [{"teams": ["pw-team"], "priority": number}],
            },
        ],
        "users": [
            {
                "user_id": "pw-ada",
                "user_role": "proxy_admin",
                "user_email": "ada@pw.example.com",
                "rpm_limit": number + 1,
            },
            {"user_id": "pw-alan", "user_email": "alan@pw.example.com"},
        ],
        "teams": [
            {"team_alias": "pw-team", "team_id": "pw-team", "members_with_roles": members, "models": ["pw-a"]},
            {"team_alias": "pw-other", "team_id": "pw-other", "members_with_roles": [{"user_id": "pw-alan"}]},
        ],
        "access_groups": [
            {
                "access_group_name": "pw-group",
                "access_model_names": ["pw-a", "pw-b"][: number + 1],
                "access_mcp_server_ids": ["pw-tools"],
                "assigned_team_ids": ["pw-team"],
            }
        ],
        "tags": [{"name": "pw-tag", "models": ["pw-a"], "max_budget": number + 1}],
        "customers": [
            {"user_id": "pw-customer", "budget_id": "pw-budget", "default_model": "pw-b", "alias": f"{number}"}
        ],
        "keys": [
            {
                "key_alias": f"pw-key-{n}",
                "key": f"{RAW}-whole-{n}",
                "user_id": "pw-alan",
                "team_id": ("pw-team", "pw-other")[(n + number) % 2],
                "budget_id": "pw-budget",
                "metadata": {"n": number},
            }
            for n in range(4)
        ],
        "jwt_key_mappings": [
            {"jwt_claim_value": "pw-sub", "jwt_claim_name": "sub", "key_alias": "pw-key-0", "description": f"{number}"}
        ],
    }


@pytest.mark.parametrize("workers", [1, 8])
def test_a_whole_declaration_at_once(proxy: Proxy, workers: int) -> None:
    first, second = whole(), whole(1)
    names = gone(first)
    succeed(proxy, "litellm_state", desired=names)
    made = change(proxy, "litellm_state", desired=first, workers=workers)
    assert made["counts"]["create"] == sum(len(items) for items in first.values())
    done = change(proxy, "litellm_state", desired=second, workers=workers)
    unchanged = {"mcp_server", "fallback", "pw-parent", "pw-alan", "pw-other"}
    for operation in done["operations"]:
        assert not {operation["kind"], operation["name"]} & (unchanged - {"mcp_server"}), operation
    for number in range(4):
        shown = proxy.call("GET", f"/key/list?key_alias=pw-key-{number}&return_full_object=true")["keys"][0]
        assert shown["team_id"] == ("pw-team", "pw-other")[(number + 1) % 2]
    back = change(proxy, "litellm_state", desired=first, workers=workers)
    assert back["counts"] == done["counts"]
    assert "secret-value" not in json.dumps([made.data, done.data, back.data])
    removed = change(proxy, "litellm_state", desired=names, workers=workers)
    assert removed["counts"]["delete"] == sum(len(items) for items in first.values())
