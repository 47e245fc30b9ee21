# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge as the role renders it, whose containers are replaced one after the other under load: no request notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
import rendering
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.runtime import Runtime
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.traffic import Server, Traffic
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge, edge_config

from tests.load.client import Target
from tests.load.generator import Load, Plan, summary

from . import edge as parts
from .proxy import REPO, docker, images
from .several import until, write

NAME, PORT = "llm.internal", 8443
#: Requests a second, half of them streams: on kept connections, none of which rests for long, and each on its own.
KEPT, ALONE = 12, 12
ROUNDS = 3


class Gateway:
    """Entrance, two containers of Caddy, and a stand-in for the gate behind them, in a network of their own."""

    def __init__(self, folder: Path, program: str, start: t.Callable[..., None], name: str) -> None:
        said = {"llm_domain": NAME, "edge_project_dir": str(folder), "edge_version": parts.version_of(program)}
        self.said = {
            **said,
            "llm_ca_key": parts.CA_KEY,
            "edge_image": parts.image(),
            "gate_image": images("gate")["gate"],
        }
        self.folder, self.program, self.start, self.name = folder, program, start, name
        self.host = rendering.make_host(**self.said)
        self.view = edge.view(rendering.make_fleet(self.host), self.host)
        self.runtime = Runtime(self.view["socket"])

    def bring(self, project: dict[str, t.Any]) -> None:
        """As Compose does it, and the role waits for it."""
        texts = rendering.render("edge", {"projects": [project]}, **self.said)
        place = Path(project["project_dir"])
        ((service, said),) = texts.compose["services"].items()
        for one in said["volumes"]:
            (place / one["source"]).mkdir(parents=True, exist_ok=True)
        write(place, texts.texts, said["user"])
        for one in said["volumes"]:
            subprocess.run(["chown", "-R", said["user"], str(place / one["source"])], check=True)
        self.start(self.name, project["name"], said, place, self.program if service == "edge" else "")
        check = said["healthcheck"]["test"][1:]
        inside = ["docker", "exec", f"{self.name}-{project['name']}"]
        until(60, lambda: subprocess.run([*inside, *check], capture_output=True, check=False).returncode == 0)

    def traffic(self, project: dict[str, t.Any]) -> Traffic:
        return Traffic(
            self.runtime, [Server(one["backend"], one["server"]) for one in self.view["servers"][project["name"]]]
        )

    def replace(self, project: dict[str, t.Any]) -> None:
        """roles/edge/tasks/project.yml, with the container's own time to stop."""
        self.traffic(project).set("drain")
        docker("stop", "--time", "120", f"{self.name}-{project['name']}")
        docker("rm", f"{self.name}-{project['name']}")
        self.bring(project)
        self.traffic(project).set("ready")
        self.traffic(project).release()

    def place(self) -> tuple[str, int]:
        """On an address without Docker's own proxy before it, which would take connections for nobody."""
        address, port = docker("port", f"{self.name}-llmfleet-edge-entrance", f"{PORT}/tcp").splitlines()[0].split(":")
        return address, int(port)


def bridge(name: str) -> str:
    return docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", name)


def run(name: str, container: str, said: dict[str, t.Any], place: Path, program: str) -> None:
    options = [
        "--user",
        said["user"],
        "--read-only",
        "--cap-drop",
        "ALL",
        "--network",
        name,
        "--network-alias",
        container,
    ]
    options += [f"--cap-add={one}" for one in said.get("cap_add", ())] + [
        f"--tmpfs={one}" for one in said.get("tmpfs", ())
    ]
    options += [f"--env={key}={value}" for key, value in said.get("environment", {}).items()]
    for one in said["volumes"]:
        options += ["-v", f"{(place / one['source']).resolve()}:{one['target']}:{'ro' if one['read_only'] else 'rw'}"]
    options += (
        ["-v", f"{program}:/usr/bin/caddy:ro"]
        if program
        else ["-p", f"{bridge(name)}::{PORT}", "--entrypoint", "haproxy"]
    )
    docker("run", "-d", "--name", f"{name}-{container}", *options, said["image"], *said["command"])


