# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An entry of llm_models by itself: every fault is named, whatever else is wrong beside it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import model_errors
from declared import fleet_plan


def faults(**change: t.Any) -> list[str]:
    return model_errors({"name": "m", "model": "owner/name", **change}, 0, "0.32.0", False, {})


def test_a_wrong_type_hides_no_other_fault() -> None:
    found = faults(gpu_memory_utilization=True, max_model_len="1e9", replicas=0, engine_args={"no_such_option": 1})
    for part in ("gpu_memory_utilization must be", "max_model_len must be", "replicas must be", "no-such-option"):
        assert any(part in line for line in found)
    assert len(found) == 4


def test_a_wrong_size_says_nothing_of_the_gpus() -> None:
    assert [line for line in faults(tensor_parallel_size="two", gpus=[0, 1]) if ": gpus " in line] == []
    assert any(": gpus names 2" in line for line in faults(gpus=[0, 1]))


def test_null_is_what_is_not_given() -> None:
    keys = ("replicas", "max_model_len", "gpus", "port", "engine_args", "environment", "revision")
    assert faults(**dict.fromkeys(keys)) == []


def test_the_order_in_which_options_are_written_means_nothing() -> None:
    args = {"enforce_eager": True, "dtype": "float32", "speculative_config": {"method": "ngram", "k": 2}}
    other = {"speculative_config": {"k": 2, "method": "ngram"}, "dtype": "float32", "enforce_eager": True}
    found = [
        fleet_plan(
            [{"name": "m", "model": "/srv/m", "engine_args": one, "environment": dict(environment)}],
            {"box": {"llm_gpu_count": 0}},
            {"gateways": ["box"], "gpu_servers": ["box"]},
        )[0]
        for one, environment in ((args, [("A", "1"), ("B", "2")]), (other, [("B", "2"), ("A", "1")]))
    ]
    assert json.dumps(found[0]) == json.dumps(found[1])
