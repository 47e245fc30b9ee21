# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HAProxy with the role's configuration before stand-ins for models. Answers are judged by their content."""

from __future__ import annotations

import asyncio
import json
import ssl
import typing as t
import urllib.error
import urllib.request
from collections import Counter

import pytest

from tests.load.backend import Backend, _stream
from tests.load.client import Connection, Target
from tests.load.generator import Load, Plan, Record, summary

from .gates import KEY, Gate, fleet, free_port


class Talker(Backend):
    """Its streams take a while, a tenth of a second a token, and so may its answer to how it is."""

    health = 0.0

    async def _answer(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
        if path == "/health":
            await asyncio.sleep(self.health)
        asked = json.loads(body) if body else {}
        if not asked.get("stream"):
            return await super()._answer(path, body, writer)
        self.requests.append(asked)
        for piece in _stream(asked, ""):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.1)
        return True


#: As many at once as a small model takes.
STEADY = {"rate": 15.0, "concurrency": 24, "tokens": 15, "timeout": 60.0}


async def steady(gate: Gate, model: str, seconds: float, during: t.Any = None, **plan: t.Any) -> list[Record]:
    """Load for so long, and what happens meanwhile."""
    load = Load(Target(gate.url(model), KEY), Plan(model, seconds=seconds, **{**STEADY, **plan}))
    running = asyncio.create_task(load.run())
    await asyncio.sleep(1)
    if during:
        await during()
    return await running


def none_failed(records: t.Sequence[Record], at_least: int) -> dict[str, t.Any]:
    found = summary(records)
    assert found["failed"] == 0, (found, [record for record in records if record.failed][:3])
    assert found["requests"] >= at_least
    shown = ("requests", "streamed", "failed", "longest_wait", "seconds_p50", "seconds_p95")
    print({name: found[name] for name in shown})
    return found


async def ask(gate: Gate, path: str, body: t.Any = None, key: str = KEY) -> tuple[int, dict[str, str], bytes]:
    connection = Connection(Target(f"http://127.0.0.1:{gate.ports['8100']}", key))
    reply = await connection.post(path, json.dumps(body or chat("hello")).encode(), 20)
    return reply.status, reply.headers, reply.body


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def chat(*messages: str, model: str = "m") -> dict[str, t.Any]:
    roles = ["system", "user", "assistant", "user", "assistant"]
    listed = [{"role": role, "content": text} for role, text in zip(roles, messages)]
    return {"model": model, "max_tokens": 4, "messages": listed}


async def one_server(gates: t.Any, replicas: int, **said: t.Any) -> tuple[Gate, list[Backend], list[int]]:
    backends: list[Backend] = [Talker(latency=0.2) for _number in range(replicas)]
    ports = [await backend.start() for backend in backends]
    names = [f"llmfleet-h-m{'' if number == 0 else f'-{number + 1}'}" for number in range(replicas)]
    gate: Gate = gates("h", fleet({"m": replicas}, ["h"], ["h"], **said), "h", dict(zip(names, ports)))
    await asyncio.to_thread(gate.start)
    await asyncio.to_thread(gate.until_up, *(name.replace("llmfleet-", "vllm-m/") for name in names))
    return gate, backends, ports


def test_requests_wait_while_the_only_replica_is_away(gates: t.Any) -> None:
    async def story() -> None:
        gate, (backend,), (port,) = await one_server(gates, 1)

        async def replaced() -> None:
            await asyncio.to_thread(gate.traffic, "hold", "vllm-m/h-m")
            assert gate.load()
            backend.server.close()
            await asyncio.sleep(11)
            await backend.start(port=port)
            await asyncio.to_thread(gate.traffic, "ready", "vllm-m/h-m")

        found = none_failed(await steady(gate, "m", 18, replaced), 30)
        assert 11 < found["longest_wait"] < 20

    asyncio.run(story())