@contextlib.contextmanager
def brought(program: str, folder: Path) -> t.Iterator[Gateway]:
    name = f"llmfleet-it-{time.time_ns() % 10**8}"
    docker("network", "create", name)
    try:
        mount = ["-v", f"{REPO}/tests:/code/tests:ro", "-e", "PYTHONPATH=/code", "--entrypoint", "python"]
        behind = ["-m", "tests.load.backend", "--host", "0.0.0.0", "--port", "4000", "--latency", "0.3"]
        alias = ["--network", name, "--network-alias", "gate"]
        docker("run", "-d", "--name", f"{name}-gate", *alias, *mount, images("litellm")["litellm"], *behind)
        found = Gateway(folder, program, run, name)
        for project in found.view["projects"]:
            found.bring(project)
        yield found
    finally:
        made = docker("ps", "-aq", "--filter", f"network={name}").split()
        subprocess.run(["docker", "rm", "-f", "-v", *made], check=False, capture_output=True)
        docker("network", "rm", name)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """The users of containers have to get through."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path


@pytest.fixture(params=["pinned", "debians"])
def gateway(request: pytest.FixtureRequest, open_folder: Path) -> t.Iterator[Gateway]:
    with brought({"pinned": parts.pinned, "debians": parts.debians}[request.param](), open_folder) as found:
        yield found


def trusting(folder: Path) -> ssl.SSLContext:
    authority = folder / "authority.pem"
    authority.write_text(parts.fleet_authority([parts.CA_KEY]))
    return ssl.create_default_context(cafile=str(authority))


async def under_load(target: Target, happens: t.Callable[[], None]) -> list[dict[str, t.Any]]:
    plans = [Plan("m", seconds=600, rate=KEPT, concurrency=16, keep_alive=True, seed=1)]
    plans += [Plan("m", seconds=600, rate=ALONE, concurrency=32, seed=2)]
    loads = [Load(target, plan) for plan in plans]
    running = [asyncio.create_task(load.run()) for load in loads]
    await asyncio.sleep(2)
    await asyncio.get_running_loop().run_in_executor(None, happens)
    await asyncio.sleep(2)
    for load in loads:
        load.stop()
    records = [await one for one in running]
    return [{**summary(one), "told": [record.told for record in one if record.failed]} for one in records]


def none_failed(found: t.Sequence[dict[str, t.Any]]) -> None:
    for one in found:
        print(json.dumps(one))
        assert one["failed"] == 0 and one["requests"] > 100, one


def test_replacing_every_container_of_caddy_under_load_fails_no_request(gateway: Gateway, tmp_path: Path) -> None:
    address, port = gateway.place()
    target = Target(f"https://{NAME}:{port}", "key", address, trusting(tmp_path))

    def replaced() -> None:
        for _round in range(ROUNDS):
            for project in gateway.view["projects"][:2]:
                gateway.replace(project)

    found = asyncio.run(under_load(target, replaced))
    print(docker("logs", f"{gateway.name}-llmfleet-edge-entrance"))
    none_failed(found)


def test_requests_wait_while_the_gate_is_away(gateway: Gateway, tmp_path: Path) -> None:
    """Each with its own body. A release that would send what another request left in a buffer refuses at once."""
    address, port = gateway.place()
    target = Target(f"https://{NAME}:{port}", "key", address, trusting(tmp_path))

    def away() -> None:
        docker("kill", f"{gateway.name}-gate")
        time.sleep(4)
        docker("start", f"{gateway.name}-gate")
        time.sleep(2)

    began = time.time()
    found = asyncio.run(under_load(target, away))
    print(json.dumps(found), time.time() - began)
    kinds = {kind for one in found for kind in one["failed_by_kind"]}
    assert kinds <= {"status_502"}
    # Those that were in flight when it was killed are lost: what a server had begun with is never repeated.
    lost = sum(one["failed"] for one in found)
    if edge_config.release(gateway.said) >= edge_config.RETRIED_BODIES:
        assert lost <= KEPT + ALONE
        assert max(one["longest_wait"] for one in found) > 3


def test_a_gateway_of_two_is_replaced_whole_without_a_failed_request(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/edge.md, "Several gateways": clients know both addresses, and try the next one where nobody listens."""
    folders = [open_folder / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    with brought(parts.pinned(), folders[0]) as first, brought(parts.pinned(), folders[1]) as second:
        both = [one.place() for one in (first, second)]

        async def addresses(_loop: t.Any, place: tuple[str, int], **_more: t.Any) -> list[t.Any]:
            known = both if place[0] == "both" else [place]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", one) for one in known]

        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "_ensure_resolved", addresses)

        def replaced() -> None:
            caddies = [f"{first.name}-{project['name']}" for project in first.view["projects"][:2]]
            docker("kill", "--signal", "USR1", f"{first.name}-llmfleet-edge-entrance")
            docker("stop", "--time", "700", *caddies)
            time.sleep(5)

        target = Target(f"https://{NAME}:{PORT}", "key", "both", trusting(open_folder))
        none_failed(asyncio.run(under_load(target, replaced)))


def test_caddy_knows_the_client_behind_the_entrance(gateway: Gateway) -> None:
    """What a list of networks is compared with."""
    address, port = gateway.place()
    asked = ["curl", "-sk", "--resolve", f"{NAME}:{port}:{address}", f"https://{NAME}:{port}/v1/models"]
    subprocess.run(asked, check=True, capture_output=True)
    entrance = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}",
                      f"{gateway.name}-llmfleet-edge-entrance").split()  # fmt: skip
    lines = [docker("logs", f"{gateway.name}-llmfleet-edge-{number}") for number in (1, 2)]
    logs = [json.loads(line) for text in lines for line in text.splitlines() if "handled request" in line]
    seen = {one["request"]["remote_ip"] for one in logs if one["request"]["uri"] == "/v1/models"}
    told = "send-proxy-v2" in (gateway.folder / "entrance" / "config" / "haproxy.cfg").read_text()
    assert seen == {entrance[1] if told else entrance[0]}
