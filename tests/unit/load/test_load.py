# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator finds each kind of failure in what a lying backend answers, plain and streamed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.load.__main__ import Fewest, parsed, plan_of, run
from tests.load.backend import LIES, Backend
from tests.load.client import Target
from tests.load.generator import Load, Plan, Record, prefix, quantile, summary


async def loaded(backend: Backend, **plan: Any) -> Load:
    port = await backend.start()
    load = Load(Target(f"http://127.0.0.1:{port}", "sk-right"), Plan(**{"model": "tiny", "rate": 0, **plan}))
    await asyncio.wait_for(load.run(), 30)
    backend.server.close()
    return load


def kinds(lie: str, **plan: Any) -> Counter[str]:
    load = asyncio.run(loaded(Backend(lie=lie), requests=4, **plan))
    return Counter(record.failed for record in load.records)


@pytest.mark.parametrize("stream", [0, 1])
def test_an_honest_backend_fails_nothing(stream: int) -> None:
    assert kinds("", stream_share=stream) == {"": 4}


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        ("empty", "empty"),
        ("short", "short"),
        ("abort", "abort"),
        ("no_finish", "unfinished"),
        ("cut", "unfinished"),
        ("wrong_model", "wrong_model"),
        ("wrong_key", "wrong_key"),
        ("busy", "status_503"),
        ("refuse", "connection"),
        ("error_in_answer", "error_in_answer"),
        ("invalid", "invalid"),
        ("stop", "finish_reason"),
    ],
)
@pytest.mark.parametrize("stream", [0, 1])
def test_each_lie_is_a_kind_of_failure(lie: str, kind: str, stream: int) -> None:
    assert kinds(lie, stream_share=stream) == {kind: 4}


def test_a_stream_without_its_last_event_is_unfinished() -> None:
    assert kinds("unfinished", stream_share=1) == {"unfinished": 4}


def test_no_answer_in_time_is_a_timeout() -> None:
    assert kinds("hang", timeout=0.2) == {"timeout": 4}


def test_every_lie_is_tested() -> None:
    marks = test_each_lie_is_a_kind_of_failure.pytestmark  # type: ignore[attr-defined]
    tested = {pair[0] for mark in marks if mark.args[0] == ("lie", "kind") for pair in mark.args[1]}
    assert tested | {"unfinished", "hang"} == set(LIES)


def test_nobody_listens() -> None:
    load = Load(Target("http://127.0.0.1:1"), Plan("tiny", requests=2, rate=0))
    assert Counter(record.failed for record in asyncio.run(load.run())) == {"connection": 2}


def test_who_knows_several_addresses_goes_to_one_where_somebody_listens() -> None:
    async def story() -> list[str]:
        backend = Backend()
        port = await backend.start()
        # Nobody listens at another address of the loopback network.
        load = Load(
            Target(f"http://api:{port}", "sk-right", "127.0.0.2,127.0.0.1,127.0.0.3"), Plan("m", requests=3, rate=0)
        )
        await load.run()
        backend.server.close()
        return [record.failed for record in load.records]

    assert asyncio.run(story()) == ["", "", ""]


def test_requests_ask_for_what_they_are_judged_by() -> None:
    backend = Backend()
    asyncio.run(loaded(backend, requests=6, tokens=5))
    for asked in backend.requests:
        assert (asked["max_tokens"], asked["ignore_eos"]) == (5, True)
        assert asked.get("stream_options") == ({"include_usage": True} if asked["stream"] else None)
    assert len({json.dumps(asked["messages"]) for asked in backend.requests}) == 6


def test_chats_share_prefixes() -> None:
    backend = Backend()
    asyncio.run(loaded(backend, requests=40, chats=3, prefix_chars=200))
    seen = {asked["messages"][0]["content"] for asked in backend.requests}
    assert seen == {prefix(1000 + chat, 200) for chat in range(3)}
    assert {len(text) for text in seen} == {200}


def test_a_conversation_begins_with_what_all_share() -> None:
    backend = Backend()
    asyncio.run(loaded(backend, requests=40, chats=3, prefix_chars=200, turns=True))
    roles = {tuple(message["role"] for message in asked["messages"]) for asked in backend.requests}
    assert roles == {("system", "user", "assistant", "user")}
    assert len({asked["messages"][1]["content"] for asked in backend.requests}) == 3
    assert len({asked["messages"][0]["content"] for asked in backend.requests}) == 1


