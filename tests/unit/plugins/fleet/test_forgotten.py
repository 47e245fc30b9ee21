# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a gate keeps from requests without a person's word, of a run that was cut off for instance, gets them again."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.look import look
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate
from declared import Known, fleet_of

GROUPS = {"gateways": ["gw"], "gpu_servers": ["gpu1", "gpu2"]}
NAMES = {"gw": "10.0.0.1", "gpu1": "10.0.0.21", "gpu2": "10.0.0.22"}
CHAT: dict[str, t.Any] = {"name": "chat", "model": "Qwen/Qwen2.5-0.5B-Instruct", "replicas": "each"}
Pairs = list[tuple[str, str]]


def fleet(away: Pairs, drained: t.Sequence[str] = ()) -> Fleet:
    """*away*: what the gate of the gateway was seen to keep from requests."""
    found = {}
    for name, address in NAMES.items():
        seen = {"addresses": {"default_ipv4": address, "default_ipv6": "", "all": [address]}, "containers": []}
        kept = [{"backend": backend, "server": server} for backend, server in away] if name == "gw" else []
        found[name] = {"llm_host": {**seen, "gate_away": kept}, "llm_gpu_count": 0}
    known = Known(reading={"number": 1, "hosts": {}, "models": {}, "drained": list(drained)})
    return fleet_of([CHAT], found, GROUPS, known=known)


def forgotten(away: Pairs, drained: t.Sequence[str] = ()) -> Pairs:
    found = fleet(away, drained)
    view = gate.view(found, found.hosts["gw"])
    return [(one["backend"], one["server"]) for one in view["forgotten"]]


def test_a_replica_that_nobody_drained_gets_requests_again() -> None:
    assert forgotten([("vllm-chat", "gpu1-chat")]) == [("vllm-chat", "gpu1-chat")]


def test_a_litellm_too() -> None:
    assert forgotten([("litellm", "1")]) == [("litellm", "1")]


def test_what_a_person_drained_stays_so() -> None:
    away = [("vllm-chat", "gpu1-chat"), ("vllm-chat", "gpu2-chat")]
    assert forgotten(away, drained=["gpu1"]) == [("vllm-chat", "gpu2-chat")]
    assert forgotten(away, drained=["gpu1/chat", "gpu2"]) == []


def test_a_hold_ends_with_all_of_its_backend() -> None:
    both = [("vllm-chat", "gpu1-chat"), ("vllm-chat", "gpu2-chat")]
    assert forgotten([("vllm-chat", "gpu1-chat"), ("vllm-chat", "hold")]) == both
    assert forgotten([("vllm-chat", "hold")], drained=["gpu2"]) == both[:1]


def test_what_the_gate_does_not_know_any_more_is_left_to_it() -> None:
    assert forgotten([("vllm-chat", "gpu9-chat"), ("vllm-other", "gpu1-other"), ("nonsense", "")]) == []


def test_nothing_is_asked_where_nothing_is_away() -> None:
    assert forgotten([]) == []


def test_the_look_at_a_gateway_reads_the_gates_file() -> None:
    found = fleet([])
    assert look(found, found.hosts["gw"])["gate_states"] == "/opt/llmfleet/gate/state/servers"
    assert "gate_states" not in look(found, found.hosts["gpu1"])
