# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook status says of a server while all works, under load, and while parts of it are away."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from scenario import CHECKOUT, INVENTORY, SCENARIO

HOST = "status1"
Value = dict[str, t.Any]


class Told(t.NamedTuple):
    """A finished run with what it wrote."""

    rc: int
    output: str
    status: Value
    page: str

    def problems(self, where: str) -> list[str]:
        return [one["what"] for one in self.status["problems"] if one["where"] == where]


def status(*args: str) -> Told:
    result, page = SCENARIO / "status.json", SCENARIO / "status.html"
    result.unlink(missing_ok=True)
    page.unlink(missing_ok=True)
    done = subprocess.run(
        [
            "ansible-playbook",
            "playbooks/status.yml",
            "-i",
            INVENTORY,
            "-e",
            f"result={result}",
            "-e",
            f"page={page}",
            *args,
        ],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert result.exists(), output[-4000:]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (result, page)} == {0o600}
    return Told(done.returncode, output, json.loads(result.read_text()), page.read_text())


def wait_for(host: t.Any, container: str, seconds: int = 900) -> None:
    end = time.monotonic() + seconds
    while host.run(f"docker inspect --format '{{{{.State.Health.Status}}}}' {container}").stdout.strip() != "healthy":
        assert time.monotonic() < end, f"{container} is not healthy after {seconds} s"
        time.sleep(2)


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    found = yaml.safe_load((INVENTORY / "group_vars/all/vault.yml").read_text())
    return {**found, "demo": (SCENARIO / "keys" / "demo").read_text().strip()}


def ask(host: t.Any, secrets: t.Mapping[str, str], number: int) -> None:
    """Completions, from the host itself: the edge stands before the gateway."""
    body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100})
    for _time in range(number):
        host.run(
            "curl --silent --max-time 60 --header %s --header 'Content-Type: application/json' --data %s %s",
            f"Authorization: Bearer {secrets['demo']}",
            body,
            "http://127.0.0.1:4000/v1/chat/completions",
        )


def test_a_server_that_is_well(host: t.Any) -> None:
    before = host.run("find /opt/llmfleet -newermt '-1 second' ; docker ps --all --quiet").stdout
    told = status()
    assert told.rc == 0, told.output[-4000:]
    assert [one for one in told.status["problems"] if one["level"] == "error"] == []
    (model,) = told.status["models"]
    assert (model["name"], model["ready"], model["wanted"]) == ("tiny", 1, 1)
    assert model["versions"][0][0].isdigit()
    names = {one["name"] for one in told.status["services"]}
    assert {"llmfleet-edge-1", "llmfleet-gate", "llmfleet-litellm-1", "llmfleet-postgres"} <= names
    assert all(one["memory_bytes"] > 1e6 for one in told.status["services"])
    assert told.status["database"]["tables"][0]["bytes"] > 0
    assert [(one["subject"], one["days"] > 30) for one in told.status["certificates"]] == [("status.test", True)]
    assert told.status["drift"] == {"objects_compared": True, "objects_error": "", "objects": [], "containers": []}
    assert "changed=0" in told.output
    assert host.run("docker ps --all --quiet").stdout in before


def test_a_key_near_its_end_with_a_hostile_name(host: t.Any) -> None:
    told = status()
    assert told.problems("key <script>alert(1)</script>")
    assert "<script" not in told.page
    assert "&lt;script&gt;alert(1)" in told.page


def test_no_secret_is_told(secrets: t.Mapping[str, str]) -> None:
    told = status("-vvv")
    for name, value in secrets.items():
        assert value not in told.page, name
        assert value not in json.dumps(told.status), name
        assert value not in told.output, name


def test_load_is_seen_while_it_is_there_and_in_the_history(host: t.Any, secrets: t.Mapping[str, str]) -> None:
    load = [threading.Thread(target=ask, args=(host, secrets, 30), daemon=True) for _one in range(4)]
    for one in load:
        one.start()
    told = status()
    for one in load:
        one.join()
    totals = told.status["totals"]
    assert totals["generation_tokens_per_second"] > 0
    assert totals["requests_per_second"] > 0
    time.sleep(15)  # LiteLLM writes its logs later
    after = status().status
    assert sum(one["requests"] for one in after["usage"]["hours"]) > 50
    assert after["usage"]["days"]["tokens"]["tiny"][-1] > 1000
    assert after["usage"]["users"][0]["key"] == "demo"
    assert after["database"]["rows_a_day"] > 50


def test_a_proxy_that_is_stopped(host: t.Any) -> None:
    host.run("docker stop llmfleet-litellm-1")
    try:
        told, refused = status(), status("-e", "fail_on=error")
    finally:
        host.run("docker start llmfleet-litellm-1")
        wait_for(host, "llmfleet-litellm-1")
    assert told.rc == 0
    assert told.problems(f"{HOST}/llmfleet-litellm-1")[0].startswith("is exited")
    assert told.problems("keys")
    assert told.status["models"][0]["ready"] == 1
    assert refused.rc != 0
    assert (refused.status["failed"], bool(refused.status["remedy"])) == (True, True)


def test_a_database_that_is_stopped(host: t.Any) -> None:
    host.run("docker stop llmfleet-postgres")
    try:
        told = status()
    finally:
        host.run("docker start llmfleet-postgres")
        wait_for(host, "llmfleet-postgres")
    assert told.rc == 0
    assert told.problems("database")[0].startswith("can't be read")
    assert told.status["models"][0]["ready"] == 1


def test_an_engine_that_is_down(host: t.Any) -> None:
    host.run("systemctl stop docker.socket docker.service")
    try:
        told = status()
    finally:
        host.run("systemctl start docker.socket docker.service")
        wait_for(host, "llmfleet-vllm-tiny")
        wait_for(host, "llmfleet-litellm-1")
    assert told.rc == 0
    assert any("its containers can't be read" in one for one in told.problems(HOST))
    assert told.status["hosts"][0]["disks"]


def test_a_host_that_is_away(tmp_path: Path) -> None:
    away = {"hosts": {"gpu9": {"ansible_host": "127.0.0.1", "ansible_port": 9, "llm_private_address": "192.0.2.9"}}}
    more = tmp_path / "more.yml"
    more.write_text(yaml.safe_dump({"gpu_servers": away}))
    told = status("-i", str(more))
    assert told.rc == 0, told.output[-3000:]
    assert told.problems("gpu9")[0].startswith("can't be read")
    assert {one["name"]: one["read"] for one in told.status["hosts"]} == {HOST: True, "gpu9": False}
    assert told.status["database"]["read"]
