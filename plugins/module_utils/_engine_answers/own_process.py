# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An answer from a process of its own, within a time. Only program.py imports it, by its name, inside an image."""

from __future__ import annotations

import json
import os
import select
import signal
import time
import traceback
import typing as t

Answer = dict[str, t.Any]

#: Words of vLLM that are long: what matters comes first and last.
WORDS = 1500
#: An answer that is larger than this is no answer.
MOST = 4 * 1024 * 1024


def words_of(error: BaseException) -> str:
    """vLLM's own words, cut in the middle."""
    text = str(error).strip() or type(error).__name__
    # pydantic adds where to read on.
    text = text.split("\n    For further information")[0]
    return text if len(text) <= WORDS else f"{text[: WORDS // 2]} ... {text[-WORDS // 2 :]}"


def in_own_process(work: t.Callable[[], Answer], seconds: float) -> Answer:
    """A fork of this process does it, so that whatever it changes or dies of is its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _tell(writing, work)
        os._exit(0)
    os.close(writing)
    text = _heard(reading, time.monotonic() + seconds)
    if text is None:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _pid, status = os.waitpid(child, 0)
    if text is None:
        return {"failed": f"no answer within {seconds:.0f} s"}
    try:
        return t.cast(Answer, json.loads(text))
    except ValueError:
        return {"failed": f"its process ended without an answer (status {status})"}


def _tell(descriptor: int, work: t.Callable[[], Answer]) -> None:
    try:
        found = work()
    except BaseException as error:
        found = {"failed": f"{type(error).__name__}: {words_of(error)}"}
        if os.environ.get("LLMFLEET_TRACE"):
            traceback.print_exc()
    data = json.dumps(found).encode()
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


def _heard(descriptor: int, until: float) -> bytes | None:
    parts: list[bytes] = []
    while True:
        ready, _out, _err = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return None
        part = os.read(descriptor, 65536)
        if not part or sum(map(len, parts)) > MOST:
            return b"".join(parts)
        parts.append(part)
