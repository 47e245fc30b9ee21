# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role edge takes."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, secrets, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import (
    Place,
    Relation,
    Rule,
    shown,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge_config as caddy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.edge_paths import GROUPS, MANAGEMENT, UI

#: Networks that Docker takes those of its bridges from, unless docker_default_address_pools says others.
DOCKER_POOLS = ("172.16.0.0/12", "192.168.0.0/16")
#: What the relations read; without them something of it is wrong already.
NEEDED = (
    "llm_domain",
    "edge_names",
    "edge_certificates",
    "edge_version",
    "edge_publish_addresses",
    "edge_acme_challenges",
)


def _entry(value: t.Any) -> str:
    if isinstance(value, list) and value:
        return values.each(values.network)(value)
    if value in (caddy.OPEN, caddy.CLOSED):
        return ""
    return (
        f"{shown(value)} is no way in; write {caddy.OPEN}, {caddy.CLOSED}, or a list of networks such as [10.0.0.0/8]"
    )


def _path(value: t.Any) -> str:
    if re.fullmatch(r"/[^\s?#*{}]+\*?", str(value)):
        return ""
    return f"{shown(value)} is no path; write one such as /anthropic/*, with * at its end only"


_email = values.matching(re.compile(r"[^@\s]+@[^@\s]+"), "e-mail address", "admin@example.com")


def applies(place: Place) -> bool:
    return "gateways" in place.groups and bool(place.values.get("llm_domain"))


# ---- several variables


def _known(place: Place) -> bool:
    return all(name in place.values for name in NEEDED)


def _files(place: Place) -> t.Iterator[tuple[str, str]]:
    found = place.values
    if not _known(place) or caddy.certificates(found) != caddy.FILES:
        return
    for name in ("edge_certificate_file", "edge_certificate_key_file"):
        value = found.get(name, "")
        if not value:
            yield name, "is empty, but edge_certificates is files; write the path of a PEM file"
        elif found.get("edge_certificate_on_host") and (fault := values.path(value)):
            yield name, fault


def _acme(place: Place) -> t.Iterator[tuple[str, str]]:
    found = place.values
    if not _known(place) or caddy.certificates(found) != caddy.ACME:
        return
    private = [name for name in caddy.names(found) if not caddy.is_public_name(name)]
    if private and "letsencrypt.org" in str(found.get("edge_acme_directory")):
        yield (
            "edge_certificates",
            f"is acme, but no public authority signs {names.listed(private)}; write internal or files, or the directory of your own"
            " authority into edge_acme_directory",
        )
    if len(place.gateways) > 1 and "http-01" not in found["edge_acme_challenges"]:
        yield (
            "edge_acme_challenges",
            "lacks http-01, the only one that a gateway can pass on to the one that asked for a certificate; add it",
        )


def _internal(place: Place) -> t.Iterator[tuple[str, str]]:
    if _known(place) and caddy.certificates(place.values) == caddy.INTERNAL and place.values.get("llm_ca_key") == "":
        yield "llm_ca_key", f"is missing. {secrets.MAKE_ONE}"


def _entries(place: Place) -> t.Iterator[tuple[str, str]]:
    """Over IPv6 Docker's proxy connects from the address of a bridge, so a list that holds it would let everyone in."""
    found = place.values
    addresses = found.get("edge_publish_addresses")
    over_6 = addresses is not None and (not addresses or any(":" in str(one) for one in addresses))
    if found.get("edge_trusted_proxies") or not over_6:
        return
    pools = [str(pool.get("base")) for pool in found.get("docker_default_address_pools") or []] or list(DOCKER_POOLS)
    for group in GROUPS:
        listed = found.get(f"edge_{group}")
        inside = (
            [one for one in listed if any(_overlap(one, pool) for pool in pools)] if isinstance(listed, list) else []
        )
        if inside:
            yield (
                f"edge_{group}",
                f"has {inside[0]}, which holds addresses of Docker's own bridges, and clients over IPv6 seem to come from those."
                " Set edge_publish_addresses to [0.0.0.0] or to the host's IPv4 address, or list networks outside of"
                f" {' and '.join(pools)}",
            )


