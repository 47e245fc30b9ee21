# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that the planner knows without a network: shape, licence, gate and what they are for."""

from __future__ import annotations

from typing import Any

from .families.deepseek import DEEPSEEK
from .families.gemma import GEMMA
from .families.gpt_oss import GPT_OSS
from .families.llama import LLAMA
from .families.mistral import MISTRAL
from .families.phi import PHI
from .families.qwen2 import QWEN2
from .families.qwen3 import QWEN3

CATALOGUE: dict[str, dict[str, Any]] = {
    **QWEN2,
    **QWEN3,
    **MISTRAL,
    **LLAMA,
    **GEMMA,
    **PHI,
    **DEEPSEEK,
    **GPT_OSS,
}
