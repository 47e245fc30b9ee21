# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server, one replica, steady load: whatever is changed, every request is answered in full. In this order."""

from __future__ import annotations

import typing as t

from tests.load import edits
from tests.load.changes import Fleet, Load, changed, taken_back

VLLM = "llmfleet-vllm-tiny"


def test_an_option_of_vllm(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "vllm option", edits.vllm_option, VLLM)


def test_the_image_of_vllm(fleet: Fleet, under_load: Load, other_image: t.Callable[[str], str]) -> None:
    changed(fleet, under_load, "vllm image", lambda said: said.update(vllm_image=other_image("vllm")), VLLM)


def test_the_configuration_of_litellm(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "litellm config", edits.litellm_configuration)


def test_the_configuration_of_the_gate(fleet: Fleet, under_load: Load) -> None:
    changed(fleet, under_load, "gate config", edits.gate_configuration)


def test_a_failing_change_is_taken_back(fleet: Fleet, under_load: Load) -> None:
    taken_back(fleet, under_load, "failing vllm option", edits.refused_vllm_option)