def _overlap(one: str, other: str) -> bool:
    first, second = (ipaddress.ip_network(text, strict=False) for text in (one, other))
    return first.version == second.version and first.overlaps(second)


def _ui(place: Place) -> t.Iterator[tuple[str, str]]:
    found = place.values
    if found.get(f"edge_{UI}") != caddy.CLOSED and found.get(f"edge_{MANAGEMENT}") == caddy.CLOSED:
        yield f"edge_{UI}", "needs the paths of edge_management, which is closed; open that, or close edge_ui too"


def _ports(place: Place) -> t.Iterator[tuple[str, str]]:
    if place.values.get("edge_http_port") == place.values.get("edge_https_port"):
        yield "edge_https_port", "is edge_http_port too; write two different ones"


def _before(release: tuple[int, ...], place: Place) -> bool:
    """Whether an older Caddy is declared; a version that is none has its own line."""
    return "edge_version" in place.values and caddy.release(place.values) < release


def _trusted(place: Place) -> t.Iterator[tuple[str, str]]:
    if place.values.get("edge_trusted_proxies") and _before(caddy.TRUSTED_PROXIES, place):
        yield (
            "edge_trusted_proxies",
            f"needs Caddy {caddy.TRUSTED_PROXIES[0]}.{caddy.TRUSTED_PROXIES[1]} or newer; raise edge_version",
        )


def _networks(place: Place) -> t.Iterator[tuple[str, str]]:
    """An older one sees the entrance in place of every client."""
    if place.values.get("edge_trusted_proxies") or not _before(caddy.PROXY_PROTOCOL, place):
        return
    for group in GROUPS:
        if isinstance(place.values.get(f"edge_{group}"), list):
            needed = ".".join(map(str, caddy.PROXY_PROTOCOL[:2]))
            yield (
                f"edge_{group}",
                f"lists networks, which needs Caddy {needed} or newer; raise edge_version, or write open or closed",
            )


RULES: dict[str, Rule] = {
    "llm_domain": values.optional(values.host),
    "edge_version": values.three_numbers,
    "edge_image": names.image,
    "edge_entrance_image": values.optional(names.image),
    "edge_project_dir": values.path,
    "edge_uid": values.uid,
    "edge_gid": values.uid,
    "edge_memory_limit": values.optional(values.docker_size),
    "edge_pids_limit": values.between(1),
    "edge_publish_addresses": values.each(values.address),
    "edge_http_port": values.port,
    "edge_https_port": values.port,
    "edge_names": values.each(values.host),
    "edge_acme_directory": values.url,
    "edge_acme_email": values.optional(_email),
    "edge_acme_ca_file": values.one_line,
    "edge_acme_challenges": lambda value: "" if value else "is empty; write [http-01, tls-alpn-01]",
    "edge_certificate_file": values.one_line,
    "edge_certificate_key_file": values.one_line,
    **{f"edge_{group}": _entry for group in GROUPS},
    "edge_more_paths": values.each(_path),
    "edge_trusted_proxies": values.each(values.network),
    "edge_max_request_size": values.docker_size,
    "edge_read_header_timeout": values.between(1),
    "edge_read_timeout": values.between(1),
    "edge_idle_timeout": values.between(1),
    "edge_upstream_keepalive": values.between(1),
    "edge_retry_duration": values.between(0),
    "edge_hsts_max_age": values.between(0),
    "edge_stop_grace_period": values.compose_duration,
    "edge_wait_timeout": values.between(1),
    "edge_certificate_timeout": values.between(1),
}
RELATIONS: tuple[Relation, ...] = (_files, _acme, _internal, _entries, _ui, _ports, _trusted, _networks)
