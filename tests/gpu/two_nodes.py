# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays two servers of one GPU each on a machine with two: what the role vllm renders for a model with `nodes: 2`.

As root, with vLLM (and Ray for --by ray), ansible-core and pyroute2, and this checkout as llmfleet.gateway:

    python3 tests/gpu/two_nodes.py check                                   # the network between the nodes, over NCCL
    python3 tests/gpu/two_nodes.py serve --by mp --parallel tensor         # a model on both, parts of which die
    python3 tests/gpu/two_nodes.py serve --by ray --parallel pipeline

Each node has namespaces of its own (network, with an Ethernet pair between them, processes, files, shared memory), so
that nothing but the network joins them; NCCL is told that they are two hosts. What starts in them is the rendered entry
point with the rendered files and environment, and is started again when it ends, as Docker does. One line of JSON for
each thing seen; logs in --logs.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

from ansible.plugins.loader import init_plugin_loader

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/unit/plugins/fleet"), str(ROOT / "tests/unit/roles")]

SERVERS = {"gpu1": "10.87.0.1", "gpu2": "10.87.0.2"}
MODEL = "/opt/llmfleet/gpu-test-model"
KEY = "only-for-this-test-0123456789"
BEGAN = time.monotonic()
#: NVLink's multicast is left alone: a virtual machine's host may share it with others.
ENVIRONMENT = {
    "NCCL_NVLS_ENABLE": "0",
    "NCCL_DEBUG": "INFO",
    "TORCH_SYMM_MEM_DISABLE_MULTICAST": "1",
    "VLLM_ALLREDUCE_USE_SYMM_MEM": "0",
    "VLLM_USE_FLASHINFER_SAMPLER": "0",
}
#: What a container has of its own, made of the namespaces that unshare gives it.
CONTAINER = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
for part in etc secrets cache; do
  case $part in etc) to=/etc/llmfleet ;; secrets) to=/run/llmfleet/secrets ;; cache) to=/cache ;; esac
  mkdir -p $to
  mount --bind "$FILES/$part" $to
