# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role gate writes for a host, by its place in the fleet. tests/integration has a real HAProxy read it."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate, gate_config, gateway_state
from rendering import make_fleet, make_host, make_instance, render, secret_values

sys.path.append(str(Path(__file__).parents[1] / "plugins/fleet"))
from declared import fleet_of

QWEN = {"name": "q", "model": "Qwen/Qwen2.5-0.5B-Instruct"}
CA = "c" * 40


def alone(*instances: dict[str, t.Any], **said: t.Any) -> tuple[Fleet, dict[str, t.Any]]:
    host = make_host(**said)
    fleet = make_fleet(host, *instances)
    return fleet, gate.view(fleet, host)


def project(*instances: dict[str, t.Any], **said: t.Any) -> dict[str, t.Any]:
    return alone(*instances, **said)[1]["projects"][0]


def compose(found: dict[str, t.Any]) -> dict[str, t.Any]:
    return found["vars"]["gate_instance"]["compose"]["services"]["gate"]


def config(found: dict[str, t.Any]) -> dict[str, list[str]]:
    """Sections of haproxy.cfg by their first line."""
    text: str = found["vars"]["gate_instance"]["config"]
    sections = [section.split("\n  ") for section in text.split("\n\n")]
    return {lines[0]: lines[1:] for lines in sections}


def many(**more: dict[str, t.Any]) -> Fleet:
    """Two gateways, one of them a server too, and a server."""
    names = {"gw1": "10.0.0.1", "gw2": "10.0.0.2", "gpu1": "10.0.0.3"}
    first = {"postgres_publish_address": "10.0.0.1", "redis_publish_address": "10.0.0.1"}
    said = {
        name: {
            "llm_private_address": address,
            "llm_gpu_count": 1,
            "litellm_database_host": "10.0.0.1",
            "litellm_instances": 2,
            **first,
            **more.get(name, {}),
        }
        for name, address in names.items()
    }
    return fleet_of([{**QWEN, "replicas": "each"}], said, {"gateways": ["gw1", "gw2"], "gpu_servers": ["gw1", "gpu1"]})


def of(fleet: Fleet, name: str) -> dict[str, t.Any]:
    return gate.view(fleet, fleet.hosts[name])["projects"][0]


# ---- one server


def test_one_server_has_its_own_litellm_and_models_and_nothing_for_others() -> None:
    found = config(project(make_instance(), litellm_instances=2))
    assert [line for line in found if line.startswith("frontend")] == [
        "frontend metrics",
        "frontend litellm",
        "frontend models",
    ]
    managing = "{ req.hdr(user-agent) -m str llmfleet.gateway } or { req.cook(token) -m found }"
    assert f"use-server 1 if {managing}" in found["backend litellm"]
    litellm = [line for line in found["backend litellm"] if line.startswith("server")]
    assert [line.split()[:3] for line in litellm] == [
        ["server", "1", "llmfleet-litellm-1:4000"],
        ["server", "2", "llmfleet-litellm-2:4000"],
        ["server", "retry", "127.0.0.1:9"],
        ["server", "hold", "127.0.0.1:9"],
    ]
    (server, retry, hold) = [line for line in found["backend vllm-tiny"] if line.startswith("server")]
    assert server == "server gpu1-tiny llmfleet-vllm-tiny:8000 resolvers docker resolve-prefer ipv4 init-addr none"
    assert hold.endswith("backup disabled no-check")
    # Once, and for no check: a second later another gate is told how it is.
    assert retry.endswith("weight 0 no-check")
    again = "use-server retry if { nbsrv eq 0 } !{ path_beg /health } { var(txn.away) -m int lt 5 }"
    assert again in found["backend vllm-tiny"]
    since = (
        "http-request set-var(proc.away_vllm_2dtiny) date if { nbsrv eq 0 } !{ var(proc.away_vllm_2dtiny) -m found }"
    )
    assert since in found["backend vllm-tiny"]
    # LiteLLM would wait for what it says; its own clients are told when to come again.
    (gone,) = [line for line in found["backend vllm-tiny"] if line.startswith("http-request return")]
    assert "retry-after" not in gone and gone.endswith("if { var(txn.away) -m int ge 5 } !{ path_beg /health }")
    assert not [line for line in found["backend litellm"] if line.startswith("http-request return")]


