# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the assertions of the scenarios share: secrets, the gateway as a client sees it, Ansible as a user runs it.

A plugin of pytest (-p scenario, with this folder in PYTHONPATH). Molecule's variables say which scenario it is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
SCENARIO = CHECKOUT / ".cache" / "molecule" / os.environ["MOLECULE_SCENARIO_NAME"]
INVENTORY = SCENARIO / "inventory"
HOST = "demo"


class Gateway:
    """An HTTP client; every answer is (status, text)."""

    def __init__(self, key: str, model: str, timeout: float = 120) -> None:
        self.key, self.model, self.timeout = key, model, timeout

    @property
    def url(self) -> str:
        return f"http://{json.loads((SCENARIO / 'hosts.json').read_text())[HOST]['address']}:4000"

    def call(self, path: str, body: dict[str, t.Any] | None = None, key: str | None = None) -> tuple[int, str]:
        request = urllib.request.Request(
            self.url + path,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.key if key is None else key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def chat(self, text: str = "Hello", key: str | None = None, **more: t.Any) -> tuple[int, str]:
        body = {"model": self.model, "messages": [{"role": "user", "content": text}], "max_tokens": 8, **more}
        return self.call("/v1/chat/completions", body, key)

    def wait(self, seconds: int = 240) -> None:
        """Until a completion comes back: containers and hosts take their time to start again."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                status, text = self.chat()
                if status == 200:
                    return
            except OSError as error:
                text = str(error)
            assert time.monotonic() < deadline, f"no completion after {seconds} s: {text}"
            time.sleep(2)


@pytest.fixture(scope="session")
def secrets() -> dict[str, str]:
    found = yaml.safe_load((INVENTORY / "group_vars/all/vault.yml").read_text())
    return {**found, "demo_key": (SCENARIO / "keys" / "demo").read_text().strip()}


@pytest.fixture(scope="session")
def gateway(secrets: dict[str, str]) -> Gateway:
    models = yaml.safe_load((INVENTORY / "group_vars/all/scenario.yml").read_text())["llm_models"]
    return Gateway(secrets["demo_key"], models[0]["name"])


class Run(t.NamedTuple):
    """A finished ansible-playbook."""

    output: str
    changed: dict[str, t.Any]
    remote_tasks: int
    seconds: float


CONTROLLER_ONLY = {
    "assert",
    "fleet",
    "include_role",
    "import_tasks",
    "include_tasks",
    "set_fact",
    "debug",
    "meta",
    "fail",
}


def playbook(*args: str, json_output: bool = True, name: str = "site.yml") -> Run:
    """A playbook against the scenario's server. `changed` maps a task to what it says of its change."""
    callback = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"} if json_output else {}
    begin = time.monotonic()
    done = subprocess.run(
        ["ansible-playbook", name, "-i", str(INVENTORY), *args],
        cwd=CHECKOUT,
        env={**os.environ, **callback, "ANSIBLE_DEPRECATION_WARNINGS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begin
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    changed, remote = parse(done.stdout) if json_output else ({}, 0)
    return Run(done.stdout + done.stderr, changed, remote, seconds)


def one_module(name: str, interpreter: str = "", **options: t.Any) -> dict[str, t.Any]:
    """What one module of the collection returns on the scenario's server."""
    arguments = ["--args", json.dumps(options)] if options else []
    module = [HOST, "--module-name", f"llmfleet.gateway.{name}", *arguments]
    extra = ["--extra-vars", json.dumps({"ansible_python_interpreter": interpreter})] if interpreter else []
    done = subprocess.run(
        ["ansible", *module, "--become", "-i", str(INVENTORY), *extra],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    (play,) = json.loads(done.stdout[done.stdout.index("{\n") :])["plays"]
    return t.cast("dict[str, t.Any]", play["tasks"][0]["hosts"][HOST])


def killed(after: float, *args: str) -> bool:
    """Whether a run of site.yml was still running, and then all of its processes are killed at once."""
    command = ["ansible-playbook", "site.yml", "-i", str(INVENTORY), *args]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def told_of(result: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: result.get(name) for name in ("actions", "files", "hooks", "diff")}


def parse(output: str) -> tuple[dict[str, t.Any], int]:
    changed: dict[str, t.Any] = {}
    remote = 0
    for play in json.loads(output[output.index("{\n") :])["plays"]:
        for task in play["tasks"]:
            result = task["hosts"].get(HOST, {})
            action = str(result.get("action", "")).rsplit(".", 1)[-1]
            if result and not result.get("skipped") and action not in CONTROLLER_ONLY:
                remote += len(result.get("results", [1]))
            if result.get("changed"):
                projects = result.get("projects") or {}
                told = {name: told_of(project) for name, project in projects.items() if project.get("changed")}
                changed[task["task"]["name"]] = {**told_of(result), **told}
    return changed, remote


@pytest.fixture(scope="session")
def site() -> t.Callable[..., Run]:
    return playbook


@pytest.fixture(scope="session")
def ad_hoc() -> t.Callable[..., dict[str, t.Any]]:
    return one_module


@pytest.fixture(scope="session")
def killed_site() -> t.Callable[..., bool]:
    return killed


@pytest.fixture(scope="session")
def ssh() -> t.Callable[[str, str], str]:
    """A command on the server that reads its standard input."""

    def run(command: str, text: str) -> str:
        line = ["ssh", "-F", str(SCENARIO / "ssh_config"), HOST, command]
        return subprocess.run(line, input=text, check=False, capture_output=True, text=True).stdout

    return run


@pytest.fixture(scope="session")
def bench() -> t.Callable[..., None]:
    """The bench's own commands, to restart the server."""

    def run(*args: str) -> None:
        subprocess.run(args, cwd=CHECKOUT, check=True, capture_output=True)

    return run