done
"$@"
"""


def note(**what: t.Any) -> None:
    print(json.dumps({"at": round(time.monotonic() - BEGAN, 1), **what}), flush=True)


def fleet(by: str, parallel: str, more: dict[str, t.Any]) -> t.Any:
    """Two servers with a GPU each, and one model on both."""
    from declared import fleet_of

    asked = ["nvidia-smi", "--query-gpu=name,memory.total,memory.reserved", "--format=csv,noheader,nounits"]
    row = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.splitlines()[0].split(", ")
    gpu = {"index": 0, "name": row[0], "memory_usable_gib": (int(row[1]) - int(row[2])) / 1024}
    folder = {"config": json.loads((Path(MODEL) / "config.json").read_text())}
    hosts = {
        name: {
            "llm_gpu_count": 1,
            "llm_private_address": address,
            "vllm_api_key": KEY,
            "vllm_offline": True,
            "vllm_version": importlib.metadata.version("vllm").split("+")[0],
            "llm_host": {
                "addresses": {"default_ipv4": address},
                "gpu": {"gpus": [gpu]},
                "model_folders": {MODEL: folder},
            },
        }
        for name, address in SERVERS.items()
    }
    arguments = {"load_format": "dummy", "enforce_eager": True, "max_num_seqs": 64, **more}
    if by == "ray":
        arguments["distributed_executor_backend"] = "ray"
    if parallel == "pipeline":
        arguments["pipeline_parallel_size"] = 2
    entry: dict[str, t.Any] = {"name": "wide", "model": MODEL, "nodes": 2, "max_model_len": 8192}
    entry |= {"engine_args": arguments, "environment": ENVIRONMENT}
    if parallel == "tensor":
        entry["tensor_parallel_size"] = 2
    return fleet_of([entry], hosts, {"gateways": ["gpu1"], "gpu_servers": list(SERVERS)})


def joined_by_a_wire() -> None:
    """Two network namespaces and a pair of interfaces between them."""
    from pyroute2 import IPRoute, NetNS, netns

    for name in SERVERS:
        with contextlib.suppress(OSError):
            netns.remove(name)
        netns.create(name)
    with IPRoute() as here:
        here.link("add", ifname="veth-gpu1", kind="veth", peer={"ifname": "veth-gpu2"})
        for name in SERVERS:
            here.link("set", index=here.link_lookup(ifname=f"veth-{name}")[0], net_ns_fd=name, ifname="eth0")
    for name, address in SERVERS.items():
        with NetNS(name) as inside:
            inside.link("set", index=inside.link_lookup(ifname="lo")[0], state="up")
            wire = inside.link_lookup(ifname="eth0")[0]
            inside.addr("add", index=wire, address=address, prefixlen=24)
            inside.link("set", index=wire, state="up")


def contained(server: str, command: list[str], environment: dict[str, str], files: Path, log: Path) -> t.Any:
    """A process in the namespaces of a node; with it ends all that it started."""
    gpu = str(list(SERVERS).index(server))
    around = ["nsenter", f"--net=/run/netns/{server}", "unshare", "--mount", "--ipc", "--uts", "--pid", "--fork"]
    around += ["--kill-child=SIGKILL", "--mount-proc", "sh", "-c", CONTAINER, "sh"]
    told = {**os.environ, **environment, "CUDA_VISIBLE_DEVICES": gpu, "NCCL_HOSTID": server, "FILES": str(files)}
    with log.open("ab") as stream:
        return subprocess.Popen(
            [*around, *command], env=told, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )


class Node:
    """A server with its container, which is started again whenever it ends."""

    def __init__(self, found: t.Any, server: str, logs: Path) -> None:
        from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import vllm
        from rendering import render

        self.server, self.log = server, logs / f"{server}.log"
        self.files = Path("/run/two-nodes") / server
        host = found.hosts[server]
        (self.instance,) = found.instances_on(server)
        self.texts = render("vllm", {"projects": [vllm.project(self.instance, found.root, host)]}, vllm_api_key=KEY)
        self.service = self.texts.compose["services"]["vllm"]
        self.process: t.Any = None
        self.ends: list[float] = []
        self.going = False

    def write(self) -> None:
        for part in ("etc", "secrets", "cache"):
            (self.files / part).mkdir(parents=True, exist_ok=True)
        for path, text in self.texts.texts.items():
            where = self.files / ("secrets" if path.startswith("secrets/serve/") else "etc") / Path(path).name
            where.write_text(text)

    def start(self) -> None:
        self.write()
        self.going = True
        threading.Thread(target=self.keep, daemon=True).start()

    def keep(self) -> None:
        while self.going:
            environment = {name: str(value) for name, value in self.service["environment"].items()}
            command = [*self.service["entrypoint"], *self.service["command"]]
            self.process = contained(self.server, command, environment, self.files, self.log)
            note(node=self.server, what="started")
            status = self.process.wait()
            self.ends.append(time.monotonic())
            note(node=self.server, what="ended", status=status)
            time.sleep(0.2)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        self.going = False
        with contextlib.suppress(ProcessLookupError, AttributeError):
            self.kill()

    def said(self, *words: str) -> list[str]:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line for line in lines if any(word in line for word in words)]


CLIENT = """
import json, sys, urllib.request
url, key, body = sys.argv[1:]
headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
asked = urllib.request.Request(url, body.encode(), headers)
print(urllib.request.urlopen(asked, timeout=60).read().decode())
"""


def ask(node: Node, tokens: int = 16, prompt: str = "hello") -> str:
    """What the head writes, asked from the other server; empty where it does not answer."""
    # The weights are random, and the tokenizer knows only these of the model's tokens.
    body = {"model": "wide", "prompt": prompt, "max_tokens": tokens, "ignore_eos": True}
    body["allowed_token_ids"] = list(range(3, 259))
    url = f"http://{SERVERS['gpu1']}:{node.instance['port']}/v1/completions"
    inside = ["nsenter", "--net=/run/netns/gpu2", sys.executable, "-S", "-c", CLIENT, url, KEY, json.dumps(body)]
    done = subprocess.run(inside, check=False, capture_output=True, text=True)
    if done.returncode:
        return ""
    choice = json.loads(done.stdout)["choices"][0]
    return str(choice["text"]) or "?"


def wait_for_answer(node: Node, seconds: float) -> float:
    """Seconds until the model answers."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if ask(node):
            return round(time.monotonic() - began, 1)
        time.sleep(1)
    return -1


class Memory:
    """The most that each GPU had in use."""

    def __init__(self) -> None:
        self.peak = [0, 0]
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        asked = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--loop-ms=200"]
        with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
            for number, line in enumerate(process.stdout or ()):
                self.peak[number % 2] = max(self.peak[number % 2], int(line))

    def gib(self) -> list[float]:
        return [round(one / 1024, 2) for one in self.peak]


