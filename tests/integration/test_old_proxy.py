# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy of 1.90: what it knows works, and what it lacks is named."""

from __future__ import annotations

import re
import time
import typing as t
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import versions
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Kind

from . import named
from . import proxy as proxies
from .harness import Result, change, run, succeed
from .proxy import Proxy
from .states import State, gone
from .test_coverage import taken
from .test_objects import LIVES, Life

RAW = "sk-old-0123456789abcdef"
LACKS = {
    "litellm_key": {
        "soft_budget",  # kept, and not shown in the list
        "budget_fallbacks",
        "default_estimated_output_tokens",
        "default_estimated_output_tokens_per_model",
        "enable_prompt_caching",
        "tag_rpm_limit",
        "throttle_on_budget_exceeded",
        "tpd_limit",
    },
    "litellm_team": {"model_aliases", "tpd_limit"},
    "litellm_user": {"object_permission", "tag_rpm_limit"},
    "litellm_budget": {"tpd_limit"},
    "litellm_customer": {"tpd_limit"},
    "litellm_mcp_server": {
        "audience",
        "issuer",
        "max_concurrent_requests",
        "oauth2_flow",
        "subject_token_type",
        "token_exchange_endpoint",
        "token_exchange_profile",
        "tool_name_to_description",
        "tool_name_to_display_name",
    },
}


@pytest.fixture(scope="module")
def old() -> t.Iterator[Proxy]:
    with ExitStack() as stack:
        proxy = stack.enter_context(proxies.running_old())
        succeed(proxy, "litellm_state", desired=named.objects())
        yield proxy


def state() -> State:
    return {
        "budgets": [{"budget_id": "old-budget", "max_budget": 10, "budget_duration": "30d"}],
        "teams": [{"team_alias": "old-team", "team_id": "old-team-id", "models": ["a"], "metadata": {"a": 1}}],
        "keys": [
            {
                "key_alias": f"old-key-{number}",
                "key": f"{RAW}{number}",
                "team_id": "old-team-id",
                "budget_id": "old-budget",
                "duration": "30d",
                "models": ["a"],
                "metadata": {"a": 1},
                "model_rpm_limit": {"a": 3},
            }
            for number in range(3)
        ],
    }


def test_keys_teams_and_budgets(old: Proxy) -> None:
    succeed(old, "litellm_state", desired=gone(state()))
    assert change(old, "litellm_state", desired=state())["counts"]["create"] == 5
    assert old.status("/v1/models", f"{RAW}0") == 200
    wanted = state()
    wanted["keys"][0].update(max_budget=7, model_rpm_limit=None)
    wanted["teams"][0].update(models=None, max_budget=3)
    wanted["budgets"][0].update(max_budget=None, rpm_limit=4)
    assert change(old, "litellm_state", desired=wanted)["counts"]["update"] == 3
    pruned = change(old, "litellm_state", desired={"keys": wanted["keys"][:1]}, prune=True)
    assert pruned["counts"]["delete"] == 2
    left = {**state(), "keys": state()["keys"][:1]}
    assert change(old, "litellm_state", desired=gone(left))["counts"]["delete"] == 3


def test_a_stored_key_rotates(old: Proxy, tmp_path: Path) -> None:
    options: dict[str, t.Any] = {"key_alias": "old-rotating", "store": {"file": str(tmp_path / "key")}}
    succeed(old, "litellm_key", **options, max_budget=5)
    first = (tmp_path / "key").read_text().strip()
    assert succeed(old, "litellm_key", **options, rotate={"generation": 2, "grace": "1s"})["operation"] == "rotate"
    second = (tmp_path / "key").read_text().strip()
    assert (old.status("/v1/models", first), old.status("/v1/models", second)) == (200, 200)
    time.sleep(2)
    succeed(old, "litellm_key", **options, rotate={"generation": 2, "grace": "1s"})
    assert (old.status("/v1/models", first), old.status("/v1/models", second)) == (401, 200)
    succeed(old, "litellm_key", **options, state="absent")


def lacking(result: Result) -> set[str]:
    """What a refusal names: before the writing by the proxy's own description, or after it by what was not kept."""
    if "did not keep: " in result["msg"]:
        named = result["msg"].split("did not keep: ")[1].split(". What was sent")[0].split(", ")
        return {name.split(".")[0] for name in named}  # of a dictionary the part is named
    assert not result.wrote
    return set(re.findall(r"': (\w+)", result["msg"]))


@pytest.mark.parametrize("life", [life for life in LIVES if life.module in LACKS], ids=lambda life: life.module)
def test_what_it_lacks_is_named_and_the_rest_works(old: Proxy, life: Life) -> None:
    succeed(old, life.module, **life.name, state="absent")
    options, named = dict(life.create), set[str]()
    for _attempt in range(3):
        result = run(old, life.module, **life.name, **options)
        if not result.failed:
            break
        named |= lacking(result)
        options = {name: value for name, value in options.items() if name not in named}
    assert named == LACKS[life.module]
    assert succeed(old, life.module, **life.name, **options)["changed"] is False
    succeed(old, life.module, **life.name, state="absent")


WRITTEN = [kind for kind in KINDS.values() if not kind.permanent and not kind.written_by]


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.plural)
def test_what_its_description_lacks_is_marked_and_so_refused_before_the_write(old: Proxy, kind: Kind) -> None:
    """Every option and call of the tables. What it describes and drops all the same can't be known before."""
    described = old.call("GET", "/openapi.json")
    calls = {write for field in kind.fields if (write := field.own_call)} | {kind.create, kind.update, kind.delete}
    lacking = {write.path for write in calls if versions._has_not(described, write)}
    assert lacking <= {write.path for write in calls if write.young} or kind.enterprise
    if not lacking & {kind.create.path, kind.update.path}:
        known = taken(described, kind.create) | taken(described, kind.update)
        options = [field for field in kind.fields if not field.own_call and not field.rule]
        assert {f.name for f in options if (f.api_name or f.name) not in known} <= {f.name for f in options if f.young}


def test_kinds_that_it_has_not_are_said_and_left_out_of_the_export(old: Proxy) -> None:
    everything = succeed(old, "litellm_info")["objects"]
    for plural in set(KINDS) - set(everything):
        if not KINDS[plural].enterprise:
            assert f"has no {plural}" in run(old, "litellm_info", kinds=[plural])["msg"]
    assert {"keys", "teams", "budgets"} <= set(everything)
