# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast litellm_state is beside the floor that the proxy sets, and beside what else people use.

    .venv/bin/python -m tests.benchmark.keys [--sizes 100,1000] [--large 10000] [--output docs/benchmark-keys.md]

Everything is measured against one proxy in one run: that of the integration tests, or the one that
LLMFLEET_TEST_LITELLM_URL and LLMFLEET_TEST_LITELLM_MASTER_KEY name. It must hold no keys but ours.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.integration import conftest, harness
from tests.integration.proxy import Proxy, running

SAMPLE = 50
Row = tuple[str, int, dict[str, float]]
PHASES = ("create", "no change", "change 1 %", "delete")


class Bare:
    """The least that any client can do: one kept connection for each thread, nothing looked at."""

    def __init__(self, proxy: Proxy) -> None:
        self.address = urllib.parse.urlsplit(proxy.url)
        self.headers = {"Authorization": f"Bearer {proxy.master_key}", "Content-Type": "application/json"}
        self.local = threading.local()

    def call(self, method: str, path: str, body: t.Any = None) -> t.Any:
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(self.address.hostname or "", self.address.port)
        data = None if body is None else json.dumps(body)
        try:
            return self._send(method, path, data)
        except (OSError, http.client.HTTPException):  # idle for too long: the proxy has closed it
            self.local.connection.close()
            return self._send(method, path, data)

    def _send(self, method: str, path: str, data: str | None) -> t.Any:
        self.local.connection.request(method, path, body=data, headers=self.headers)
        return json.loads(self.local.connection.getresponse().read() or b"null")

    def pages(self, count: int) -> None:
        for page in range(1, -(-count // 100) + 1):
            self.call("GET", f"/key/list?return_full_object=true&size=100&page={page}")

    def create(self, keys: t.Sequence[t.Mapping[str, t.Any]], workers: int = 4) -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda key: self.call("POST", "/key/generate", key), keys))

    def delete(self, keys: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        for start in range(0, len(keys), 100):
            aliases = [key["key_alias"] for key in keys[start : start + 100]]
            self.call("POST", "/key/delete", {"key_aliases": aliases})


def keys_of(count: int) -> list[dict[str, t.Any]]:
    return [
        {
            "key_alias": f"bench-{number:05}",
            "key": f"sk-bench-0123456789-{number:05}",
            "models": ["a", "b"],
            "max_budget": 10.0,
            "budget_duration": "30d",
            "tpm_limit": 1000,
            "rpm_limit": 100,
            "max_parallel_requests": 5,
            "metadata": {"app": f"app-{number}"},
        }
        for number in range(count)
    ]


def changed(keys: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [{**key, "max_budget": 11.0} if number % 100 == 0 else key for number, key in enumerate(keys)]


def absent(keys: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [{"key_alias": key["key_alias"], "state": "absent"} for key in keys]


def seconds(work: t.Callable[[], t.Any]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def phases(run: t.Callable[[list[dict[str, t.Any]]], t.Any], keys: list[dict[str, t.Any]]) -> dict[str, float]:
    wanted = {"create": keys, "no change": keys, "change 1 %": changed(keys), "delete": absent(keys)}
    return {phase: seconds(partial(run, wanted[phase])) for phase in PHASES}


def floor(bare: Bare, keys: list[dict[str, t.Any]]) -> dict[str, float]:
    result = {"create": seconds(lambda: bare.create(keys)), "no change": seconds(lambda: bare.pages(len(keys)))}
    return {**result, "delete": seconds(lambda: bare.delete(keys))}


def ours(proxy: Proxy, keys: list[dict[str, t.Any]]) -> dict[str, float]:
    return phases(lambda wanted: harness.succeed(proxy, "litellm_state", desired={"keys": wanted}), keys)


MENDED = """
import sys
from litellm_as_code import cli
from litellm_as_code.api import LiteLLMClient

def list_keys(self):
    keys, page = [], 1
    while True:
        answer = self._request("GET", "/key/list", params={"return_full_object": "true", "size": 100, "page": page})
        keys += answer["keys"]
        if page >= answer["total_pages"]:
            return keys
        page += 1

LiteLLMClient.list_organizations = lambda self: []
LiteLLMClient.list_keys = list_keys
sys.exit(cli.main(sys.argv[1:]))
"""


class LiteLLMAsCode:
    """litellm-as-code 0.5.0, mended where it fails as published: it asks for organizations, which need a
    licence, and reads only the first page of ten keys."""

    def __init__(self, python: str, proxy: Proxy, folder: Path) -> None:
        self.command = [python, str(folder / "mended.py"), str(folder / "spec.yml")]
        self.environment = {**os.environ, "LITELLM_BASE_URL": proxy.url, "LITELLM_API_KEY": proxy.master_key}
        self.spec = folder / "spec.yml"
        (folder / "mended.py").write_text(MENDED)

    def run(self, keys: list[dict[str, t.Any]]) -> None:
        self.spec.write_text(json.dumps({"virtual_keys": keys}))
        answer = subprocess.run(self.command, env=self.environment, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise RuntimeError(answer.stdout[-1000:] + answer.stderr[-1000:])

    def row(self, bare: Bare, keys: list[dict[str, t.Any]]) -> Row:
        times = {"create": seconds(partial(self.run, keys)), "no change": seconds(partial(self.run, keys))}
        bare.delete(keys)
        return ("litellm-as-code 0.5.0, mended, six fields", len(keys), times)


class Playbooks:
    """Whole runs of ansible-playbook, start included."""

    def __init__(self, proxy: Proxy, folder: Path) -> None:
        self.proxy = proxy
        self.folder = folder

    def run(self, tasks: list[dict[str, t.Any]], **variables: t.Any) -> None:
        """The variables stand in the inventory, as users have them; vars_files would be read four times a run."""
        connection = {"litellm_url": self.proxy.url, "litellm_master_key": self.proxy.master_key}
        python = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        host_vars = self.folder / "inventory" / "host_vars"
        host_vars.mkdir(mode=0o700, parents=True, exist_ok=True)
        (host_vars / "localhost.json").write_text(json.dumps({**connection, **python, **variables}))
        (self.folder / "inventory" / "hosts").write_text("localhost\n")
        (self.folder / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(conftest.collections_path())}
        playbook = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [playbook, "-i", str(self.folder / "inventory"), str(self.folder / "play.json")]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise RuntimeError(answer.stdout[-3000:] + answer.stderr[-1000:])

    def state(self, keys: list[dict[str, t.Any]]) -> None:
        options = {"api_url": "{{ litellm_url }}", "api_key": "{{ litellm_master_key }}"}
        self.run(
            [{"llmfleet.gateway.litellm_state": {**options, "desired": {"keys": "{{ bench_keys }}"}}}], bench_keys=keys
        )

    def key_loop(self, keys: list[dict[str, t.Any]]) -> None:
        names = ("key_alias", *(name for name in keys_of(1)[0] if name != "key_alias"), "state")
        options = {name: f"{{{{ item.{name} | default(omit) }}}}" for name in names}
        options.update(api_url="{{ litellm_url }}", api_key="{{ litellm_master_key }}")
        task = {"llmfleet.gateway.litellm_key": options, "loop": "{{ bench_keys }}", "no_log": True}
        self.run([task], bench_keys=keys)

    def uri_loop(self, keys: list[dict[str, t.Any]]) -> None:
        """What users write: look for the alias, create it when it is missing."""
        headers = {"Authorization": "Bearer {{ litellm_master_key }}"}
        look = {
            "ansible.builtin.uri": {
                "url": "{{ litellm_url }}/key/list?return_full_object=true&key_alias={{ item.key_alias }}",
                "headers": headers,
            },
            "loop": "{{ bench_keys }}",
            "no_log": True,
            "register": "looked",
        }
        make = {
            "ansible.builtin.uri": {
                "url": "{{ litellm_url }}/key/generate",
                "method": "POST",
                "body_format": "json",
                "body": "{{ item.item }}",
                "headers": headers,
            },
            "loop": "{{ looked.results }}",
            "when": "not item.json['keys']",
            "no_log": True,
        }
        self.run([look, make], bench_keys=keys)

    def uri_pages(self, keys: list[dict[str, t.Any]]) -> None:
        """The fairer playbook: every page once, aliases compared in Jinja."""
        headers = {"Authorization": "Bearer {{ litellm_master_key }}"}
        pages = {
            "ansible.builtin.uri": {
                "url": "{{ litellm_url }}/key/list?return_full_object=true&size=100&page={{ item }}",
                "headers": headers,
            },
            "loop": f"{{{{ range(1, {-(-len(keys) // 100) + 1}) | list }}}}",
            "no_log": True,
            "register": "pages",
        }
        missing = "{{ bench_keys | map(attribute='key_alias') | difference(aliases) }}"
        collect = (
            "{{ pages.results | map(attribute='json') | map('dict2items') | flatten | selectattr('key', 'eq', 'keys') "
            "| map(attribute='value') | flatten | map(attribute='key_alias') | list }}"
        )
        compare = {
            "ansible.builtin.assert": {"that": "(missing | length) == 0", "quiet": True},
            "vars": {"missing": missing, "aliases": collect},
        }
        self.run([pages, compare], bench_keys=keys)


class Loops:
    """The loops, sampled once and extrapolated: at their speed a thousand keys would take a quarter of an hour."""

    def __init__(self, books: Playbooks, bare: Bare) -> None:
        self.start = seconds(lambda: books.run([]))
        self.sampled = {
            name: self._sample(work, bare)
            for name, work in (("loop of litellm_key", books.key_loop), ("loop of uri", books.uri_loop))
        }

    @staticmethod
    def _sample(work: t.Callable[[list[dict[str, t.Any]]], None], bare: Bare) -> dict[str, float]:
        sample = keys_of(SAMPLE)
        times = {"create": seconds(partial(work, sample)), "no change": seconds(partial(work, sample))}
        bare.delete(sample)
        return times

    def rows(self, count: int) -> list[Row]:
        return [
            (name, count, {phase: self.start + (took - self.start) * count / SAMPLE for phase, took in times.items()})
            for name, times in self.sampled.items()
        ]


def pages_once(books: Playbooks, bare: Bare, keys: list[dict[str, t.Any]]) -> Row:
    bare.create(keys)
    row = ("uri, pages once, aliases only", len(keys), {"no change": seconds(lambda: books.uri_pages(keys))})
    bare.delete(keys)
    return row


def measure(
    proxy: Proxy, sizes: t.Sequence[int], large: int | None, python: str | None, loops: bool, repeat: int
) -> list[Row]:
    bare = Bare(proxy)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        books = Playbooks(proxy, Path(folder))
        slow = Loops(books, bare) if loops else None
        for count in sizes:
            keys = keys_of(count)
            rounds = [_measured(proxy, bare, books, python, Path(folder), keys) for _round in range(repeat)]
            rows += best(rounds)
            rows += [*slow.rows(count), pages_once(books, bare, keys)] if slow else []
            print(table(rows), flush=True)
        if large:
            keys = keys_of(large)
            rows.append(("floor: bare requests", large, floor(bare, keys)))
            rows.append(("litellm_state, the module", large, ours(proxy, keys)))
            print(table(rows), flush=True)
    return rows


def _measured(
    proxy: Proxy, bare: Bare, books: Playbooks, python: str | None, folder: Path, keys: list[dict[str, t.Any]]
) -> list[Row]:
    rows: list[Row] = [("floor: bare requests", len(keys), floor(bare, keys))]
    rows.append(("litellm_state, the module", len(keys), ours(proxy, keys)))
    rows.append(("litellm_state, ansible-playbook", len(keys), phases(books.state, keys)))
    if python:
        rows.append(LiteLLMAsCode(python, proxy, folder).row(bare, keys))
    return rows


def best(rounds: t.Sequence[list[Row]]) -> list[Row]:
    """The least of each figure: what the machine did besides only ever adds to it."""
    return [
        (rows[0][0], rows[0][1], {phase: min(row[2][phase] for row in rows) for phase in rows[0][2]})
        for rows in zip(*rounds, strict=True)
    ]


def table(rows: t.Sequence[Row]) -> str:
    lines = ["| what | keys | " + " | ".join(PHASES) + " |", "|---|---|" + "---|" * len(PHASES)]
    floors = {count: times for name, count, times in rows if name.startswith("floor")}
    for name, count, times in rows:
        cells = [_cell(times.get(phase), floors[count].get(phase)) for phase in PHASES]
        lines.append(f"| {name} | {count} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(took: float | None, least: float | None) -> str:
    if took is None:
        return ""
    return f"{took:.2f} s" + (f" ({took / least:.2f} x)" if least else "")


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of keys")
    parser.add_argument("--sizes", default="100,1000")
    parser.add_argument("--large", type=int)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--without-loops", action="store_true", help="leave out the peers that take minutes")
    parser.add_argument("--repeat", type=int, default=3, help="rounds of all but the loops; the least counts")
    parser.add_argument("--litellm-as-code", metavar="PYTHON", help="an interpreter with litellm-as-code 0.5.0")
    arguments = parser.parse_args()
    with running() as proxy:
        rows = measure(
            proxy,
            [int(size) for size in arguments.sizes.split(",")],
            arguments.large,
            arguments.litellm_as_code,
            not arguments.without_loops,
            arguments.repeat,
        )
    if arguments.output:
        arguments.output.write_text(table(rows) + "\n")


if __name__ == "__main__":
    main()
