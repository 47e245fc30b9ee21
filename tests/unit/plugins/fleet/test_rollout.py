# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which a change reaches the fleet: by cases, and by a simulation of random fleets."""

from __future__ import annotations

import random
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import rollout
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.rollout import (
    CHANGED,
    NEW,
    RELOADED,
    REMOVED,
    UNCHANGED,
    Batch,
    Member,
    Rules,
)


def replica(host: str, group: str = "m", change: str = CHANGED, **more: t.Any) -> Member:
    stops = more.pop("stops", change in (CHANGED, REMOVED))
    ready = more.pop("ready", change != NEW)
    return Member(
        host,
        f"llmfleet-vllm-{group}",
        group,
        f"{group} on {host}",
        change,
        stops,
        ready,
        server=f"{host}-{group}",
        **more,
    )


def rules(members: t.Sequence[Member], wanted: t.Any = None, size: int = 99, **more: t.Any) -> Rules:
    counts = {member.group: 0 for member in members}
    for member in members:
        counts[member.group] += member.change != REMOVED
    return Rules({group: rollout.minimum(count, wanted) for group, count in counts.items()}, size, **more)


def planned(*members: Member, **more: t.Any) -> list[Batch]:
    found = rollout.plan(members, rules(members, **more))
    assert found.blocked == []
    return found.batches


def hosts(batches: t.Sequence[Batch]) -> list[list[str]]:
    return [[member.host for member in batch.members] for batch in batches]


# ---- numbers


@pytest.mark.parametrize(
    ("replicas", "wanted", "least"),
    [(1, None, 0), (2, "", 1), (8, None, 7), (8, 2, 2), (8, "50%", 4), (3, "50%", 2), (1, "50%", 0), (2, 0, 0)],
)
def test_minimum(replicas: int, wanted: t.Any, least: int) -> None:
    assert rollout.minimum(replicas, wanted) == least


@pytest.mark.parametrize(("members", "wanted", "size"), [(40, "25%", 10), (3, "25%", 1), (40, 2, 2), (0, "25%", 1)])
def test_batch_size(members: int, wanted: t.Any, size: int) -> None:
    assert rollout.batch_size(members, wanted) == size


# ---- cases


def test_nothing_to_do() -> None:
    assert planned(replica("a", change=UNCHANGED), replica("b", change=UNCHANGED)) == []


def test_replicas_change_one_after_the_other() -> None:
    batches = planned(replica("a"), replica("b"), replica("c"))
    assert hosts(batches) == [["a"], ["b"], ["c"]]
    assert all(batch.drain == batch.members and not batch.hold for batch in batches)


def test_a_lower_minimum_makes_larger_batches() -> None:
    four = [replica(name) for name in "abcd"]
    assert hosts(planned(*four, wanted=2)) == [["a", "b"], ["c", "d"]]
    assert hosts(planned(*four, wanted="50%", size=1)) == [["a"], ["b"], ["c"], ["d"]]


def test_models_change_at_the_same_time_within_the_size() -> None:
    members = [replica(host, group) for group in ("m", "n") for host in "ab"]
    assert [len(batch.members) for batch in planned(*members)] == [2, 2]
    assert [len(batch.members) for batch in planned(*members, size=1)] == [1, 1, 1, 1]


def test_requests_for_a_single_replica_are_held() -> None:
    (batch,) = planned(replica("a"))
    assert (batch.drain, batch.hold) == ((), batch.members)


def test_a_single_replica_is_left_alone_where_one_has_to_be_ready() -> None:
    found = rollout.plan([replica("a")], Rules({"m": 1}, 1))
    assert found.batches == []
    assert found.blocked == ["m on a was left as it is: 0 of m would be ready while it changes, and 1 must be"]


def test_a_replica_that_is_away_counts_and_the_others_are_not_touched() -> None:
    members = [replica("a", "m"), replica("b", "m", UNCHANGED, ready=False, here=False), replica("c", "n")]
    found = rollout.plan(members, rules(members))
    assert (hosts(found.batches), len(found.blocked)) == ([["c"]], 1)


def test_a_replica_that_is_down_is_repaired_first_and_makes_room_for_the_others() -> None:
    batches = planned(replica("a"), replica("b", ready=False))
    assert hosts(batches) == [["b"], ["a"]]


def test_one_that_has_yet_to_become_healthy_is_waited_for() -> None:
    batches = planned(replica("a"), replica("b", change=UNCHANGED, ready=False))
    assert hosts(batches) == [["b"], ["a"]]


def test_one_that_a_person_drained_changes_without_being_missed_and_stays_drained() -> None:
    batches = planned(replica("a"), replica("b", drained=True), wanted=0, size=1)
    assert hosts(batches)[0] == ["b"]
    assert all("b" not in [member.host for member in (*batch.drain, *batch.hold)] for batch in batches)
    assert batches[1].hold == (replica("a"),)


def test_what_goes_is_gone_and_what_comes_is_there_before_anything_else_stops() -> None:
    members = [replica("a"), replica("b"), replica("c", change=NEW), replica("d", "old", REMOVED)]
    batches = planned(*members)
    assert hosts(batches) == [["c", "d"], ["a"], ["b"]]
    assert batches[0].drain == batches[0].hold == ()


def test_requests_for_a_model_that_moves_wait_for_its_new_place() -> None:
    (batch,) = planned(replica("a", change=REMOVED), replica("b", change=NEW))
    assert batch.hold == (replica("b", change=NEW),)


