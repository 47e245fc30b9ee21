# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which a change reaches the fleet: by cases, and by a simulation of random fleets."""

from __future__ import annotations

import random
import time
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
    server = more.pop("server", f"{host}-{group}")
    return Member(
        host,
        f"llmfleet-vllm-{group}",
        group,
        f"{group} on {host}",
        change,
        stops,
        ready,
        server=server,
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


def test_no_minimum_is_more_than_there_are() -> None:
    assert rollout.minimum(1, 2) == 1


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
    members = [replica("a"), replica("b"), replica("c", change=NEW), replica("d", "old", REMOVED, server="")]
    batches = planned(*members)
    assert hosts(batches) == [["c", "d"], ["a"], ["b"]]
    assert batches[0].drain == batches[0].hold == ()


def test_a_model_that_moves_is_at_its_new_place_before_it_leaves_the_old_one() -> None:
    goes, comes = replica("a", change=REMOVED), replica("b", change=NEW)
    first, last = planned(goes, comes)
    assert (first.members, first.drain, first.hold) == ((comes,), (), ())
    assert (last.members, last.drain, last.hold) == ((goes,), (goes,), ())


def test_requests_for_a_model_that_moves_on_its_gpu_wait() -> None:
    goes = replica("a", change=REMOVED, gpus=frozenset({0, 1}), server="old")
    comes = replica("a", change=NEW, gpus=frozenset({1}))
    (batch,) = planned(goes, comes)
    assert (batch.members, batch.hold, batch.stop_first) == ((goes, comes), (goes, comes), {"a"})


def test_models_that_change_places_wait_one_after_the_other() -> None:
    """Each comes to the GPU of the other: requests for the first wait until its new place is free and taken."""
    zero = frozenset({0})
    m_goes, n_goes = replica("a", "m", REMOVED, gpus=zero), replica("b", "n", REMOVED, gpus=zero)
    m_comes, n_comes = replica("b", "m", NEW, gpus=zero), replica("a", "n", NEW, gpus=zero)
    first, last = planned(m_goes, n_goes, m_comes, n_comes, size=2)
    assert (first.members, first.hold, first.drain) == ((m_goes, n_comes), (m_goes,), ())
    assert (last.members, last.hold, last.drain) == ((n_goes, m_comes), (m_comes,), (n_goes,))


def test_those_that_only_leave_a_gpu_leave_one_after_the_other() -> None:
    zero = frozenset({0})
    members = [replica("a", group, REMOVED, gpus=zero) for group in "mn"] + [replica("b", "m", UNCHANGED)]
    assert [len(batch.members) for batch in planned(*members, size=1)] == [1, 1]


def test_what_leaves_is_no_canary() -> None:
    members = [replica("a", change=REMOVED), replica("b", change=UNCHANGED)]
    (batch,) = planned(*members, canary=True)
    assert not batch.canary


def test_what_leaves_stands_in_for_others_until_it_has_left() -> None:
    members = [replica("a", change=REMOVED), replica("b"), replica("c")]
    assert hosts(planned(*members)) == [["b", "c"], ["a"]]
    batches = planned(replica("a", change=REMOVED), replica("b"))
    assert hosts(batches) == [["b"], ["a"]]
    assert not any(batch.hold for batch in batches)


def test_one_that_has_left_stands_in_for_nobody() -> None:
    gpu = frozenset({0})
    members = [replica("a", change=REMOVED, gpus=gpu), replica("a", "n", NEW, gpus=gpu), replica("b")]
    first, last = planned(*members)
    assert (first.drain, first.hold) == ((members[0],), (members[1],))
    assert last.hold == (members[2],)


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
                    # What no gate knows any more goes without further ado.
                    server="" if change == REMOVED and number.random() < 0.3 else f"s{len(members)}",
                )
            )
        if number.random() < 0.5:
            members += moves(number, f"g{group}", len(members))
    return members


def moves(number: random.Random, group: str, count: int) -> list[Member]:
    """A replica that leaves one place and comes to another, sometimes to the same GPU."""
    old, new = f"h{number.randint(1, 3)}", f"h{number.randint(1, 3)}"
    goes = replica(old, group, REMOVED, gpus=frozenset({number.randint(0, 1)}))
    comes = replica(new, group, NEW, gpus=frozenset({number.randint(0, 1)}))
    return [
        one._replace(project=f"p{count + place}", name=f"p{count + place}", server=f"s{count + place}")
        for place, one in enumerate((goes, comes))
    ]


def check_batch(batch: Batch, state: dict[Member, bool], kept: Rules, size: int) -> None:
    """No group falls below its minimum by this batch, and nobody is stopped whom requests still reach."""
    before = serving(state)
    after = serving({**state, **{member: False for member in batch.members if member.stops}})
    for group in {member.group for member in batch.members if member.stops and state[member] and not member.drained}:
        assert after.get(group, 0) >= min(kept.minimum[group], before.get(group, 0))
    quiet = {*batch.drain, *batch.hold}
    for member in batch.members:
        if member.stops and member.server and not member.drained:
            assert member in quiet
        if member in batch.drain:
            assert after.get(member.group, 0) > 0
        if member in batch.hold:
            assert after.get(member.group, 0) == 0 or not state[member]
    stopping = [member for member in batch.members if member.stops and member.server]
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
    due = [member for member in members if member.due]
    stopping = {member for unit in rollout._units(due) if rollout._stops(unit) for member in unit}
    done: list[Member] = []
    for batch in found.batches:
        check_batch(batch, state, kept, size)
        for member in batch.members:
            if member.leaves:  # those that could come before it have come
                waiting = {other for other in members if other.change == NEW} - {*done, *batch.members}
                assert waiting <= stopping
        done += batch.members
        state.update({member: member.change != REMOVED for member in batch.members})
    assert len(done) == len(set(done)) and set(done) <= set(due)
    assert bool(set(due) - set(done)) == bool(found.blocked)
    for member in set(due) - set(done):
        assert member in stopping


def test_a_fleet_of_200_servers_is_rolled_whole() -> None:
    """1,000 instances of 50 models on 8 GPUs each; 20 servers are not in the run, a tenth of the rest is not well."""
    number = random.Random(7)
    members = []
    for index in range(1000):
        group, at = index % 50, (index % 50 + 10 * (index // 50)) % 200
        told = {"change": CHANGED, "stops": True, "ready": index % 10 != 3} if at >= 20 else {"here": False}
        gpus = frozenset({number.randrange(8)})
        members.append(Member(f"gpu{at}", f"p{index}", f"m{group}", gpus=gpus, server=f"s{index}", **told))
    size = rollout.batch_size(len(members), "25%")
    kept = rules(members, None, size)
    begin = time.process_time()
    found = rollout.plan(members, kept)
    assert time.process_time() - begin < 20
    state = {member: member.serves for member in members}
    for batch in found.batches:
        check_batch(batch, state, kept, size)
        state.update(dict.fromkeys(batch.members, True))
    assert found.blocked == []
    changed = [member for batch in found.batches for member in batch.members]
    assert set(changed) == {member for member in members if member.due} and len(changed) == len(set(changed))
    print(f"{len(changed)} in {len(found.batches)} batches")