def test_drained_replica_finishes_its_streams_and_gets_nothing_new(gates: t.Any) -> None:
    async def story() -> None:
        gate, backends, _ports = await one_server(gates, 2)
        counts = []

        async def drained() -> None:
            done = await asyncio.to_thread(gate.traffic, "drain", "vllm-m/h-m")
            assert (done["servers"][0]["current"], done["servers"][0]["operational"]) == (0, "DRAIN")
            counts.append(len(backends[0].requests))
            await asyncio.sleep(2)
            counts.append(len(backends[0].requests))
            await asyncio.to_thread(gate.traffic, "ready", "vllm-m/h-m")

        none_failed(await steady(gate, "m", 8, drained), 30)
        assert counts[0] == counts[1] > 0
        assert len(backends[0].requests) > counts[1]

    asyncio.run(story())


@pytest.mark.parametrize("keep_alive", [False, True])
def test_reloads_under_load_lose_nothing(gates: t.Any, keep_alive: bool) -> None:
    async def story() -> None:
        gate, _backends, _ports = await one_server(gates, 2)

        async def reloaded() -> None:
            for _time in range(3):
                gate.write()
                await asyncio.to_thread(gate.reload)
                await asyncio.sleep(1)

        none_failed(await steady(gate, "m", 8, reloaded, keep_alive=keep_alive), 30)

    asyncio.run(story())


def test_replica_that_dies_costs_only_what_it_had_begun(gates: t.Any) -> None:
    """Requests that could not begin go to the other one."""

    async def story() -> None:
        gate, backends, _ports = await one_server(gates, 2)

        async def dies() -> None:
            backends[0].server.close()

        none_failed(await steady(gate, "m", 5, dies), 20)

    asyncio.run(story())


def test_states_survive_a_reload_and_a_restart(gates: t.Any) -> None:
    async def story() -> None:
        gate, _backends, _ports = await one_server(gates, 2)
        await asyncio.to_thread(gate.traffic, "drain", "vllm-m/h-m")
        await asyncio.to_thread(gate.traffic, "hold", "vllm-m/h-m-2")
        for again in (gate.reload, gate.restart):
            await asyncio.to_thread(again)
            states = {str(server): load.status for server, load in gate.load().items()}
            assert (states["vllm-m/h-m"], states["vllm-m/h-m-2"]) == ("DRAIN", "DRAIN"), again
            assert states["vllm-m/hold"] == "no check"
        await asyncio.to_thread(gate.traffic, "ready", "vllm-m/h-m", "vllm-m/h-m-2")
        await asyncio.to_thread(gate.reload)
        await asyncio.to_thread(gate.until_up, "vllm-m/h-m", "vllm-m/h-m-2")
        assert gate.load()[next(one for one in gate.load() if str(one) == "vllm-m/hold")].status == "MAINT"

    asyncio.run(story())


def test_chats_stay_with_the_replica_that_knows_their_beginning(gates: t.Any) -> None:
    async def story() -> None:
        gate, backends, _ports = await one_server(gates, 3)
        for number in range(12):
            for length in (2, 4):  # the second request of a chat is longer
                texts = [f"You are assistant {number}. " * 300, f"Question {number}", "An answer", "Another one"]
                assert (await ask(gate, "/m/v1/chat/completions", chat(*texts[:length])))[0] == 200
                # A server that has a request already may be one too much for the bound.
                while any(load.current for load in gate.load().values()):
                    await asyncio.sleep(0.01)
        places = [Counter(one["messages"][1]["content"] for one in backend.requests) for backend in backends]
        assert all(set(place.values()) <= {2} for place in places)
        assert sum(1 for place in places if place) > 1
        # All the same beginning: the load is spread all the same.
        same = [ask(gate, "/m/v1/chat/completions", chat("alike", "alike")) for _time in range(30)]
        before = [len(backend.requests) for backend in backends]
        assert {status for status, _headers, _body in await asyncio.gather(*same)} == {200}
        assert sum(len(one.requests) > count for one, count in zip(backends, before)) > 1

    asyncio.run(story())