def test_ports_are_litellms_and_on_the_loopback_address_the_metrics() -> None:
    assert compose(project(make_instance()))["ports"] == ["127.0.0.1:8405:8405", "0.0.0.0:4000:4000"]
    found = compose(project(make_instance(), litellm_publish_address="fd00::1", litellm_port=80))
    assert found["ports"][1] == "[fd00::1]:80:4000"


def test_port_that_litellm_has_still_is_left_to_it_at_first() -> None:
    box = {"name": "llmfleet-litellm-1", "project": "llmfleet-litellm-1", "ports": [4000]}
    host = make_host(facts={"containers": [box]})
    found = gate.view(make_fleet(host, make_instance()), host)
    assert found["takes_over"] == "early"
    assert compose(found["first"][0])["ports"] == ["127.0.0.1:8405:8405"]
    assert "0.0.0.0:4000:4000" in compose(found["projects"][0])["ports"]
    mine = make_host(facts={"containers": [{**box, "name": "llmfleet-gate", "project": "llmfleet-gate"}]})
    later = gate.view(make_fleet(mine, make_instance()), mine)
    assert later["takes_over"] == "" and later["first"] == later["projects"]


def test_port_of_the_layout_before_is_taken_when_its_instances_are_replaced() -> None:
    """No gate reaches those, so LiteLLM behind the gate would have no model until then."""
    box = {"name": "litellm", "project": "litellm", "ports": [4000]}
    host = make_host(facts={"containers": [box]})
    assert gate.view(make_fleet(host, make_instance()), host)["takes_over"] == "late"


def test_playbooks_find_litellm_behind_the_gate() -> None:
    fleet = alone(make_instance())[0]
    assert gateway_state.api_url(fleet.hosts["gpu1"]) == "http://127.0.0.1:4000"


def test_the_container_is_locked_down() -> None:
    found = compose(project(make_instance()))
    assert found["cap_drop"] == ["ALL"] and found["security_opt"] == ["no-new-privileges:true"]
    assert (found["read_only"], found["user"], found["pids_limit"]) == (True, "60803:60803", 256)
    assert [mount["target"] for mount in found["volumes"] if not mount["read_only"]] == ["/run/llmfleet"]
    assert compose(project(make_instance(), gate_memory_limit="1g"))["mem_limit"] == "1g"


def test_its_files_are_in_folders_that_are_mounted_and_reloaded() -> None:
    """A mount of one file goes on showing the file that was there before."""
    found = project(make_instance())
    mounts = [mount["source"].removeprefix("./") for mount in compose(found)["volumes"]]
    reloaded = [entry["path"] for entry in found["files"] if entry.get("reload")]
    assert [path for path in reloaded if path.rpartition("/")[0] not in mounts] == []
    assert [entry["path"] for entry in found["files"] if not entry.get("reload")] == ["compose.yml", "config/start.sh"]
    assert found["reload"]["gate"]["check"][:2] == ["haproxy", "-c"]


def test_secrets_are_no_part_of_the_configuration() -> None:
    _fleet, view = alone(make_instance())
    texts = render("gate", view).texts
    assert texts["secrets/mounted/keys"] == "Bearer vllm-key-0123456789\n"
    assert "vllm-key" not in texts["config/haproxy.cfg"] + texts["compose.yml"]
    assert secret_values("gate", view) == ["vllm-key-0123456789"]
    (entry,) = [entry for entry in view["projects"][0]["files"] if entry.get("secret")]
    assert (entry["mode"], entry["owner"]) == ("0600", "60803")


def test_while_the_key_is_changed_both_are_let_in_and_masked() -> None:
    _fleet, view = alone(make_instance())
    said = {"vllm_previous_api_key": "vllm-before-0123456789"}
    found = render("gate", view, **said).texts["secrets/mounted/keys"]
    assert found == "Bearer vllm-key-0123456789\nBearer vllm-before-0123456789\n"
    assert secret_values("gate", view, **said) == ["vllm-key-0123456789", "vllm-before-0123456789"]
    same = render("gate", view, vllm_previous_api_key="vllm-key-0123456789").texts["secrets/mounted/keys"]
    assert same == "Bearer vllm-key-0123456789\n"


def test_the_health_check_reaches_bash_as_it_is_written() -> None:
    _fleet, view = alone(make_instance())
    test = render("gate", view).compose["services"]["gate"]["healthcheck"]["test"]
    assert "[[ $line == *200* ]]" in test[3].replace("$$", "$")


