# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operation as automation runs it, and steady requests beside it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[4]
SCENARIO = CHECKOUT / ".cache" / "molecule" / os.environ["MOLECULE_SCENARIO_NAME"]


class Done(t.NamedTuple):
    code: int
    result: dict[str, t.Any]
    output: str

    @property
    def last_line(self) -> str:
        """Of the error: before Ansible's recap."""
        body = self.output.partition("PLAY RECAP")[0]
        return [line.strip() for line in body.splitlines() if line.strip()][-1]


def operation(name: str, *args: str, confirm: bool = True, **variables: t.Any) -> Done:
    path = SCENARIO / f"{name}.json"
    path.unlink(missing_ok=True)
    extra = {**variables, "result": str(path), **({"confirm": True} if confirm else {})}
    begin = time.monotonic()
    done = subprocess.run(
        [
            "ansible-playbook",
            f"playbooks/{name}.yml",
            "-i",
            str(SCENARIO / "inventory"),
            "-e",
            json.dumps(extra),
            *args,
        ],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_DEPRECATION_WARNINGS": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"{name} {' '.join(args)}: rc {done.returncode}, {time.monotonic() - begin:.0f} s")
    result = {}
    if path.exists():
        assert path.stat().st_mode & 0o777 == 0o600
        result = json.loads(path.read_text())
    return Done(done.returncode, result, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def operate() -> t.Callable[..., Done]:
    return operation


@pytest.fixture(scope="session")
def operated() -> t.Callable[..., dict[str, t.Any]]:
    """One that has to succeed; its result."""

    def run(name: str, *args: str, **variables: t.Any) -> dict[str, t.Any]:
        done = operation(name, *args, **variables)
        assert done.code == 0, done.output[-4000:]
        assert (done.result["operation"], done.result["failed"]) == (name, False)
        return done.result

    return run


class Load:
    """One request after the other, until it is told to end."""

    def __init__(self, gateway: t.Any) -> None:
        self.gateway, self.statuses, self.longest = gateway, [], 0.0
        self._going = True
        self._thread = threading.Thread(target=self._run)

    statuses: list[t.Any]

    def _run(self) -> None:
        while self._going:
            begin = time.monotonic()
            try:
                status, text = self.gateway.chat()
                good = status == 200 and json.loads(text)["usage"]["completion_tokens"] > 0
                self.statuses.append("good" if good else (status, text[:300]))
            except OSError as error:
                self.statuses.append(str(error))
            self.longest = max(self.longest, time.monotonic() - begin)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._going = False
        self._thread.join()
        bad = [status for status in self.statuses if status != "good"]
        print(f"{len(self.statuses)} requests, {len(bad)} failed, the longest {self.longest:.1f} s")


@pytest.fixture
def load(gateway: t.Any) -> Load:
    """Its client waits as long as a start of vLLM may take on a machine that does much else."""
    return Load(type(gateway)(gateway.key, gateway.model, timeout=600))


@pytest.fixture(scope="module", autouse=True)
def foreign(host: t.Any) -> t.Iterator[None]:
    """A container, a network, an image and a file that are not ours: they are there after each file."""
    host.check_output("docker network inspect theirs >/dev/null 2>&1 || docker network create theirs")
    tag = "docker tag $(docker inspect --format '{{.Config.Image}}' llmfleet-gate) theirs:1"
    host.check_output(f"docker image inspect theirs:1 >/dev/null 2>&1 || {tag}")
    run = "docker run --detach --name theirs --network theirs --entrypoint sleep theirs:1 infinity"
    host.check_output(f"docker container inspect theirs >/dev/null 2>&1 || {run}")
    host.check_output("echo mine > /opt/llmfleet/mine")
    before = host.check_output("docker container inspect --format '{{.Id}} {{.State.StartedAt}}' theirs")
    yield
    assert host.check_output("docker container inspect --format '{{.Id}} {{.State.StartedAt}}' theirs") == before
    host.check_output("docker network inspect theirs && docker image inspect theirs:1")
    assert host.file("/opt/llmfleet/mine").content_string == "mine\n"
