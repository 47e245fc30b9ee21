# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role gate takes."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import Place, Relation, Rule
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.reach import bare, is_address


def _source(value: t.Any) -> str:
    """An address or a network."""
    return "" if is_address(bare(str(value))) else values.network(value)


def _open_metrics(place: Place) -> t.Iterator[tuple[str, str]]:
    address = bare(str(place.values.get("gate_metrics_address")))
    if not is_address(address) or ipaddress.ip_address(address).is_loopback:
        return
    if not place.values.get("gate_metrics_networks"):
        yield (
            "gate_metrics_networks",
            f"is empty, but metrics are open on {address} (gate_metrics_address), where everyone could read which models run; write"
            " the addresses of the monitoring hosts",
        )


RULES: dict[str, Rule] = {
    "gate_version": values.matching(re.compile(r"[0-9]+(?:\.[0-9]+){1,2}"), "version of HAProxy", "3.0.11 or 3.0"),
    "gate_image": names.image,
    "gate_uid": values.between(1, 2**32 - 2),
    "gate_gid": values.between(1, 2**32 - 2),
    "gate_pids_limit": values.between(1),
    "gate_memory_limit": values.optional(values.docker_size),
    "gate_max_connections": values.between(64, 1_000_000),
    "gate_port": values.port,
    "gate_metrics_address": values.address,
    "gate_metrics_port": values.port,
    "gate_metrics_networks": values.each(_source),
    "gate_queue_limit": values.between(1),
    "gate_queue_timeout": values.between(1),
    "gate_wait_timeout": values.between(1),
    "gate_stop_grace_period": values.compose_duration,
}
RELATIONS: tuple[Relation, ...] = (_open_metrics,)
