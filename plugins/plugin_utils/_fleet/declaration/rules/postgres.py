# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role postgres takes: identifiers, settings, and where the database is."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, secrets, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import (
    Place,
    Relation,
    Rule,
    shown,
)

#: Key words that PostgreSQL 13 to 18 reserve (appendix C of its documentation): no name without quotes.
_RESERVED = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from
full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime
localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning
right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user
using variadic verbose when where window with
"""
RESERVED = frozenset(_RESERVED.split())
#: Databases and roles that every cluster has.
BUILT_IN = frozenset({"postgres", "template0", "template1", "public"})
#: Settings that would take the container or the role apart, and what stands for them.
OWNED_SETTINGS = {
    "config_file": "the role's rendered file",
    "data_directory": "postgres_project_dir",
    "hba_file": "the image's file in the data directory",
    "ident_file": "the image's file in the data directory",
    "listen_addresses": "postgres_publish_address",
    "port": "postgres_port; inside the container it is always 5432",
    "unix_socket_directories": "the container's /var/run/postgresql",
}


def identifier(value: t.Any) -> str:
    text = str(value)
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", text):
        return f"{shown(value)} is no name; write lower case letters, digits and _, no digit first, at most 63"
    if text in RESERVED:
        return f"{shown(value)} is a reserved word of SQL; write another name such as litellm"
    if text.startswith("pg_"):
        return f"{shown(value)} begins with pg_, which PostgreSQL keeps for itself; write another name such as litellm"
    return ""


def own_identifier(value: t.Any) -> str:
    """The superuser's password would be set and taken away in turns, and template databases are no place for data."""
    if value in BUILT_IN:
        return f"{shown(value)} belongs to PostgreSQL itself; write a name of its own such as litellm"
    return identifier(value)


def settings(value: t.Mapping[t.Any, t.Any]) -> str:
    return "; ".join(fault for name, part in value.items() if (fault := _setting(name, part)))


def _setting(name: t.Any, value: t.Any) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", name):
        return f"{shown(name)} is no name of a setting; write it as PostgreSQL's documentation does"
    if name.lower() in OWNED_SETTINGS:
        return f"{name} is set through {OWNED_SETTINGS[name.lower()]}; take it out"
    if isinstance(value, (dict, list)) or value is None:
        return f"{name} is {'null' if value is None else shown(value)}; write a text, a number or a switch"
    if values.one_line(value):
        return f"{name} has a line end or a control character; write it on one line"
    return _revealing(name.lower(), str(value).strip().lower())


def _revealing(name: str, value: str) -> str:
    if name == "log_statement" and value != "none":
        return f"log_statement: {value} writes the verifier of the password into the log; write none, or leave it out"
    if name == "log_min_duration_statement" and re.fullmatch(r"0+\s*[a-z]*", value):
        return (
            "log_min_duration_statement: 0 writes the verifier of the password into the log; write -1, or 250 and more"
        )
    if name == "password_encryption" and value != "scram-sha-256":
        return f"password_encryption: {shown(value)} does not go with the verifier that the role sets; take it out"
    return ""


def _mode(place: Place) -> t.Iterator[tuple[str, str]]:
    mode, elsewhere = place.values.get("postgres_mode"), place.values.get("postgres_host")
    if mode == "external" and not elsewhere:
        yield "postgres_host", "is empty, but postgres_mode is external; write the host of your database"
    elif mode == "deploy" and elsewhere:
        yield (
            "postgres_host",
            f"is {shown(elsewhere)}, but postgres_mode is deploy; set postgres_mode to external, or take postgres_host out",
        )


RULES: dict[str, Rule] = {
    "postgres_host": values.optional(values.host),
    "postgres_version": values.matching(re.compile(r"[0-9]+(?:\.[0-9]+)?"), "version of PostgreSQL", "17.11 or 17"),
    "postgres_image": names.image,
    "postgres_project_dir": values.path,
    "postgres_network": names.network_name,
    "postgres_database": own_identifier,
    "postgres_user": own_identifier,
    "postgres_password": secrets.of_length(16),
    "postgres_publish_address": values.optional(values.address),
    "postgres_port": values.port,
    "postgres_max_connections": values.between(20, 262143),
    "postgres_shared_buffers": values.optional(values.postgres_size),
    "postgres_effective_cache_size": values.optional(values.postgres_size),
    "postgres_settings": settings,
    "postgres_shm_size": values.docker_size,
    "postgres_uid": values.between(1, 2**32 - 2),
    "postgres_gid": values.between(1, 2**32 - 2),
    "postgres_stop_grace_period": values.compose_duration,
    "postgres_wait_timeout": values.between(1),
}
RELATIONS: tuple[Relation, ...] = (_mode,)
