# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of `vllm serve`, by vLLM version, so that a misspelt one is refused before any host is touched.

vllm_options.json is written by scripts/vllm_options.py, which asks the images' own parsers. The image of an instance is asked again before
the instance is stopped (the module vllm_engine_info), so this serves checks without a host, and spelling.
"""

from __future__ import annotations

import json
from pathlib import Path

_GONE = "it is gone; leave it out"
#: Options of releases before those of the table, and of all what to write instead. That an option of the table is gone, the table says.
REMOVED: dict[str, str] = {
    "chat-template-text-format": "write chat-template-content-format",
    "cuda-graph-sizes": "write cudagraph-capture-sizes",
    "device": "it is gone, since the image decides; leave it out",
    "disable-async-output-proc": _GONE,
    "disable-frontend-multiprocessing": _GONE,
    "disable-log-requests": "it is gone, since requests are not logged unless enable-log-requests is true; leave it out",
    "disable-mm-preprocessor-cache": "write mm-processor-cache-gb: 0",
    "enable-prompt-adapter": _GONE,
    "enable-reasoning": "it is gone, since reasoning-parser alone switches it on; leave it out",
    "engine-use-ray": _GONE,
    "guided-decoding-backend": "write structured-outputs-config: {backend: ...}",
    "guided-decoding-disable-additional-properties": "write structured-outputs-config: {disable_additional_properties: true}",
    "guided-decoding-disable-any-whitespace": "write structured-outputs-config: {disable_any_whitespace: true}",
    "guided-decoding-disable-fallback": "write structured-outputs-config: {disable_fallback: true}",
    "lora-extra-vocab-size": _GONE,
    "max-seq-len-to-capture": "write max-cudagraph-capture-size, which counts tokens of a batch",
    "multi-step-stream-outputs": _GONE,
    "ngram-prompt-lookup-max": "write speculative-config: {method: ngram, prompt_lookup_max: ...}",
    "num-lookahead-slots": _GONE,
    "num-redundant-experts": "write eplb-config: {num_redundant_experts: ...}",
    "num-scheduler-steps": _GONE,
    "num-speculative-tokens": "write speculative-config: {num_speculative_tokens: ...}",
    "override-pooler-config": "write pooler-config",
    "preemption-mode": _GONE,
    "reasoning-backend": "write reasoning-parser",
    "rope-scaling": "write hf-overrides: {rope_parameters: {...}}",
    "rope-theta": "write hf-overrides: {rope_parameters: {rope_theta: ...}}",
    "speculative-model": "write speculative-config: {model: ...}",
    "swap-space": "it is gone, since preempted requests are computed anew; leave it out",
    "task": "write runner: pooling or generate, and convert where it needs one",
    "tokenizer-pool-size": _GONE,
    "tokenizer-pool-type": _GONE,
    "use-v2-block-manager": _GONE,
    "worker-use-ray": "write distributed-executor-backend: ray",
}

_TABLE: dict[str, list[str]] = json.loads(Path(__file__).with_name("vllm_options.json").read_text(encoding="utf-8"))
OPTIONS: dict[str, frozenset[str]] = {release: frozenset(names) for release, names in _TABLE.items()}


def instead(name: str, version: str) -> str:
    """What to write for an option that an older release had and *version* has not; empty where no release is known to have had it."""
    told = REMOVED.get(name, "")
    _release, options = options_for(version)
    had = [
        release
        for release in sorted(OPTIONS, key=_minor)
        if name in OPTIONS[release] and _minor(release) < _minor(version)
    ]
    if not had or name in options:
        return told
    return f"vLLM {had[-1]} was the last known to have it; {told or 'leave it out'}"


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.lstrip("v").split(".")[:2]
    return int(major), int(minor)


#: The newest release whose options are known.
NEWEST = max(OPTIONS, key=_minor)


def options_for(version: str) -> tuple[str, frozenset[str]]:
    """The table for *version*, as the version it was made from and its options: its own, else what the nearest older and the
    nearest newer one have, one of which may be missing. ValueError where *version* does not begin with two numbers."""
    wanted = _minor(version)
    known = sorted(OPTIONS, key=_minor)
    older = [name for name in known if _minor(name) <= wanted]
    newer = [name for name in known if _minor(name) > wanted]
    if older and _minor(older[-1]) == wanted:
        return older[-1], OPTIONS[older[-1]]
    beside = [*older[-1:], *newer[:1]]
    return beside[0], frozenset().union(*(OPTIONS[name] for name in beside))
