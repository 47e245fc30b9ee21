# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last good reading of the fleet: what the plan depends on and a later run may be unable to ask. Pure.

It is kept in a file on every server and comes back with host_info; the newest one counts.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import api_keys, former, upgrades
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpus import Gpu
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.reach import is_address

#: Name of the file under llm_project_root.
FILE = "reading.json"
FORMAT = 1
#: Above every port, GiB and count.
LARGEST = 2**20

Reading = dict[str, t.Any]


def newest(hosts: t.Iterable[Host]) -> Reading:
    """The reading with the highest number; one that is damaged or of another format is none."""
    found = [reading for host in hosts if _sound(reading := host.facts.get("reading"))]
    nothing: Reading = {"number": 0, "hosts": {}, "models": {}}
    last = max(found, key=lambda reading: reading["number"], default=nothing)
    return {**last, "hosts": {name: _sound_host(one) for name, one in last["hosts"].items()}}


def stale(reading: Reading, models: t.Mapping[str, t.Any], unreachable: t.Mapping[str, str]) -> list[str]:
    """What the plan takes although nobody could say it anew, each in a line for people."""
    found = []
    for key, one in models.items():
        if one.get("hub_error"):
            knew = "an earlier run" if one.get("source") == "kept" else "the cache of Hugging Face on this machine"
            found.append(f"{key} is planned as {knew} knew it: {one['hub_error']}")
    for name, reason in unreachable.items():
        knew = "as an earlier run knew it" if name in reading["hosts"] else "by the inventory alone"
        found.append(f"{name} is planned {knew}, since it does not answer: {reason}")
    return found


def _sound(reading: t.Any) -> bool:
    return (
        isinstance(reading, dict)
        and reading.get("format") == FORMAT
        and isinstance(reading.get("number"), int)
        and all(
            isinstance(reading.get(part), dict) and all(isinstance(one, dict) for one in reading[part].values())
            for part in ("hosts", "models")
        )
    )


def _sound_host(kept: t.Mapping[str, t.Any]) -> Reading:
    """A host's part without what is not as its readers expect it: a file on a host may be damaged, or somebody's."""
    return {name: value for name, value in kept.items() if name not in _SOUND or _SOUND[name](value)}


def _is_count(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST


def _is_size(value: t.Any) -> bool:
    return _is_count(value) or (isinstance(value, float) and 0 <= value < LARGEST)


def _are_gpus(value: t.Any) -> bool:
    return isinstance(value, dict) and all(
        index.isdecimal()
        and isinstance(one, list)
        and len(one) == 3
        and isinstance(one[0], str)
        and all(map(_is_size, one[1:]))
        for index, one in value.items()
    )


def figures(value: t.Any) -> Reading:
    """What vLLM said of its instances, as far as the gateways need it, from a file of the host or a reading."""
    listed = value if isinstance(value, dict) else {}
    limits = {name: one.get("parallel_limit") for name, one in listed.items() if isinstance(one, dict)}
    return {name: {"parallel_limit": limit if _is_count(limit) else None} for name, limit in limits.items()}


_SOUND: dict[str, t.Callable[[t.Any], bool]] = {
    "address": lambda value: isinstance(value, str) and is_address(value),
    "gpus": _are_gpus,
    "figures": lambda value: value == figures(value),
    "ports": lambda value: isinstance(value, dict) and all(map(_is_count, value.values())),
    "litellm_instances": _is_count,
}


def renewed(
    before: Reading,
    hosts: t.Mapping[str, t.Any],
    models: t.Mapping[str, t.Any],
    places: t.Mapping[str, t.Any],
    drained: t.Sequence[str] = (),
    key: t.Mapping[str, str] | None = None,
    names: t.Mapping[str, list[str]] | None = None,
    upgraded: t.Mapping[str, t.Any] | None = None,
) -> Reading:
    """What this run knows, under the next number where it differs from what was kept."""
    content = {"format": FORMAT, "hosts": dict(hosts), "models": dict(models), "places": dict(places)}
    content |= {api_keys.PART: dict(key)} if key else {}
    same = all(before.get(part) == content[part] for part in content) and drains(before) == list(drained)
    same = same and api_keys.kept(before) == dict(key or {}) and former.kept(before) == dict(names or {})
    same = same and upgrades.kept(before) == dict(upgraded or {})
    content |= {"drained": list(drained)} if drained else {}
    content |= {former.PART: dict(names)} if names else {}
    content |= {upgrades.PART: dict(upgraded)} if upgraded else {}
    return {**content, "number": before["number"] + (0 if same else 1)}


def drains(reading: Reading) -> list[str]:
    """What persons took requests from, until they give them back: servers, and instances as SERVER/NAME."""
    found = reading.get("drained")
    return [str(one) for one in found] if isinstance(found, list) else []


def of_host(
    host: Host, memory: t.Mapping[int, Gpu], figures: t.Mapping[str, t.Any], before: t.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """The part of a reading that is one host's; one that did not answer keeps what it had."""
    if not host.facts:
        return dict(before)
    gpus = {str(index): [gpu.name, gpu.memory_gib, gpu.reserved_gib] for index, gpu in memory.items()}
    # Numbers of JSON are what they were: 23.55 comes back as 23.55.
    return {"address": host.address, "gpus": gpus or before.get("gpus", {}), "figures": dict(figures)}


def of_models(described: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The part of a reading that is the models', without what may change although the model does not."""
    names = ("config", "weight_bytes", "gated")
    return {
        key: {name: one[name] for name in names if name in one} for key, one in described.items() if one.get("config")
    }
