# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the assertions of the scenario fleet share: its inventory as a user edits it, runs, hosts, and load while a part
fails.

A plugin of pytest (-p fleet, with this folder and the checkout in PYTHONPATH), and the table of what was seen:

    PYTHONPATH=. python tests/bench/fleet.py .cache/molecule/fleet/failures.jsonl

MOLECULE_SCENARIO_NAME says which scenario's hosts they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import typing as t
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.filter.fleet_authority import FilterModule

from tests.load.changes import OWN_AUTHORITIES

CHECKOUT = Path(__file__).resolve().parents[2]
SCENARIO = CHECKOUT / ".cache" / "molecule" / os.environ.get("MOLECULE_SCENARIO_NAME", "fleet")
INVENTORY = SCENARIO / "inventory"
ALL = INVENTORY / "group_vars" / "all"
FIGURES = SCENARIO / "failures.jsonl"
KEY = SCENARIO / "keys" / "demo"
MODEL = "tiny"
DOMAIN = "llm.fleet.test"
GATEWAY = "gateway1"
HOSTS: dict[str, dict[str, str]] = (
    json.loads((SCENARIO / "hosts.json").read_text()) if (SCENARIO / "hosts.json").exists() else {}
)
SERVERS = tuple(name for name in HOSTS if name.startswith("gpu"))
#: The one that fails.
LAST = SERVERS[-1] if SERVERS else ""
RATE = float(os.environ.get("LLMFLEET_LOAD_RATE", "3"))
#: What bounds of this file are multiplied by, on a machine that does much else.
PATIENCE = float(os.environ.get("LLMFLEET_PATIENCE", "1"))


class Run(t.NamedTuple):
    """A finished ansible-playbook, however it ended."""

    status: int
    output: str
    seconds: float

    @property
    def changed(self) -> dict[str, int]:
        """Changed tasks by host, from the recap."""
        lines = self.output[self.output.rindex("PLAY RECAP") :].splitlines()[1:]
        rows = [line.split() for line in lines if " : ok=" in line]
        return {row[0]: int(row[3].partition("=")[2]) for row in rows}

    @property
    def flat(self) -> str:
        """Without the folds of Ansible's output."""
        return " ".join(self.output.split())


def command(*args: str, playbook: str = "site.yml", inventory: Path = INVENTORY) -> list[str]:
    return ["ansible-playbook", playbook, "-i", str(inventory), *args]


def settings() -> dict[str, str]:
    return {**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}


