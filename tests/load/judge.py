# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges an answer by its content: what was asked, what came → the kind of failure, or none. Pure."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field

from .client import Reply

#: Kinds of failure. A status is "status_503" and the like; 401 and 403 have their own, as the key is known to be right.
TIMEOUT = "timeout"
CONNECTION = "connection"
WRONG_KEY = "wrong_key"
INVALID = "invalid"
ERROR = "error_in_answer"
WRONG_MODEL = "wrong_model"
ABORT = "abort"
UNFINISHED = "unfinished"
EMPTY = "empty"
SHORT = "short"
FINISH = "finish_reason"


@dataclass(frozen=True)
class Asked:
    """A request's part that its answer is held against."""

    model: str
    tokens: int
    stream: bool


@dataclass
class Answer:
    """What an answer said, from one body or from a stream's events."""

    text: str = ""
    tokens: int | None = None
    models: set[str] = field(default_factory=set)
    finish: str = ""
    done: bool = False
    error: str = ""
    invalid: bool = False
    first: float | None = None


def judged(asked: Asked, reply: Reply) -> tuple[str, Answer]:
    """The kind of failure ("" is none), and what was read."""
    if reply.status != 200:
        return _refused(reply), Answer()
    answer = _streamed(reply) if asked.stream else _plain(reply)
    return _fault(asked, reply, answer), answer


def _refused(reply: Reply) -> str:
    if reply.error == TIMEOUT:
        return TIMEOUT
    if not reply.status:
        return CONNECTION
    return WRONG_KEY if reply.status in (401, 403) else f"status_{reply.status}"


def _fault(asked: Asked, reply: Reply, answer: Answer) -> str:
    ended = reply.complete and answer.done and bool(answer.finish)
    tokens = answer.tokens if answer.tokens is not None else len(answer.text)
    rules = (
        (reply.error == TIMEOUT, TIMEOUT),
        (bool(answer.error), ERROR),
        (answer.finish == "abort", ABORT),
        (reply.complete and answer.invalid, INVALID),
        (not ended, UNFINISHED),
        (tokens == 0, EMPTY),
        (answer.tokens is not None and tokens < asked.tokens, SHORT),
        (answer.finish != "length", FINISH),
        (answer.models != {asked.model}, WRONG_MODEL),
    )
    return next((kind for wrong, kind in rules if wrong), "")


def _plain(reply: Reply) -> Answer:
    answer = Answer(first=reply.pieces[0][0] if reply.pieces else None)
    _take(answer, reply.body, "message")
    answer.done = reply.complete
    return answer


def _streamed(reply: Reply) -> Answer:
    """Events end with an empty line; what follows the last one is no event."""
    answer = Answer()
    rest = b""
    for when, piece in reply.pieces:
        *events, rest = (rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            if not event.startswith(b"data:"):
                continue
            data = event[5:].strip()
            if data == b"[DONE]":
                answer.done = True
                continue
            _take(answer, data, "delta")
            if answer.first is None and answer.text:
                answer.first = when
    return answer


def _take(answer: Answer, data: bytes, part: str) -> None:
    try:
        read = json.loads(data)
        _read(answer, read, part)
    except (ValueError, KeyError, TypeError, AttributeError):
        answer.invalid = True


def _read(answer: Answer, read: dict[str, t.Any], part: str) -> None:
    if "error" in read:
        answer.error = str(read["error"])[:200]
        return
    answer.models.add(read["model"])
    for choice in read["choices"]:
        answer.text += (choice.get(part) or {}).get("content") or ""
        answer.finish = choice.get("finish_reason") or answer.finish
    if read.get("usage"):
        answer.tokens = int(read["usage"]["completion_tokens"])
