# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a token costs, how LiteLLM is told, and when a budget limits nothing."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import prices
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.budgets import budget_warnings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import litellm
from declared import fleet_of

GROUPS = {"gateways": ["a"], "gpu_servers": ["a"]}
FREE = {"name": "free", "model": "/srv/free"}
PRICED: dict[str, t.Any] = {"name": "priced", "model": "/srv/priced", "price": {"input": 0.2, "output": 0.6}}
MEASURED = {
    "name": "fast",
    "model": "/srv/fast",
    "tensor_parallel_size": 2,
    "tokens_per_second": {"input": 20000, "output": 2500},
}


def test_a_declared_price_is_of_a_million_tokens() -> None:
    assert prices.costs(PRICED, 0) == {"input_cost_per_token": 2e-07, "output_cost_per_token": 6e-07}
    cached = {**PRICED, "price": {**PRICED["price"], "cached_input": 0}}
    assert prices.costs(cached, 0)["cache_read_input_token_cost"] == 0


def test_a_derived_price_is_what_all_gpus_of_a_replica_cost_in_that_time() -> None:
    found = prices.price(MEASURED, 3.6)
    assert found
    # 3.6 an hour are 0.001 a second; two GPUs; 50 s for a million tokens read, 400 s for a million written.
    assert found.per_million == pytest.approx({"input": 0.1, "output": 0.8})
    assert prices.costs(MEASURED, 3.6) == {"input_cost_per_token": 1e-07, "output_cost_per_token": 8e-07}
    assert prices.lines([FREE, MEASURED], 3.6) == [
        "fast: input 0.1, output 0.8 per million tokens (3.6 x 2 / 3600 / 20000 tokens a second of input,"
        " 3.6 x 2 / 3600 / 2500 tokens a second of output, each x 1,000,000)"
    ]


def test_without_a_gpus_price_a_speed_gives_none() -> None:
    assert prices.costs(MEASURED, 0) == {}
    assert prices.unpriced([FREE, PRICED, MEASURED], 0) == ["free", "fast"]


def test_litellm_is_told() -> None:
    fleet = fleet_of([FREE, PRICED, MEASURED], {"a": {"llm_gpu_count": 0, "llm_gpu_hour_price": 3.6}}, GROUPS, [])
    listed = litellm.configuration(fleet, fleet.hosts["a"])[0]["model_list"]
    found = {one["model_name"]: one["litellm_params"].get("output_cost_per_token") for one in listed}
    assert found == {"free": None, "priced": 6e-07, "fast": 8e-07}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"price": {"input": 1}}, "price lacks output"),
        ({"price": {"input": -1, "output": 2}}, "price.input must be a number 0 or more"),
        ({"price": {"input": float("nan"), "output": 2}}, "price.input must be a number 0 or more"),
        ({"price": {"input": "1", "output": True}}, "price.output must be a number 0 or more"),
        ({"price": {"in": 1, "output": 2}}, "price has no in; write input or output or cached_input"),
        ({"tokens_per_second": {"input": 0, "output": 2}}, "tokens_per_second.input must be a number above 0"),
        ({"price": {"input": 0, "output": 0}, "tokens_per_second": {"input": 1, "output": 2}}, "take one of them out"),
    ],
)
def test_what_is_no_price_is_told(said: dict[str, t.Any], words: str) -> None:
    assert any(words in fault for fault in prices.faults({**FREE, **said}))


def test_a_right_one_is_not() -> None:
    assert [prices.faults(one) for one in (FREE, PRICED, MEASURED)] == [[], [], []]


def test_a_budget_over_a_model_without_a_price_is_said() -> None:
    state = {"keys": [{"key_alias": "app", "max_budget": 5}], "teams": [{"team_alias": "t", "max_budget": None}]}
    (line,) = budget_warnings([FREE, PRICED], 0, state)
    assert line.startswith("llm_models: free has no price")
    assert "(keys[0])" in line


@pytest.mark.parametrize(
    ("models", "state"),
    [
        ([PRICED], {"keys": [{"max_budget": 5}]}),
        ([FREE], {"keys": [{"key_alias": "app"}]}),
        ([FREE, PRICED], {"keys": [{"max_budget": 5, "models": ["priced"]}]}),
        ([{**FREE, "price": {"input": 0, "output": 0}}], {"keys": [{"max_budget": 5}]}),
        (None, {"keys": "none"}),
        ([7, {"name": "x", "price": {"input": "?"}}], {"keys": [{"max_budget": 5}]}),
        ([FREE], ["keys"]),
    ],
)
def test_nothing_else_is(models: t.Any, state: t.Any) -> None:
    assert budget_warnings(models, 0, state) == []


def test_a_former_name_is_the_model() -> None:
    state = {"keys": [{"max_budget": 5, "models": ["old"]}]}
    assert budget_warnings([{**FREE, "aliases": ["old"]}], 0, state)


def test_many_budgets_are_a_number() -> None:
    (line,) = budget_warnings([FREE], None, {"keys": [{"max_budget": 1}] * 9})
    assert "keys[3] and 5 more" in line
