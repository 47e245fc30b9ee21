# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge with the real Caddy: the release that is pinned, and Debian's, which is the oldest that it is made for."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge_config
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.edge_paths import group_of

from . import edge as parts
from .edge import NAME, Edge, Stream, Upstream
from .proxy import Proxy, docker

KEY = "sk-Mark3dSecretValue-0123456789"


@pytest.fixture(scope="module", params=["pinned", "debians"])
def program(request: pytest.FixtureRequest) -> str:
    return {"pinned": parts.pinned, "debians": parts.debians}[request.param]()


@pytest.fixture(scope="module")
def upstream() -> t.Iterator[Upstream]:
    found = Upstream()
    yield found
    found.close()


def old(program: str) -> bool:
    return edge_config.release({"edge_version": parts.version_of(program)}) < edge_config.TRUSTED_PROXIES


@pytest.fixture
def start(program: str, upstream: Upstream, tmp_path: Path) -> t.Iterator[t.Callable[..., Edge]]:
    started: list[Edge] = []

    def make(**said: t.Any) -> Edge:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Edge(folder, program, said.pop("port", upstream.port), **said))
        return started[-1]

    yield make
    for one in started:
        one.close()


def test_plain_http_only_sends_to_tls(start: t.Callable[..., Edge]) -> None:
    edge = start()
    for host, status in ((NAME, 308), ("other.internal", 404)):
        with socket.create_connection(("127.0.0.1", edge.at.http_port), 5) as raw:
            raw.sendall(f"POST /v1/models?a=b HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: raw.recv(4096), b"")).decode()
        assert answer.startswith(f"HTTP/1.1 {status} ")
        assert (f"Location: https://{NAME}:{edge.at.https_port}/v1/models?a=b" in answer) == (status == 308)


CLOSED = """
/metrics /debug/asyncio-tasks /health/drain /health/backlog /anthropic/v1/messages /v1 /etc/passwd /test /docs /
/v1/models/../../metrics /v1/models/%2e%2e/%2e%2e/metrics /v1/models/..%2f..%2fmetrics /v1//models/../../metrics
"""


def test_only_known_paths_are_let_through(start: t.Callable[..., Edge], upstream: Upstream) -> None:
    edge = start(edge_more_paths=["/gemini/*"])
    upstream.seen.clear()
    for path in CLOSED.split():
        status, body, _headers = edge.ask(path)
        assert (status, json.loads(body)["error"]["code"]) == (404, "404"), path
    assert upstream.seen == []
    for path in (
        "/v1/models",
        "/chat/completions",
        "/key/info",
        "/ui/",
        "/health/liveliness",
        "/gemini/x",
        "/v2/rerank",
    ):
        assert edge.ask(path)[0] == 200, path


def test_another_name_is_not_served(start: t.Callable[..., Edge]) -> None:
    assert start().ask("/v1/models", Host="other.internal")[0] == 404


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        (["127.0.0.0/8"], "127.0.0.1", 200),
        (["10.0.0.0/8", "fd00::/8"], "127.0.0.1", 404),
        (["::1/128"], "::1", 200),
        (["127.0.0.0/8"], "::1", 404),
        ("closed", "127.0.0.1", 404),
    ],
)
def test_a_group_of_paths_for_some_networks(
    start: t.Callable[..., Edge], networks: t.Any, address: str, status: int
) -> None:
    edge = start(edge_ui=networks)
    assert edge.ask("/ui/", address=address, **{"X-Forwarded-For": "127.0.0.1"})[0] == status
    assert edge.ask("/v1/models", address=address)[0] == 200


def test_a_proxy_before_the_edge_is_believed_where_it_is_trusted(start: t.Callable[..., Edge], program: str) -> None:
    if old(program):
        return
    edge = start(edge_ui=["10.0.0.0/8"], edge_trusted_proxies=["127.0.0.0/8"])
    for client, status in (
        ("10.1.2.3", 200),
        ("192.0.2.1", 404),
        ("192.0.2.1, 10.1.2.3", 200),
        ("10.1.2.3, 192.0.2.1", 404),
    ):
        assert edge.ask("/ui/", **{"X-Forwarded-For": client})[0] == status, client


def test_the_authority_of_the_fleet_is_who_clients_trust(start: t.Callable[..., Edge]) -> None:
    edge = start()
    (edge.folder / "ca.pem").write_text(parts.fleet_authority([parts.CA_KEY[::-1]]))
    with pytest.raises(OSError, match=r"certificate verify failed"):
        edge.ask("/v1/models")


def test_streams_arrive_piece_by_piece(start: t.Callable[..., Edge]) -> None:
    stream = Stream(start(), 6, 0.1)
    assert stream.whole(), stream.fault
    gaps = [after - before for before, after in zip(stream.times, stream.times[1:])]
    assert all(0.03 < gap < 0.4 for gap in gaps), gaps