def test_questions_under_the_same_instructions_go_to_the_replica_that_has_them(gates: t.Any) -> None:
    async def one_by_one(gate: Gate, chats: t.Iterable[tuple[str, str]]) -> None:
        for texts in chats:
            assert (await ask(gate, "/m/v1/chat/completions", chat(*texts)))[0] == 200
            while any(load.current for load in gate.load().values()):
                await asyncio.sleep(0.01)

    async def story() -> None:
        gate, backends, _ports = await one_server(gates, 3)
        # Differing instructions, each with questions that were never asked before.
        await one_by_one(gate, [(f"You are assistant {each % 12}. ", f"Question {each}") for each in range(60)])
        places = [{one["messages"][0]["content"] for one in backend.requests} for backend in backends]
        assert sum(map(len, places)) == 12 and sum(map(bool, places)) > 1
        # Instructions that all have say nothing once they are most of what is asked: conversations are then told apart.
        await one_by_one(gate, [("Be brief.", f"Conversation {each % 12}") for each in range(240)])
        late = [Counter(one["messages"][1]["content"] for one in backend.requests[-40:]) for backend in backends]
        assert sum(map(bool, late)) > 1

    asyncio.run(story())


def test_only_the_api_and_only_with_the_key(gates: t.Any) -> None:
    async def story() -> None:
        gate, (backend,), _ports = await one_server(gates, 1)
        assert (await ask(gate, "/m/v1/chat/completions"))[0] == 200
        for key in ("", "wrong", KEY[:-1], f"{KEY}x"):
            assert (await ask(gate, "/m/v1/chat/completions", key=key))[0] == 401
        for path in (
            "/m/metrics",
            "/m/shutdown",
            "/m/v1/load_lora_adapter",
            "/m/tokenize",
            "/none/v1/models",
            "/v1/models",
        ):
            assert (await ask(gate, path))[0] == 404, path
        assert len(backend.requests) == 1

    asyncio.run(story())


def test_metrics_of_the_gate_and_of_an_instance(gates: t.Any) -> None:
    async def story() -> None:
        gate, _backends, _ports = await one_server(gates, 1)
        url = f"http://127.0.0.1:{gate.ports['8405']}"
        own = await asyncio.to_thread(fetch, f"{url}/metrics")
        assert b'haproxy_server_status{proxy="vllm-m",server="h-m"' in own
        assert (await asyncio.to_thread(fetch, f"{url}/h-m/metrics")).startswith(b"vllm:")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(fetch, f"{url}/h-m/v1/models")

    asyncio.run(story())


def test_large_bodies_pass_whole(gates: t.Any) -> None:
    async def story() -> None:
        gate, (backend,), _ports = await one_server(gates, 1)
        text = "x" * 3_000_000
        assert (await ask(gate, "/m/v1/chat/completions", chat("system", text)))[0] == 200
        assert backend.requests[-1]["messages"][1]["content"] == text

    asyncio.run(story())


def test_too_much_work_is_refused_with_a_time_to_come_again(gates: t.Any) -> None:
    async def story() -> None:
        whole = fleet({"m": 1}, ["h"], ["h"], gate_queue_limit=4)
        limited = whole._replace(instances=[{**one, "max_parallel_requests": 2} for one in whole.instances])
        backend = Backend(latency=0.5)
        gate: Gate = gates("h", limited, "h", {"llmfleet-h-m": await backend.start()})
        await asyncio.to_thread(gate.start)
        await asyncio.to_thread(gate.until_up, "vllm-m/h-m")
        asked = [ask(gate, "/m/v1/chat/completions", chat(f"number {number}")) for number in range(20)]
        answers = await asyncio.gather(*asked)
        refused = [(headers, body) for status, headers, body in answers if status == 503]
        assert len(refused) >= 20 - 2 - 4 - 2
        assert all(headers["retry-after"] == "5" and b"service_unavailable" in body for headers, body in refused)
        assert len(backend.requests) == 20 - len(refused)

    asyncio.run(story())


def test_client_that_leaves_frees_its_place(gates: t.Any) -> None:
    async def story() -> None:
        gate, (backend,), _ports = await one_server(gates, 1)
        backend.lie = "hang"
        _reader, writer = await asyncio.open_connection("127.0.0.1", gate.ports["8100"])
        body = json.dumps(chat("hello")).encode()
        head = f"POST /m/v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {KEY}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await asyncio.sleep(0.5)
        (server,) = [one for one in gate.load() if str(one) == "vllm-m/h-m"]
        assert gate.load()[server].current == 1
        writer.close()
        await asyncio.sleep(1)
        assert gate.load()[server].current == 0

    asyncio.run(story())


