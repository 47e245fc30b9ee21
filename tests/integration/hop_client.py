# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a model through the gate as LiteLLM does, with pauses, and leaves in the middle. Runs in the LiteLLM image.

Arguments are pauses in seconds; prints one JSON object: what came back by pause, and how long a place stayed taken.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import time
import typing as t
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import aiohttp

HEADERS = {"Authorization": f"Bearer {sys.argv[1]}", "Content-Type": "application/json"}


def asked(model: str, **told: t.Any) -> dict[str, t.Any]:
    stream = bool(told.pop("stream", False))
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": json.dumps(told)}]}


def times(pause: float) -> int:
    return 12 if pause < 10 else 2


async def pooled(number: int, pause: float) -> list[t.Any]:
    """With the pool that LiteLLM has."""
    found: list[t.Any] = []
    pool = aiohttp.TCPConnector(keepalive_timeout=120, limit=1000, limit_per_host=500)
    url, body = f"http://gate:8100/idle{number}/v1/chat/completions", json.dumps(asked(f"idle{number}"))
    async with aiohttp.ClientSession(connector=pool, headers=HEADERS) as session:
        for turn in range(times(pause)):
            await asyncio.sleep(pause if turn else 0)
            try:
                async with session.post(url, data=body) as answer:
                    await answer.read()
                    found.append(answer.status)
            except aiohttp.ClientError as error:
                found.append(repr(error))
    return found


def kept(number: int, pause: float) -> list[t.Any]:
    """On one connection, whatever comes."""
    connection = http.client.HTTPConnection("gate", 8100, timeout=30)
    found: list[t.Any] = []
    for turn in range(times(pause)):
        time.sleep(pause if turn else 0)
        try:
            body = json.dumps(asked(f"idle{number}"))
            connection.request("POST", f"/idle{number}/v1/chat/completions", body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            found.append(answer.status)
        except (OSError, http.client.HTTPException) as error:
            return [*found, repr(error)]
    return found


def running() -> int:
    with urllib.request.urlopen("http://llmfleet-vllm-idle0:8000/running", timeout=10) as answer:
        return int(json.load(answer)["running"])


def left(stream: bool) -> float:
    connection = http.client.HTTPConnection("gate", 8100, timeout=30)
    body = json.dumps(asked("idle0", stream=stream, seconds=60, chunks=60))
    connection.request("POST", "/idle0/v1/chat/completions", body, HEADERS)
    while running() != 1:
        time.sleep(0.02)
    began = time.monotonic()
    connection.close()
    while running() != 0:
        time.sleep(0.01)
    return time.monotonic() - began


async def main(pauses: list[float]) -> None:
    loop = asyncio.get_running_loop()
    places = [left(stream) for stream in (False, True) for _turn in range(5)]
    with ThreadPoolExecutor(len(pauses)) as threads:
        jobs = [pooled(number, pause) for number, pause in enumerate(pauses)]
        waits = [loop.run_in_executor(threads, kept, number, pause) for number, pause in enumerate(pauses)]
        found = await asyncio.gather(*jobs, *waits)
    by_pause = {str(pause): found[number] + found[number + len(pauses)] for number, pause in enumerate(pauses)}
    print(json.dumps({"pauses": by_pause, "left": places}))


asyncio.run(main([float(one) for one in sys.argv[2:]]))
