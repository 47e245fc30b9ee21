# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the drills share: requests that go on meanwhile, what must not be lost, and the lines of docs/drill.md."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[4]
SCENARIO = CHECKOUT / ".cache" / "molecule" / os.environ["MOLECULE_SCENARIO_NAME"]
INVENTORY = SCENARIO / "inventory"
EDIT = INVENTORY / "group_vars" / "all" / "zz_edit.yml"
FIGURES = SCENARIO / "drill.jsonl"
OUTPUTS = SCENARIO / "outputs"
#: What bounds are multiplied by, on a machine that does much else.
PATIENCE = float(os.environ.get("LLMFLEET_PATIENCE", "1"))
SETTINGS = {"ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}


class Ended(t.NamedTuple):
    """A run of site.yml. *code* is None where it was killed."""

    code: int | None
    output: str
    seconds: float

    @property
    def changed(self) -> int:
        recap = self.output[self.output.rindex("PLAY RECAP") :]
        return sum(int(line.split("changed=")[1].split()[0]) for line in recap.splitlines() if "changed=" in line)


def site(*args: str, kill_after: float | None = None) -> Ended:
    """What it says goes to a file, for the search for secrets at the end."""
    OUTPUTS.mkdir(exist_ok=True)
    path = OUTPUTS / f"{len(list(OUTPUTS.iterdir())):03}"
    begin, code = time.monotonic(), None
    with path.open("w") as output:
        process = subprocess.Popen(
            ["ansible-playbook", "site.yml", "-i", str(INVENTORY), "-vvv", "--diff", *args],
            cwd=CHECKOUT,
            env={**os.environ, **SETTINGS},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(kill_after)
        except subprocess.TimeoutExpired:
            # All of Ansible's processes at once: none can tidy up, as when the machine that runs them loses its power.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Ended(code, path.read_text(errors="replace"), time.monotonic() - begin)


@pytest.fixture(scope="session")
def declare() -> t.Iterator[t.Callable[..., None]]:
    """Variables over the scenario's own, as an edit of the inventory."""

    def write(**said: t.Any) -> None:
        EDIT.write_text(yaml.safe_dump(said))

    yield write
    EDIT.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def deploy() -> t.Callable[..., Ended]:
    return site


class Load:
    """One request after the other, judged by content; several stretches, of which all answers are counted."""

    def __init__(self, gateway: t.Any) -> None:
        self.gateway = gateway
        self.good = 0
        self.failed: list[str] = []
        self.moments: list[float] = []
        self._going = False
        self._thread: threading.Thread | None = None

    def _ask(self) -> str:
        try:
            status, text = self.gateway.chat()
        except OSError as error:
            return type(error).__name__
        if status != 200:
            return str(status)
        return "" if json.loads(text)["usage"]["completion_tokens"] > 0 else "empty"

    def _run(self) -> None:
        while self._going:
            said = self._ask()
            if said:
                self.failed.append(said)
                time.sleep(0.2)
            else:
                self.good += 1
                self.moments.append(time.monotonic())

    def __enter__(self) -> Load:
        self.failed, self.moments, self._going = [], [time.monotonic()], True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._going = False
        if self._thread:
            self._thread.join()

    @property
    def gap(self) -> float:
        """The longest time without a good answer."""
        return max((after - before for before, after in zip(self.moments, self.moments[1:], strict=False)), default=0)

    def wait(self, seconds: float) -> None:
        """Until an answer comes that is later than now."""
        count, deadline = self.good, time.monotonic() + seconds * PATIENCE
        while self.good == count:
            assert time.monotonic() < deadline, f"no answer for {seconds} s: {self.failed[-3:]}"
            time.sleep(0.2)


@pytest.fixture(scope="session")
def load(gateway: t.Any) -> Load:
    return Load(gateway)


class Kept:
    """What nothing may take away."""

    def __init__(self, host: t.Any) -> None:
        self.host = host
        self.models = self._models()
        self.rows, self.sums = self._spend()
        self.keys = self.count("LiteLLM_VerificationToken")

    def _models(self) -> str:
        return str(self.host.check_output("cd /srv/models && find . -type f | sort | xargs sha256sum | sha256sum"))

    def _ask(self, query: str) -> list[int]:
        said = f"docker exec llmfleet-postgres psql -U postgres -d litellm -tAF ' ' -c '{query}'"
        return [int(one) for one in self.host.check_output(said).split()]

    def count(self, table: str) -> int:
        return self._ask(f'select count(*) from "{table}"')[0]

    def _spend(self) -> list[int]:
        """Rows of the log of requests, and requests by the sums of each day."""
        return self._ask(
            'select (select count(*) from "LiteLLM_SpendLogs"),'
            ' (select coalesce(sum(successful_requests), 0) from "LiteLLM_DailyUserSpend")'
        )

    def missing(self, answers: int) -> dict[str, int]:
        """Answers that have no row of spend, and that no sum has, after LiteLLM had the time to write them."""
        deadline = time.monotonic() + 40 * PATIENCE
        while time.monotonic() < deadline:
            rows, sums = self._spend()
            lost = {"without_spend": self.rows + answers - rows, "not_in_sums": self.sums + answers - sums}
            if max(lost.values()) <= 0:
                break
            time.sleep(2)
        return {name: max(number, 0) for name, number in lost.items()}

    def whole(self) -> None:
        assert self.count("LiteLLM_VerificationToken") == self.keys
        assert self._models() == self.models


@pytest.fixture
def kept(host: t.Any) -> Kept:
    return Kept(host)


@pytest.fixture(scope="session")
def note() -> t.Callable[..., None]:
    """A line of the table."""

    def write(what: str, **seen: t.Any) -> None:
        with FIGURES.open("a") as file:
            file.write(json.dumps({"what": what, **seen}) + "\n")
        print(what, seen)

    return write
