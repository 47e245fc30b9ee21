# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Caddy's configuration for the edge, as its JSON: what is let through, to whom, by which certificate. Pure and without secrets.

Only views/edge.py and tests call it.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.edge_paths import GROUPS, PATHS

Said = t.Mapping[str, t.Any]
Json = dict[str, t.Any]

#: Values of edge_certificates.
AUTO, ACME, FILES, INTERNAL = "auto", "acme", "files", "internal"
#: Values of a group of paths, beside a list of networks.
OPEN, CLOSED = "open", "closed"
#: Last labels of names that no public authority signs.
PRIVATE_NAMES = frozenset(
    {"internal", "local", "localhost", "lan", "home", "corp", "private", "test", "example", "arpa"}
)
#: Seconds in which a Caddy that is about to stop ends each connection with the answer to the request that it has, when the entrance
#: hands it no new ones any more. Afterwards it closes what is idle: longer than clients keep a connection that they don't use
#: (httpx, which OpenAI's client uses, 5 s).
LEAVING = 8
#: What a request may take beyond LiteLLM's own time limit.
MARGIN = 30
#: A body of at most so many bytes is read whole before LiteLLM hears of the request, so a slow client holds none of its places.
BUFFERED = 8 * 1024 * 1024
CHALLENGES = "/.well-known/acme-challenge/*"
#: Marks a question of the authority that another gateway has passed on, so that it goes no further.
PASSED_ON = "X-Llmfleet-Challenge"
#: Caddy knows these from this release on; Debian's is older.
REQUEST_BUFFERS = STREAM_CLOSE_DELAY = PROXY_PROTOCOL = (2, 7, 0)
TRUSTED_PROXIES = LOG_APPEND = (2, 8, 0)
#: An older one closes a request's body with the first connection that can't be made. What it sends in its place when it tries again is
#: nothing, or what another request has put into the same buffer by then (caddyserver/caddy#7546).
RETRIED_BODIES = (2, 11, 2)


class Layout(t.NamedTuple):
    """Where Caddy listens and finds its files: in the container, or where a test runs it."""

    http_port: int = 8080
    https_port: int = 8443
    status: str = "127.0.0.1:2020"
    admin: str = "unix//run/caddy/admin.sock"
    data: str = "/data/caddy"
    certificate: str = "/run/llmfleet/certificate.pem"
    key: str = "/run/llmfleet/key.pem"
    acme_roots: str = "/etc/caddy/acme-roots.pem"
    upstream: str = "gate:4000"


CONTAINER = Layout()


# ---- what is declared


def names(said: Said) -> list[str]:
    """The names that the edge answers to."""
    return list(dict.fromkeys(str(name) for name in [said["llm_domain"], *said["edge_names"]]))


def certificates(said: Said) -> str:
    """Where certificates come from: acme, files or internal."""
    if said["edge_certificates"] != AUTO:
        return str(said["edge_certificates"])
    return ACME if all(map(is_public_name, names(said))) else INTERNAL


def is_public_name(name: str) -> bool:
    """Whether a public authority may sign a name."""
    labels = name.rstrip(".").lower().split(".")
    return len(labels) > 1 and labels[-1] not in PRIVATE_NAMES and not re.search(r"^[\d.]+$|:", name)


def release(said: Said) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(said["edge_version"]))[:3])


def size(text: t.Any) -> int:
    """Bytes of a size as Docker writes it."""
    number, unit = re.fullmatch(r"([\d.]+)\s?([kmgtp]?)i?b?", str(text).lower()).groups()  # type: ignore[union-attr]
    return int(float(number) * 1024 ** " kmgtp".index(unit or " "))


def grace(said: Said) -> int:
    """Seconds that requests of a replaced configuration have to end."""
    return int(said["litellm_request_timeout"]) + MARGIN


# ---- the configuration


def configuration(said: Said, peers: t.Sequence[str] = (), at: Layout = CONTAINER) -> Json:
    """All of it. *peers* are addresses and ports of the other gateways, which the authority's questions may be for."""
    return {
        "admin": {"listen": at.admin, "config": {"persist": False}},
        "storage": {"module": "file_system", "root": at.data},
        "logging": _logging(),
        "apps": {
            "http": {
                "http_port": at.http_port,
                "https_port": at.https_port,
                "grace_period": f"{grace(said)}s",
                "shutdown_delay": f"{LEAVING}s",
                "servers": {
                    "https": _https(said, at),
                    "http": _http(said, peers, at),
                    "status": _status(at),
                },
            },
            "tls": _tls(said, peers, at),
        },
    }


