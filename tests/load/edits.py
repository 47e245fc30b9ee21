# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of variables that several scenarios make under load. Each changes one thing."""

from __future__ import annotations

import typing as t

Said = dict[str, t.Any]


def vllm_option(said: Said) -> None:
    said["llm_models"][0]["engine_args"]["max_num_seqs"] = 5


def refused_vllm_option(said: Said) -> None:
    """vLLM ends with it."""
    said["llm_models"][0]["engine_args"]["load_format"] = "nonsense"


def litellm_configuration(said: Said) -> None:
    said.update(litellm_request_timeout=said.get("litellm_request_timeout", 601) + 1)


def gate_configuration(said: Said) -> None:
    said.update(gate_balance="leastconn")
