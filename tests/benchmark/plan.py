# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many seconds the controller takes for the value of a large fleet, by its parts.

    .venv/bin/python -m tests.benchmark.plan [--servers 200] [--instances 1000]

Half of the servers have one kind of GPU, half another; every model has several replicas, and models share GPUs.
"""

from __future__ import annotations

import argparse
import time
import typing as t

from ansible.parsing.dataloader import DataLoader

from tests.integration import conftest

MODELS = ("Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-1.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct")
KINDS = (("NVIDIA H100 80GB HBM3", 79.18), ("NVIDIA L40S", 44.4))
REPLICAS = 20


def server(index: int) -> dict[str, t.Any]:
    name, memory = KINDS[index % len(KINDS)]
    gpus = [{"index": gpu, "name": name, "memory_usable_gib": memory} for gpu in range(8)]
    address = f"10.1.{index // 250}.{index % 250 + 1}"
    return {"addresses": {"default_ipv4": address, "default_ipv6": "", "all": [address]}, "gpu": {"gpus": gpus}}


class Inventory:
    """Ansible's hostvars as far as they are read."""

    def __init__(self, shared: dict[str, t.Any]) -> None:
        self.shared = shared

    def raw_get(self, host_name: str) -> dict[str, t.Any]:
        return {"inventory_hostname": host_name, "llm_gpu_count": 8, **self.shared}


def timed(name: str, work: t.Callable[[], t.Any]) -> t.Any:
    begin, used = time.perf_counter(), time.process_time()
    result = work()
    print(f"{name:<12} {time.perf_counter() - begin:6.2f} s, {time.process_time() - used:6.2f} s of processor time")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--servers", type=int, default=200)
    parser.add_argument("--instances", type=int, default=1000)
    options = parser.parse_args()
    conftest.collections_path()
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.compute import compute
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import check, read_specs
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION, role_defaults
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve

    names = [f"gpu{index}" for index in range(options.servers)]
    groups = {"gateways": ["gateway"], "gpu_servers": names}
    count = -(-options.instances // REPLICAS)
    models = [{"name": f"m{i}", "model": MODELS[i % len(MODELS)], "replicas": REPLICAS} for i in range(count)]
    loader, inventory = DataLoader(), Inventory({"llm_models": models})
    defaults = timed("defaults", lambda: role_defaults(loader))
    found = timed("variables", lambda: resolve(inventory, groups, defaults, loader).hosts)
    given = {name: host.variables for name, host in found.items()}
    checked = timed("check", lambda: check(given, groups, read_specs(COLLECTION), defaults).hosts)
    hosts = {
        name: host._replace(variables={**host.variables, **checked[name]}, facts=server(index))
        for index, (name, host) in enumerate(found.items())
    }
    fleet = timed("plan", lambda: compute(hosts, groups, "known"))
    print(f"{len(fleet.instances)} instances on {len(names)} servers")


if __name__ == "__main__":
    main()
