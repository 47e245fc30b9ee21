# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run leaves undone: hosts that did not answer or failed, and who still counts on them. Pure."""

from __future__ import annotations

import typing as t

Value = t.Mapping[str, t.Any]


def lines(value: Value, failed: t.Iterable[str]) -> list[str]:
    """One line for each host of the fleet that lacks what this run brought to the others; failed are hosts of the play."""
    reasons = {name: "failed in this run" for name in failed if name in value["hosts"]}
    reasons |= {name: f"does not answer ({reason})" for name, reason in value["unreachable_hosts"].items()}
    return [_line(name, reason, value) for name, reason in reasons.items()]


def kept(value: Value, complete: bool) -> dict[str, t.Any]:
    """What later runs are to know, and the hosts that have something else. A run of a part of the fleet, or of a part of what is to
    be done, is not complete."""
    part = "complete_reading" if complete else "reading"
    return {
        "reading": value.get(part, {}),
        "keeping": [name for name, host in value["hosts"].items() if host.get(f"keep_{part}")],
    }


def _line(name: str, reason: str, value: Value) -> str:
    text = f"{name} {reason}: it may lack what this run changed; run again once it is well"
    served = _models(one for one in value["instances"] if one["server"] == name)
    if not served:
        return text
    beside = _models(one for one in value["instances"] if one["server"] != name)
    shared, alone = [one for one in served if one in beside], [one for one in served if one not in beside]
    text += ". The gates send it requests only while it passes their check"
    text += f"; {', '.join(shared)} also runs elsewhere" if shared else ""
    return text + (f"; {', '.join(alone)} runs nowhere else" if alone else "")


def _models(instances: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    return list(dict.fromkeys(one["model_name"] for one in instances))
