# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares ways of traffic between LiteLLM and replicas, under load, with what happens to replicas.

    PYTHONPATH=. python -m tests.benchmark.traffic events [WAY …]      # a2 c a1 b
    PYTHONPATH=. python -m tests.benchmark.traffic prefixes [WAY …]    # shuffle leastconn prefix router …
    PYTHONPATH=. python -m tests.benchmark.traffic … --alone           # without LiteLLM, before stand-ins for vLLM
    PYTHONPATH=. python -m tests.benchmark.traffic report              # all that was seen, as tables

Three vLLM (CPU build, the tiny model), one LiteLLM with PostgreSQL, the same load each time, judged by content
(tests/load). What was seen is kept in .cache/benchmark/traffic.jsonl; docs/traffic.md holds the tables.
"""

from __future__ import annotations

import abc
import argparse
import importlib.util
import json
import re
import subprocess
import sys
import time
import typing as t
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from tests.load.watch import ask

from .containers import LARGER_OPTIONS, MODEL, REPO, Containers, docker, larger_model, router_packages, until

REPLICAS = ["r1", "r2", "r3"]
SEEN = REPO / ".cache" / "benchmark" / "traffic.jsonl"
RATE, TOKENS = 4, 48
HANG_SECONDS = 15


def haproxy() -> t.Any:
    """The module that prints the role's haproxy.cfg, without the rest of the collection."""
    path = REPO / "plugins" / "plugin_utils" / "_fleet" / "views" / "gate_config.py"
    spec = importlib.util.spec_from_file_location("gate_config", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["gate_config"] = module
    spec.loader.exec_module(module)
    return module


def gate_config(backends: t.Mapping[str, t.Sequence[str]], balance: str) -> str:
    """What the role gate writes, with these replicas in these backends."""
    role = haproxy()
    limits = role.Limits(request_timeout=600, queue_timeout=60, max_connections=4096)
    sections = [role.overall(limits), role.defaults(limits), role.resolvers()]
    sections += [role.models(":8100", balance == "prefix"), role.unknown(), *role.counted()]
    for name, replicas in backends.items():
        servers = [role.Server(replica, f"{replica}:8000") for replica in replicas]
        sections.append(role.backend(role.Backend(f"vllm-{name}", servers, "/health", balance, stripped=True), True))
    return str(role.render(sections)) + "\n"


class Way(abc.ABC):
    """How requests reach replicas, and how a replica is added, taken out and put back."""

    asks: tuple[str, ...] = ()
    #: Where requests go when LiteLLM is left out.
    entrance = ("litellm", 4000, "")
    settings: dict[str, t.Any] = {"num_retries": 3, "timeout": 60, "cooldown_time": 5}

    def __init__(self, stage: Containers) -> None:
        self.stage = stage
        #: Requests that r3 had answered before it was added.
        self.began = 0.0

    @abc.abstractmethod
    def start(self, replicas: t.Sequence[str]) -> None: ...

    @abc.abstractmethod
    def add(self, name: str) -> None: ...

    @abc.abstractmethod
    def drain(self, name: str) -> None: ...

    @abc.abstractmethod
    def undrain(self, name: str) -> None: ...

    def stop(self) -> None:
        for name in ("litellm", "gate", "router"):
            self.stage.remove(name)

    def config(self, urls: t.Iterable[str], **router: t.Any) -> dict[str, t.Any]:
        models = [
            {
                "model_name": MODEL,
                "litellm_params": {"model": f"hosted_vllm/{MODEL}", "api_base": url, "api_key": self.stage.master_key},
            }
            for url in urls
        ]
        return {
            "model_list": models,
            "router_settings": {**self.settings, **router},
            "general_settings": {"store_model_in_db": True, "proxy_batch_write_at": 30},
        }

    def gate_says(self, command: str) -> str:
        return ask(self.stage.gate_socket, command)


class Gates(Way):
    """a1: a gate in front of each replica, LiteLLM picks among deployments of config.yaml."""

    failover: t.ClassVar[dict[str, t.Any]] = {"enable_weighted_failover": True, "allowed_fails": 1}

    def start(self, replicas: t.Sequence[str]) -> None:
        self.known = list(replicas)
        self.stage.gate(gate_config({name: [name] for name in REPLICAS}, "leastconn"))
        self.stage.litellm(self.deployments())

    def deployments(self) -> dict[str, t.Any]:
        return self.config((f"http://gate:8100/{name}/v1" for name in self.known), **self.failover)

    def add(self, name: str) -> None:
        """A new config.yaml is a new LiteLLM."""
        self.known.append(name)
        self.stage.litellm_config(self.deployments())
        docker("restart", "-t", "60", self.stage.full("litellm"))
        self.stage.wait_for_litellm()

    def drain(self, name: str) -> None:
        self.gate_says(f"set server vllm-{name}/{name} state maint")

    def undrain(self, name: str) -> None:
        self.gate_says(f"set server vllm-{name}/{name} state ready")


class Balanced(Way):
    """a2: one deployment a model; the gate balances between its replicas."""

    entrance = ("gate", 8100, f"/{MODEL}")
    balance = "prefix"

    def start(self, replicas: t.Sequence[str]) -> None:
        self.stage.gate(gate_config({MODEL: replicas}, self.balance))
        self.stage.litellm(self.config([f"http://gate:8100/{MODEL}/v1"]))

    def add(self, name: str) -> None:
        self.stage.gate_config(gate_config({MODEL: REPLICAS}, self.balance))
        self.stage.reload_gate()

    def drain(self, name: str) -> None:
        self.gate_says(f"set server vllm-{MODEL}/{name} state drain")

    def undrain(self, name: str) -> None:
        self.gate_says(f"set server vllm-{MODEL}/{name} state ready")


class LeastConnections(Balanced):
    balance = "leastconn"


class AtRandom(Balanced):
    """As LiteLLM's shuffle has it, where LiteLLM is left out."""

    balance = "random(1)"


class Database(Way):
    """b: models in LiteLLM's database, taken out with /model/block; nothing between it and the replicas."""

    failover: t.ClassVar[dict[str, t.Any]] = {"enable_weighted_failover": True, "allowed_fails": 1}

    def start(self, replicas: t.Sequence[str]) -> None:
        self.ids: dict[str, str] = {}
        self.stage.litellm(self.config([], **self.failover))
        for name in replicas:
            self.add(name)

    def add(self, name: str) -> None:
        self.ids[name] = f"{name}-{time.time_ns()}"
        parameters = {
            "model": f"hosted_vllm/{MODEL}",
            "api_base": f"http://{name}:8000/v1",
            "api_key": self.stage.master_key,
        }
        model = {"model_name": MODEL, "litellm_params": parameters, "model_info": {"id": self.ids[name]}}
        self.stage.get("litellm", 4000, "/model/new", model, 60)

    def drain(self, name: str) -> None:
        self.stage.get("litellm", 4000, "/model/block", {"model_id": self.ids[name]}, 60)

    def undrain(self, name: str) -> None:
        self.stage.get("litellm", 4000, "/model/unblock", {"model_id": self.ids[name]}, 60)

    def stop(self) -> None:
        for model in self.ids.values():
            self.stage.get("litellm", 4000, "/model/delete", {"id": model}, 60)
        super().stop()


class Router(Way):
    """c: vllm-router between LiteLLM and the replicas."""

    entrance = ("router", 8200, "")

    def start(self, replicas: t.Sequence[str]) -> None:
        urls = [f"http://{name}:8000" for name in replicas]
        health = ["--health-check-interval-secs", "1", "--health-check-timeout-secs", "2"]
        times = ["--health-failure-threshold", "3", "--health-success-threshold", "1", "--request-timeout-secs", "600"]
        policy = ["--policy", "cache_aware", "--worker-urls", *urls]
        self.stage.router(router_packages(), *health, *times, *policy)
        self.stage.litellm(self.config(["http://router:8200/v1"]))
        until("no router", lambda: self.stage.answers("router", 8200, "/health"))

    def add(self, name: str) -> None:
        self.stage.get("router", 8200, f"/add_worker?url=http://{name}:8000", {}, 60)

    def drain(self, name: str) -> None:
        self.stage.get("router", 8200, f"/remove_worker?url=http://{name}:8000", {}, 60)

    def undrain(self, name: str) -> None:
        self.add(name)


class Shuffle(Database):
    """LiteLLM's default, with deployments of config.yaml."""

    checks: t.ClassVar[list[str]] = []
    environment: t.ClassVar[dict[str, str]] = {}

    def start(self, replicas: t.Sequence[str]) -> None:
        self.ids = {}
        more = {"optional_pre_call_checks": self.checks} if self.checks else {}
        config = self.config((f"http://{name}:8000/v1" for name in replicas), **self.failover, **more)
        self.stage.litellm(config, environment=self.environment)


class Caching(Shuffle):
    """LiteLLM's own: a prompt goes where its prefix went, if that is marked and, by default, of 1,024 tokens."""

    checks: t.ClassVar[list[str]] = ["prompt_caching"]
    asks = ("--marked",)
    environment: t.ClassVar[dict[str, str]] = {"MINIMUM_PROMPT_CACHE_TOKEN_COUNT": "128"}


class Sessions(Shuffle):
    """LiteLLM's own, for clients that name their sessions."""

    checks: t.ClassVar[list[str]] = ["session_affinity"]
    asks = ("--sessions",)


WAYS: dict[str, type[Way]] = {"a2": Balanced, "c": Router, "a1": Gates, "b": Database}
BALANCING: dict[str, type[Way]] = {
    "shuffle": Shuffle,
    "prompt_caching": Caching,
    "session_affinity": Sessions,
    "random": AtRandom,
    "leastconn": LeastConnections,
    "prefix": Balanced,
    "router": Router,
}


class Alone(Containers):
    """Without LiteLLM and without vLLM."""

    alone = True

    def litellm(self, *_arguments: t.Any, **_options: t.Any) -> None:
        return

    def postgres(self) -> None:
        return

    def replica(self, name: str, _model: t.Any = None, *_more: str) -> None:
        self.stand_in(name)

    def label(self, name: str) -> str:
        return f"{name} alone"


# ---- the load


@contextmanager
def load(way: Way, name: str, *more: str) -> t.Iterator[Path]:
    """The record of a load that runs until the block ends."""
    stage = way.stage
    container, port, path = way.entrance if stage.alone else Way.entrance
    record, end, key = (stage.folder / f"{name}.{part}" for part in ("jsonl", "end", "key"))
    key.write_text(stage.master_key)
    where = ["--url", f"http://{stage.address(container)}:{port}{path}", "--key-file", str(key), "--model", MODEL]
    bounds = [
        "--seconds",
        "900",
        "--until",
        str(end),
        "--timeout",
        "90",
        "--concurrency",
        "48",
        "--record",
        str(record),
    ]
    command = [sys.executable, "-m", "tests.load", *where, *bounds, *more]
    process = subprocess.Popen(command, cwd=REPO, stdout=subprocess.DEVNULL)
    try:
        yield record
    finally:
        end.touch()
        process.wait(timeout=120)


def metric(stage: Containers, replica: str, name: str) -> float:
    text = stage.get(replica, 8000, "/metrics")
    return sum(float(value) for value in re.findall(rf"^vllm:{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def idle(stage: Containers, replica: str) -> bool:
    return metric(stage, replica, "num_requests_running") + metric(stage, replica, "num_requests_waiting") == 0


# ---- what happens


def added(way: Way) -> None:
    way.add("r3")
    until("r3 gets no request", lambda: metric(way.stage, "r3", "request_success_total") > way.began, 60)


def drained(way: Way) -> None:
    """Taken out, waited for, left alone for the time of a change, put back."""
    way.drain("r1")
    time.sleep(1)
    until("r1 still has requests", lambda: idle(way.stage, "r1"), 60)
    before = metric(way.stage, "r1", "request_success_total")
    time.sleep(5)
    got = metric(way.stage, "r1", "request_success_total") - before
    print("requests that a drained replica got:", got, flush=True)
    way.undrain("r1")


def hung(way: Way) -> None:
    """Every process of the container stands still, and goes on after a while."""
    docker("pause", way.stage.full("r2"))
    time.sleep(HANG_SECONDS)
    docker("unpause", way.stage.full("r2"))


def killed(way: Way) -> None:
    docker("kill", way.stage.full("r2"))


def stopped(way: Way) -> None:
    """SIGTERM, with nothing said to anybody: what `docker compose up` does after an edit."""
    docker("stop", "-t", "30", way.stage.full("r1"))


def started(way: Way, replicas: t.Sequence[str]) -> None:
    """All replicas run, and the way knows these; they and LiteLLM start at the same time."""
    for name in REPLICAS:
        docker("start", way.stage.full(name))
    way.start(replicas)
    for name in REPLICAS:
        way.stage.wait_for_replica(name)


EVENTS: dict[str, t.Callable[[Way], None]] = {
    "nothing": lambda way: time.sleep(8),
    "added": added,
    "drained": drained,
    "hung": hung,
    "killed": killed,
    "stopped": stopped,
}


def events(stage: Containers, name: str) -> None:
    way = WAYS[name](stage)
    started(way, REPLICAS[:2])
    way.began = metric(stage, "r3", "request_success_total")
    spans: list[tuple[str, float, float]] = []
    with load(way, name, "--rate", str(RATE), "--tokens", str(TOKENS)) as record:
        time.sleep(3)
        for event, happen in EVENTS.items():
            begin = time.time()
            happen(way)
            time.sleep(5)
            spans.append((event, begin, time.time()))
            print(name, event, f"{time.time() - begin:.0f} s", flush=True)
    records = [json.loads(line) for line in record.read_text().splitlines()]
    for event, begin, end in spans:
        keep({"way": stage.label(name), "event": event, "length": end - begin, **counted(records, begin, end)})
    way.stop()


def counted(records: t.Sequence[dict[str, t.Any]], begin: float, end: float) -> dict[str, t.Any]:
    """Of the requests that began in that time."""
    mine = [record for record in records if begin <= record["at"] < end]
    failed = Counter(record["failed"] for record in mine if record["failed"])
    told = {record["failed"]: record["told"][:200] for record in mine if record["failed"]}
    longest = max((record["seconds"] for record in mine), default=0)
    return {"requests": len(mine), "failed": dict(failed), "longest": longest, "told": told}


# ---- prefixes


def prefixes(stage: Containers, name: str, args: argparse.Namespace) -> None:
    """Every way meets chats of its own, so that none finds what another left in the caches."""
    way = BALANCING[name](stage)
    started(way, REPLICAS)
    before = {one: cache(stage, one) for one in REPLICAS}
    seed = str(time.time_ns() % 1_000_000)
    shape = ["--chats", str(args.chats), "--prefix-chars", str(args.prefix_chars), "--tokens", "8"]
    shape += ["--stream-share", "1", *(["--turns"] if args.turns else []), *way.asks]
    shape += ["--shared-chars", str(args.shared_chars)]
    with load(way, f"prefix-{name}", "--rate", str(args.rate), "--seed", seed, *shape) as record:
        time.sleep(args.seconds)
    after = {one: cache(stage, one) for one in REPLICAS}
    records = [json.loads(line) for line in record.read_text().splitlines()]
    firsts = sorted(one["first"] for one in records if one["first"] is not None)
    hits, queries, requests = ([after[one][part] - before[one][part] for one in REPLICAS] for part in range(3))
    keep(
        {
            "way": stage.label(name),
            "prefixes": args.chats,
            "turns": args.turns,
            "shared": args.shared_chars,
            **counted(records, 0, time.time()),
            "hits": sum(hits) / max(1, sum(queries)),
            "requests_by_replica": requests,
            "first_p50": firsts[len(firsts) // 2],
            "first_p95": firsts[int(len(firsts) * 0.95)],
        }
    )
    way.stop()


def cache(stage: Containers, replica: str) -> tuple[float, float, float]:
    names = ("prefix_cache_hits_total", "prefix_cache_queries_total", "request_success_total")
    found = [metric(stage, replica, name) for name in names]
    return found[0], found[1], found[2]


# ---- what was seen


def keep(seen: dict[str, t.Any]) -> None:
    SEEN.parent.mkdir(parents=True, exist_ok=True)
    with SEEN.open("a") as stream:
        print(json.dumps(seen), file=stream)
    print(json.dumps(seen), flush=True)


def _kind(one: dict[str, t.Any]) -> tuple[str, bool, int]:
    return one["way"], one["turns"], one.get("shared", 0)


def report() -> str:
    """The last of each."""
    seen = [json.loads(line) for line in SEEN.read_text().splitlines()]
    happened = {(one["event"], one["way"]): one for one in seen if "event" in one}
    lines = ["| event | way | requests | failed | longest answer | seconds |", "|---|---|---|---|---|---|"]
    for event in EVENTS:
        for way in dict.fromkeys(way for _event, way in happened):
            if one := happened.get((event, way)):
                kinds = ", ".join(f"{count} {kind}" for kind, count in one["failed"].items()) or "0"
                longest = f"{one['longest']:.1f} s | {one['length']:.0f}"
                lines.append(f"| {event} | {way} | {one['requests']} | {kinds} | {longest} |")
    lines += [
        "",
        "| balancing | chats | requests | failed | prefix-cache hits | first token p50 | p95 | requests by replica |",
    ]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for (way, turns, shared), one in {_kind(one): one for one in seen if "prefixes" in one}.items():
        firsts = f"{one['first_p50'] * 1000:.0f} ms | {one['first_p95'] * 1000:.0f} ms"
        spread = " / ".join(f"{count:.0f}" for count in one["requests_by_replica"])
        failed = sum(one["failed"].values())
        chats = ("conversations, one long instruction" if shared else "conversations") if turns else "instructions"
        lines.append(f"| {way} | {chats} | {one['requests']} | {failed} | {one['hits']:.0%} | {firsts} | {spread} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares ways of traffic.")
    parser.add_argument("what", choices=["events", "prefixes", "report"])
    parser.add_argument("ways", nargs="*")
    parser.add_argument("--alone", action="store_true", help="without LiteLLM, before stand-ins for vLLM")
    parser.add_argument("--seconds", type=int, default=40, help="of load for each way of balancing")
    parser.add_argument("--rate", type=float, default=6, help="requests a second of the load on prefixes")
    parser.add_argument("--chats", type=int, default=24)
    parser.add_argument("--turns", action="store_true", help="conversations, not instructions with questions")
    parser.add_argument("--prefix-chars", type=int, default=1500)
    parser.add_argument("--shared-chars", type=int, default=0, help="of instructions that all conversations begin with")
    args = parser.parse_args()
    if args.what == "report":
        print(report())
        return
    with Alone("traffic") if args.alone else Containers("traffic") as stage:
        stage.postgres()
        model = larger_model(stage.folder / "model")
        for name in REPLICAS:
            stage.replica(name, model, *LARGER_OPTIONS)
        for name in args.ways or WAYS:
            if args.what == "events":
                events(stage, name)
            else:
                prefixes(stage, name, args)


if __name__ == "__main__":
    main()
