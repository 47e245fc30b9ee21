# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The old deployment and the fleet as a client with the same keys sees them, and what is in their databases."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t

import pytest
from scenario import CHECKOUT, SCENARIO, Gateway

BEFORE = SCENARIO / "before.json"
PROJECT = SCENARIO / "project"
FOLDER = "/srv/llm"
MASTER = "sk-old-master-0123456789abcdefghijklmnop"
KEYS = '"LiteLLM_VerificationToken" where key_alias is not null'
#: What nothing may touch. Spend and the log of requests only ever grow.
TABLES = {
    "keys": f"select token, key_alias, team_id, models, max_budget from {KEYS}",
    "teams": 'select team_id, team_alias from "LiteLLM_TeamTable" where team_alias is not null',
}
GROWING = {
    "requests": 'select request_id, api_key, model_group, spend from "LiteLLM_SpendLogs"',
    "spend": f"select key_alias, spend from {KEYS}",
}
Rows = dict[str, list[dict[str, t.Any]]]


class Database(t.NamedTuple):
    """Asked in its container, by its superuser."""

    host: t.Any
    container: str
    user: str
    name: str

    def rows(self, queries: dict[str, str]) -> Rows:
        found = {}
        for name, query in queries.items():
            sql = f"select coalesce(json_agg(found order by found::text), '[]') from ({query}) found"
            line = "docker exec %s psql -U %s -d %s -tAc %s"
            found[name] = json.loads(self.host.check_output(line, self.container, self.user, self.name, sql))
        return found


@pytest.fixture
def old(host: t.Any) -> Database:
    return Database(host, "llm-db-1", "llm", "proxy")


@pytest.fixture
def new(host: t.Any) -> Database:
    return Database(host, "llmfleet-postgres", "postgres", "proxy")


@pytest.fixture
def client() -> Gateway:
    return Gateway(MASTER, "assistant")


@pytest.fixture
def answers(client: Gateway) -> t.Callable[[str, str], float]:
    """A chat with a key is answered, by content; seconds until it was."""

    def ask(key: str, model: str, seconds: float = 600) -> float:
        begin = time.monotonic()
        while True:
            try:
                # A fallback would answer for a model that is away.
                status, text = client.chat(key=key, model=model, disable_fallbacks=True)
            except OSError as error:
                status, text = 0, str(error)
            if status == 200 and json.loads(text)["usage"]["completion_tokens"] > 0:
                return time.monotonic() - begin
            assert time.monotonic() - begin < seconds, f"{model}: {status} {text}"
            time.sleep(1)

    return ask


def operation(name: str, *args: str) -> dict[str, t.Any]:
    """A playbook of the project's fleet, and its result."""
    result = SCENARIO / f"{name}.json"
    line = [
        "ansible-playbook",
        f"playbooks/{name}.yml",
        "-i",
        str(PROJECT / "gpu_hosts"),
        "-e",
        f"compose_dir={FOLDER}",
    ]
    done = subprocess.run(
        [*line, "-e", f"result={result}", *args],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    found: dict[str, t.Any] = json.loads(result.read_text())
    return found


@pytest.fixture
def site_of_project() -> t.Callable[[], dict[str, list[str]]]:
    """Runs the project's site.yml; by host the tasks that changed something."""

    def run() -> dict[str, list[str]]:
        done = subprocess.run(
            ["ansible-playbook", "site.yml", "-i", str(PROJECT / "gpu_hosts")],
            cwd=CHECKOUT,
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_DEPRECATION_WARNINGS": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        told = json.loads(done.stdout[done.stdout.index("{\n") :])
        tasks = [task for play in told["plays"] for task in play["tasks"]]
        return {
            host: [task["task"]["name"] for task in tasks if task["hosts"].get(host, {}).get("changed")]
            for host in told["stats"]
        }

    return run
