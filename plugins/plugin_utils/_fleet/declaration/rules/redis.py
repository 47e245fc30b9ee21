# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role redis takes, and where Redis is."""

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

#: Settings that would take the container or the role apart, and what stands for them.
OWNED_SETTINGS = {
    "aclfile": "the role's rendered file",
    "appendonly": "nothing: the container keeps nothing on disk. Use a Redis elsewhere (redis_mode: external)",
    "bind": "redis_publish_address",
    "dir": "the container's /tmp",
    "include": "redis_settings itself",
    "loadmodule": "nothing: the container loads no modules",
    "maxmemory": "redis_maxmemory",
    "maxmemory-policy": "nothing: a counter that is evicted is a limit that begins anew",
    "port": "redis_port; inside the container it is always 6379",
    "requirepass": "redis_password",
    "save": "nothing: the container keeps nothing on disk. Use a Redis elsewhere (redis_mode: external)",
    "user": "redis_password",
}


def applies(place: Place) -> bool:
    """Whether there is a Redis, as far as the declaration tells: how many LiteLLM instances fit is seen on the host."""
    if place.values.get("redis_mode") == "external":
        return True
    return len(place.gateways) > 1 or place.values.get("litellm_instances") != 1


def settings(value: t.Mapping[t.Any, t.Any]) -> str:
    return "; ".join(fault for name, part in value.items() if (fault := _setting(name, part)))


def _setting(name: t.Any, value: t.Any) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        return f"{shown(name)} is no name of a setting; write it as Redis' documentation does"
    if name in OWNED_SETTINGS:
        return f"{name} is set through {OWNED_SETTINGS[name]}; take it out"
    if isinstance(value, (dict, list)) or value is None:
        return f"{name} is {'null' if value is None else shown(value)}; write a text, a number or a switch"
    if values.one_line(value):
        return f"{name} has a line end or a control character; write it on one line"
    return ""


def _mode(place: Place) -> t.Iterator[tuple[str, str]]:
    mode, elsewhere = place.values.get("redis_mode"), place.values.get("redis_host")
    if mode == "external" and not elsewhere:
        yield "redis_host", "is empty, but redis_mode is external; write the host of your Redis"
    elif mode == "deploy" and elsewhere:
        yield (
            "redis_host",
            f"is {shown(elsewhere)}, but redis_mode is deploy; set redis_mode to external, or take redis_host out",
        )
    if mode == "deploy" and place.values.get("redis_ssl"):
        yield "redis_ssl", "is true, but the container speaks no TLS; take it out, or set redis_mode to external"


def private_address(value: t.Any) -> str:
    """The password crosses the network in clear text, and so do hashes of keys."""
    if values.is_public(value):
        return (
            f"{shown(value)} is public, and Redis speaks no TLS there; write a private address that the gateways reach"
        )
    return values.reachable_address(value)


RULES: dict[str, Rule] = {
    "redis_host": values.optional(values.host),
    "redis_version": values.matching(re.compile(r"[0-9]+(?:\.[0-9]+){0,2}"), "version of Redis", "8.10.2 or 8.10"),
    "redis_image": names.image,
    "redis_uid": values.between(1, 2**32 - 2),
    "redis_gid": values.between(1, 2**32 - 2),
    "redis_network": names.network_name,
    "redis_password": secrets.of_length(16),
    "redis_previous_password": values.optional(secrets.of_length(16)),
    "redis_publish_address": values.optional(private_address),
    "redis_port": values.port,
    "redis_maxmemory": values.matching(re.compile(r"[1-9][0-9]*(?:mb|gb)"), "size of Redis", "256mb or 1gb"),
    "redis_memory_limit": values.docker_size,
    "redis_settings": settings,
    "redis_stop_grace_period": values.compose_duration,
    "redis_wait_timeout": values.between(1),
}
RELATIONS: tuple[Relation, ...] = (_mode,)