def test_the_stand_in_remembers_the_chats_that_it_had_last() -> None:
    backend = Backend(chats=2)
    asyncio.run(loaded(backend, requests=30, chats=2, prefix_chars=50, concurrency=1))
    hits, asked = (backend.counters[f"prefix_cache_{name}_total"] for name in ("hits", "queries"))
    assert (hits, asked) == (28 * 50, 30 * 50)


def test_sessions_are_named_where_told() -> None:
    backend = Backend()
    asyncio.run(loaded(backend, requests=20, chats=3, sessions=True))
    told = {(asked["metadata"]["session_id"], asked["messages"][0]["content"]) for asked in backend.requests}
    assert len(told) == 3


def test_prefixes_are_marked_where_told() -> None:
    for turns, marked in ((False, 0), (True, 1)):
        backend = Backend()
        asyncio.run(loaded(backend, requests=4, chats=2, turns=turns, marked=True))
        for asked in backend.requests:
            assert [at for at, message in enumerate(asked["messages"]) if "cache_control" in message] == [marked]


def test_the_rate_is_kept_and_the_time_bounded() -> None:
    load = asyncio.run(loaded(Backend(), rate=40, seconds=0.5))
    assert 15 <= len(load.records) <= 21


def test_no_more_in_flight_than_told() -> None:
    load = asyncio.run(loaded(Backend(latency=0.2), seconds=0.5, concurrency=2))
    assert len(load.records) <= 6


def test_connections_are_used_again_when_told() -> None:
    backend = Backend()
    asyncio.run(loaded(backend, requests=20, concurrency=1, keep_alive=True))
    assert backend.connections == 1


def test_the_load_ends_with_the_file_but_not_before_enough_are_done(tmp_path: Path) -> None:
    end = tmp_path / "end"
    end.touch()
    load = asyncio.run(loaded(Backend(), until=end, at_least=7))
    assert len(load.records) == 7


def record(**said: Any) -> Record:
    shape: dict[str, Any] = {
        "number": 0, "at": 100.0, "stream": True, "failed": "", "status": 200, "first": 0.5, "seconds": 1.0,
        "tokens": 8, "finish": "length", "retry_after": None, "told": "",
    }  # fmt: skip
    return Record(**{**shape, **said})


def test_summary() -> None:
    found = summary(
        [
            record(),
            record(first=4.0, seconds=5.0),
            record(stream=False, first=0.1, seconds=7.0, at=101.0),
            record(failed="status_503", status=503, retry_after="3"),
            record(failed="status_429", status=429),
            record(failed="status_503", status=503, retry_after="3"),
        ]
    )
    assert (found["requests"], found["streamed"], found["failed"]) == (6, 5, 3)
    assert found["failed_by_kind"] == {"status_503": 2, "status_429": 1}
    assert found["longest_wait"] == 7.0
    assert (found["first_token_p50"], found["first_token_p95"]) == (0.5, 4.0)
    assert found["refused_without_retry_after"] == 1
    assert found["seconds"] == 8.0


def test_quantiles_are_values_that_were_seen() -> None:
    assert [quantile([3, 1, 2, 4], share) for share in (0.5, 0.95)] == [2, 4]
    assert quantile([], 0.5) is None


def test_the_command_line_sums_up_and_records(tmp_path: Path) -> None:
    async def whole() -> dict[str, Any]:
        backend = Backend()
        port = await backend.start()
        key = tmp_path / "key"
        key.write_text("sk-right\n")
        arguments = f"--url http://127.0.0.1:{port} --model tiny --requests 5 --rate 0 --key-file {key}"
        watch = """sh -c 'echo "{\\"ready\\": {\\"a\\": 1}}"; sleep 9'"""
        return await run(parsed([*arguments.split(), "--record", str(tmp_path / "record"), "--watch", watch]))

    found = asyncio.run(whole())
    assert (found["requests"], found["failed"]) == (5, 0)
    assert len((tmp_path / "record").read_text().splitlines()) == 5


def test_options_reach_the_plan() -> None:
    args = parsed(["--url", "http://a", "--model", "b", "--until", "c", "--prefix-chars", "9", "--keep-alive"])
    plan = plan_of(args)
    assert (plan.model, plan.until, plan.prefix_chars, plan.keep_alive) == ("b", Path("c"), 9, True)


def test_the_fewest_of_all_samples_count() -> None:
    fewest = Fewest()
    for line in ({"ready": {"a": 3, "b": 1}}, {"ready": {"a": 2}}, {"error": "refused"}, {"ready": {"a": 3}}):
        fewest.take(json.dumps(line))
    assert (fewest.ready, fewest.samples, fewest.unanswered) == ({"a": 2, "b": 1}, 4, 1)
