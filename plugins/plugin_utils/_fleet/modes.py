# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a model is for (its mode), what it can do, and what a probe asks of it. Pure: from an entry of llm_models, what is known of its
model and vLLM's options.

A mode is declared, else the catalogue's, else that of the model's architecture; so are vLLM's options of a model.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.serving import options as known_options
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.serving import serving

Entry = t.Mapping[str, t.Any]

CHAT, COMPLETION, EMBEDDING, RERANK, TRANSCRIPTION = "chat", "completion", "embedding", "rerank", "audio_transcription"
#: By LiteLLM's words, in model_info.mode.
MODES = (CHAT, COMPLETION, EMBEDDING, RERANK, TRANSCRIPTION)
#: What people call them elsewhere.
OTHER_WORDS = {
    "transcription": TRANSCRIPTION,
    "speech": TRANSCRIPTION,
    "asr": TRANSCRIPTION,
    "embed": EMBEDDING,
    "embeddings": EMBEDDING,
    "reranker": RERANK,
    "score": RERANK,
    "generate": CHAT,
    "text": COMPLETION,
    "vision": CHAT,
}
#: Modes that a model of an architecture can have, by how its name ends; the first one is its own. What generates can be an
#: embedding or a reranker too, since vLLM converts it.
ARCHITECTURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ForSequenceClassification", (RERANK,)),
    ("ForRanking", (RERANK,)),
    ("WhisperForConditionalGeneration", (TRANSCRIPTION,)),
    ("BertModel", (EMBEDDING, RERANK)),
    ("RobertaModel", (EMBEDDING, RERANK)),
    ("BertForMaskedLM", (EMBEDDING,)),
    ("ForCausalLM", (CHAT, COMPLETION, EMBEDDING, RERANK)),
    ("ForConditionalGeneration", (CHAT, COMPLETION, EMBEDDING, RERANK, TRANSCRIPTION)),
)
#: vLLM's option convert, which makes a model another.
CONVERTED = {"embed": EMBEDDING, "classify": RERANK}
#: Keys of a config.json that only a model that sees has.
EYES = ("vision_config", "vision_tower", "visual", "vision_encoder")

TOOLS, REASONING, VISION, SCHEMA = (
    "supports_function_calling",
    "supports_reasoning",
    "supports_vision",
    "supports_response_schema",
)
#: What a probe asks in each mode, and what a model claims by that; by the names in roles/vllm/files/conformance.py.
ALWAYS: dict[str, tuple[str, ...]] = {
    CHAT: ("chat", "stream"),
    COMPLETION: ("completion", "completion_stream"),
    EMBEDDING: ("embedding",),
    RERANK: ("rerank",),
    TRANSCRIPTION: ("transcription",),
}
#: Of a chat model, by LiteLLM's claim.
CLAIMED: dict[str, tuple[str, ...]] = {
    SCHEMA: ("json_schema",),
    TOOLS: ("tool_call", "tool_call_stream"),
    REASONING: ("reasoning",),
    VISION: ("vision",),
}
#: Without the claim not even asked: a thought costs hundreds of tokens, and comes apart only by a parser.
ONLY_CLAIMED = (REASONING,)