async def two_hosts(gates: t.Any, health: float = 0) -> tuple[Gate, Gate, Backend, int]:
    whole = fleet({"m": 1}, ["gw"], ["gpu1"])
    backend = Talker(latency=0.2)
    backend.health = health
    port = await backend.start()
    far: Gate = gates("gpu1", whole, "gpu1", {"llmfleet-gpu1-m": port})
    await asyncio.to_thread(far.start)
    near: Gate = gates("gw", whole, "gw", {"gpu1": far.ports["8443"]})
    await asyncio.to_thread(near.start)
    await asyncio.to_thread(near.until_up, "vllm-m/gpu1-m")
    return near, far, backend, port


@pytest.mark.parametrize(("away", "health"), [(1.5, 0), (3, 0), (8, 0), (2.5, 1.2), (4, 1.2)])
def test_instance_of_another_host_is_reached_by_its_gate(gates: t.Any, away: float, health: float) -> None:
    """It is away for less or longer than both gates take to notice, or one of them notices when it is back."""

    async def story() -> None:
        near, far, backend, port = await two_hosts(gates, health)

        async def replaced() -> None:
            await asyncio.to_thread(near.traffic, "hold", "vllm-m/gpu1-m")
            backend.server.close()
            await asyncio.sleep(away)
            await backend.start(port=port)
            await asyncio.to_thread(near.traffic, "ready", "vllm-m/gpu1-m")

        none_failed(await steady(near, "m", 13, replaced), 20)
        none_failed(await steady(near, "m", 5, lambda: asyncio.to_thread(far.reload)), 20)

    asyncio.run(story())


def test_nobody_without_a_certificate_of_the_fleet_comes_in(gates: t.Any) -> None:
    async def story() -> None:
        _near, far, backend, _port = await two_hosts(gates)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = Connection(Target(f"https://127.0.0.1:{far.ports['8443']}", KEY, context=context))
        reply = await connection.post("/v1/chat/completions", b"{}", 10)
        assert reply.status == 0
        assert backend.requests == []

    asyncio.run(story())


def test_host_that_is_another_one_is_not_spoken_to(gates: t.Any) -> None:
    async def story() -> None:
        whole = fleet({"m": 1}, ["gw"], ["gpu1", "gpu2"])
        backend = Backend()
        far: Gate = gates("gpu1", whole, "gpu1", {"llmfleet-gpu1-m": await backend.start()})
        await asyncio.to_thread(far.start)
        near: Gate = gates("gw", whole, "gw", {"gpu1": free_port(), "gpu2": far.ports["8443"]})
        await asyncio.to_thread(near.start)
        await asyncio.sleep(4)
        (server,) = [one for one in near.load() if str(one) == "vllm-m/gpu2-m"]
        assert near.load()[server].status.startswith("DOWN")
        assert backend.requests == []

    asyncio.run(story())


def test_another_gateways_litellm_stands_in(gates: t.Any) -> None:
    async def story() -> None:
        whole = fleet({"m": 1}, ["gw1", "gw2"], ["gw1"])
        backends = {name: Backend() for name in ("gw1", "gw2")}
        ports = {name: await backend.start() for name, backend in backends.items()}
        far: Gate = gates("gw2", whole, "gw2", {"llmfleet-litellm-1": ports["gw2"]})
        await asyncio.to_thread(far.start)
        near: Gate = gates("gw1", whole, "gw1", {"llmfleet-litellm-1": ports["gw1"], "gw2": far.ports["8443"]})
        await asyncio.to_thread(near.start)
        await asyncio.to_thread(near.until_up, "litellm/1", "litellm/gw2:litellm")
        url = f"http://127.0.0.1:{near.ports['4000']}"
        assert summary(await Load(Target(url, "a-key-of-a-user"), Plan("m", requests=5)).run())["failed"] == 0
        assert (len(backends["gw1"].requests), len(backends["gw2"].requests)) == (5, 0)
        backends["gw1"].server.close()
        assert summary(await Load(Target(url, "a-key-of-a-user"), Plan("m", requests=5)).run())["failed"] == 0
        assert len(backends["gw2"].requests) == 5

    asyncio.run(story())
