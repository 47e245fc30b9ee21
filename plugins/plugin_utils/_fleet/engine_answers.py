# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the servers' vLLM said of models, as the plan finds it again. Pure; only _fleet/gpu_memory.py and _fleet/compute.py call it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._engine_answers.keeping import SIZES
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import option_name
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.answers import within

Entry = t.Mapping[str, t.Any]


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
    """The config.json with what vLLM said of this entry; as it is, where it was not asked for the like of it."""
    wanted = _sizes(entry)
    for one in answers:
        asked = one["asked"]
        same = asked.get("model") == entry["model"] and asked.get("revision") == str(entry.get("revision") or "main")
        if same and one.get("vllm") == version and _plain(asked.get("options")) == wanted:
            sizes = (int(wanted.get("tensor-parallel-size", 1)), bool(wanted.get("enable-expert-parallel", False)))
            return within(config, one, sizes)
    return dict(config)


def _sizes(entry: Entry) -> dict[str, t.Any]:
    said = {option_name(str(key)): value for key, value in (entry.get("engine_args") or {}).items()}
    return _plain({**said, "tensor-parallel-size": entry.get("tensor_parallel_size") or 1})


def _plain(options: t.Any) -> dict[str, t.Any]:
    """Without what says the default."""
    said = options if isinstance(options, dict) else {}
    return {name: said[name] for name in SIZES if said.get(name) not in (None, 1, False, "auto")}
