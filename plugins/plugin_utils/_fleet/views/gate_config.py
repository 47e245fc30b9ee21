# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints haproxy.cfg. Knows HAProxy's words and no fleet: views/gate.py says which frontends, backends and servers there are.

Pure; only views/gate.py imports it. What every option is good for stands in docs/gate.md.
"""

from __future__ import annotations

import re
import typing as t

#: Folders in the container.
CONFIG, RUN, STATE, SECRETS = "/etc/llmfleet", "/run/llmfleet", "/var/lib/llmfleet", "/run/secrets/llmfleet"
#: Where roles/gate/files/start.sh puts what HAProxy reads: memory, so that a full disk keeps no gate from starting.
MEMORY = "/dev/shm"
ADMIN_SOCKET, MASTER_SOCKET = "admin.sock", "master.sock"
#: Addresses of this host in the container's networks: roles/gate/files/start.sh writes them.
HOSTS = f"{RUN}/hosts"
#: Lines of the header Authorization that are let in.
KEYS = f"{SECRETS}/keys"
#: Certificate and key of this host, and the authorities that the others' are by.
CERTIFICATE, AUTHORITY = f"{SECRETS}/host.pem", f"{SECRETS}/authority.pem"
#: Tells the gate of another server which of its servers is meant.
SERVER_HEADER = "x-llmfleet-server"
#: A port at which nobody listens: what is sent there is tried again until a server is ready. The module gate_traffic knows its name.
HOLD_SERVER = "hold"
HOLD = f"server {HOLD_SERVER} 127.0.0.1:9 backup disabled no-check"
#: Another one: who finds no server at all is sent there once, so a second later it is looked for one again. At its first moment a
#: gate knows no address of a container yet, and what was away for less than its checks may be back. Not for checks of other gates.
#: After so many seconds in which requests found nobody none is back within the next one, and a fallback would come that much later.
RETRY_SERVER = "retry"
RETRY = (f"use-server {RETRY_SERVER} if {{ nbsrv eq 0 }}", f"server {RETRY_SERVER} 127.0.0.1:9 weight 0 no-check")
RETRY_SECONDS = 5
#: Seconds after which those who are refused for too much work may come again.
RETRY_AFTER = 5
#: What a gate says to another one instead of 503, which vLLM may mean itself: nobody here began with the request. HAProxy
#: repeats a request after it (RFC 8470 has it for that), and vLLM never says it.
AWAY_STATUS, AWAY = (
    425,
    "HTTP/1.1 425 Too Early\r\ncontent-length: 0\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n",
)
AWAY_FILE = f"{CONFIG}/away.http"
#: Bytes of a request's head and body that may stand in memory: as much of a chat as decides which server it goes to.
BUFFER = 65536
#: Tables of what was asked lately, how long that is, and how many requests in it are too few to say anything.
COUNTED, COUNTED_MINUTES, MANY = ("asked-of-model", "asked-with-beginning"), 1, 20
#: Of a body that is no chat and no prompt, as much as is taken for its beginning.
BEGINNING = 256
#: Percent of the mean load that a server may have before what belongs to it goes to the next one. A few requests more in a batch
#: cost vLLM less than to read a long prompt anew.
BALANCE_FACTOR = 200
ANY_ADDRESS = "0.0.0.0"

Section = list[str]


class Server(t.NamedTuple):
    """One line of a backend."""

    name: str
    address: str
    #: The name that its certificate must have, for one that is reached through the gate of its own server.
    peer: str = ""
    maxconn: int = 0
    backup: bool = False


class Backend(t.NamedTuple):
    name: str
    servers: list[Server]
    check: str
    balance: str = "leastconn"
    #: Paths that are let through, as conditions of HAProxy; empty: all of them.
    paths: tuple[str, ...] = ()
    stripped: bool = False  # the first part of the path named the backend
    hold: bool = False
    away: bool = False  # whether it tells another gate in words of its own that nobody began with a request
    asks_again: bool = False  # and whether it understands them
    queue_limit: int = 0
    #: What the first server answers while it is up, as conditions of HAProxy.
    first_for: tuple[str, ...] = ()


class Limits(t.NamedTuple):
    request_timeout: int
    queue_timeout: int
    max_connections: int


def error(message: str, kind: str) -> str:
    """A body as OpenAI's API has it, quoted for HAProxy."""
    return f'\'{{"error":{{"message":"{message}","type":"{kind}"}}}}\''


