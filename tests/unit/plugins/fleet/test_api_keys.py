# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run with another vllm_api_key than the last one is refused, unless it has that one as the key before."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import api_keys
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import DECLARED, Fleet, FleetError
from declared import Known, fleet_of

GROUPS = {"gateways": ["one"], "gpu_servers": ["one"]}
MODELS = [{"name": "q", "model": "Qwen/Qwen2.5-0.5B-Instruct", "memory_check": False}]
FIRST, SECOND, THIRD = "first-key-0123456789", "second-key-0123456789", "third-key-0123456789"


def run(key: str, before: str = "", last: Fleet | None = None, salt: str = "a1", **more: t.Any) -> Fleet:
    """One run after another, whose reading was written to a file."""
    said = {"vllm_api_key": key, "vllm_previous_api_key": before, "llm_gpu_count": 0}
    known = Known(salt=salt)
    if last:
        known = known._replace(reading=json.loads(json.dumps(last.complete_reading)))
    return fleet_of(more.pop("models", MODELS), {"one": said}, GROUPS, known=known, **more)


def test_the_reading_has_a_fingerprint_and_no_key() -> None:
    kept = run(FIRST).reading
    assert kept["vllm_api_key"] == {"salt": "a1", "fingerprint": api_keys.fingerprint(FIRST, "a1")}
    assert len(kept["vllm_api_key"]["fingerprint"]) == 16 and FIRST not in json.dumps(kept)
    assert api_keys.fingerprint(FIRST, "b2") != api_keys.fingerprint(FIRST, "a1")


def test_the_same_key_changes_nothing_whatever_salt_a_run_brings() -> None:
    first = run(FIRST)
    assert run(FIRST, last=first, salt="b2").reading == first.reading


@pytest.mark.parametrize(("before", "word"), [("", "is not set"), (THIRD, "is another one")])
def test_another_key_is_refused_with_the_remedy(before: str, word: str) -> None:
    with pytest.raises(FleetError) as raised:
        run(SECOND, before, run(FIRST))
    text = str(raised.value)
    assert f"vllm_api_key is not the one of the last run, and vllm_previous_api_key {word}" in text
    assert "set vllm_previous_api_key to the key of the last run" in text
    assert not [key for key in (FIRST, SECOND, THIRD) if key in text]


def test_with_the_key_before_it_goes_on_and_after_that_without() -> None:
    first = run(FIRST)
    second = run(SECOND, FIRST, first)
    assert second.complete_reading["number"] == first.reading["number"] + 1
    assert run(SECOND, "", second).reading == second.complete_reading
    # The change itself can be taken back the same way.
    assert run(FIRST, SECOND, second).complete_reading["vllm_api_key"] == first.reading["vllm_api_key"]


def test_a_run_that_was_not_complete_leaves_the_key_of_before() -> None:
    """A drain, a part of the fleet or of the plays, a host that failed: some still refuse the new key."""
    first = run(FIRST)
    partial = run(SECOND, FIRST, first)
    assert partial.reading == first.reading
    with pytest.raises(FleetError, match="vllm_previous_api_key is not set"):
        run(SECOND, "", partial._replace(complete_reading=partial.reading))


def test_nothing_is_said_where_no_run_kept_one() -> None:
    older = run(FIRST, salt="")
    assert "vllm_api_key" not in older.reading
    assert run(SECOND, last=older).reading["number"] == older.reading["number"] + 1


def test_a_key_that_stands_for_a_missing_one_is_not_judged_and_not_kept() -> None:
    first = run(FIRST)
    assert run(SECOND, last=first, salt="").reading == first.reading


def test_without_instances_there_is_nobody_to_refuse() -> None:
    others = [{"name": "m", "litellm_params": {"model": "openai/m"}}]
    assert "vllm_api_key" not in run(SECOND, last=run(FIRST), models=[], external=others).reading
    assert run(SECOND, last=run(FIRST), stage=DECLARED)


@pytest.mark.parametrize("damaged", [None, "x", {"salt": "a1"}, {"salt": 1, "fingerprint": "a"}])
def test_a_damaged_part_is_none(damaged: t.Any) -> None:
    assert api_keys.kept({"vllm_api_key": damaged}) == {}
