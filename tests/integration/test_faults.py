# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in the field, done to the real proxy on purpose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from . import conftest, flaky
from .harness import run, succeed
from .proxy import Proxy, docker, wait_until_ready
from .states import gone

COUNT = 200
PREFIX = "fault-"


def state(count: int = COUNT) -> dict[str, t.Any]:
    return {"keys": [{"key_alias": f"{PREFIX}{number:03}"} for number in range(count)]}


def made(proxy: Proxy) -> list[str]:
    found = succeed(proxy, "litellm_info", kinds=["keys"])["objects"]["keys"]
    return sorted(key["key_alias"] for key in found if str(key["key_alias"]).startswith(PREFIX))


@pytest.fixture(autouse=True)
def clean(proxy: Proxy) -> t.Iterator[None]:
    succeed(proxy, "litellm_state", desired=gone(state()))
    yield
    succeed(proxy, "litellm_state", desired=gone(state()))


def process(proxy: Proxy, folder: Path, keys: Path) -> subprocess.Popen[str]:
    """The module in a process of its own, as Ansible starts it: it gets its options on stdin."""
    options = {
        "api_url": proxy.url,
        "api_key": proxy.master_key,
        "desired": state(),
        "key_directory": str(keys),
    }
    arguments = folder / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    module = "ansible_collections.llmfleet.gateway.plugins.modules.litellm_state"
    return subprocess.Popen(
        [sys.executable, "-m", module, str(arguments)],
        env={**os.environ, "PYTHONPATH": str(conftest.collections_path())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_is_finished_by_the_next(proxy: Proxy, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    running = process(proxy, tmp_path, keys)
    deadline = time.monotonic() + 60
    while len(list(keys.glob("*.key"))) < 40 and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert 0 < len(made(proxy)) < COUNT
    succeed(proxy, "litellm_state", desired=state(), key_directory=str(keys))
    assert made(proxy) == [key["key_alias"] for key in state()["keys"]]
    for file in keys.glob("*.key"):
        if file.stem in (f"{PREFIX}000", f"{PREFIX}038", f"{PREFIX}199"):
            assert proxy.status("/v1/models", file.read_text().strip()) == 200


def test_two_runs_at_once_make_each_key_once(proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    both = [process(proxy, tmp_path / name, tmp_path / "keys") for name in "ab"]
    for running in both:
        running.communicate(timeout=300)
    succeed(proxy, "litellm_state", desired=state(), key_directory=str(tmp_path / "keys"))
    assert made(proxy) == [key["key_alias"] for key in state()["keys"]]


def test_racing_runs_with_their_own_values_leave_one_key(proxy: Proxy, tmp_path: Path) -> None:
    """Without a common store the values differ: twins are found and all but one are removed."""
    bodies = [{"key_alias": f"{PREFIX}000", "key": f"sk-racing-0123456789-{n}"} for n in range(6)]
    processes = []
    for number, body in enumerate(bodies):
        folder = tmp_path / str(number)
        folder.mkdir()
        arguments = folder / "arguments.json"
        options = {"api_url": proxy.url, "api_key": proxy.master_key, **body}
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
        module = "ansible_collections.llmfleet.gateway.plugins.modules.litellm_key"
        environment = {**os.environ, "PYTHONPATH": str(conftest.collections_path())}
        command = [sys.executable, "-m", module, str(arguments)]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    results = [json.loads(one.communicate(timeout=120)[0]) for one in processes]
    assert made(proxy) == [f"{PREFIX}000"]
    winners = [result for result in results if not result.get("failed")]
    assert len(winners) == 1
    assert "sk-racing" not in json.dumps([{k: v for k, v in r.items() if k != "invocation"} for r in results])


def test_an_answer_that_is_lost_after_the_work_was_done(proxy: Proxy) -> None:
    with flaky.between(proxy) as (shaky, faults):
        faults.lose_answer |= {"/key/generate", "/key/update", "/key/delete"}
        key: dict[str, t.Any] = {"key_alias": f"{PREFIX}000", "key": "sk-faults-0123456789abcdef"}
        assert succeed(shaky, "litellm_key", **key)["operation"] == "create"
        assert succeed(shaky, "litellm_key", **key, max_budget=3)["operation"] == "update"
        assert succeed(shaky, "litellm_key", **key, state="absent")["operation"] == "delete"
        assert not faults.lose_answer
        assert faults.seen.count("POST /key/generate") == 1
    assert made(proxy) == []


def test_too_many_requests_are_waited_out(proxy: Proxy) -> None:
    with flaky.between(proxy) as (shaky, faults):
        faults.too_many |= {"/key/generate", "/key/list"}
        start = time.monotonic()
        succeed(shaky, "litellm_key", key_alias=f"{PREFIX}000", key="sk-faults-0123456789abcdef")
        assert time.monotonic() - start >= 2
    assert made(proxy) == [f"{PREFIX}000"]


def test_a_wrong_master_key_is_said_without_showing_it(proxy: Proxy) -> None:
    result = run(replace(proxy, master_key="sk-wrong-0123456789abcdef"), "litellm_key", key_alias="x")
    assert result["error"]["status"] == 401
    assert "GET /key/list" in result["msg"]
    assert "sk-wrong" not in json.dumps(result.data)


def test_a_database_that_is_down_is_named_and_the_next_run_finishes(
    proxy: Proxy, own_database: str, tmp_path: Path
) -> None:
    docker("stop", "-t", "1", own_database)
    try:
        result = run(proxy, "litellm_state", desired=state(3), key_directory=str(tmp_path))
    finally:
        docker("start", own_database)
    assert result.failed
    assert "/key/list" in result["msg"]
    wait_until_ready(proxy)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if not run(proxy, "litellm_state", desired=state(3), key_directory=str(tmp_path)).failed:
            break
        time.sleep(2)
    assert len(made(proxy)) == 3
