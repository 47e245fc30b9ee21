# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attention heads of well-known models, from their config.json (num_attention_heads) on the Hugging Face hub."""

from __future__ import annotations

ATTENTION_HEADS: dict[str, int] = {
    "deepseek-ai/DeepSeek-V2-Lite": 16,
    "google/gemma-2-9b": 16,
    "meta-llama/Llama-3.1-70B": 64,
    "meta-llama/Llama-3.1-8B": 32,
    "meta-llama/Llama-3.2-1B": 32,
    "meta-llama/Llama-3.2-3B": 24,
    "meta-llama/Meta-Llama-3-8B": 32,
    "microsoft/phi-4": 40,
    "mistralai/Mistral-7B-Instruct-v0.3": 32,
    "Qwen/Qwen2.5-0.5B-Instruct": 14,
    "Qwen/Qwen2.5-1.5B-Instruct": 12,
    "Qwen/Qwen2.5-7B-Instruct": 28,
    "Qwen/Qwen2.5-7B-Instruct-AWQ": 28,
    "Qwen/Qwen2.5-14B-Instruct": 40,
    "Qwen/Qwen2.5-14B-Instruct-GPTQ-Int4": 40,
    "Qwen/Qwen2.5-32B-Instruct": 40,
    "Qwen/Qwen2.5-32B-Instruct-AWQ": 40,
    "Qwen/Qwen3-30B-A3B": 32,
    "Qwen/Qwen3-8B": 32,
}