def check(found: t.Any, logs: Path) -> None:
    """The network check as the role runs it: with both nodes, with one, with one that speaks on a wrong interface."""
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.network_check import network_checks

    program = (ROOT / "roles/vllm/files/check_network.py").read_text()
    for case, servers, more in (
        ("both", list(SERVERS), {}),
        ("node 1 does not come", ["gpu1"], {}),
        ("node 1 speaks on lo", list(SERVERS), {"gpu2": {"NCCL_SOCKET_IFNAME": "lo"}}),
    ):
        running = {}
        for server in servers:
            (asked,) = network_checks(found, found.hosts[server])
            told = dict(one[len("--env=") :].split("=", 1) for one in asked["run"] if one.startswith("--env="))
            said = json.dumps({**json.loads(asked["said"]), **({} if case == "both" else {"limit": 20})})
            files, log = Path("/run/two-nodes") / server, logs / f"check-{case.replace(' ', '-')}-{server}.log"
            for part in ("etc", "secrets", "cache"):
                (files / part).mkdir(parents=True, exist_ok=True)
            told |= more.get(server, {})
            running[server] = contained(server, ["python3", "-c", program, said], told, files, log), log
        for server, (process, log) in running.items():
            process.wait()
            lines = log.read_text().splitlines()
            answers = [line for line in lines if line.startswith("{")]
            ways = sorted(
                {word for line in lines for word in line.split() if word.startswith(("NET/", "P2P/", "SHM/"))}
            )
            note(case=case, server=server, status=process.returncode, said=answers[-1:] or lines[-3:], ways=ways)


def serve(found: t.Any, logs: Path, late: bool, seconds: float) -> bool:
    """Whether the model answers, and does so again after each node was killed."""
    head, worker = (Node(found, server, logs) for server in SERVERS)
    memory = Memory()
    note(plan=head.instance["plan"], remark=head.instance["note"], options=head.instance["options"])
    try:
        head.start()
        if late:
            time.sleep(33)
            note(what="only the head is there", said=head.said("llmfleet:"))
        worker.start()
        good = seen_up(head, memory, seconds)
        for one in (worker, head) if good else ():
            good = seen_killed(one, worker if one is head else head, head, seconds) and good
        note(
            ways=sorted({line.split(" via ")[-1].split()[0] for one in (head, worker) for line in one.said(" via NET")})
        )
        note(said={one.server: one.said("llmfleet:") for one in (head, worker)})
        return good
    finally:
        head.stop()
        worker.stop()


def seen_up(head: Node, memory: Memory, seconds: float) -> bool:
    took = wait_for_answer(head, seconds)
    note(what="answers", seconds=took, gib_used=memory.gib(), text=ask(head))
    if took < 0:
        return False
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        began = time.monotonic()
        answers = list(pool.map(lambda number: ask(head, 64, f"{number} " + "x" * 500), range(64)))
    note(
        what="64 at once, 64 tokens each",
        answered=sum(map(bool, answers)),
        seconds=round(time.monotonic() - began, 1),
        gib_used=memory.gib(),
        kv=head.said("GPU KV cache size", "Available KV cache memory", "Model loading took"),
    )
    return all(answers)


def seen_killed(one: Node, other: Node, head: Node, seconds: float) -> bool:
    """One dies; the other must end too, and both must come back by themselves."""
    ended, began = len(other.ends), time.monotonic()
    note(what=f"{one.server} is killed")
    one.kill()
    while len(other.ends) == ended and time.monotonic() - began < 120:
        time.sleep(0.05)
    gone = len(other.ends) > ended
    after = round(other.ends[-1] - began, 2) if gone else None
    took = wait_for_answer(head, seconds)
    note(
        what=f"{one.server} was killed", other_ended_after=after, answers_again_after=round(time.monotonic() - began, 1)
    )
    return gone and took >= 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["check", "serve"])
    parser.add_argument("--by", choices=["mp", "ray"], default="mp", help="what brings the nodes together")
    parser.add_argument("--parallel", choices=["tensor", "pipeline"], default="tensor")
    parser.add_argument("--late", action="store_true", help="the worker comes half a minute after the head")
    parser.add_argument("--engine", type=json.loads, default={}, help="more engine_args, as JSON")
    parser.add_argument("--logs", type=Path, default=Path("/tmp/two-nodes"))
    parser.add_argument("--seconds", type=float, default=240, help="that a start may take")
    arguments = parser.parse_args()
    arguments.logs.mkdir(parents=True, exist_ok=True)
    init_plugin_loader()
    joined_by_a_wire()
    found = fleet(arguments.by, arguments.parallel, arguments.engine)
    if arguments.what == "check":
        check(found, arguments.logs)
        return 0
    return 0 if serve(found, arguments.logs, arguments.late, arguments.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