def test_networks_of_instances_are_no_part_of_the_compose_file() -> None:
    found = project(make_instance(), make_instance(name="b"))
    assert found["attach"] == {"gate": ["llmfleet-vllm-tiny", "llmfleet-vllm-b"]}
    assert found["vars"]["gate_instance"]["compose"]["networks"] == {"fleet": {"name": "llmfleet", "external": True}}
    assert compose(found) == compose(project(make_instance()))
    assert project(make_instance(), vllm_network="llmfleet")["attach"] == {"gate": []}
    shared = project(make_instance(), vllm_network="shared")
    assert (shared["attach"], shared["networks"]) == ({"gate": ["shared"]}, [{"name": "llmfleet"}, {"name": "shared"}])


def test_limit_of_a_model_is_kept_by_the_gate() -> None:
    host = make_host()
    instances = [make_instance(max_parallel_requests=5), make_instance(name="b")]
    fleet = make_fleet(host, *instances)._replace(gateways=["gpu1", "gpu1"])
    found = config(gate.view(fleet._replace(gateways=["gpu1"]), host)["projects"][0])
    assert " maxconn 5" in next(line for line in found["backend vllm-tiny"] if line.startswith("server gpu1"))
    assert any("queue ge 100" in line for line in found["backend vllm-tiny"])
    assert not any("maxconn" in line or "queue" in line for line in found["backend vllm-b"])


@pytest.mark.parametrize("balance", ["leastconn", "roundrobin"])
def test_balance(balance: str) -> None:
    by_prefix = config(project(make_instance()))
    assert "balance hash var(txn.prefix)" in by_prefix["backend vllm-tiny"]
    found = config(project(make_instance(), gate_balance=balance))
    assert f"balance {balance}" in found["backend vllm-tiny"]
    assert not any("txn.prefix" in line or "buffer-request" in line for line in found["frontend models"])
    assert not any("stick-table" in line for section in found.values() for line in section)


def test_prefix_is_the_first_message_unless_too_many_chats_begin_with_it() -> None:
    """What HAProxy makes of it is in tests/integration/test_gate.py."""
    found = config(project(make_instance()))
    rules = [
        line.removeprefix("http-request ") for line in found["frontend models"] if line.startswith("http-request ")
    ]
    first, both = (rules.index(rule) for rule in rules if rule.startswith("set-var(txn.prefix) var(txn.first)"))
    marks = [rule for rule in rules if rule.startswith("sc-set-gpt0(1)")]
    assert rules.index(marks[1]) < first < both and rules[both].endswith(
        "if { sc1_get_gpt0(asked-with-beginning) eq 1 }"
    )
    for name in gate_config.COUNTED:
        assert found[f"backend {name}"] == ["stick-table type integer size 50k expire 2m store gpt0,http_req_rate(1m)"]
        assert any(rule.startswith("track-sc") and rule.endswith(f"table {name}") for rule in rules)


def test_timeouts_follow_the_one_of_litellm() -> None:
    found = config(project(make_instance(), litellm_request_timeout=1000))
    assert {"timeout client 1010s", "timeout server 1010s", "retries 1000"} <= set(found["defaults"])


def test_fleet_without_models_of_its_own_needs_no_key() -> None:
    found = project()
    assert "frontend models" not in config(found)
    assert [entry["path"] for entry in found["files"]] == ["compose.yml", "config/haproxy.cfg", "config/start.sh"]


def test_metrics_are_for_the_host_and_none_of_its_containers() -> None:
    """Instances and LiteLLM share networks with the gate."""
    rule = "http-request deny unless { src 127.0.0.1 } or { src -f /run/llmfleet/hosts }"
    assert rule in config(project(make_instance()))["frontend metrics"]
    found = config(project(make_instance(host_network=True), vllm_host_network=True))["frontend metrics"]
    assert not any("deny unless" in line and "src" in line for line in found)


def test_metrics_for_others_are_for_those_that_are_named() -> None:
    found = project(make_instance(), gate_metrics_address="10.0.0.1", gate_metrics_networks=["10.9.0.0/24"])
    assert compose(found)["ports"][0] == "10.0.0.1:8405:8405"
    assert "http-request deny unless { src 10.9.0.0/24 }" in config(found)["frontend metrics"]


