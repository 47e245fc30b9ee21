# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""200 servers with 1,000 instances, to which things happen. tests/benchmark/simulation.py says how long it takes."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from declared import Known, fleet_of
from simulated import H100, Large, model, overfull, places


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_moves_without_need(seed: int) -> None:
    large = Large(seed, servers=200, instances=1000)
    before = large.fleet.run()
    assert len(before.places) >= 900
    assert before.changes == []
    for _step in range(6):
        event = large.event()
        after = large.fleet.run()
        assert not overfull(after), event
        assert large.moved(before, after) == 0, event
        for name, wheres in places(after).items():
            assert len(wheres) == large.fleet.models[name]["replicas"], event
        before = after


def inventory(count: int) -> dict[str, dict[str, t.Any]]:
    gpus = [{"index": gpu, "name": H100.name, "memory_usable_gib": H100.memory_gib} for gpu in range(8)]
    return {
        f"gpu{index}": {
            "llm_gpu_count": 8,
            "llm_host": {
                "addresses": {"default_ipv4": f"10.1.{index // 250}.{index % 250 + 1}"},
                "gpu": {"gpus": gpus},
            },
        }
        for index in range(count)
    }


def test_an_inventory_of_200_servers_by_its_value() -> None:
    """What is the same in the inventory is the same in every instance, whoever does not answer."""
    models = [model(f"m{index}", replicas=20) for index in range(50)]
    hosts = {"gw": {}, **inventory(201)}

    def run(names: list[str], reading: t.Any = None, away: t.Iterable[str] = ()) -> Fleet:
        groups = {"gateways": ["gw"], "gpu_servers": names}
        known = Known(unreachable=dict.fromkeys(away, "no route"), **({"reading": reading} if reading else {}))
        return fleet_of(models, {name: hosts[name] for name in ("gw", *names)}, groups, known=known)

    names = [f"gpu{index}" for index in range(200)]
    first = run(names)
    assert len(first.instances) == 1000
    reading = json.loads(json.dumps(first.reading))
    again = run(names, reading, away=names[::10])
    assert again.instances == first.instances
    assert again.reading == reading
    # One is taken out, another comes: nobody else notices.
    other = run([*names[:77], *names[78:], "gpu200"], reading)
    assert len(other.instances) == 1000
    assert {one["server"] for one in other.instances} <= {*names, "gpu200"} - {"gpu77"}
    before = {(one["server"], one["name"]): one for one in first.instances}
    after = {(one["server"], one["name"]): one for one in other.instances}
    changed = [key for key, one in after.items() if before.get(key) != one]
    assert len(changed) == len([one for one in first.instances if one["server"] == "gpu77"]) == len(other.changes)