BUSY = error("the servers of this model are busy or away, try again later", "service_unavailable")


def render(sections: t.Iterable[Section]) -> str:
    return "\n\n".join("\n  ".join(section) for section in sections)


def unproven(backend: str, server: str, port: int) -> str:
    """A line of the file of states, for a server by TLS that is down until its first check. (HAProxy 3.1 has init-state for that.)"""
    return f"0 {backend} 0 {server} - 0 0 1 1 0 1 0 0 6 0 0 0 - {port} - 1 0 - - 0"


def overall(limits: Limits) -> Section:
    return [
        "global",
        "log stdout format raw local0",
        f"maxconn {limits.max_connections}",
        f"stats socket {RUN}/{ADMIN_SOCKET} mode 600 level admin",
        f"server-state-file {MEMORY}/servers",
        f"hard-stop-after {limits.request_timeout + 30}s",
        f"tune.bufsize {BUFFER}",
        "ssl-default-bind-options ssl-min-ver TLSv1.2",
        "ssl-default-server-options ssl-min-ver TLSv1.2",
    ]


def defaults(limits: Limits) -> Section:
    return [
        "defaults",
        "mode http",
        "log global",
        "option dontlog-normal",
        "option dontlognull",
        "timeout connect 1s",
        # A server that is busy may be slow to say so; one that is gone refuses the connection at once.
        "timeout check 10s",
        f"timeout client {limits.request_timeout + 10}s",
        f"timeout server {limits.request_timeout + 10}s",
        f"timeout queue {limits.queue_timeout}s",
        "timeout http-request 60s",
        "timeout http-keep-alive 180s",
        "option http-server-close",
        "option http-no-delay",
        "option abortonclose",
        "option idle-close-on-response",
        "http-reuse never",
        f"retries {limits.request_timeout}",
        "option redispatch 1",
        "retry-on conn-failure",
        "load-server-state-from-file global",
        "default-server check inter 2s fastinter 500ms downinter 500ms rise 1 fall 3",
        f"http-error status 503 content-type application/json string {BUSY} hdr retry-after {RETRY_AFTER}",
    ]


def resolvers() -> Section:
    """Docker's own, which knows the containers of the networks that the gate is in."""
    return [
        "resolvers docker",
        "nameserver docker 127.0.0.11:53",
        "resolve_retries 3",
        "timeout resolve 1s",
        "timeout retry 500ms",
        "hold valid 1s",
        "hold nx 5s",
        "hold timeout 10s",
        "accepted_payload_size 8192",
    ]


# ---- frontends


def entrance(name: str, bind: str, backend: str) -> Section:
    return [f"frontend {name}", f"bind {bind}", "option httplog", "option forwardfor", f"default_backend {backend}"]


def models(bind: str, by_prefix: bool) -> Section:
    """The first part of the path names the model."""
    return [
        "frontend models",
        f"bind {bind}",
        "option httplog",
        _key_demanded(),
        *(_prefix() if by_prefix else []),
        "use_backend vllm-%[path,field(2,/)]",
        "default_backend unknown",
    ]