def test_a_client_that_leaves_ends_the_request_behind(start: t.Callable[..., Edge], upstream: Upstream) -> None:
    edge = start()
    upstream.left.clear()
    connection = edge.connection()
    connection.request("POST", "/v1/chat/completions", json.dumps({"stream": True, "chunks": 200, "interval": 0.02}))
    connection.getresponse().readline()
    left = time.monotonic()
    connection.close()
    while not upstream.left and time.monotonic() - left < 3:
        time.sleep(0.01)
    assert upstream.left
    assert upstream.left[0] - left < 1


def test_slow_and_large_requests_are_bounded(start: t.Callable[..., Edge], upstream: Upstream, program: str) -> None:
    edge = start(edge_read_header_timeout=1, edge_read_timeout=2, edge_max_request_size="64k")
    upstream.seen.clear()
    headers, body = edge.connection().sock, edge.connection().sock
    assert headers and body
    headers.sendall(b"GET /v1/models HTTP/1.1\r\nHost: llm.internal\r\n")
    body.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: llm.internal\r\nContent-Length: 9999\r\n\r\nx")
    began = time.monotonic()
    assert headers.recv(1) in (b"", b"H")
    assert time.monotonic() - began < 2
    while body.recv(4096):
        pass
    assert time.monotonic() - began < 4
    assert edge.ask("/v1/completions", b"x" * 65536)[0] == 200
    # Debian's release breaks the request off as well, and says it less well.
    assert edge.ask("/v1/completions", b"x" * 65537)[0] in (413, 502 if old(program) else 413)
    assert [one["length"] for one in upstream.seen if one["length"]] == [65536]


def test_no_log_holds_a_secret(start: t.Callable[..., Edge]) -> None:
    edge = start(edge_retry_duration=0)
    secret = {
        "Authorization": f"Bearer {KEY}",
        "X-Api-Key": KEY,
        "Cookie": f"token={KEY}",
        "Sec-WebSocket-Protocol": KEY,
    }
    assert edge.ask(f"/v1/models?api_key={KEY}", **secret)[0] == 200
    edge.at = edge.at._replace(upstream="127.0.0.1:1")
    edge.configure()
    edge.reload()
    assert edge.ask(f"/v1/models?api_key={KEY}", b"{}", **secret)[0] == 502
    text = edge.log.read_text()
    assert KEY not in text
    lines = [line for line in map(json.loads, text.splitlines()) if "request" in line]
    assert {200, 502} <= {line.get("status") for line in lines}
    assert all(line["request"]["uri"] == "/v1/models" for line in lines)


def test_headers(start: t.Callable[..., Edge], upstream: Upstream) -> None:
    upstream.seen.clear()
    _status, _body, headers = start().ask("/v1/models", **{"X-Request-Id": "mine"})
    asked = upstream.seen[0]["headers"]
    assert asked["X-Request-Id"] == headers["X-Request-Id"] != "mine"
    assert (asked["X-Forwarded-Proto"], asked["X-Forwarded-For"]) == ("https", "127.0.0.1")
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert "Server" not in headers


class TestGateAway:
    def test_requests_wait_for_it(self, start: t.Callable[..., Edge]) -> None:
        port = parts.free_port()
        edge = start(port=port)
        waiting = Stream(edge, 2, 0.01)
        time.sleep(1)
        behind = Upstream(port)
        waited = waiting.whole()
        behind.close()
        if edge_config.release({"edge_version": parts.version_of(edge.program)}) >= edge_config.RETRIED_BODIES:
            assert waited, waiting.fault
        else:  # Such a release might send another request's body in its place.
            assert not waited and "502" in str(waiting.fault)

    def test_a_failure_says_when_to_try_again(self, start: t.Callable[..., Edge]) -> None:
        status, body, headers = start(port=1, edge_retry_duration=0).ask("/v1/models")
        assert (status, headers["Retry-After"]) == (502, "5")
        assert json.loads(body)["error"]["code"] == "502"


