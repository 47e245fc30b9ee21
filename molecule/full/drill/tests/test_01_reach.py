# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is open, and what a container that was broken into could do."""

from __future__ import annotations

import json
import re
import socket
import threading
import typing as t

import pytest
from scenario import SCENARIO

from tests.drill.inside import look
from tests.drill.ports import open_ports


def test_a_scan_from_outside_finds_what_is_declared_public(note: t.Any) -> None:
    address = json.loads((SCENARIO / "hosts.json").read_text())["demo"]["address"]
    found = open_ports(address)
    note("a scan of all TCP ports from another machine", open=found)
    assert found == [22, 4000]


@pytest.fixture(scope="module")
def outside(host: t.Any) -> t.Iterator[dict[str, list[t.Any]]]:
    """A server on the bench's network that is neither the host nor one of its containers."""
    address = host.check_output("ip route show default").split()[2]
    with socket.create_server((address, 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        yield {"elsewhere": [address, server.getsockname()[1]]}


def accept(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.fixture(scope="module")
def found(ssh: t.Any, secrets: dict[str, str], outside: dict[str, list[t.Any]]) -> dict[str, t.Any]:
    return look(ssh, secrets, outside)


@pytest.fixture
def containers(found: dict[str, t.Any]) -> list[str]:
    names = [f"llmfleet-{part}" for part in ("gate", "litellm-1", "litellm-2", "postgres", "redis", "vllm-tiny")]
    assert sorted(found) == names
    return names


def test_no_container_has_rights_over_the_host(found: dict[str, t.Any], containers: list[str]) -> None:
    for name in containers:
        seen = found[name]
        assert seen["rights"]["capabilities"] == "", name
        assert seen["rights"]["new_privileges"] == "no", name
        assert seen["rights"]["seccomp"] == "2", name
        assert seen["rights"]["user"] != "0", name
        assert (seen["read_only"], seen["privileged"], seen["engine"]) == (True, False, []), name


def test_a_container_writes_what_is_its_own(found: dict[str, t.Any], containers: list[str], note: t.Any) -> None:
    for name in containers:
        note("writes", container=name, paths=found[name]["writable"])
    assert {name: found[name]["writable"] for name in containers if found[name]["writable"]} == {
        "llmfleet-gate": ["/opt/llmfleet/gate/run"],
        "llmfleet-postgres": ["/opt/llmfleet/postgres/data"],
        "llmfleet-vllm-tiny": ["/opt/llmfleet/vllm/tiny/cache"],
    }


LITELLMS = {"llmfleet-litellm-1:4000", "llmfleet-litellm-2:4000"}
GATE = {"llmfleet-gate:4000", "llmfleet-gate:8100", "llmfleet-gate:8405"}
STORES = {"llmfleet-postgres:5432", "llmfleet-redis:6379"}
#: The host's own ports, at the address that each network has there, and what lies outside.
SSHD, OPEN = {"host:22"}, {"elsewhere", "host:22", "host:4000"}
REACHED = {
    "llmfleet-gate": OPEN | LITELLMS | {"llmfleet-vllm-tiny:8000"},
    "llmfleet-litellm-1": OPEN | GATE | STORES | LITELLMS - {"llmfleet-litellm-1:4000"},
    "llmfleet-litellm-2": OPEN | GATE | STORES | LITELLMS - {"llmfleet-litellm-2:4000"},
    # Those that are in their network, and that ask for a key.
    "llmfleet-postgres": SSHD | LITELLMS,
    "llmfleet-redis": SSHD | LITELLMS,
    "llmfleet-vllm-tiny": SSHD | GATE,
}
#: Of vLLM's own processes among themselves. Only the gate is in their network.
INTERNAL = re.compile(r"llmfleet-vllm-tiny:[345]\d{4}")


def test_a_container_reaches_what_it_works_with(found: dict[str, t.Any], containers: list[str], note: t.Any) -> None:
    for name in containers:
        note("reaches", container=name, targets=found[name]["reached"])
    seen = {name: {one for one in found[name]["reached"] if not INTERNAL.fullmatch(one)} for name in containers}
    assert seen == REACHED


LITELLM = {"litellm_master_key", "litellm_salt_key", "litellm_ui_password"}
LITELLM |= {"postgres_password", "redis_password", "vllm_api_key"}
#: Which of the declared secrets stand in its files or its environment.
HOLDS = {
    "llmfleet-gate": {"vllm_api_key"},
    "llmfleet-litellm-1": LITELLM,
    "llmfleet-litellm-2": LITELLM,
    "llmfleet-postgres": set(),
    "llmfleet-redis": {"redis_password"},
    "llmfleet-vllm-tiny": {"vllm_api_key"},
}


def test_a_container_holds_the_secrets_that_it_needs(
    found: dict[str, t.Any], containers: list[str], note: t.Any
) -> None:
    for name in containers:
        note("holds", container=name, secrets=found[name]["secrets"])
    seen = {name: set(found[name]["secrets"]) for name in containers}
    assert seen == HOLDS
