# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tasks of roles/llm found on the hosts, from what they registered in this very run.

Facts may come from a cache, so that a host which is away would look as if it were there: only registered results count.
"""

from __future__ import annotations

import typing as t

#: What the tasks register: on the host itself, and on a host of the play for those outside the limit.
OWN = "llm_looked"
OUTSIDE = "llm_looked_outside"

Raw = t.Mapping[str, t.Mapping[str, t.Any]]


class Looks(t.NamedTuple):
    """What was found by host, and why nothing was."""

    facts: dict[str, dict[str, t.Any]]
    unreachable: dict[str, str]


def looks(raw: Raw) -> Looks:
    """Of all hosts of the fleet."""
    results = {name: found[OWN] for name, found in raw.items() if found.get(OWN)}
    for found in raw.values():
        for result in (found.get(OUTSIDE) or {}).get("results") or []:
            results.setdefault(str(result.get("item")), result)
    facts, unreachable = {}, {}
    for name in raw:
        seen = (results.get(name, {}).get("ansible_facts") or {}).get("llm_host")
        if seen:
            facts[name] = {**seen, **_just_read(raw[name])}
        else:
            unreachable[name] = _reason(results.get(name))
    return Looks(facts, unreachable)


def _just_read(found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Figures of instances that this run has started, which are newer than the file's."""
    figures = (found.get("ansible_facts") or {}).get("llmfleet_vllm")
    return {"figures": figures} if figures else {}


def _reason(result: t.Mapping[str, t.Any] | None) -> str:
    text = str((result or {}).get("msg") or "it was not looked at").strip().splitlines()[0]
    return text if len(text) <= 200 else f"{text[:200]}…"