def _prefix() -> list[str]:
    """The beginning of a chat, which stays as it grows, is what one server has in its cache: its first message, or the prompt. Where
    too many chats begin with the same message for one server, it is the first two."""
    chat = [f"req.body,json_query('$.messages[{number}].content')" for number in (0, 1)]
    return [
        "option http-buffer-request",
        f"http-request set-var(txn.first) {chat[0]}",
        f"http-request set-var(txn.second) {chat[1]}",
        *_shared(),
        "http-request set-var(txn.prefix) var(txn.first)",
        f"http-request set-var(txn.prefix) var(txn.first),concat(,txn.second) if {{ sc1_get_gpt0({COUNTED[1]}) eq 1 }}",
        "http-request set-var(txn.prefix) req.body,json_query('$.prompt') if !{ var(txn.first) -m found }",
        f"http-request set-var(txn.prefix) req.body,bytes(0,{BEGINNING}) if !{{ var(txn.prefix) -m found }}",
    ]


def _shared() -> list[str]:
    """Marks a first message that is in half as many requests again as a server has of all; until it is in half as many as that, so
    that chats don't go to and fro between servers."""
    of_model, of_beginning = COUNTED
    return [
        "http-request set-var(txn.model) path,field(2,/)",
        "http-request set-var(txn.beginning) var(txn.model),concat(/,txn.first)",
        f"http-request track-sc0 var(txn.model),xxh32 table {of_model}",
        f"http-request track-sc1 var(txn.beginning),xxh32 table {of_beginning}",
        "http-request set-var(txn.backend) str(vllm-),concat(,txn.model)",
        "http-request set-var(txn.replicas) var(txn.backend),nbsrv",
        f"http-request set-var(txn.all) sc0_http_req_rate({of_model})",
        "http-request set-var(txn.thrice) var(txn.all),mul(3)",
        f"http-request set-var(txn.same) sc1_http_req_rate({of_beginning}),mul(txn.replicas),mul(2)",
        "http-request set-var(txn.over) var(txn.same),sub(txn.thrice)",
        "http-request set-var(txn.under) var(txn.same),sub(txn.all)",
        f"http-request sc-set-gpt0(1) 1 if {{ var(txn.over) -m int ge 0 }} {{ sc1_http_req_rate({of_beginning}) ge {MANY} }}",
        "http-request sc-set-gpt0(1) 0 if { var(txn.under) -m int lt 0 }",
    ]


def counted() -> list[Section]:
    """How many requests a minute each model had, and each first message of a chat."""
    kept = f"type integer size 50k expire {2 * COUNTED_MINUTES}m store gpt0,http_req_rate({COUNTED_MINUTES}m)"
    return [[f"backend {name}", f"stick-table {kept}"] for name in COUNTED]


def servers(bind: str) -> Section:
    """For the gates of other hosts, which prove by their certificate that they are of this fleet."""
    tls = f"ssl crt {CERTIFICATE} ca-file {AUTHORITY} verify required alpn http/1.1"
    own = f"{{ hdr({SERVER_HEADER}) -m end :litellm }}"
    return [
        "frontend servers",
        f"bind {bind} {tls}",
        "option httplog",
        _key_demanded(f"{{ path /health }} or {own} or "),
        f"use_backend local-%[req.hdr({SERVER_HEADER})]",
        "default_backend unknown",
    ]


def _key_demanded(otherwise: str = "") -> str:
    return (
        "http-request deny deny_status 401 content-type application/json string "
        f"{error('the key is missing or wrong', 'authentication_error')}"
        f" unless {otherwise}{{ req.hdr(authorization) -m str -f {KEYS} }}"
    )


def metrics(bind: str, networks: t.Sequence[str], docker: bool) -> Section:
    """Of the gate at /metrics, of an instance at /SERVER/metrics; for those networks, or the host and none of its containers."""
    refused = [f"http-request deny unless {{ src {' '.join(networks)} }}"] if networks else []
    if docker and not networks:
        refused = [f"http-request deny unless {{ src 127.0.0.1 }} or {{ src -f {HOSTS} }}"]
    return [
        "frontend metrics",
        f"bind {bind}",
        "no log",
        "monitor-uri /health",
        *refused,
        "http-request use-service prometheus-exporter if { path /metrics }",
        "http-request deny deny_status 404 unless { path -m end /metrics }",
        "http-request set-var(txn.server) path,field(2,/)",
        "http-request set-path /metrics",
        "use_backend metrics-%[var(txn.server)]",
        "default_backend unknown",
    ]


