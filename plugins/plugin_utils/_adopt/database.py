# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the database is, from LiteLLM's URL and the service that it leads to. Pure; translate.py uses it."""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment, Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.environment import HERE, service_of
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import Proxy

PORT = 5432
#: Options of the URL that LiteLLM and Prisma take; their number of connections is the role's.
_POOL = ("connection_limit", "pool_timeout", "pgbouncer")


class Database(t.NamedTuple):
    """Of the deployment's own service, or elsewhere."""

    service: Service | None
    host: str
    port: int
    name: str
    user: str
    password: str
    options: str


def database(
    proxy: Proxy, services: list[Service], deployment: Deployment, addresses: t.Collection[str], notes: Notes
) -> Database | None:
    url = _url(proxy)
    if not url and proxy.service.faults:
        return None
    if not url:
        notes.fault(
            proxy.service.at("environment"),
            "LiteLLM has no database (DATABASE_URL), so no keys that could be taken over; write a new declaration instead",
        )
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORT
    except ValueError:
        parts, host, port = urlsplit(""), "", 0
    if parts.scheme not in ("postgresql", "postgres") or not host or not parts.path.strip("/"):
        notes.fault(
            proxy.service.at("environment", "DATABASE_URL"),
            "is no address of PostgreSQL; write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with % codes for other signs",
        )
        return None
    name = service_of(host, deployment) or _published(host, port, services, addresses)
    service = next((one for one in services if one.name == name), None)
    if not service and (name or host in HERE):
        where = f"the service {name}, which is no PostgreSQL" if name else f"{host}, which is the container itself"
        notes.fault(
            proxy.service.at("environment", "DATABASE_URL"),
            f"leads to {where}; write the address of the database itself, by the name of its service or of its server",
        )
        return None
    kept = [(key, value) for key, value in parse_qsl(parts.query) if key not in _POOL]
    password = unquote(parts.password or "") or (service.environment.get("POSTGRES_PASSWORD", "") if service else "")
    return Database(
        service, host, port, unquote(parts.path.strip("/")), unquote(parts.username or ""), password, urlencode(kept)
    )


def _published(host: str, port: int, services: list[Service], addresses: t.Collection[str]) -> str:
    """The service that is reached by a port of its server."""
    if host not in (*HERE, *addresses):
        return ""
    for service in services:
        own = [PORT] if service.data.get("network_mode") == "host" else []
        if port in (*own, *(one.published for one in service.ports if one.target == PORT)):
            return service.name
    return ""


def _url(proxy: Proxy) -> str:
    """LiteLLM makes one of its parts where there is no whole one."""
    said = proxy.environment
    whole = proxy.value(proxy.section("general_settings").get("database_url")) or said.get("DATABASE_URL")
    if whole:
        return str(whole)
    user, password, host, name = (said.get(f"DATABASE_{part}", "") for part in ("USERNAME", "PASSWORD", "HOST", "NAME"))
    user = user or said.get("DATABASE_USER", "")
    if not (user and host and name):
        return ""
    port = f":{said['DATABASE_PORT']}" if said.get("DATABASE_PORT") else ""
    schema = f"?schema={quote(said['DATABASE_SCHEMA'])}" if said.get("DATABASE_SCHEMA") else ""
    return f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{host}{port}/{name}{schema}"
