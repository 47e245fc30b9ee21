# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends requests at a steady pace, bounded in number and time, and sums up what came of them."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .client import Connection, Reply, Target
from .judge import Answer, Asked, judged

#: Words of the prompts; tails differ, so that no two requests are the same.
WORDS = [
    "red", "blue", "green", "river", "stone", "cloud", "winter", "summer", "engine", "letter", "garden", "copper",
    "window", "market", "silver", "forest",
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is sent. With `until` the load goes on until that file exists and `at_least` requests are done."""

    model: str
    expected_model: str = ""
    seconds: float = 60.0
    requests: int = 100_000
    rate: float = 5.0
    concurrency: int = 16
    tokens: int = 8
    stream_share: float = 0.5
    timeout: float = 120.0
    keep_alive: bool = False
    chats: int = 0
    prefix_chars: int = 0
    shared_chars: int = 0
    sessions: bool = False
    marked: bool = False
    turns: bool = False
    at_least: int = 0
    until: Path | None = None
    seed: int = 1


@dataclass
class Record:
    """One request, as a line of the record."""

    number: int
    at: float
    stream: bool
    failed: str
    status: int
    first: float | None
    seconds: float
    tokens: int | None
    finish: str
    retry_after: str | None
    told: str

    @property
    def wait(self) -> float:
        """How long a client looked at nothing: to the first token, or to the whole of a plain answer."""
        return self.seconds if self.first is None or not self.stream else self.first


@dataclass
class Load:
    """A run of a plan against a target; `stop` ends it early, with those in flight finished and counted."""

    target: Target
    plan: Plan
    on_record: t.Callable[[Record], None] = lambda record: None
    records: list[Record] = field(default_factory=list)
    stopping: bool = False

    async def run(self) -> list[Record]:
        self.begin = time.monotonic()
        connections = [Connection(self.target) for _index in range(self.plan.concurrency)]
        self.free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in connections:
            self.free.put_nowait(connection)
        running: set[asyncio.Task[None]] = set()
        number = 0
        while not self.over(number):
            connection = await self.free.get()
            await self._pace(number)
            if self.over(number):
                break
            task = asyncio.create_task(self._one(number, connection))
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
        await asyncio.gather(*running)
        for connection in connections:
            connection.close()
        return self.records

    def stop(self) -> None:
        self.stopping = True

    def over(self, sent: int) -> bool:
        plan = self.plan
        if self.stopping or sent >= plan.requests or time.monotonic() - self.begin >= plan.seconds:
            return True
        return plan.until is not None and sent >= plan.at_least and plan.until.exists()

    async def _pace(self, number: int) -> None:
        """Where answers are slower than the rate, concurrency bounds what is in flight, and the rate falls."""
        if self.plan.rate:
            await asyncio.sleep(max(0.0, number / self.plan.rate - (time.monotonic() - self.begin)))

    async def _one(self, number: int, connection: Connection) -> None:
        chosen = random.Random(self.plan.seed * 1_000_003 + number)
        stream = chosen.random() < self.plan.stream_share
        asked = Asked(self.plan.expected_model or self.plan.model, self.plan.tokens, stream)
        body = json.dumps(request(self.plan, stream, chosen)).encode()
        at = time.time()
        reply = await connection.post("/v1/chat/completions", body, self.plan.timeout, self.plan.keep_alive)
        failed, answer = judged(asked, reply)
        record = recorded(number, at, asked, failed, reply, answer)
        self.records.append(record)
        self.on_record(record)
        self.free.put_nowait(connection)


def request(plan: Plan, stream: bool, chosen: random.Random) -> dict[str, t.Any]:
    chat = plan.seed * 1000 + chosen.randrange(max(1, plan.chats))
    question = " ".join(chosen.choices(WORDS, k=8)) + f" {chosen.random():.9f}"
    messages = [*(_before(plan, chat) if plan.chats else []), {"role": "user", "content": question}]
    body: dict[str, t.Any] = {
        "model": plan.model,
        "messages": messages,
        "max_tokens": plan.tokens,
        "ignore_eos": True,
        "stream": stream,
    }
    if plan.chats and plan.sessions:
        body["metadata"] = {"session_id": f"chat-{chat}"}
    return {**body, "stream_options": {"include_usage": True}} if stream else body


def _before(plan: Plan, chat: int) -> list[dict[str, t.Any]]:
    """What all requests of a chat begin with: a conversation that goes on, or instructions of its own."""
    mark = {"cache_control": {"type": "ephemeral"}} if plan.marked else {}
    if not plan.turns:
        return [{"role": "system", "content": prefix(chat, plan.prefix_chars), **mark}]
    first = {"role": "user", "content": prefix(chat, plan.prefix_chars), **mark}
    shared = prefix(0, plan.shared_chars) if plan.shared_chars else "Be brief."
    return [{"role": "system", "content": shared}, first, {"role": "assistant", "content": "Go on."}]


def prefix(chat: int, characters: int) -> str:
    """The beginning that all requests of a chat share; it differs from other chats' from its first words on."""
    words = random.Random(chat)
    text = f"Chat {chat}:"
    while len(text) < characters:
        text += " " + words.choice(WORDS)
    return text[: max(characters, 8)]


def recorded(number: int, at: float, asked: Asked, failed: str, reply: Reply, answer: Answer) -> Record:
    told = answer.error or reply.error or (reply.body[:300].decode(errors="replace") if failed else "")
    return Record(
        number=number,
        at=round(at, 3),
        stream=asked.stream,
        failed=failed,
        status=reply.status,
        first=None if answer.first is None else round(answer.first, 4),
        seconds=round(reply.seconds, 4),
        tokens=answer.tokens,
        finish=answer.finish,
        retry_after=reply.headers.get("retry-after"),
        told=told,
    )


def quantile(values: t.Sequence[float], share: float) -> float | None:
    """The nearest rank: a value that was seen."""
    ordered = sorted(values)
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 4) if ordered else None


def summary(records: t.Sequence[Record]) -> dict[str, t.Any]:
    kinds = Counter(record.failed for record in records if record.failed)
    good = [record for record in records if not record.failed]
    firsts = [record.first for record in good if record.stream and record.first is not None]
    begin = min((record.at for record in records), default=0.0)
    end = max((record.at + record.seconds for record in records), default=0.0)
    return {
        "requests": len(records),
        "streamed": sum(record.stream for record in records),
        "failed": sum(kinds.values()),
        "failed_by_kind": dict(kinds.most_common()),
        "longest_wait": round(max((record.wait for record in records), default=0.0), 3),
        "seconds_p50": quantile([record.seconds for record in good], 0.5),
        "seconds_p95": quantile([record.seconds for record in good], 0.95),
        "first_token_p50": quantile(firsts, 0.5),
        "first_token_p95": quantile(firsts, 0.95),
        "refused_without_retry_after": sum(
            record.status in (429, 503) and record.retry_after is None for record in records
        ),
        "seconds": round(end - begin, 1),
        "rate": round(len(records) / (end - begin), 2) if records else 0.0,
    }
