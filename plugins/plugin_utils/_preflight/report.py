# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judgement of all hosts together, as a table and as one refusal. Only the action plugin fleet imports it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._preflight.judge import judge, lines, refusal


class Judged(t.NamedTuple):
    """Lines of the table, and every fault with its remedy, empty when there is none."""

    table: list[str]
    refusal: str


def judged(facts: t.Mapping[str, t.Mapping[str, t.Any]], declared: t.Mapping[str, t.Mapping[str, t.Any]]) -> Judged:
    """Hosts that answered and whose look is wanted, by their variables' view."""
    hosts = [name for name in facts if declared.get(name, {}).get("enabled")]
    rows = [row for name in hosts for row in judge(name, facts[name], declared[name])]
    return Judged(lines(rows) if rows else [], refusal(rows))