def _logging() -> Json:
    """Headers and queries hold keys, also in errors, so no log has them."""
    deleted = ("request>headers", "request>tls", "resp_headers", "request>body")
    fields: Json = {name: {"filter": "delete"} for name in deleted}
    fields["request>uri"] = {"filter": "regexp", "regexp": r"\?.*", "value": ""}
    return {
        "logs": {
            "default": {
                "level": "INFO",
                "writer": {"output": "stdout"},
                "encoder": {"format": "filter", "wrap": {"format": "json"}, "fields": fields},
            }
        }
    }


def _times(said: Said) -> Json:
    return {
        "read_header_timeout": f"{said['edge_read_header_timeout']}s",
        "read_timeout": f"{said['edge_read_timeout']}s",
        "idle_timeout": f"{said['edge_idle_timeout']}s",
        "max_header_bytes": 65536,
    }


def _wrapped(said: Said, *more: str) -> Json:
    """The entrance says first who the client is. Only containers of this fleet's network reach these ports."""
    if release(said) < PROXY_PROTOCOL:
        return {}
    first = {"wrapper": "proxy_protocol", "timeout": "5s", "allow": ["0.0.0.0/0", "::/0"]}
    return {"listener_wrappers": [first, *({"wrapper": name} for name in more)]}


def _leaving() -> Json:
    close = {"handler": "headers", "response": {"deferred": True, "set": {"Connection": ["close"]}}}
    return {"match": [{"vars": {"{http.shutting_down}": ["true"]}}], "handle": [close]}


def _https(said: Said, at: Layout) -> Json:
    own = names(said)
    found: Json = {
        "listen": [f":{at.https_port}"],
        **_wrapped(said, "tls"),
        **_times(said),
        "protocols": ["h1", "h2"],
        "tls_connection_policies": [{"default_sni": own[0]}],
        "automatic_https": {"disable_redirects": True} if certificates(said) == ACME else {"disable": True},
        "routes": [_leaving(), *_allowed(said, at), {"handle": [_closed()]}],
        "errors": {"routes": [{"handle": _failed()}]},
    }
    if said["edge_access_log"]:
        found["logs"] = {}
    if said["edge_trusted_proxies"]:
        # From the right: what stands on the left of the first one that is not trusted is the client's own word.
        found["trusted_proxies_strict"] = 1
        found["trusted_proxies"] = {"source": "static", "ranges": list(said["edge_trusted_proxies"])}
    return found


def _http(said: Said, peers: t.Sequence[str], at: Layout) -> Json:
    """Sends to TLS, and answers the authority's questions."""
    port = "" if said["edge_https_port"] == 443 else f":{said['edge_https_port']}"
    target = f"https://{{http.request.host}}{port}{{http.request.uri}}"
    redirect = {"handler": "static_response", "status_code": 308, "headers": {"Location": [target]}}
    routes = [
        {"match": [{"host": names(said)}], "handle": [redirect], "terminal": True},
        {"handle": [{"handler": "static_response", "status_code": 404}]},
    ]
    if peers and certificates(said) == ACME:
        routes.insert(0, _asked_elsewhere(peers))
    return {
        "listen": [f":{at.http_port}"],
        **_wrapped(said),
        **_times(said),
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "routes": routes,
    }


def _asked_elsewhere(peers: t.Sequence[str]) -> Json:
    """The authority asks any of the addresses of a name. What this gateway did not ask for itself, it asks the others for,
    one after the other: who knows nothing says 404, and then the next is first. Who is away is passed over."""
    handler: Json = {"handler": "static_response", "status_code": 404}
    for first in reversed(range(len(peers))):
        handler = {
            "handler": "reverse_proxy",
            "upstreams": [{"dial": peer} for peer in [*peers[first:], *peers[:first]]],
            "load_balancing": {
                "selection_policy": {"policy": "first"},
                "try_duration": "5s",
                "try_interval": "100ms",
            },
            "health_checks": {"passive": {"fail_duration": "10s", "max_fails": 1}},
            "headers": {"request": {"set": {PASSED_ON: ["1"]}}},
            "transport": {"protocol": "http", "dial_timeout": "2s", "response_header_timeout": "5s"},
            "handle_response": [{"match": {"status_code": [4, 5]}, "routes": [{"handle": [handler]}]}],
        }
    match = {"path": [CHALLENGES], "not": [{"header": {PASSED_ON: ["1"]}}]}
    return {"match": [match], "handle": [handler], "terminal": True}


def _status(at: Layout) -> Json:
    """For the container's health, and for the proof that LiteLLM is behind."""
    upstream = {"handler": "reverse_proxy", "upstreams": [{"dial": at.upstream}]}
    rewrite = {"handler": "rewrite", "uri": "/health/liveliness"}
    return {
        "listen": [at.status],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "routes": [
            {"match": [{"path": ["/upstream"]}], "handle": [rewrite, upstream], "terminal": True},
            {"handle": [{"handler": "static_response", "status_code": 200}]},
        ],
    }


# ---- what is let through


