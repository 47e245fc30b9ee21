# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command of a vLLM service as options by name, whichever way it is started. Pure; vllm.py uses it."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.shell import SHELLS, plain_words, script

#: Options that are switches: what follows one is the model. Source: those of `vllm serve --help=all` of 0.32 with a --no- form,
#: and switches of earlier releases.
_SWITCHES = """
allow-credentials allow-deprecated-quantization async-scheduling cohere-is-reasoning-model cudagraph-metrics
data-parallel-external-lb data-parallel-hybrid-lb dcp-q-replicate disable-cascade-attn disable-chunked-mm-input
disable-custom-all-reduce disable-fastapi-docs disable-frontend-multiprocessing disable-hybrid-kv-cache-manager
disable-log-requests disable-log-stats disable-mm-preprocessor-cache disable-nccl-for-dp-synchronization
disable-sliding-window disable-uvicorn-access-log enable-auto-tool-choice enable-batch-sharded-sampling
enable-chunked-prefill enable-cumem-allocator enable-dbo enable-elastic-ep enable-ep-weight-filter enable-eplb
enable-expert-parallel enable-fault-tolerance enable-flashinfer-autotune enable-force-include-usage
enable-layerwise-nvtx-tracing enable-log-deltas enable-log-outputs enable-log-requests
enable-logging-iteration-details enable-lora enable-mfu-metrics enable-mm-embeds enable-offline-docs
enable-prefix-caching enable-prompt-adapter enable-prompt-embeds enable-prompt-tokens-details enable-reasoning
enable-request-id-headers enable-return-routed-experts enable-server-load-tracking enable-sleep-mode
enable-ssl-refresh enable-tokenizer-info-endpoint enforce-eager engine-use-ray exclude-tools-when-tool-choice-none
fully-sharded-loras headless interleave-mm-strings kv-cache-metrics kv-sharing-fast-prefill language-model-only
log-error-stack mm-encoder-only multi-step-stream-outputs numa-bind return-tokens-as-token-ids skip-mm-profiling
skip-tokenizer-init tokens-only trust-remote-code trust-request-chat-template use-tqdm-on-load use-v2-block-manager
worker-use-ray
"""
SWITCHES = frozenset(_SWITCHES.split())
#: Short forms.
SHORT = {
    "-tp": "tensor-parallel-size",
    "-pp": "pipeline-parallel-size",
    "-dp": "data-parallel-size",
    "-dpl": "data-parallel-size-local",
    "-dcp": "decode-context-parallel-size",
    "-ep": "enable-expert-parallel",
    "-q": "quantization",
    "-n": "nnodes",
    "-r": "node-rank",
    "-ac": "attention-config",
    "-cc": "compilation-config",
    "-sc": "speculative-config",
    "-asc": "api-server-count",
    "-O": "optimization-level",
}
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")

Options = dict[str, t.Any]


class CommandError(ValueError):
    """What is started can't be told; the message says what to write instead."""


def options(service: Service) -> Options:
    """The options of vLLM by their names with dashes, the model as `model`; values as YAML has them."""
    words = [*service.entrypoint, *service.command]
    return parse(arguments(words, bool(service.entrypoint), service.environment))


def arguments(words: list[str], own_entrypoint: bool, environment: t.Mapping[str, str]) -> list[str]:
    """What is behind `vllm serve`, or behind the module of the API server."""
    first = words[0].rpartition("/")[2] if words else ""
    if first in SHELLS:
        return arguments(_of_shell(words, environment), True, environment)
    for place, word in enumerate(words):
        if "vllm.entrypoints" in word and word.endswith("api_server"):
            return words[place + 1 :]
    if first == "vllm" and words[1:2] == ["serve"]:
        return words[2:]
    if first == "serve":
        return words[1:]
    if own_entrypoint:
        raise CommandError(
            "starts another program than vLLM; write its command as [vllm, serve, MODEL, --option, value]"
        )
    return words


def _of_shell(words: list[str], environment: t.Mapping[str, str]) -> list[str]:
    found = plain_words(script(words), environment)
    if not found:
        raise CommandError(
            "runs a shell script, or has a quote that nothing closes; write its command as [vllm, serve, MODEL, --option, value]"
        )
    return found


def parse(words: t.Sequence[str]) -> Options:
    found: Options = {}
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if not _is_option(word):
            if "model" in found:
                raise CommandError("names two models, or an option without its dashes; mend it")
            found["model"] = word
            continue
        name, value = _named(word)
        if value is None and name not in SWITCHES:
            end = place
            while end < len(words) and not _is_option(words[end]):
                end += 1
            value, place = _listed(words[place:end]), end
        _put(found, name, value)
    return found


def _is_option(word: str) -> bool:
    return word.startswith("-") and not _NUMBER.fullmatch(word)


def _named(word: str) -> tuple[str, t.Any]:
    """The name of an option, and the value that it carries itself."""
    name, sign, value = word.partition("=")
    if name.startswith("-O") and len(name) > 2:
        name, sign, value = "-O", "=", name[2:]
    plain = SHORT.get(name) or name.lstrip("-").replace("_", "-")
    if sign:
        return plain, typed(value)
    return (plain[3:], False) if plain.startswith("no-") and plain[3:] in SWITCHES else (plain, None)


def _listed(words: t.Sequence[str]) -> t.Any:
    if not words:
        return None
    return typed(words[0]) if len(words) == 1 else [typed(word) for word in words]


def _put(found: Options, name: str, value: t.Any) -> None:
    """--hf-overrides.a.b 1 is a part of --hf-overrides; a switch without a value is on."""
    name, *inside = name.split(".")
    value = True if value is None else value
    if not inside:
        found[name] = value
        return
    part = found[name] if isinstance(found.get(name), dict) else {}
    found[name] = part
    for step in inside[:-1]:
        part = part.setdefault(step, {})
    part[inside[-1]] = value


def typed(text: str) -> t.Any:
    """Numbers and JSON as what they are, all else as text."""
    if re.fullmatch(r"-?(?:0|[1-9]\d*)", text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    if text in ("true", "false", "True", "False"):
        return text.lower() == "true"
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
