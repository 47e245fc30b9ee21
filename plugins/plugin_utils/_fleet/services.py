# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of services: one row each. A new service is a role and a row here; preflight, secrets, addresses and scrape
targets follow from the row. Data only; every room of the controller may import it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import GATEWAYS, GPU_SERVERS, Host

Applies = t.Callable[[Host], bool]


def always(_host: Host) -> bool:
    return True


def with_gpus(host: Host) -> bool:
    return host.gpu_count > 0


def managed_toolkit(host: Host) -> bool:
    return with_gpus(host) and bool(host.variables["nvidia_container_toolkit_manage"])


def upstream_toolkit(host: Host) -> bool:
    return managed_toolkit(host) and host.variables["nvidia_container_toolkit_source"] == "nvidia"


def upstream_docker(host: Host) -> bool:
    return bool(host.variables["docker_manage_packages"]) and host.variables["docker_source"] == "upstream"


def managed_driver(host: Host) -> bool:
    return with_gpus(host) and bool(host.variables["nvidia_driver_manage"])


def watched(host: Host) -> bool:
    """Engines hang on any server."""
    return bool(host.variables["watch_manage"])


def deployed_database(host: Host) -> bool:
    return host.variables["postgres_mode"] == "deploy"


def deployed_redis(host: Host) -> bool:
    """One process counts alone."""
    return host.variables["redis_mode"] == "deploy" and host.litellm_processes > 1


def redis_here(host: Host) -> bool:
    """To be there, or to be taken away."""
    return deployed_redis(host) or host.redis_before


def with_edge(host: Host) -> bool:
    """Also while there is one that has to go."""
    left = any(
        box["own"] and str(box["project"]).startswith("llmfleet-edge") for box in host.facts.get("containers") or ()
    )
    return left or bool(host.variables["llm_domain"])


def online(host: Host) -> bool:
    return not host.variables["vllm_offline"]


class Port(t.NamedTuple):
    """A port of a host by the variables that say it; without an address it is open on the loopback address only."""

    variable: str
    address: str
    published_only: bool = False  # nothing listens on the host while the address is empty


class Secret(t.NamedTuple):
    """A secret that the fleet needs, and what a new one looks like."""

    variable: str
    prefix: str = ""
    length: int = 48
    random_bytes: int = 0  # that many in base64 instead of letters and digits
    authority: bool = False  # needed only where certificates of the fleet's own authority may be


class Repository(t.NamedTuple):
    """Where a host downloads from, by the variable that holds the address."""

    variable: str
    applies: Applies = always


class Service(t.NamedTuple):
    """One row. Empty fields: it has none."""

    name: str
    group: str = ""  # of the inventory; empty: every host
    applies: Applies = always  # to a host of the group
    first_only: bool = False  # on the first host of the group
    image: str = ""  # variable
    ports: tuple[Port, ...] = ()
    secrets: tuple[Secret, ...] = ()
    repositories: tuple[Repository, ...] = ()
    health: str = ""  # path
    metrics: str = ""  # path
    data: str = ""  # variable of the directory that holds what can't be made again
    forward_only: bool = False  # its data is migrated by a newer release and can't go back
    depends_on: tuple[str, ...] = ()


SERVICES: tuple[Service, ...] = (
    Service(
        "nvidia_driver",
        group=GPU_SERVERS,
        applies=with_gpus,
        repositories=(Repository("nvidia_driver_repository_url", managed_driver),),
    ),
    Service("docker", repositories=(Repository("docker_repository_url", upstream_docker),)),
    Service(
        "nvidia_container_toolkit",
        group=GPU_SERVERS,
        applies=managed_toolkit,
        repositories=(Repository("nvidia_container_toolkit_repository_url", upstream_toolkit),),
        depends_on=("docker", "nvidia_driver"),
    ),
    Service(
        "postgres",
        group=GATEWAYS,
        applies=deployed_database,
        first_only=True,
        image="postgres_image",
        ports=(Port("postgres_port", "postgres_publish_address", published_only=True),),
        secrets=(Secret("postgres_password"),),
        data="postgres_project_dir",
        depends_on=("docker",),
    ),
    Service(
        "redis",
        group=GATEWAYS,
        applies=redis_here,
        first_only=True,
        image="redis_image",
        ports=(Port("redis_port", "redis_publish_address", published_only=True),),
        secrets=(Secret("redis_password"),),
        depends_on=("docker",),
    ),
    Service(
        "vllm",
        group=GPU_SERVERS,
        image="vllm_image",
        secrets=(Secret("vllm_api_key"),),
        repositories=(Repository("vllm_hf_endpoint", online),),
        health="/health",
        metrics="/metrics",
        depends_on=("docker", "nvidia_container_toolkit"),
    ),
    Service(
        "gate",
        image="gate_image",
        ports=(Port("gate_port", "llm_private_address"), Port("gate_metrics_port", "gate_metrics_address")),
        health="/health",
        metrics="/metrics",
        depends_on=("docker",),
    ),
    Service(
        "litellm",
        group=GATEWAYS,
        image="litellm_image",
        ports=(Port("litellm_port", "litellm_publish_address"),),
        secrets=(
            Secret("litellm_master_key", prefix="sk-", length=40),
            Secret("litellm_salt_key", random_bytes=32),
            Secret("litellm_ui_password", length=24),
        ),
        health="/health/liveliness",
        metrics="/metrics",
        forward_only=True,
        depends_on=("docker", "postgres", "redis", "gate"),
    ),
    Service(
        "edge",
        group=GATEWAYS,
        applies=with_edge,
        image="edge_image",
        ports=(Port("edge_http_port", "edge_publish_addresses"), Port("edge_https_port", "edge_publish_addresses")),
        data="edge_project_dir",
        depends_on=("docker", "litellm"),
    ),
    Service(
        "backup",
        group=GATEWAYS,
        applies=deployed_database,
        first_only=True,
        data="backup_dir",
        depends_on=("docker", "postgres", "litellm"),
    ),
    Service("watch", group=GPU_SERVERS, applies=watched, depends_on=("vllm",)),
    Service("gateway_state", group=GATEWAYS, first_only=True, depends_on=("litellm",)),
)


#: Secrets of no service in particular: what virtual keys can be derived from (the filter derived_key), and that by which hosts know each
#: other, and clients the edge (_ca).
FLEET_SECRETS = (Secret("llm_key_secret"), Secret("llm_ca_key", authority=True))


def secrets(authority: bool) -> list[Secret]:
    """Those that a fleet needs, each once: one of several hosts, or with a domain, has an authority of its own."""
    held = [*(secret for row in SERVICES for secret in row.secrets), *FLEET_SECRETS]
    wanted = {secret.variable: secret for secret in held if authority or not secret.authority}
    return list(wanted.values())


def on_host(service: Service, host: Host, groups: t.Mapping[str, t.Sequence[str]]) -> bool:
    """Whether a service is to be on a host."""
    hosts = groups[service.group] if service.group else [host.name]
    wanted = hosts[:1] if service.first_only else hosts
    return host.name in wanted and service.applies(host)


def taken_ports(host: Host, groups: t.Mapping[str, t.Sequence[str]]) -> dict[int, str]:
    """Ports of a host that services listen on, with the variable that says each."""
    ports = {}
    for service in SERVICES:
        for port in service.ports if on_host(service, host, groups) else ():
            if host.variables[port.address] or not port.published_only:
                ports[int(host.variables[port.variable])] = port.variable
    return ports
