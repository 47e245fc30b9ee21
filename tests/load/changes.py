# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of a scenario's fleet under load: no request may notice it.

A plugin of pytest (-p tests.load.changes), and the table of what was seen:

    python -m tests.load.changes .cache/molecule/rolling/figures.jsonl
"""

from __future__ import annotations

import copy
import datetime
import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
import typing as t
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.filter.fleet_authority import FilterModule
from ansible_collections.llmfleet.gateway.plugins.filter.fleet_certificate import FilterModule as CertificateFilter

CHECKOUT = Path(__file__).resolve().parents[2]
SCENARIO = CHECKOUT / ".cache" / "molecule" / os.environ.get("MOLECULE_SCENARIO_NAME", "rolling")
ALL = SCENARIO / "inventory" / "group_vars" / "all"
#: The edits, which Ansible reads after scenario.yml.
EDITS = "zz_change.yml"
FIGURES = SCENARIO / "figures.jsonl"
SOCKET = "/opt/llmfleet/gate/run/admin.sock"
#: The longest that one change may take.
SECONDS = 1500
#: Requests of each change at least; the issue of the long form asks for 1,000.
AT_LEAST = int(os.environ.get("LLMFLEET_LOAD_REQUESTS", "100"))
RATE = float(os.environ.get("LLMFLEET_LOAD_RATE", "5"))
TOKENS = os.environ.get("LLMFLEET_LOAD_TOKENS", "16")
#: Of certificates that a user brings; any text makes one.
OWN_AUTHORITIES = tuple(f"the-{number}-authority-of-a-user-0123456789abcdef" for number in ("first", "second"))
#: By the name of a change, and the gateways that clients know where that isn't the first.
Load = t.Callable[..., t.ContextManager[dict[str, t.Any]]]
Edit = t.Callable[[dict[str, t.Any]], None]


class Fleet:
    """The scenario's inventory as its user edits it: what was declared, with changes that stay."""

    def __init__(self) -> None:
        self.declared: dict[str, t.Any] = {}
        # As Ansible reads them. Secrets are nobody's edit.
        for path in sorted(ALL.glob("*.yml")):
            if path.name not in ("vault.yml", EDITS):
                self.declared.update(yaml.safe_load(path.read_text()))
        self.said = copy.deepcopy(self.declared)
        # Of an earlier session of pytest with the same hosts.
        if (ALL / EDITS).exists():
            self.said.update(yaml.safe_load((ALL / EDITS).read_text()) or {})

    def declare(self, change: Edit) -> None:
        """Only what differs is written: the rest stays where it is declared."""
        change(self.said)
        edits = {name: value for name, value in self.said.items() if self.declared.get(name) != value}
        (ALL / EDITS).write_text(yaml.safe_dump(edits))

    def join(self, host: str, group: str = "gpu_servers") -> None:
        """A host that the bench has already, one line in the inventory."""
        self._hosts(group, lambda hosts: hosts.update({host: None}))

    def leave(self, host: str) -> None:
        """The same line taken out."""
        self._hosts("gpu_servers", lambda hosts: hosts.pop(host))

    def _hosts(self, group: str, change: Edit) -> None:
        path = SCENARIO / "inventory" / "hosts.yml"
        found = yaml.safe_load(path.read_text())
        change(found[group]["hosts"])
        path.write_text(yaml.safe_dump(found))

    @contextmanager
    def for_a_while(self, change: Edit) -> t.Iterator[None]:
        before = copy.deepcopy(self.said)
        self.declare(change)
        try:
            yield
        finally:
            self.said = before
            self.declare(lambda said: None)


def deploy(*args: str, playbook: str = "site.yml") -> subprocess.CompletedProcess[str]:
    """A run as a user starts it, whatever comes of it. Its stdout is both: Molecule has failures go to stderr."""
    command = ["ansible-playbook", playbook, "-i", str(SCENARIO / "inventory"), *args]
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0"}
    streams: dict[str, t.Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, cwd=CHECKOUT, env=environment, check=False, text=True, **streams)


