# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real gate that stops and starts: what it had in hand, and what it can't know yet."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
import typing as t

from tests.load.backend import Backend
from tests.load.client import Connection, Target

from .gates import Gate, fleet
from .test_gate import ask, chat

#: Where clients of the gate's LiteLLM come in.
ENTRANCE = "4000"


class LiteLLM(Backend):
    """Takes a request, has something else to do first, and puts it to the model then, once."""

    gate: Gate
    pause = 2.0

    async def _answer(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
        if not path.endswith("/chat/completions"):
            return await super()._answer(path, body, writer)
        await asyncio.sleep(self.pause)
        status, _headers, answer = await ask(self.gate, "/m/v1/chat/completions", json.loads(body))
        told = {200: "200 OK"}.get(status, "500 Internal Server Error")
        writer.write(f"HTTP/1.1 {told}\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
        await writer.drain()
        return True


async def as_the_edge(gate: Gate) -> int:
    """Tries again where nobody listens, as Caddy does, and never what was begun."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        connection = Connection(Target(f"http://127.0.0.1:{gate.ports[ENTRANCE]}", "a-key-of-a-user"))
        reply = await connection.post("/v1/chat/completions", json.dumps(chat("hello")).encode(), 30)
        if "ConnectionRefused" not in reply.error:
            return reply.status
        await asyncio.sleep(0.25)
    return 0


def test_a_new_container_loses_nothing_that_litellm_had_in_hand(gates: t.Any) -> None:
    async def story() -> None:
        behind, model = LiteLLM(), Backend(latency=0.2)
        ports = {"llmfleet-litellm-1": await behind.start(), "llmfleet-h-m": await model.start()}
        gate: Gate = gates("h", fleet({"m": 1}, ["h"], ["h"]), "h", ports)
        behind.gate = gate
        await asyncio.to_thread(gate.start)
        await asyncio.to_thread(gate.until_up, "litellm/1", "vllm-m/h-m")
        asked = []
        for number in range(40):
            asked.append(asyncio.create_task(as_the_edge(gate)))
            await asyncio.sleep(0.1)
            if number == 15:
                again = asyncio.create_task(asyncio.to_thread(renewed, gate))
        seconds = await again
        assert set(await asyncio.gather(*asked)) == {200}
        print(f"stopped after {seconds:.1f} s, with requests of {behind.pause:.0f} s in hand")
        assert len(model.requests) == len(asked)

    asyncio.run(story())


def renewed(gate: Gate) -> float:
    """As Compose does it, with the container's own signal and time to stop."""
    began = time.monotonic()
    subprocess.run(["docker", "kill", "--signal", "USR1", gate.container], check=True, capture_output=True)
    subprocess.run(["docker", "wait", gate.container], check=True, capture_output=True, timeout=60)
    gate.stop()
    gate.start()
    return time.monotonic() - began


def test_another_gateways_litellm_gets_nothing_before_it_was_asked_how_it_is(gates: t.Any) -> None:
    """Its gate is there before its LiteLLM, when it joins."""

    async def story() -> None:
        whole = fleet({"m": 1}, ["gw1", "gw2"], ["gw1"])
        far: Gate = gates("gw2", whole, "gw2", {})
        await asyncio.to_thread(far.start)
        near: Gate = gates("gw1", whole, "gw1", {"gw2": far.ports["8443"]})
        await asyncio.to_thread(near.start)
        assert "litellm/gw2:litellm is DOWN, changed from server-state" in near.logs()
        await asyncio.to_thread(near.reload)
        assert near.logs().count("litellm/gw2:litellm is DOWN, changed from server-state") == 2
        backend = Backend()
        far.ports["llmfleet-litellm-1"] = await backend.start()
        far.write()
        await asyncio.to_thread(far.reload)
        await asyncio.to_thread(near.until_up, "litellm/gw2:litellm")
        assert await as_the_edge(near) == 200 and len(backend.requests) == 1

    asyncio.run(story())


def test_who_finds_no_server_is_refused_after_a_second_look(gates: t.Any) -> None:
    """And at once where others found nobody for a while: what is asked in place of the model need not wait."""

    async def refused(gate: Gate, at_least: float, at_most: float, again: str | None = "5") -> None:
        began = time.monotonic()
        status, headers, body = await ask(gate, "/m/v1/chat/completions")
        # LiteLLM would wait for so long before each of its retries.
        assert (status, headers.get("retry-after")) == (503, again) and b"service_unavailable" in body
        assert at_least < time.monotonic() - began < at_most

    async def story() -> None:
        model = Backend()
        port = await model.start()
        gate: Gate = gates("h", fleet({"m": 1}, ["h"], ["h"]), "h", {"llmfleet-h-m": port})
        await asyncio.to_thread(gate.start)
        await asyncio.to_thread(gate.until_up, "vllm-m/h-m")
        model.server.close()
        await asyncio.sleep(5)
        await refused(gate, 0.9, 4)
        # What is back within that second answers.
        waiting = asyncio.create_task(ask(gate, "/m/v1/chat/completions"))
        await asyncio.sleep(0.2)
        await model.start(port=port)
        assert (await waiting)[0] == 200
        assert (await ask(gate, "/m/v1/chat/completions"))[0] == 200
        model.server.close()
        await asyncio.sleep(5)
        await refused(gate, 0.9, 4)
        await asyncio.sleep(5)
        await refused(gate, 0, 0.9, again=None)

    asyncio.run(story())