class Fleet:
    """The scenario's hosts and inventory."""

    def __init__(self) -> None:
        self.hosts = HOSTS
        self.gateway = GATEWAY
        self.inventory = INVENTORY
        self.models = yaml.safe_load((ALL / "scenario.yml").read_text())["scenario_model"]

    @property
    def url(self) -> str:
        """The API by its name, which means the gateway that is asked."""
        return f"https://{DOMAIN}"

    @property
    def address(self) -> str:
        return self.hosts[self.gateway]["address"]

    @property
    def keys(self) -> list[str]:
        """Of the fleet's own authority, and while it is replaced of the next and the previous one."""
        said = yaml.safe_load((ALL / "vault.yml").read_text())
        return [said[name] for name in ("llm_ca_key", "llm_ca_next_key", "llm_ca_previous_key") if said.get(name)]

    @property
    def authority(self) -> Path:
        """What a client trusts: the fleet's own authority, and a user's."""
        path = SCENARIO / "authority.pem"
        text = FilterModule().filters()["fleet_authority"]([*self.keys, *OWN_AUTHORITIES])
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return path

    def container(self, host: str) -> str:
        return self.hosts[host]["container"]

    def on(self, host: str, line: str, check: bool = True) -> str:
        """A command on a host, through the engine: it works where the host's network does not."""
        done = subprocess.run(
            ["docker", "exec", self.container(host), "sh", "-c", line], check=False, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def docker(self, *args: str) -> None:
        """Of this machine's engine, where the hosts are containers."""
        subprocess.run(["docker", *args], check=True, capture_output=True)

    def declare(self, **said: t.Any) -> None:
        """Variables over the scenario's own, as an edit of the inventory; none takes all of them back."""
        path = ALL / "zz_edit.yml"
        if said:
            path.write_text(yaml.safe_dump(said))
        else:
            path.unlink(missing_ok=True)

    def model(self, name: str, **said: t.Any) -> dict[str, t.Any]:
        return {**self.models, "name": name, **said}

    def run(self, *args: str, playbook: str = "site.yml", check: bool = True) -> Run:
        begin = time.monotonic()
        done = subprocess.run(
            command(*args, playbook=playbook), cwd=CHECKOUT, env=settings(), capture_output=True, text=True, check=False
        )
        found = Run(done.returncode, done.stdout + done.stderr, time.monotonic() - begin)
        assert not check or found.status == 0, found.output[-6000:]
        return found

    def started(self) -> dict[str, str]:
        """When each container of ours was started, by host and name."""
        line = (
            "docker ps -q --filter label=io.llmfleet.project"
            " | xargs -r docker inspect --format '{{.Name}} {{.State.StartedAt}}'"
        )
        found = {}
        for host in self.hosts:
            for row in self.on(host, line, check=False).splitlines():
                name, moment = row.split()
                found[f"{host}{name}"] = moment
        return found

    def tokens(self, server: str) -> float:
        """What the tiny model has generated there."""
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/metrics').read().decode())"
        text = self.on(server, f'docker exec llmfleet-vllm-tiny python3 -c "{ask}"')
        found = [line for line in text.splitlines() if line.startswith("vllm:generation_tokens_total")]
        return sum(float(line.split()[-1]) for line in found)

    def ask(self, model: str = MODEL, key: str | None = None, seconds: float = 60) -> tuple[int, str]:
        """One chat, by curl as a user has it; the key goes by standard input."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4})
        key = KEY.read_text().strip() if key is None else key
        done = subprocess.run(
            ["curl", "-s", "-m", str(seconds), "-w", "\n%{http_code}", "-K", "-", "-d", body,
             "-H", "Content-Type: application/json", "--cacert", str(self.authority),
             "--resolve", f"{DOMAIN}:443:{self.address}", f"{self.url}/v1/chat/completions"],
            input=f'header = "Authorization: Bearer {key}"', capture_output=True, text=True, check=False,
        )  # fmt: skip
        text, _newline, status = done.stdout.rpartition("\n")
        return int(status or 0), text

    def wait(self, model: str = MODEL, seconds: float = 240) -> float:
        """Until a chat is answered; how long that took."""
        begin = time.monotonic()
        while True:
            status, text = self.ask(model, seconds=20)
            if status == 200 and json.loads(text)["usage"]["completion_tokens"] > 0:
                return time.monotonic() - begin
            assert time.monotonic() - begin < seconds * PATIENCE, f"no answer of {model}: {status} {text}"
            time.sleep(1)

    def wait_for(self, what: str, ready: t.Callable[[], bool], seconds: float) -> float:
        begin = time.monotonic()
        while not ready():
            assert time.monotonic() - begin < seconds * PATIENCE, f"{what}: not within {seconds} s"
            time.sleep(1)
        return time.monotonic() - begin


class Seen:
    """What clients saw while a part failed. `now()` marks the moment from which recovery counts."""

    def __init__(self, name: str) -> None:
        self.name, self.since, self.notes = name, time.time(), []  # type: tuple[str, float, list[str]]
        self.records: list[dict[str, t.Any]] = []

    def now(self) -> float:
        self.since = time.time()
        return self.since

    @property
    def failed(self) -> list[dict[str, t.Any]]:
        return [one for one in self.records if one["failed"]]

    def figures(self) -> dict[str, t.Any]:
        kinds: dict[str, int] = {}
        for one in self.failed:
            kind = f"{one['failed']} {one['status']}".strip()
            kinds[kind] = kinds.get(kind, 0) + 1
        ends = [one["at"] + one["seconds"] - self.since for one in self.failed]
        waits = [one["seconds"] for one in self.records if not one["failed"]]
        return {
            "what": self.name,
            "requests": len(self.records),
            "failed": kinds,
            "failed_in_flight": sum(one["at"] <= self.since for one in self.failed),
            "last_failed_after": round(max(ends, default=0.0), 1),
            "longest_wait": round(max(waits, default=0.0), 1),
            "notes": self.notes,
        }


def record_of(name: str) -> Path:
    return SCENARIO / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.jsonl"


def load(fleet: Fleet, name: str) -> list[str]:
    where = ["--url", fleet.url, "--connect", fleet.address, "--ca-file", str(fleet.authority)]
    what = ["--key-file", str(KEY), "--model", MODEL, "--record", str(record_of(name))]
    pace = ["--rate", str(RATE), "--concurrency", "64", "--timeout", "200", "--seconds", "1500", "--tokens", "8"]
    return [sys.executable, "-m", "tests.load", *where, *what, *pace, "--until", str(SCENARIO / "end")]


@contextmanager
def under_load(fleet: Fleet, name: str) -> t.Iterator[Seen]:
    """The block runs under steady load; what was seen is kept with the scenario."""
    end, record, seen = SCENARIO / "end", record_of(name), Seen(name)
    end.unlink(missing_ok=True)
    record.unlink(missing_ok=True)
    process = subprocess.Popen(load(fleet, name), cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    try:
        time.sleep(3)
        seen.now()
        yield seen
        time.sleep(3)
    finally:
        end.touch()
        process.wait(timeout=300 * PATIENCE)
    seen.records.extend(json.loads(line) for line in record.read_text().splitlines())
    with FIGURES.open("a") as stream:
        print(json.dumps(seen.figures()), file=stream)
    print(json.dumps(seen.figures()))


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def loaded(fleet: Fleet) -> t.Callable[[str], t.ContextManager[Seen]]:
    return lambda name: under_load(fleet, name)


def row(one: dict[str, t.Any]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in one["failed"].items()) or "0"
    kinds += f", {one['failed_in_flight']} of them in flight at that moment" if one.get("failed_in_flight") else ""
    cells = [one["what"], one["requests"], kinds, f"{one['last_failed_after']:.0f} s" if one["failed"] else "none"]
    cells += [f"{one['longest_wait']:.1f} s", "; ".join(one["notes"])]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(lines: t.Iterable[str]) -> str:
    """The last of each failure, in the order in which they were first made."""
    last: dict[str, dict[str, t.Any]] = {}
    for one in map(json.loads, lines):
        last[one["what"]] = one
    head = "| what failed | requests | lost | last one lost after | longest wait of the others | also seen |"
    return "\n".join([head, "|---|---|---|---|---|---|", *map(row, last.values())])


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text().splitlines()))