def test_a_reload_and_a_change_of_files_stop_nothing() -> None:
    (batch,) = planned(replica("a", change=RELOADED, stops=False), replica("b", change=CHANGED, stops=False))
    assert batch.drain == batch.hold == ()


def test_those_that_share_a_gpu_stop_together() -> None:
    shared = [replica("a", "m", gpus=frozenset({0})), replica("a", "n", gpus=frozenset({0, 1}))]
    alone = replica("a", "o", gpus=frozenset({2}))
    batches = planned(*shared, alone, size=1)
    assert [{member.group for member in batch.members} for batch in batches] == [{"m", "n"}, {"o"}]
    assert (batches[0].stop_first, batches[1].stop_first) == ({"a"}, frozenset())


def test_one_that_comes_to_a_gpu_waits_for_the_one_that_shrinks_there() -> None:
    shrinks, comes = replica("a", "m", gpus=frozenset({0})), replica("a", "n", NEW, gpus=frozenset({0}))
    (batch,) = planned(shrinks, comes)
    assert (batch.members, batch.stop_first) == ((shrinks, comes), {"a"})


def test_the_nodes_of_a_replica_change_together_and_count_as_one() -> None:
    first = [replica("a", unit="1"), replica("b", "", unit="1")]
    second = [replica("c", unit="2"), replica("d", "", unit="2")]
    batches = planned(*first, *second, size=1)
    assert hosts(batches) == [["a", "b"], ["c", "d"]]
    assert [batch.drain[0].host for batch in batches] == ["a", "c"]
    assert not any(batch.stop_first for batch in batches)


def test_the_one_that_migrates_goes_before_all_others() -> None:
    members = [replica("a", change=NEW), replica("b"), replica("c")]
    assert hosts(planned(*members, first=lambda member: member.host == "b")) == [["b"], ["a"], ["c"]]


def test_a_canary_goes_alone_where_others_can_be_compared() -> None:
    members = [replica(host, group) for group in ("m", "n") for host in "abcd"] + [replica("a", "single")]
    batches = planned(*members, canary=True)
    assert [[member.group for member in batch.members] for batch in batches if batch.canary] == [["m"], ["n"]]
    assert batches[0].canary
    assert not any(batch.canary and batch.hold for batch in batches)


# ---- simulation


def fleet(number: random.Random) -> list[Member]:
    members: list[Member] = []
    for group in range(number.randint(1, 6)):
        for _replica in range(number.randint(1, 5)):
            change = number.choice([UNCHANGED, CHANGED, CHANGED, NEW, REMOVED, RELOADED])
            members.append(
                Member(
                    host=f"h{number.randint(1, 6)}",
                    project=f"p{len(members)}",
                    group=f"g{group}",
                    name=f"p{len(members)}",
                    change=change,
                    stops=change == REMOVED or (change == CHANGED and number.random() < 0.8),
                    ready=change != NEW and number.random() < 0.9,
                    here=change != UNCHANGED or number.random() < 0.9,
                    drained=number.random() < 0.05,
                    gpus=frozenset(number.sample(range(4), number.randint(0, 2))),
                    server=f"s{len(members)}",
                )
            )
    return members


def check_batch(batch: Batch, state: dict[Member, bool], kept: Rules, size: int) -> None:
    """No group falls below its minimum by this batch, and nobody is stopped whom requests still reach."""
    before = serving(state)
    after = serving({**state, **{member: False for member in batch.members if member.stops}})
    for group in {member.group for member in batch.members if member.stops and state[member] and not member.drained}:
        assert after.get(group, 0) >= min(kept.minimum[group], before.get(group, 0))
    quiet = {*batch.drain, *batch.hold}
    for member in batch.members:
        if member.stops and member.change != REMOVED and not member.drained:
            assert member in quiet
        if member in batch.drain:
            assert after.get(member.group, 0) > 0
        if member in batch.hold:
            assert after.get(member.group, 0) == 0 or not state[member]
    stopping = [member for member in batch.members if member.stops and member.change != REMOVED]
    crowded = {
        member.host for member in stopping for other in stopping if rollout._share(member, other) and member != other
    }
    assert crowded <= batch.stop_first
    assert len(stopping) <= size or len(batch.stop_first) == 1


def serving(state: dict[Member, bool]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for member, ready in state.items():
        if ready and not member.drained:
            counts[member.group] = counts.get(member.group, 0) + 1
    return counts


@pytest.mark.parametrize("seed", range(400))
def test_random_fleets(seed: int) -> None:
    number = random.Random(seed)
    members = fleet(number)
    size = number.randint(1, 4)
    kept = rules(members, number.choice([None, None, 0, 1, "50%"]), size, canary=number.random() < 0.3)
    found = rollout.plan(members, kept)
    assert found == rollout.plan(members, kept)
    state = {member: member.serves for member in members}
    done: list[Member] = []
    for batch in found.batches:
        check_batch(batch, state, kept, size)
        done += batch.members
        state.update({member: member.change != REMOVED for member in batch.members})
    due = [member for member in members if member.due]
    assert len(done) == len(set(done)) and set(done) <= set(due)
    assert bool(set(due) - set(done)) == bool(found.blocked)
    for member in set(due) - set(done):
        assert member.stops or any(rollout._share(member, other) and other.stops for other in due)