# ---- backends


def unknown() -> Section:
    body = error("there is no such model or path", "not_found_error")
    return ["backend unknown", f"http-request return status 404 content-type application/json string {body}"]


def backend(one: Backend, docker: bool) -> Section:
    remote = any(server.peer for server in one.servers)
    lines = [f"backend {one.name}", *_balance(one.balance)]
    if one.stripped:
        lines.append(r"http-request replace-path ^/[^/]+(/.*)$ \1")
    lines += _nobody_since(one) if _lasts(one) else []
    if one.first_for:
        lines.append(f"use-server {one.servers[0].name} if {' or '.join(one.first_for)}")
    if one.paths:
        lines.append(f"http-request deny deny_status 404 unless {' or '.join(one.paths)}")
    if one.queue_limit:
        busy = f"content-type application/json string {BUSY} hdr retry-after {RETRY_AFTER}"
        lines.append(f"http-request return status 503 {busy} if {{ queue ge {one.queue_limit} }}")
    if one.away:
        lines.append(f"errorfile 503 {AWAY_FILE}")
    if remote and one.asks_again:
        lines.append(f"retry-on conn-failure {AWAY_STATUS}")
    if remote:
        lines.append(f"http-send-name-header {SERVER_HEADER}")
    if one.check:
        named = f" hdr {SERVER_HEADER} %[srv_name]" if remote else ""
        lines += ["option httpchk", f"http-check send meth GET uri {one.check}{named}"]
    lines += [_server(server, docker, bool(one.check)) for server in one.servers]
    lines += _second_look(one) if one.check else []
    return [*lines, *([HOLD] if one.hold else [])]


def _lasts(one: Backend) -> bool:
    """Whether it is known how long requests have found no server. Another gate repeats at once what it is told, so it is told a
    second later however long that is."""
    return bool(one.check) and not one.away


def _nobody_since(one: Backend) -> list[str]:
    """Seconds since the first request that found no server, in txn.away. LiteLLM, whom models are for, waits before each retry, and for
    its fallback after the last, for as long as retry-after says: so that is left out where nobody is about to be back."""
    since = "proc.away_" + re.sub("[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}", one.name)
    lines = [
        f"http-request unset-var({since}) if {{ nbsrv gt 0 }}",
        f"http-request set-var({since}) date if {{ nbsrv eq 0 }} !{{ var({since}) -m found }}",
        f"http-request set-var(txn.away) date,sub({since}) if {{ nbsrv eq 0 }}",
    ]
    if one.stripped:
        lasting = f"{{ var(txn.away) -m int ge {RETRY_SECONDS} }} !{{ path_beg /health }}"
        lines.append(f"http-request return status 503 content-type application/json string {BUSY} if {lasting}")
    return lines


def _second_look(one: Backend) -> list[str]:
    again, server = RETRY
    soon = f" {{ var(txn.away) -m int lt {RETRY_SECONDS} }}" if _lasts(one) else ""
    return [f"{again} !{{ path_beg /health }}{soon}", server]


def _balance(balance: str) -> list[str]:
    if balance != "prefix":
        return [f"balance {balance}"]
    return ["balance hash var(txn.prefix)", "hash-type consistent", f"hash-balance-factor {BALANCE_FACTOR}"]


def _server(one: Server, docker: bool, checked: bool) -> str:
    words = ["server", one.name, one.address]
    if one.peer:
        words += ["ssl", f"crt {CERTIFICATE}", f"ca-file {AUTHORITY}", "verify required"]
        words += [f"verifyhost {one.peer}", f"sni str({one.peer})", f"check-sni {one.peer}"]
    elif docker:
        words += ["resolvers docker", "resolve-prefer ipv4", "init-addr none"]
    words += [f"maxconn {one.maxconn}"] if one.maxconn else []
    words += ["backup"] if one.backup else []
    words += [] if checked else ["no-check"]
    return " ".join(words)