def killed(moment: t.Callable[[], bool]) -> None:
    """A run that ends at that moment, with all that it started here."""
    told = ["ansible-playbook", "site.yml", "-i", str(SCENARIO / "inventory")]
    streams: dict[str, t.Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    end = time.monotonic() + SECONDS
    with subprocess.Popen(told, cwd=CHECKOUT, start_new_session=True, **streams) as process:
        while process.poll() is None and time.monotonic() < end:
            if moment():
                # Its session, so what it started too.
                os.killpg(process.pid, signal.SIGKILL)
                return
            time.sleep(1)
        process.kill()
    raise AssertionError("the run came to its end, or its time did, before that moment")


def started(service: str, host: str = "") -> set[str]:
    """The containers of a service on a host (the first gateway) that run now, with when they were started."""
    asked = (
        f"docker ps -q --filter name=llmfleet-{service}-"
        " | xargs -r docker inspect --format '{{.Name}} {{.State.StartedAt}}'"
    )
    # Not checked: one may go while it is looked at.
    connection = ["ssh", "-F", str(SCENARIO / "ssh_config"), host or next(iter(hosts())), asked]
    return set(subprocess.run(connection, check=False, capture_output=True, text=True).stdout.splitlines())


def image(name: str) -> str:
    """That the bench built, of the release that is pinned."""
    return str(yaml.safe_load((ALL / "images.yml").read_text())[f"{name}_image"])


def hosts() -> dict[str, dict[str, str]]:
    """Of the bench; the first is a gateway."""
    found: dict[str, dict[str, str]] = json.loads((SCENARIO / "hosts.json").read_text())
    return found


def domain() -> str:
    return str(yaml.safe_load((ALL / "scenario.yml").read_text()).get("llm_domain") or "")


def trusted() -> Path:
    """The authorities that clients know: the fleet's own, and those that a user's certificates are by."""
    authority = SCENARIO / "authority.pem"
    key = yaml.safe_load((ALL / "vault.yml").read_text())["llm_ca_key"]
    authority.write_text(FilterModule().filters()["fleet_authority"]([key, *OWN_AUTHORITIES]))
    return authority


def entrance(address: str) -> list[str]:
    """Where clients go: the edge by its name where the scenario has one, else LiteLLM's port."""
    if not domain():
        return ["--url", f"http://{address}:4000"]
    return ["--url", f"https://{domain()}", "--connect", address, "--ca-file", str(trusted())]


def own_certificate(authority: str) -> Path:
    """A certificate with its key, as a user has it in a file; each of the authorities gives another one."""
    path = SCENARIO / "own.pem"
    path.write_text(CertificateFilter().filters()["fleet_certificate"](authority, domain()))
    return path


def shown(address: str) -> str:
    """The certificate that the edge shows now."""
    context = ssl.create_default_context(cafile=str(trusted()))
    raw = socket.create_connection((address, 443), 10)
    with context.wrap_socket(raw, server_hostname=domain()) as connection:
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")


def command(model: str, name: str, gateways: t.Sequence[str] = ()) -> list[str]:
    """The load on the first gateway, or on those that clients know, in their order; a watcher on the first gate."""
    host, key = next(iter(hosts())), SCENARIO / "keys" / "demo"
    addresses = ",".join(hosts()[one]["address"] for one in gateways or [host])
    connection = f"ssh -F {SCENARIO / 'ssh_config'} {host} python3 - --socket {SOCKET} --seconds {SECONDS + 300}"
    watch = shlex.join(["sh", "-c", f"exec {connection} < {CHECKOUT / 'tests/load/watch.py'}"])
    where = [*entrance(addresses), "--key-file", str(key), "--model", model, "--watch", watch]
    pace = ["--rate", str(RATE), "--concurrency", "64", "--timeout", "600", "--seconds", str(SECONDS)]
    pace += ["--tokens", TOKENS]
    files = ["--record", str(SCENARIO / f"{name}.jsonl"), "--summary", str(SCENARIO / f"{name}.json")]
    bounds = ["--until", str(SCENARIO / "end"), "--at-least", str(AT_LEAST)]
    return [sys.executable, "-m", "tests.load", *where, *pace, *files, *bounds]


@contextmanager
def loaded(call: t.Sequence[str], name: str) -> t.Iterator[dict[str, t.Any]]:
    """The block runs under load; afterwards the dictionary holds what was seen, which is kept as well."""
    end = SCENARIO / "end"
    end.unlink(missing_ok=True)
    for part in ("jsonl", "json"):
        (SCENARIO / f"{name}.{part}").unlink(missing_ok=True)
    process = subprocess.Popen(call, cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    found: dict[str, t.Any] = {}
    try:
        time.sleep(4)
        begin = time.monotonic()
        yield found
        seconds = time.monotonic() - begin
        time.sleep(4)
    finally:
        end.touch()
        process.wait(timeout=SECONDS)
    found.update(json.loads((SCENARIO / f"{name}.json").read_text()), change=name, change_seconds=round(seconds, 1))
    # Of five minutes: what is slow on a machine that does much else is not the fleet's doing.
    found["load_average"] = round(os.getloadavg()[1], 1)
    with FIGURES.open("a") as stream:
        print(json.dumps(found), file=stream)


def nobody_noticed(seen: dict[str, t.Any]) -> None:
    assert seen["failed"] == 0, seen
    assert seen["requests"] >= AT_LEAST
    print(f"{seen['change']}: {seen['requests']} requests, longest wait {seen['longest_wait']} s")


def ready(backend: str = "vllm-tiny") -> int:
    """Replicas to which the first gateway's gate sends requests now."""
    told = ["python3", "-", "--socket", SOCKET, "--seconds", "0.1"]
    connection = ["ssh", "-F", str(SCENARIO / "ssh_config"), next(iter(hosts())), *told]
    watch = (CHECKOUT / "tests/load/watch.py").read_text()
    seen = subprocess.run(connection, input=watch, check=True, capture_output=True, text=True).stdout
    return int(json.loads(seen.splitlines()[0])["ready"][backend])


def own_start(container: str) -> float:
    """Seconds from the start of vLLM's container on the last server until it listened: no change of it takes less."""
    asked = (
        f"docker inspect --format '{{{{.State.StartedAt}}}}' {container};"
        f" docker logs --timestamps {container} 2>&1 | grep -m1 'Application startup complete' | cut -d' ' -f1"
    )
    connection = ["ssh", "-F", str(SCENARIO / "ssh_config"), list(hosts())[-1], asked]
    told = subprocess.run(connection, check=True, capture_output=True, text=True).stdout.split()
    started, listened = map(datetime.datetime.fromisoformat, told)
    return (listened - started).total_seconds()


def changed(fleet: Fleet, under_load: Load, name: str, edit: Edit = lambda said: None, starts: str = "") -> None:
    """An edit of the variables and a run. *starts*: the container of vLLM whose own start is noted beside the waits."""
    fleet.declare(edit)
    with under_load(name) as seen:
        run = deploy()
        if starts:
            seen["own_start"] = own_start(starts)
    assert run.returncode == 0, run.stdout[-6000:]
    nobody_noticed(seen)


def taken_back(fleet: Fleet, under_load: Load, name: str, edit: Edit) -> subprocess.CompletedProcess[str]:
    """An edit that can't work: the run fails, what ran before serves, and the next run without it is clean."""
    with fleet.for_a_while(edit), under_load(name) as seen:
        run = deploy()
    assert run.returncode != 0
    nobody_noticed(seen)
    again = deploy()
    assert again.returncode == 0, again.stdout[-6000:]
    return run


def operated(under_load: Load, name: str, *runs: t.Sequence[str]) -> None:
    """Playbooks with their arguments, one after the other."""
    with under_load(name) as seen:
        for playbook, *args in runs:
            run = deploy(*args, playbook=playbook)
            assert run.returncode == 0, run.stdout[-6000:]
    nobody_noticed(seen)


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture(scope="session")
def on_servers() -> t.Callable[[str], None]:
    """A command on all servers of the bench, one after the other."""

    def run(told: str) -> None:
        for server in hosts():
            subprocess.run(["ssh", "-F", str(SCENARIO / "ssh_config"), server, told], check=True)

    return run


#: Makes a model's config.json that of one with many more layers; their weights are then vLLM's own random ones.
DEEPER = """
import json, sys
path, layers = sys.argv[1] + "/config.json", int(sys.argv[2])
config = json.load(open(path))
config.update(num_hidden_layers=layers, layer_types=["full_attention"] * layers)
json.dump(config, open(path, "w"))
"""


@pytest.fixture(scope="session")
def deeper() -> t.Callable[[str, str, int], None]:
    """A copy of a model on every GPU server that answers as well, and much later."""

    def make(model: str, place: str, layers: int) -> None:
        for server in (name for name in hosts() if name.startswith("gpu")):
            connection = ["ssh", "-F", str(SCENARIO / "ssh_config"), server]
            told = f"rm -rf {place} && cp -a {model} {place} && python3 - {place} {layers}"
            subprocess.run([*connection, told], input=DEEPER.encode(), check=True)

    return make


@pytest.fixture(scope="session")
def other_image(on_servers: t.Callable[[str], None]) -> t.Callable[[str], str]:
    """Another name of an image, wherever that is: to Compose that is another image."""

    def tag(name: str) -> str:
        known = image(name)
        other = known.rpartition(":")[0] + ":another"
        on_servers(f"! docker image inspect {known} > /dev/null 2>&1 || docker tag {known} {other}")
        return other

    return tag


@pytest.fixture(scope="session")
def under_load(fleet: Fleet) -> Load:
    """`with under_load("name") as seen:` with the change in the block. Clients stay with the name that they know."""
    model = fleet.said["llm_models"][0]["name"]
    return lambda name, *gateways: loaded(command(model, name, gateways), name)


@pytest.fixture(scope="session")
def reboot() -> t.Callable[[str], None]:
    """As the bench does it: its hosts are containers."""

    def run(host: str) -> None:
        subprocess.run(["docker", "restart", hosts()[host]["container"]], check=True, capture_output=True)

    return run


@pytest.fixture(scope="session")
def lost() -> t.Callable[[str], None]:
    """A server's power is gone."""

    def run(host: str) -> None:
        subprocess.run(["docker", "kill", hosts()[host]["container"]], check=True, capture_output=True)

    return run


@pytest.fixture(scope="session")
def emptied() -> t.Callable[[str], None]:
    """Takes a gateway's clients away, as docs/edge.md says."""

    def run(gateway: str) -> None:
        connection = ["ssh", "-F", str(SCENARIO / "ssh_config"), gateway]
        for told in (
            "docker update --restart no llmfleet-edge-entrance",
            "docker kill --signal USR1 llmfleet-edge-entrance",
            "docker stop --time 700 llmfleet-edge-1 llmfleet-edge-2",
        ):
            subprocess.run([*connection, told], check=True, capture_output=True)

    return run


@pytest.fixture(scope="session")
def renewed() -> t.Callable[[str], None]:
    """A new host in place of one that was lost, with images and a model and nothing else."""

    def run(server: str) -> None:
        serves = server.startswith("gpu")
        known = json.loads((SCENARIO / "bench.json").read_text())
        where, container = ["--dir", str(SCENARIO)], hosts()[server]["container"]
        subprocess.run(["docker", "rm", "-f", "-v", container], check=True, capture_output=True)
        subprocess.run(["docker", "volume", "rm", f"{container}-docker"], check=True, capture_output=True)
        for told in (
            ["up", *where, "--name", known["prefix"], "--hosts", ",".join(known["hosts"])],
            ["load", *where, "--hosts", server, "--images", "gate,vllm" if serves else "gate,litellm,edge"],
            *([["model", *where, "--host", server, "--path", "/srv/models/tiny"]] if serves else []),
        ):
            subprocess.run([sys.executable, str(CHECKOUT / "tests/bench/bench.py"), *told], check=True)

    return run


def row(one: dict[str, t.Any]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in one["failed_by_kind"].items()) or "0"
    # A backend local-… is what other gateways see of the same servers.
    fewest = one.get("fewest_ready") or {}
    counts = sorted((name, count) for name, count in fewest.items() if not name.startswith("local-"))
    ready = ", ".join(f"{name} {count}" for name, count in counts) or "not seen"
    own = f" (vLLM's own start {one['own_start']:.1f} s)" if "own_start" in one else ""
    cells = [one["change"], one["requests"], kinds, ready, f"{one['longest_wait']:.1f} s{own}"]
    cells += [f"{one['seconds_p50'] or 0:.2f} s", f"{one['change_seconds']:.0f} s", one.get("load_average", "")]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(lines: t.Iterable[str]) -> str:
    """The last of each change, in the order in which they were first made."""
    seen: dict[str, dict[str, t.Any]] = {}
    for one in map(json.loads, lines):
        seen[one["change"]] = one
    head = "| change | requests | failed | fewest ready | longest wait | p50 | seconds of the change | load average |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *map(row, seen.values())])


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text().splitlines()))