def test_limits_that_vllm_says_at_its_start_reach_the_gate_in_the_same_run() -> None:
    plays = yaml.safe_load((Path(__file__).parents[3] / "playbooks/site.yml").read_text())
    tasks = next(play["tasks"] for play in plays if play.get("tags") == ["litellm"])
    included = [task.get("ansible.builtin.include_role") or task["ansible.builtin.import_role"] for task in tasks]
    roles = [one["name"] for one in included]
    assert roles[:3] == ["llmfleet.gateway.llm", "llmfleet.gateway.gate", "llmfleet.gateway.litellm"]
    assert [task.get("when") for task in tasks[:2]] == ["llm_fleet.limits_from_vllm"] * 2


# ---- several hosts


def test_gateway_reaches_servers_elsewhere_by_their_gates() -> None:
    found = config(of(many(), "gw1"))
    servers = [line for line in found["backend vllm-q"] if line.startswith("server")]
    assert servers[0].startswith("server gw1-q llmfleet-vllm-q:8000 ")
    assert servers[1].startswith("server gpu1-q 10.0.0.3:8443 ssl ")
    assert "verify required verifyhost gpu1" in servers[1]
    assert "http-send-name-header x-llmfleet-server" in found["backend vllm-q"]


def test_the_other_gateways_litellm_comes_before_waiting() -> None:
    found = config(of(many(), "gw2"))
    servers = [line.split() for line in found["backend litellm"] if line.startswith("server")]
    assert [line[1] for line in servers] == ["1", "2", "gw1:litellm", "retry", "hold"]
    assert servers[2][-1] == "backup"
    assert "backend local-gw2:litellm" in found
    assert not any("425" in line for line in found["backend litellm"]), "it may have begun with the request"


def test_the_other_gateways_litellm_is_asked_before_it_gets_a_request() -> None:
    fleet = many(gw1={"gate_port": 9443})
    files = {entry["path"]: entry for entry in of(fleet, "gw2")["files"]}
    assert (
        files["config/unproven"]["content"] == "0 litellm 0 gw1:litellm - 0 0 1 1 0 1 0 0 6 0 0 0 - 9443 - 1 0 - - 0\n"
    )
    assert files["config/unproven"]["reload"] == ["gate"]
    assert "config/unproven" not in [entry["path"] for entry in of(fleet, "gpu1")["files"]]
    assert "config/unproven" not in [entry["path"] for entry in project(make_instance())["files"]]


def test_server_lets_gates_of_the_fleet_in_and_nobody_else() -> None:
    fleet = many()
    found = config(of(fleet, "gpu1"))
    assert "frontend litellm" not in found and "frontend models" not in found
    (bind,) = [line for line in found["frontend servers"] if line.startswith("bind")]
    assert bind.startswith("bind :8443 ssl ") and "verify required" in bind
    assert compose(of(fleet, "gpu1"))["ports"] == ["127.0.0.1:8405:8405", "10.0.0.3:8443:8443"]
    assert "use-server retry if { nbsrv eq 0 } !{ path_beg /health }" in found["backend local-gpu1-q"]


def test_certificate_is_of_the_host_and_its_address() -> None:
    fleet = many()
    texts = render("gate", {"projects": [of(fleet, "gpu1")]}, llm_ca_key=CA).texts
    assert "PRIVATE KEY" in texts["secrets/mounted/host.pem"]
    assert texts["secrets/mounted/authority.pem"].count("BEGIN CERTIFICATE") == 1
    assert texts["config/away.http"].startswith("HTTP/1.1 425 ")


def test_limit_is_divided_among_the_gateways() -> None:
    fleet = many()
    limited = fleet._replace(instances=[{**one, "max_parallel_requests": 5} for one in fleet.instances])
    servers = [line for line in config(of(limited, "gw1"))["backend vllm-q"] if line.startswith("server g")]
    assert all(" maxconn 3" in line for line in servers)


def test_host_without_bridges() -> None:
    fleet = many(gpu1={"vllm_host_network": True})
    found = of(fleet, "gpu1")
    assert compose(found)["network_mode"] == "host" and "ports" not in compose(found)
    assert (found["attach"], found["networks"]) == ({}, [])
    sections = config(found)
    assert "resolvers docker" not in sections
    assert "bind 10.0.0.3:8443 ssl" in sections["frontend servers"][0]
    assert "bind 127.0.0.1:8405" in sections["frontend metrics"]
    assert "server gpu1-q 127.0.0.1:8001" in sections["backend local-gpu1-q"]


def test_node_without_an_api_is_no_server() -> None:
    worker = make_instance(name="far", rank=1, gate={}, url="", host_network=True)
    found = config(project(make_instance(), worker))
    assert not any("far" in line for lines in found.values() for line in lines)
