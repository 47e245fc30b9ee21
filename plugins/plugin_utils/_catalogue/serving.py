# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a known model is served: its mode, and the options of vLLM that belong to it (parsers, tokenizer, templates).

serving.json is written by scripts/catalogue.py, with the source of each row. A row is of a repository, or of a family of them.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import re
from pathlib import Path
from typing import Any

#: Who publishes others' models in other precisions, and how these are named.
PUBLISHERS = ("redhatai", "neuralmagic", "nvidia", "amd", "unsloth")
PRECISIONS = re.compile(
    r"-(?:fp8(?:-dynamic|-block)?|nvfp4|mxfp4|mxfp8|awq|gptq(?:-int[48])?|int[48]|bf16|quantized\.w\d+a\d+|bnb-4bit)$"
)


@functools.cache
def data() -> dict[str, Any]:
    """Everything: vllm (the release whose parsers these are), sources, parsers, licenses, families, rows."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("serving.json").read_text(encoding="utf-8"))
    return found


@functools.cache
def _by_name() -> dict[str, str]:
    return {name.lower(): name for name in data()["rows"]}


@functools.cache
def _by_last_part() -> dict[str, str]:
    """Of names that only one publisher has."""
    found: dict[str, list[str]] = {}
    for name in data()["rows"]:
        found.setdefault(name.lower().rpartition("/")[2], []).append(name)
    return {last: names[0] for last, names in found.items() if len(names) == 1}


def serving(model: str) -> dict[str, Any]:
    """What is known of how a repository is served, and its licence; nothing of one that nobody described, and of a path."""
    if model.startswith("/"):
        return {}
    name = model.strip("/").lower()
    found = _served(name)
    return {**found, **_license(name)} if found else {}


def _license(name: str) -> dict[str, Any]:
    """As its publisher says; nothing where nobody did."""
    for one in data()["licenses"]:
        if _matches(name, one["match"]):
            gate = {"gated": one["gated"]} if "gated" in one else {}
            return {"license": one["license"], "license_source": one["source"], **gate}
    return {}


def _served(name: str) -> dict[str, Any]:
    row = _by_name().get(name)
    if row:
        return dict(data()["rows"][row])
    one = _family(name)
    if one:
        return one
    owner, _slash, last = name.rpartition("/")
    plain = PRECISIONS.sub("", last)
    if plain == last and owner not in PUBLISHERS:
        return {}
    return _other_precision(owner, plain)


def _other_precision(owner: str, plain: str) -> dict[str, Any]:
    """Of the model itself; what a precision takes of a GPU is its own."""
    same = _by_name().get(f"{owner}/{plain}") or (_by_last_part().get(plain) if owner in PUBLISHERS else None)
    row = data()["rows"][same] if same else {}
    return {key: value for key, value in row.items() if key not in ("gpu_memory_gib", "precision")}


def _family(name: str) -> dict[str, Any]:
    for one in data()["families"]:
        if _matches(name, one["match"]) and not _matches(name, one.get("without", ())):
            return {key: value for key, value in one.items() if key not in ("match", "without")}
    return {}


def _matches(name: str, patterns: Any) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in patterns)


def options(model: str, vllm_version: str) -> dict[str, Any]:
    """vLLM's options of a repository. Not for a release before the one whose parsers are known: it may not have them."""
    if _release(vllm_version) < _release(data()["vllm"]):
        return {}
    return dict(serving(model).get("options") or {})


def _release(version: str) -> tuple[int, ...]:
    """A version that is no number is a build of one's own, and new."""
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    return tuple(map(int, numbers.groups())) if numbers else (1 << 30,)
