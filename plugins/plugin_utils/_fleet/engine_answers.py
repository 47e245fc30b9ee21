# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the servers' vLLM said of models, as the plan finds it again. Pure; _fleet/gpu_memory.py, _fleet/compute.py and the questions use it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._engine_answers.keeping import DRAFT, SIZES
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import option_name
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.answers import NAME, within

Entry = t.Mapping[str, t.Any]
#: What speculates without a model of its own, by the names that vLLM takes in the place of a model's.
NO_MODELS = frozenset({"ngram", "[ngram]", "suffix"})
#: What was measured beside its plan.
COUNTED_METHODS = frozenset({"eagle", "eagle3", "mtp", "ngram"})


def of_hosts(hosts: t.Iterable[Host]) -> list[dict[str, t.Any]]:
    """All answers of models that could be made, with what they were asked for."""
    found = []
    for host in hosts:
        kept = (host.facts.get("answers") or {}).get("answers")
        for one in kept.values() if isinstance(kept, dict) else ():
            if isinstance(one, dict) and one.get("built") is True and isinstance(one.get("asked"), dict):
                found.append(one)
    return found


def with_answer(
    config: t.Mapping[str, t.Any], entry: Entry, version: str, answers: t.Sequence[Entry]
) -> dict[str, t.Any]:
    """The config.json with what vLLM said of this entry; as it is, where it was not asked for the like of it. What a model's author
    wrote under the name of an answer is none."""
    config = {name: value for name, value in config.items() if name != NAME}
    draft, wanted = _sizes(entry)
    for one in answers:
        asked = one["asked"]
        same = asked.get("model") == entry["model"] and asked.get("revision") == str(entry.get("revision") or "main")
        if (
            same
            and (asked.get("draft") or []) == list(draft)
            and one.get("vllm") == version
            and _plain(asked.get("options")) == wanted
        ):
            sizes = (int(wanted.get("tensor-parallel-size", 1)), bool(wanted.get("enable-expert-parallel", False)))
            return within(config, one, sizes)
    return config


def _sizes(entry: Entry) -> tuple[tuple[str, ...], dict[str, t.Any]]:
    """The draft model, and the options that weights and cache depend on."""
    said = {option_name(str(key)): value for key, value in (entry.get("engine_args") or {}).items()}
    draft, options = draft_of({**said, "tensor-parallel-size": entry.get("tensor_parallel_size") or 1})
    return draft, _plain(options)


def tells(options: Entry) -> bool:
    """Whether an answer counts all that these options take. A draft that is a whole model took 3.9 GiB more under load than at the start
    (docs/planner.md), which no answer tells; heads that continue the model's own thoughts did not."""
    if options.get("spec-model"):
        return False
    said = options.get("speculative-config")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            return False
    return not said or (isinstance(said, dict) and str(said.get("method")) in COUNTED_METHODS)


def draft_of(options: dict[str, t.Any]) -> tuple[tuple[str, ...], dict[str, t.Any]]:
    """The model that speculates for another with its revision, nothing where none does; and the options with a word in its place."""
    if options.get("spec-model"):
        return (str(options["spec-model"]), "main"), {**options, "spec-model": DRAFT}
    said = options.get("speculative-config")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            return (), options
    # n-grams are no model.
    if not isinstance(said, dict) or not said.get("model") or said["model"] in NO_MODELS:
        return (), options
    changed = {**{name: one for name, one in said.items() if name != "revision"}, "model": DRAFT}
    return (str(said["model"]), str(said.get("revision") or "main")), {**options, "speculative-config": changed}


def _plain(options: t.Any) -> dict[str, t.Any]:
    """Without what says the default."""
    said = options if isinstance(options, dict) else {}
    return {name: said[name] for name in SIZES if said.get(name) not in (None, 1, False, "auto")}