class TestAcme:
    """Against Caddy's own authority, which speaks ACME. In containers, since it asks by name and on port 80."""

    def authority(self, folder: Path) -> None:
        issuer = {"module": "internal"}
        route = {"handle": [{"handler": "acme_server", "ca": "local"}]}
        server = {"listen": [":443"], "routes": [{"match": [{"host": ["ca.internal"]}], **route}]}
        policies = [{"subjects": ["ca.internal"], "issuers": [issuer]}]
        apps = {"http": {"servers": {"ca": server}}, "tls": {"automation": {"policies": policies}}}
        storage = {"module": "file_system", "root": "/srv/data"}
        (folder / "caddy.json").write_text(json.dumps({"storage": storage, "apps": apps}))

    def gateway(self, folder: Path, program: str, challenge: str, *peers: str) -> None:
        at = edge_config.Layout(80, 443, data="/srv/data", admin="unix//srv/admin.sock", acme_roots="/srv/roots.pem")
        said = {
            **parts.defaults(),
            "edge_version": parts.version_of(program),
            "llm_domain": "llm.internal",
            "edge_certificates": "acme",
            "edge_acme_directory": "https://ca.internal/acme/local/directory",
            "edge_acme_ca_file": "roots.pem",
            "edge_acme_challenges": [challenge],
        }
        (folder / "caddy.json").write_text(json.dumps(edge_config.configuration(said, peers, at)))

    @pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
    def test_a_gateway_gets_its_certificate(self, program: str, challenge: str, tmp_path: Path) -> None:
        with parts.network() as start:
            root = self.start_authority(tmp_path, start, program)
            self.start_gateway(tmp_path, start, program, root, "llm.internal", challenge)
            assert self.certificates(tmp_path / "llm.internal")

    def test_the_authority_may_ask_another_gateway(self, program: str, tmp_path: Path) -> None:
        """The name leads to the second and third, and only the first asks for a certificate now."""
        with parts.network() as start:
            root = self.start_authority(tmp_path, start, program)
            peers = ("gone.internal:80", "first.internal:80")
            self.start_gateway(tmp_path, start, program, root, "llm.internal", "tls-alpn-01", *peers)
            self.start_gateway(tmp_path, start, program, root, "first.internal", "http-01", "llm.internal:80")
            assert self.certificates(tmp_path / "first.internal")

    def start_authority(self, folder: Path, start: t.Callable[..., str], program: str) -> str:
        own = folder / "ca"
        own.mkdir()
        self.authority(own)
        container = start(own, program, "ca.internal")
        root = own / "data" / "pki" / "authorities" / "local" / "root.crt"
        # Its root is there before it has a certificate for its own name.
        self.wait_for((own / "data" / "certificates" / "local" / "ca.internal" / "ca.internal.crt").exists, container)
        return root.read_text()

    def start_gateway(
        self, folder: Path, start: t.Callable[..., str], program: str, root: str, name: str, challenge: str, *peers: str
    ) -> None:
        own = folder / name
        own.mkdir()
        (own / "roots.pem").write_text(root)
        self.gateway(own, program, challenge, *peers)
        container = start(own, program, name)
        # The second gateway of the pair can't get one: its only challenge is not one that several gateways use.
        if "gone.internal:80" not in peers:
            self.wait_for(lambda: self.certificates(own), container)

    def certificates(self, folder: Path) -> list[Path]:
        return list(folder.glob("data/certificates/ca.internal-acme-local-directory/llm.internal/llm.internal.crt"))

    def wait_for(self, found: t.Callable[[], t.Any], container: str) -> None:
        for _attempt in range(600):
            if found():
                return
            time.sleep(0.1)
        raise AssertionError(subprocess.run(["docker", "logs", container], check=False, capture_output=True))


#: Paths of LiteLLM that the edge keeps closed, by their beginnings: passes to providers, and what is for its own host.
KEPT_CLOSED = """
/.well-known /anthropic/ /api/ /assemblyai/ /authorize /azure /bedrock/ /callback /cohere/ /comprehendmedical
/debug/ /eu.assemblyai/ /fal_ai/ /gemini/ /gigachat/ /health/backlog /health/drain /health/readiness/details
/introspect /langfuse/ /milvus/ /mistral/ /nvidia_nim/ /openai/{endpoint} /openai_passthrough/ /openrouter/
/register /revoke /robots.txt /test /tinyfish/ /token /transcribe /typesafe/ /v1/rust_control_plane/ /vertex_ai/
/vllm/ /watsonx/ /{
"""


def test_every_path_of_litellm_is_let_through_or_kept_closed_on_purpose(proxy: Proxy) -> None:
    found = proxy.call("GET", "/openapi.json")["paths"]
    # Without the passes to somewhere else that other tests have made.
    paths = [path for path, each in found.items() if "'endpoint_func_" not in str(each)]
    assert len(paths) > 500
    closed = [path for path in paths if not group_of(path)]
    assert [path for path in closed if not path.startswith(tuple(KEPT_CLOSED.split()))] == []


def test_containers_can_run_it(program: str, tmp_path: Path) -> None:
    """Locked down as the role runs it: no capability in force, a file system that can't be written."""
    found = edge_config.configuration(
        {**parts.defaults(), "llm_domain": NAME, "edge_version": parts.version_of(program)}
    )
    (tmp_path / "caddy.json").write_text(json.dumps(found))
    made = parts.fleet_certificate(parts.CA_KEY, NAME)
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / name).write_text(made)
    locked = ["--read-only", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--user", "60804:60804"]
    mounts = [
        "-v",
        f"{tmp_path}:/etc/caddy:ro",
        "-v",
        f"{tmp_path}:/run/llmfleet:ro",
        "-v",
        f"{program}:/usr/bin/caddy:ro",
    ]
    memory = ["--tmpfs", "/run/caddy:uid=60804,gid=60804,mode=0700", "--tmpfs", "/data:uid=60804,gid=60804"]
    tmp_path.chmod(0o755)
    run = ["caddy", "run", "--config", "/etc/caddy/caddy.json"]
    container = docker(
        "run", "-d", *locked, "--security-opt", "no-new-privileges", *mounts, *memory, parts.image(), *run
    )
    try:
        ask = ["wget", "-q", "-O", "-", "http://127.0.0.1:2020/"]
        TestAcme().wait_for(
            lambda: (
                subprocess.run(["docker", "exec", container, *ask], check=False, capture_output=True).returncode == 0
            ),
            container,
        )
    finally:
        docker("rm", "-f", "-v", container)
