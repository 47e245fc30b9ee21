# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models that are declared and off."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import switched
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet, FleetError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import backup, leftovers
from declared import hosts_of

TWO: dict[str, t.Any] = {
    "llm_models": [{"name": "a", "fallbacks": ["b"]}, {"name": "b"}],
    "llm_external_models": [{"name": "x", "fallbacks": ["b", "a"]}],
    "llm_default_fallbacks": ["b"],
}


def test_nothing_is_off_by_default() -> None:
    assert switched.served({**TWO, "llm_models_off": []}) == {**TWO, "llm_models_off": []}


def test_what_is_off_is_no_model_and_no_fallback() -> None:
    found = switched.served({**TWO, "llm_models_off": ["b"]})
    assert found["llm_models"] == [{"name": "a", "fallbacks": []}]
    assert found["llm_external_models"] == [{"name": "x", "fallbacks": ["a"]}]
    assert found["llm_default_fallbacks"] == []
    assert TWO["llm_models"][0]["fallbacks"] == ["b"]


def test_weights_that_load_beside_a_model_or_are_off_are_in_use() -> None:
    """What cleanup removes would be missing at the next start, or downloaded again at the switch back."""
    models = [
        {
            "name": "a",
            "model": "o/big",
            "engine_args": {
                "speculative_config": {"model": "o/draft", "num_speculative_tokens": 3},
                "tokenizer": "o/words",
                "lora-modules": ["tone=o/adapter"],
            },
        },
        {"name": "b", "model": "o/off"},
    ]
    hosts = hosts_of(models, {"one": {"llm_models_off": ["b"]}}, {"gateways": ["one"], "gpu_servers": ["one"]})
    host = hosts["one"]._replace(variables=switched.served(hosts["one"].variables))
    fleet = Fleet("/opt/llmfleet", ["one"], ["one"], {"one": host}, [], "known", {})
    assert leftovers.view(fleet, host)["models"] == ["o/adapter", "o/big", "o/draft", "o/off", "o/words"]
    assert "o/off" not in backup.declaration(fleet)


def test_a_name_of_no_model_is_a_fault() -> None:
    (line,) = switched.faults({**TWO, "llm_models_off": ["c"]})
    assert line == "llm_models_off names c, which llm_models lacks: write some of a, b"
    assert switched.faults({**TWO, "llm_models_off": ["a"]}) == []


def test_a_switch_is_a_file_of_variables() -> None:
    told = switched.switch({**TWO, "llm_models_off": ["b"]}, "a", "b")
    assert (told["off"], told["will"]) == (["a"], ["Serve b", "Serve a no more"])
    assert told["destroys"] == ["Requests for a are refused from then on"]
    assert yaml.safe_load(told["text"]) == {"llm_models_off": ["a"]}


def test_ansibles_own_texts_are_written_too() -> None:
    """It marks what came from the inventory, and PyYAML's safe writer refuses texts of such types."""

    class Marked(str):
        pass

    told = switched.switch({**TWO, "llm_models": [{"name": Marked("a")}, {"name": Marked("b")}]}, "a", "b")
    assert yaml.safe_load(told["text"]) == {"llm_models_off": ["a"]}


def test_a_switch_that_was_made_changes_nothing() -> None:
    told = switched.switch({**TWO, "llm_models_off": ["a"]}, "a", "b")
    assert (told["off"], told["will"], told["destroys"]) == (["a"], [], [])


@pytest.mark.parametrize("names", [("", ""), ("c", "a"), ("a", "x")])
def test_other_names_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(FleetError, match="each one of: a, b"):
        switched.switch(TWO, *names)
