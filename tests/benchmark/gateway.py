# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests a second and added milliseconds of the gateway, in front of a backend that answers at once (a stand-in).

    PYTHONPATH=. python -m tests.benchmark.gateway [LAYOUT …] [--seconds 12]
    PYTHONPATH=. python -m tests.benchmark.gateway report

The gate, Caddy and the entrance before it have the roles' own configuration. Everything is on this machine, the load
too, so only ratios mean something. A LiteLLM of four workers, as it comes, is the peer. What was seen is kept in
.cache/benchmark/gateway.jsonl; docs/benchmark-gateway.md holds the table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import typing as t

from tests.integration import conftest

from .containers import MODEL, REPO, Containers, images
from .traffic import haproxy

SEEN = REPO / ".cache" / "benchmark" / "gateway.jsonl"
CONCURRENCY = 16
#: Requests a second at which the added time is measured: far below what any layout can.
QUIET = 8


class Layout(t.NamedTuple):
    instances: int = 1
    workers: int = 1
    gate: bool = False
    edge: bool = False


#: "alone" is without LiteLLM: what HAProxy and Caddy take for themselves.
LAYOUTS = {
    "gate_alone": Layout(0, gate=True),
    "edge_gate_alone": Layout(0, gate=True, edge=True),
    "litellm_1": Layout(),
    "litellm_2": Layout(2),
    "litellm_4": Layout(4),
    "gate_1": Layout(1, gate=True),
    "edge_gate_1": Layout(1, gate=True, edge=True),
    "edge_gate_2": Layout(2, gate=True, edge=True),
    "edge_gate_4": Layout(4, gate=True, edge=True),
    "workers_4": Layout(1, workers=4),
}
#: Of the certificate; the last label is one that no public authority signs.
DOMAIN = "edge.test"


def names(layout: Layout) -> list[str]:
    return [f"litellm{index + 1}" for index in range(layout.instances)]


def start_backend(stage: Containers) -> None:
    options = ["-v", f"{REPO}/tests:/code/tests:ro", "--entrypoint", "python"]
    command = ["-m", "tests.load.backend", "--host", "0.0.0.0", "--port", "8000"]
    stage.start("backend", stage.images["litellm"], *command, options=options, PYTHONPATH="/code")


def start(stage: Containers, layout: Layout) -> list[str]:
    """The layout's containers; where a load finds them."""
    url = f"http://gate:8100/{MODEL}/v1" if layout.gate else "http://backend:8000/v1"
    for name in names(layout):
        stage.litellm(config(url, layout, stage), name, layout.workers, wait=name == "litellm1")
    for name in names(layout):
        stage.wait_for_litellm(name)
    if not layout.gate:
        return [f"http://{stage.address(name)}:4000" for name in names(layout)]
    stage.gate(gate_config([f"{name}:4000" for name in names(layout)] or ["backend:8000"]))
    if not layout.edge:
        return [f"http://{stage.address('gate')}:4000"]
    start_edge(stage)
    return [f"https://{DOMAIN}:8443"]


def gate_config(places: t.Sequence[str]) -> str:
    """What the role gate writes, with these in place of LiteLLM, and one replica."""
    role = haproxy()
    limits = role.Limits(request_timeout=600, queue_timeout=60, max_connections=4096)
    litellm = [role.Server(place.partition(":")[0], place) for place in places]
    replica = role.Backend(
        f"vllm-{MODEL}", [role.Server("backend", "backend:8000")], "/health", "prefix", stripped=True
    )
    sections = [role.overall(limits), role.defaults(limits), role.resolvers()]
    sections += [
        role.entrance("litellm", ":4000", "litellm"),
        role.models(":8100", True),
        role.unknown(),
        *role.counted(),
    ]
    sections += [
        role.backend(role.Backend("litellm", litellm, "/health/liveliness"), True),
        role.backend(replica, True),
    ]
    return str(role.render(sections)) + "\n"


def config(url: str, layout: Layout, stage: Containers) -> dict[str, t.Any]:
    parameters = {"model": f"hosted_vllm/{MODEL}", "api_base": url, "api_key": stage.master_key}
    redis = {"redis_host": "redis", "redis_port": 6379, "redis_password": stage.password}
    return {
        "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
        "router_settings": {"num_retries": 2, **(redis if layout.instances > 1 else {})},
        "general_settings": {"proxy_batch_write_at": 30},
    }