def _allowed(said: Said, at: Layout) -> list[Json]:
    """One route for all that is open to everyone, one for each group that only some networks may enter."""
    extra = list(said["edge_more_paths"])
    openly = [*(path for name in GROUPS if said[f"edge_{name}"] == OPEN for path in PATHS[name]), *extra]
    routes = [_route(said, at, {"path": openly})] if openly else []
    # With trusted proxies before it Caddy knows the client, else only the peer.
    matcher = "client_ip" if said["edge_trusted_proxies"] else "remote_ip"
    for name in GROUPS:
        networks = said[f"edge_{name}"]
        if networks not in (OPEN, CLOSED):
            routes.append(_route(said, at, {"path": PATHS[name], matcher: {"ranges": list(networks)}}))
    return routes


def _route(said: Said, at: Layout, match: Json) -> Json:
    handlers = [_headers(said), _body(said), _proxy(said, at)]
    if said["edge_access_log"] and release(said) >= LOG_APPEND:
        handlers.insert(0, {"handler": "log_append", "key": "request_id", "value": "{http.request.uuid}"})
    return {"match": [{"host": names(said), **match}], "handle": handlers, "terminal": True}


def _headers(said: Said) -> Json:
    wanted = {
        "X-Request-Id": ["{http.request.uuid}"],
        "X-Content-Type-Options": ["nosniff"],
        "X-Frame-Options": ["DENY"],
        "Referrer-Policy": ["strict-origin-when-cross-origin"],
    }
    if said["edge_hsts_max_age"]:
        wanted["Strict-Transport-Security"] = [f"max-age={said['edge_hsts_max_age']}"]
    return {"handler": "headers", "response": {"deferred": True, "set": wanted, "delete": ["Server", "Via"]}}


def _body(said: Said) -> Json:
    return {"handler": "request_body", "max_size": size(said["edge_max_request_size"])}


def _proxy(said: Said, at: Layout) -> Json:
    """To the gate of this host. A connection that can't be made is tried again, as while the gate is replaced."""
    again = {"load_balancing": {"try_duration": f"{said['edge_retry_duration']}s", "try_interval": "250ms"}}
    found: Json = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": at.upstream}],
        **(again if release(said) >= RETRIED_BODIES else {}),
        "headers": {"request": {"set": {"X-Request-Id": ["{http.request.uuid}"]}}},
        "transport": {
            "protocol": "http",
            "versions": ["1.1"],
            "compression": False,
            "dial_timeout": "3s",
            "response_header_timeout": f"{grace(said)}s",
            "keep_alive": {
                "enabled": True,
                "idle_timeout": f"{said['edge_upstream_keepalive']}s",
                "max_idle_conns_per_host": 256,
            },
        },
    }
    if release(said) >= REQUEST_BUFFERS:
        # A WebSocket has to outlive a reload as any other answer does.
        return {**found, "request_buffers": BUFFERED, "stream_close_delay": f"{grace(said)}s"}
    return {**found, "buffer_requests": True, "max_buffer_size": BUFFERED}


def _closed() -> Json:
    return _error(404, "Not found")


def _failed() -> list[Json]:
    """As OpenAI's clients read an error. They may try again where LiteLLM could not be reached."""
    again = {"handler": "headers", "response": {"set": {"Retry-After": ["5"]}}}
    away = {"match": [{"expression": "{http.error.status_code} in [502, 503, 504]"}], "handle": [again]}
    told = _error("{http.error.status_code}", "{http.error.status_text}")
    return [{"handler": "subroute", "routes": [away, {"handle": [told]}]}]


def _error(status: int | str, message: str) -> Json:
    body = f'{{"error": {{"message": "{message}", "type": "edge", "code": "{status}"}}}}\n'
    headers = {"Content-Type": ["application/json"]}
    return {"handler": "static_response", "status_code": status, "headers": headers, "body": body}


# ---- certificates


def _tls(said: Said, peers: t.Sequence[str], at: Layout) -> Json:
    if certificates(said) != ACME:
        return {"certificates": {"load_files": [{"certificate": at.certificate, "key": at.key}]}}
    issuer: Json = {"module": "acme", "ca": str(said["edge_acme_directory"])}
    if said["edge_acme_email"]:
        issuer["email"] = str(said["edge_acme_email"])
    if said["edge_acme_ca_file"]:
        issuer["trusted_roots_pem_files"] = [at.acme_roots]
    challenges = said["edge_acme_challenges"]
    # Only HTTP can be passed on to the gateway that asked for the certificate.
    handshake = "tls-alpn-01" in challenges and not peers
    issuer["challenges"] = {
        "http": {"disabled": "http-01" not in challenges},
        "tls-alpn": {"disabled": not handshake},
    }
    return {"automation": {"policies": [{"subjects": names(said), "issuers": [issuer]}]}}