def known_modes(config: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """What a model can be for by its config.json; nothing where that does not tell."""
    named = config.get("architectures")
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return next((modes for name in names for ending, modes in ARCHITECTURES if name.endswith(ending)), ())


def mode(entry: Entry, described: t.Mapping[str, t.Any]) -> str:
    """Of one that nothing is known of: chat, as most are."""
    if _told(entry):
        return _told(entry)
    found = known_modes(_config(described))
    return str(_known(entry).get("mode") or (found[0] if found else CHAT))


def _told(entry: Entry) -> str:
    """Declared, or what vLLM is told to make of the model."""
    return str(entry.get("mode") or CONVERTED.get(str(_engine_args(entry).get("convert")), ""))


def _engine_args(entry: Entry) -> dict[str, t.Any]:
    return {str(name).replace("_", "-"): value for name, value in (entry.get("engine_args") or {}).items()}


def _known(entry: Entry) -> dict[str, t.Any]:
    """How the catalogue says that a model is served."""
    return serving(entry["model"]) if isinstance(entry.get("model"), str) else {}


def _config(described: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    config = described.get("config")
    return config if isinstance(config, dict) else {}


def faults(entry: Entry, described: t.Mapping[str, t.Any]) -> list[str]:
    """Of a declared mode: a word that is none, or one that the model can't have."""
    said = entry.get("mode")
    if said is None:
        return []
    if said not in MODES:
        close = OTHER_WORDS.get(str(said)) or next(iter(difflib.get_close_matches(str(said), MODES, n=1)), "")
        return [f"mode {said!r} is none of {', '.join(MODES)}" + (f"; did you mean {close}?" if close else "")]
    can = known_modes(_config(described))
    if not can and _known(entry).get("mode") not in (None, CHAT):
        can = (_known(entry)["mode"],)
    if not can or said in can:
        return []
    names = ", ".join(map(str, _config(described).get("architectures") or ["by the catalogue"]))
    return [
        f"mode {said}: {entry['model']} is a model for {' or '.join(can)} ({names}); write one of these or leave mode out"
    ]


def options(entry: Entry, vllm_version: str) -> dict[str, t.Any]:
    """What vLLM is told of a model beside what the fleet says: the catalogue's options, under those of engine_args, of which null
    takes one out. A model that generates is taken for an embedding only where vLLM is told to."""
    said, wanted = _engine_args(entry), _told(entry)
    known = known_options(entry["model"], vllm_version) if wanted in ("", _known(entry).get("mode")) else {}
    pooling = {"runner": "pooling"} if wanted in (EMBEDDING, RERANK) else {}
    return {name: value for name, value in {**known, **pooling, **said}.items() if value is not None}


def model_info(entry: Entry, described: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """LiteLLM's model_info: the mode, the context, and what clients and its own checks may count on. What is declared wins."""
    purpose = mode(entry, described)
    found: dict[str, t.Any] = {"mode": purpose, **_context(purpose, options)}
    if purpose == CHAT:
        found |= _claims(entry, described, options)
    return {**found, **(entry.get("model_info") or {})}


def _context(purpose: str, options: t.Mapping[str, t.Any]) -> dict[str, int]:
    length = options.get("max-model-len")
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        return {}
    return {"max_input_tokens": length, **({"max_output_tokens": length} if purpose in (CHAT, COMPLETION) else {})}


def _claims(entry: Entry, described: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> dict[str, bool]:
    config = _config(described)
    sees = _known(entry).get("vision") or any(config.get(name) for name in EYES)
    found = {
        TOOLS: bool(options.get("tool-call-parser") and options.get("enable-auto-tool-choice")),
        REASONING: bool(options.get("reasoning-parser")),
        VISION: sees and not options.get("language-model-only"),
        SCHEMA: True,
    }
    return {name: True for name, has in found.items() if has}


def checks(info: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    """What a probe asks, and what of it was declared: only that is worth a warning."""
    purpose = info.get("mode")
    always = ALWAYS.get(purpose, ()) if isinstance(purpose, str) else ()
    if purpose != CHAT:
        return {"checks": list(always), "declared": list(always)}
    claimed = [name for claim, names in CLAIMED.items() if info.get(claim) for name in names]
    asked = [name for claim, names in CLAIMED.items() if info.get(claim) or claim not in ONLY_CLAIMED for name in names]
    return {"checks": [*always, *asked], "declared": [*always, *claimed]}


#: Where vLLM's own image has its examples (vllm-project/vllm#18874).
WORKSPACE = "/vllm-workspace"


def template_lines(models: t.Sequence[Entry], vllm_version: str) -> list[str]:
    """Models whose tools vLLM documents with a chat template of its own, and that are served with the one that the model brings."""
    return [line for entry in models for line in _template_line(entry, vllm_version)]


def _template_line(entry: Entry, vllm_version: str) -> list[str]:
    template, said = _known(entry).get("chat_template"), options(entry, vllm_version)
    parser = said.get("tool-call-parser")
    if not template or not parser or "chat-template" in _engine_args(entry):
        return []
    return [
        f"{entry['name']}: vLLM documents the tools of this model ({parser}) with its own chat template, {template}; here the model's own is "
        f"used. To try vLLM's, write into engine_args: chat-template: {WORKSPACE}/{template}, where vLLM's image has it"
    ]