def start_edge(stage: Containers) -> None:
    """Two containers of Caddy, and the entrance before them."""
    conftest.collections_path()
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge_config, edge_entrance

    from tests.integration import edge

    folder = stage.folder / "edge"
    for name in ("config", "run", "state"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name).chmod(0o777)
    said = {**edge.defaults(), "llm_domain": DOMAIN, "edge_certificates": "files", "gate_max_connections": 4096}
    at = edge_config.Layout(
        certificate="/edge/cert.pem", key="/edge/key.pem", admin="unix//tmp/admin.sock", data="/tmp/caddy"
    )
    (folder / "caddy.json").write_text(json.dumps(edge_config.configuration(said, (), at)))
    (folder / "config" / "haproxy.cfg").write_text(edge_entrance.config(said))
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    made += ["-subj", f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:{DOMAIN}"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*made, *files], check=True, capture_output=True)
    os.chmod(folder / "key.pem", 0o644)
    command = ["caddy", "run", "--config", "/edge/caddy.json"]
    for number in edge_entrance.NUMBERS:
        name = f"{edge_entrance.PREFIX}{number}"
        stage.start(name, stage.images["edge"], *command, options=["-v", f"{folder}:/edge:ro"])
    places = {"config": "/etc/llmfleet", "run": "/run/llmfleet", "state": "/var/lib/llmfleet"}
    mounts = [part for name, path in places.items() for part in ("-v", f"{folder}/{name}:{path}")]
    command = ["haproxy", "-f", "/etc/llmfleet/haproxy.cfg"]
    stage.start("entrance", stage.images["gate"], *command, options=["--user", "0", *mounts])
    time.sleep(3)


def stop(stage: Containers, layout: Layout) -> None:
    for name in ("entrance", "llmfleet-edge-1", "llmfleet-edge-2", "gate", *names(layout)):
        stage.remove(name)


# ---- measuring


def measured(stage: Containers, urls: t.Sequence[str], seconds: int) -> dict[str, t.Any]:
    load(stage, urls, 4, 0, CONCURRENCY)  # warms up
    quiet = load(stage, urls, seconds, QUIET, CONCURRENCY)
    full = load(stage, urls, seconds, 0, CONCURRENCY)
    times = sorted(record["seconds"] for record in quiet if not record["failed"])
    begin, end = min(one["at"] for one in full), max(one["at"] + one["seconds"] for one in full)
    return {
        "p50": statistics.median(times),
        "p95": times[int(len(times) * 0.95)],
        "rate": sum(not one["failed"] for one in full) / (end - begin),
        "requests": len(quiet) + len(full),
        "failed": sum(bool(one["failed"]) for one in [*quiet, *full]),
    }


def load(stage: Containers, urls: t.Sequence[str], seconds: int, rate: int, many: int) -> list[dict[str, t.Any]]:
    """From a process for each address, where nothing balances between them; plain answers on kept connections."""
    key = stage.folder / "key"
    key.write_text(stage.master_key)
    loads = []
    for index, url in enumerate(urls):
        record = stage.folder / f"gateway-{index}.jsonl"
        place = ["--url", url, "--key-file", str(key), "--model", MODEL, "--record", str(record), "--stream-share", "0"]
        if url.startswith("https"):
            place += ["--connect", stage.address("entrance"), "--ca-file", str(stage.folder / "edge" / "cert.pem")]
        pace = ["--seconds", str(seconds), "--rate", str(rate / len(urls)), "--concurrency", str(many // len(urls))]
        command = [sys.executable, "-m", "tests.load", "--keep-alive", "--seed", str(index), *place, *pace]
        loads.append((subprocess.Popen(command, cwd=REPO, stdout=subprocess.DEVNULL), record))
    found: list[dict[str, t.Any]] = []
    for process, record in loads:
        process.wait(timeout=seconds + 150)
        found += [json.loads(line) for line in record.read_text().splitlines()]
    return found


def keep(layout: str, found: dict[str, t.Any]) -> None:
    SEEN.parent.mkdir(parents=True, exist_ok=True)
    with SEEN.open("a") as stream:
        print(json.dumps({"layout": layout, **found}), file=stream)
    print(layout, json.dumps(found), flush=True)


def report() -> str:
    seen = {one["layout"]: one for one in map(json.loads, SEEN.read_text().splitlines())}
    floor, peer = seen["backend"], seen["workers_4"]
    lines = ["| layout | requests a second | beside 4 workers | added p50 | added p95 | requests | failed |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name in ("backend", *LAYOUTS):
        if one := seen.get(name):
            added = " | ".join(f"{(one[part] - floor[part]) * 1000:.1f} ms" for part in ("p50", "p95"))
            times = f"{one['rate']:.0f} | {one['rate'] / peer['rate']:.2f}"
            lines.append(f"| {name} | {times} | {added} | {one['requests']} | {one['failed']} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures of the gateway.")
    parser.add_argument("layouts", nargs="*", help=f"report, or some of {', '.join(LAYOUTS)} (default: all)")
    parser.add_argument("--seconds", type=int, default=12, help="of each load")
    args = parser.parse_args()
    if args.layouts == ["report"]:
        print(report())
        return
    with Containers("gateway") as stage:
        stage.images |= images("edge", "redis")
        stage.postgres()
        redis = ["redis-server", "--requirepass", stage.password, "--save", "", "--maxmemory", "64mb"]
        stage.start("redis", stage.images["redis"], *redis)
        start_backend(stage)
        time.sleep(2)
        keep("backend", measured(stage, [f"http://{stage.address('backend')}:8000"], args.seconds))
        for name in args.layouts or LAYOUTS:
            keep(name, measured(stage, start(stage, LAYOUTS[name]), args.seconds))
            stop(stage, LAYOUTS[name])


if __name__ == "__main__":
    main()
