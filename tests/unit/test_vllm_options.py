# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `vllm serve` by release, and who writes them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.vllm_options import (
    OPTIONS,
    REMOVED,
    instead,
    options_for,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import default_vllm_version

SCRIPT = Path(__file__).parents[2] / "scripts" / "vllm_options.py"


def test_a_release_takes_its_place_in_the_table() -> None:
    spec = importlib.util.spec_from_file_location("vllm_options", SCRIPT)
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found = script.with_release({"0.32": ["a"]}, {"vllm": "0.9.1+cpu", "options": ["c", "b"]})
    assert list(found.items()) == [("0.9", ["b", "c"]), ("0.32", ["a"])]


def test_the_pinned_release_is_in_the_table_and_has_nothing_that_is_gone() -> None:
    release = ".".join(default_vllm_version().split(".")[:2])
    assert release in OPTIONS and not set(REMOVED) & OPTIONS[release]


@pytest.mark.parametrize(
    ("version", "made_from"), [("0.26.0", "0.26"), ("0.32.1", "0.32"), ("0.20.0", "0.26"), ("0.40.0", "0.32")]
)
def test_a_release_without_a_table_of_its_own(version: str, made_from: str) -> None:
    assert options_for(version) == (made_from, OPTIONS[made_from])


def test_a_release_between_two_takes_what_either_has() -> None:
    assert options_for("0.29.0") == ("0.26", OPTIONS["0.26"] | OPTIONS["0.32"])


@pytest.mark.parametrize("name", sorted(OPTIONS["0.26"] - OPTIONS["0.32"]))
def test_what_a_release_of_the_table_had_and_the_next_lacks_is_said_without_a_list(name: str) -> None:
    assert instead(name, "0.32.0").startswith("vLLM 0.26 was the last known to have it; ")
    assert instead(name, "0.26.0") == instead(name, "0.25.0") == ""


def test_what_no_release_had_is_not_said_to_be_gone() -> None:
    assert instead("max-num-seq", "0.32.0") == ""
    assert instead("swap-space", "0.32.0").endswith("leave it out")
