# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches whom where, and what is refused because nobody would, or everybody."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import reach
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import DECLARED, KNOWN, FleetError
from declared import fleet_of

QWEN = {"name": "q", "model": "Qwen/Qwen2.5-0.5B-Instruct"}
APART = {"gateways": ["gw"], "gpu_servers": ["gpu1"]}


def fleet(
    gw: dict[str, t.Any] | None = None,
    gpu1: dict[str, t.Any] | None = None,
    groups: dict[str, list[str]] | None = None,
    stage: str = KNOWN,
    **more: dict[str, t.Any],
) -> t.Any:
    return fleet_of([QWEN], {"gw": gw or {}, "gpu1": gpu1 or {}, **more}, groups or APART, stage=stage)


def refusal(**given: t.Any) -> str:
    with pytest.raises(FleetError) as caught:
        fleet(**given)
    return str(caught.value)


def addresses(ipv4: str = "", ipv6: str = "", every: tuple[str, ...] = ()) -> dict[str, t.Any]:
    return {"llm_host": {"addresses": {"default_ipv4": ipv4, "default_ipv6": ipv6, "all": list(every)}}}


@pytest.mark.parametrize(
    ("gpu1", "address", "published"),
    [
        ({"llm_private_address": "10.0.0.21"}, "10.0.0.21", "127.0.0.1"),
        # Cases 22 and 22b: an IPv6-only host, and an address that is written as URLs have it.
        (addresses(ipv6="fd00::21"), "fd00::21", "127.0.0.1"),
        ({"llm_private_address": "[fd00::21]"}, "fd00::21", "127.0.0.1"),
        (addresses("10.0.0.5", "fd00::5"), "10.0.0.5", "127.0.0.1"),
        ({"vllm_publish_address": "0.0.0.0"}, "10.0.0.9", "0.0.0.0"),
        ({"vllm_publish_address": "10.7.0.1"}, "10.0.0.9", "10.7.0.1"),
    ],
)
def test_a_gateway_elsewhere(gpu1: dict[str, t.Any], address: str, published: str) -> None:
    """The gate listens for it; people on the server have the instance's own port."""
    found = fleet(gpu1=gpu1)
    (instance,) = found.instances
    assert (found.hosts["gpu1"].address, instance["publish"]) == (address, [published])


def test_names_in_the_gate_are_made_of_letters_that_it_takes() -> None:
    assert reach.server_name("gpu 1/ä.example", "q-2") == "gpu-1--.example-q-2"


def test_no_address_is_written_while_none_is_known() -> None:
    """Fault C3: a gateway must never be told http://:8001/v1."""
    assert "gpu1: nothing is known of its address" in refusal(gpu1=addresses())
    assert fleet(gpu1=addresses(), stage=DECLARED).instances


@pytest.mark.parametrize("address", ["10.0.0.999", "gpu1.internal", "[10.0.0.1", "10.0.0.0/24"])
def test_what_is_no_address_is_refused(address: str) -> None:
    assert f"llm_private_address of gpu1 is {address}, which is no IP address" in refusal(
        gpu1={"llm_private_address": address}, stage=DECLARED
    )


def test_a_loopback_address_is_no_use_to_a_gateway_elsewhere() -> None:
    assert "listen on 127.0.0.1 only" in refusal(gpu1={"llm_private_address": "127.0.0.1"}, stage=DECLARED)


@pytest.mark.parametrize("public", [addresses("8.8.8.8"), addresses(ipv6="2404:6800:400a::1")])
def test_a_public_default_address_is_refused_where_a_gateway_needs_it(public: dict[str, t.Any]) -> None:
    assert "and its gate would listen there" in refusal(gpu1=public)
    alone = {"gateways": ["gpu1"], "gpu_servers": ["gpu1"]}
    assert fleet(gpu1={**public, "litellm_publish_address": "127.0.0.1"}, groups=alone).instances


@pytest.mark.parametrize(
    ("gw", "opened"),
    [
        (addresses("8.8.8.8"), "8.8.8.8"),
        (addresses("10.0.0.1", every=("10.0.0.1", "9.9.9.9")), "9.9.9.9"),
        ({"litellm_publish_address": "8.8.4.4"}, "8.8.4.4"),
        ({**addresses("10.0.0.1", "2404:6800:400a::1"), "litellm_publish_address": "[::]"}, "2404:6800:400a::1"),
    ],
)
def test_plain_http_on_a_public_address_is_refused_unless_told(gw: dict[str, t.Any], opened: str) -> None:
    """Fault H8."""
    assert f"which opens LiteLLM with plain HTTP on the public address {opened}" in refusal(gw=gw)
    assert fleet(gw={**gw, "litellm_plain_http": True}).instances


@pytest.mark.parametrize(
    "gw",
    [
        addresses("10.0.0.1", "2404:6800:400a::1"),  # 0.0.0.0 opens no IPv6 address
        {**addresses("8.8.8.8"), "litellm_publish_address": "127.0.0.1"},
        {**addresses("8.8.8.8"), "litellm_publish_address": "10.0.0.1"},
    ],
)
def test_plain_http_elsewhere_is_fine(gw: dict[str, t.Any]) -> None:
    assert fleet(gw=gw).instances


TWO = {"gateways": ["gw", "gw2"], "gpu_servers": ["gpu1"]}


def test_two_gateways_need_a_database_that_both_reach() -> None:
    """Fault M5, before any host is looked at."""
    text = refusal(groups=TWO, gw2={}, stage=DECLARED)
    assert "postgres_publish_address of gw is empty, but gw2 needs its database" in text
    assert "litellm_database_host of gw2 is not set" in text


REDIS = {"redis_publish_address": "10.0.0.1"}
EXTERNAL = {"postgres_mode": "external", "postgres_host": "db", "redis_mode": "external", "redis_host": "redis"}


@pytest.mark.parametrize(
    ("gw", "gw2"),
    [
        ({"postgres_publish_address": "10.0.0.1", **REDIS}, {"litellm_database_host": "10.0.0.1"}),
        (EXTERNAL, EXTERNAL),
    ],
)
def test_two_gateways_with_one_database(gw: dict[str, t.Any], gw2: dict[str, t.Any]) -> None:
    assert fleet(gw=gw, groups=TWO, gw2=gw2, stage=DECLARED).gateways == ["gw", "gw2"]
