# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is open, and what a container that was broken into could do."""

from __future__ import annotations

import json
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
    # A path of its own project alone.
    for name in containers:
        part = name.removeprefix("llmfleet-").replace("-", "/")
        strange = [path for path in found[name]["writable"] if f"/opt/llmfleet/{part}" not in path]
        assert strange == [], name


#: What has to be within reach, and so may be: the way of a request, and the stores of LiteLLM.
REACHED: dict[str, set[str]] = {}


def test_a_container_reaches_what_it_works_with(found: dict[str, t.Any], containers: list[str], note: t.Any) -> None:
    for name in containers:
        note("reaches", container=name, targets=found[name]["reached"])
    seen = {name: set(found[name]["reached"]) for name in containers}
    print(seen)
    assert seen == {name: REACHED.get(name, set()) for name in containers}


#: Which of the declared secrets stand in its files or its environment.
HOLDS: dict[str, set[str]] = {}


def test_a_container_holds_the_secrets_that_it_needs(
    found: dict[str, t.Any], containers: list[str], note: t.Any
) -> None:
    for name in containers:
        note("holds", container=name, secrets=found[name]["secrets"])
    seen = {name: set(found[name]["secrets"]) for name in containers}
    assert seen == {name: HOLDS.get(name, set()) for name in containers}
