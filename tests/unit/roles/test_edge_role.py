# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role edge writes. What Caddy makes of it is in tests/integration/test_edge.py."""

from __future__ import annotations

import base64
import json
import ssl
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES, on_host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge, edge_config, gateway_state
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.edge_paths import PATHS, group_of
from rendering import ROLES, Rendered, make_fleet, make_host, render, secret_values

PUBLIC, PRIVATE = {"llm_domain": "llm.example.org"}, {"llm_domain": "llm.internal"}
CA_KEY = "an-authority-0123456789abcdef0123456789"


def view(**said: t.Any) -> dict[str, t.Any]:
    host = make_host(**{**PUBLIC, **said})
    return edge.view(make_fleet(host), host)


def project(**said: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", view(**said)["projects"][0])


def rendered(**said: t.Any) -> Rendered:
    given = {**PUBLIC, **said}
    return render("edge", view(**given), **given)


def service(**said: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", rendered(**said).compose["services"]["edge"])


def entrance_of(**said: t.Any) -> Rendered:
    given = {**PUBLIC, **said}
    return render("edge", {"projects": view(**given)["projects"][-1:]}, **given)


def entrance_service(**said: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", entrance_of(**said).compose["services"]["entrance"])


def caddy(**said: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads(rendered(**said).texts["config/caddy.json"]))


def routes(**said: t.Any) -> list[dict[str, t.Any]]:
    """Those that let something through."""
    found = caddy(**said)["apps"]["http"]["servers"]["https"]["routes"]
    return [route for route in found if "path" in route.get("match", [{}])[0]]


class TestService:
    def test_it_is_where_there_is_a_domain(self) -> None:
        row = next(row for row in SERVICES if row.name == "edge")
        groups = {"gateways": ["gpu1"], "gpu_servers": ["gpu1"]}
        assert on_host(row, make_host(**PUBLIC), groups)
        assert not on_host(row, make_host(), groups)

    def test_one_that_is_left_goes(self) -> None:
        row = next(row for row in SERVICES if row.name == "edge")
        facts = {"containers": [{"own": True, "project": "llmfleet-edge", "name": "llmfleet-edge", "ports": [443]}]}
        host = make_host(facts=facts)
        assert on_host(row, host, {"gateways": ["gpu1"], "gpu_servers": ["gpu1"]})
        gone = edge.view(make_fleet(host), host)["projects"]
        assert {one["state"] for one in gone} == {"absent"}
        assert [one["name"] for one in gone] == [
            "llmfleet-edge-entrance",
            "llmfleet-edge-1",
            "llmfleet-edge-2",
            "llmfleet-edge",
        ]
        left = {"own": True, "project": "llmfleet-edge-1", "name": "llmfleet-edge-1", "image": "x", "ports": []}
        assert on_host(row, make_host(facts={"containers": [left]}), {"gateways": ["gpu1"], "gpu_servers": ["gpu1"]})

    def test_litellm_s_objects_are_reached_on_the_loopback_address_behind_it(self) -> None:
        assert gateway_state.api_url(make_host(**PUBLIC, litellm_publish_address="10.0.0.1")) == "http://127.0.0.1:4000"


class TestContainer:
    def test_it_is_locked_down(self) -> None:
        found = service()
        assert found["user"] == "60804:60804"
        assert (found["cap_drop"], found["cap_add"]) == (["ALL"], ["NET_BIND_SERVICE"])
        assert found["read_only"]
        assert found["security_opt"] == ["no-new-privileges:true"]
        assert [one["target"] for one in found["volumes"] if not one["read_only"]] == ["/data"]

    def test_the_entrance_alone_listens_on_all_addresses_or_on_those_that_are_told(self) -> None:
        assert "ports" not in service()
        assert entrance_service()["ports"] == ["80:8080", "443:8443"]
        told = entrance_service(edge_publish_addresses=["10.0.0.1", "fd00::1"], edge_https_port=8443)
        assert told["ports"] == ["10.0.0.1:80:8080", "[fd00::1]:80:8080", "10.0.0.1:8443:8443", "[fd00::1]:8443:8443"]

    def test_what_changes_makes_a_new_container_and_has_the_certificates_of_the_former_one(self) -> None:
        for said in (PUBLIC, PRIVATE, {"edge_acme_ca_file": __file__}):
            files = project(**said)["files"]
            assert [one for one in files if one["path"] != "compose.yml" and one["services"] != ["edge"]] == []
            assert not project(**said).get("reload")
        mounted = {one["source"].removeprefix("./") for one in service()["volumes"]}
        assert mounted == {"config", "secrets/mounted", "/opt/llmfleet/edge/data"}

    def test_there_are_two_that_differ_in_their_names_alone(self) -> None:
        first, second, entrance = view()["projects"]
        assert (first["name"], second["name"], entrance["name"]) == (
            "llmfleet-edge-1",
            "llmfleet-edge-2",
            "llmfleet-edge-entrance",
        )
        renamed = json.dumps(first).replace("edge-1", "edge-2").replace("edge/1", "edge/2")
        assert json.loads(renamed) == second

    def test_running_requests_end_while_the_other_one_serves(self) -> None:
        """Of one that stops: the other requests first, then its connections, then its process."""
        found = caddy(litellm_request_timeout=100)["apps"]["http"]
        assert (found["shutdown_delay"], found["grace_period"]) == ("8s", "130s")
        assert service(litellm_request_timeout=100)["stop_grace_period"] == "140s"
        assert view(litellm_request_timeout=100)["wait_timeout"] == 180 + 140
        leaving = found["servers"]["https"]["routes"][0]
        assert leaving["match"] == [{"vars": {"{http.shutting_down}": ["true"]}}] and "terminal" not in leaving
        assert leaving["handle"][0]["response"]["set"] == {"Connection": ["close"]}

    def test_the_new_state_has_to_reach_litellm_and_to_have_a_certificate(self) -> None:
        first, second = project()["hooks"]
        assert first["command"][-1].endswith("/upstream")
        assert "/llm.example.org/llm.example.org.crt" in second["command"][-1]
        assert len(project(**PRIVATE)["hooks"]) == 1

    def test_several_names_each_have_one(self) -> None:
        script = project(edge_names=["api.example.org"])["hooks"][1]["command"][-1]
        assert "/api.example.org/api.example.org.crt" in script
        assert "-lt 2 ]" in script


class TestEntrance:
    def test_it_knows_both_by_the_names_that_the_role_withdraws(self) -> None:
        text = entrance_of().texts["config/haproxy.cfg"]
        names = {(one["backend"], one["server"]) for one in view()["servers"]["llmfleet-edge-2"]}
        assert names == {("https", "2"), ("http", "2")}
        for name, port in (("https", 8443), ("http", 8080)):
            section = next(part for part in text.split("\n\n") if part.startswith(f"backend {name}\n"))
            servers = [line.split()[:3] for line in section.splitlines() if line.strip().startswith("server ")]
            assert servers[:-1] == [["server", str(one), f"llmfleet-edge-{one}:{port}"] for one in (1, 2)]
            # While one is away and the other too slow for its check, clients wait for a second.
            assert servers[-1] == ["server", "retry", "127.0.0.1:9"] and "use-server retry if { nbsrv eq 0 }" in section
        assert view()["socket"] == "/opt/llmfleet/edge/entrance/run/admin.sock"

    def test_it_says_who_the_client_is_where_caddy_can_read_that(self) -> None:
        for version, told in (("2.11.4", True), ("2.6.2", False)):
            assert ("send-proxy-v2" in entrance_of(edge_version=version).texts["config/haproxy.cfg"]) == told
            servers = caddy(edge_version=version)["apps"]["http"]["servers"]
            assert [bool(servers[name].get("listener_wrappers")) for name in ("https", "http")] == [told, told]

    @pytest.mark.parametrize(
        ("running", "said", "image"),
        [
            ("", {}, "gate:2"),
            ("gate:1", {}, "gate:1"),
            ("0123456789ab", {}, "gate:2"),
            ("gate:1", {"edge_entrance_image": "gate:3"}, "gate:3"),
        ],
    )
    def test_a_new_release_of_the_gate_makes_no_new_entrance(self, running: str, said: t.Any, image: str) -> None:
        boxes = [
            {
                "own": True,
                "project": "llmfleet-edge-entrance",
                "name": "llmfleet-edge-entrance",
                "image": running,
                "ports": [443],
            }
        ]
        host = make_host(facts={"containers": boxes if running else []}, **PUBLIC, gate_image="gate:2", **said)
        found = edge.view(make_fleet(host), host)["projects"][-1]["vars"]["edge_instance"]["compose"]
        assert found["services"]["entrance"]["image"] == image

    def test_traffic_is_only_asked_of_an_entrance_that_runs(self) -> None:
        boxes: list[dict[str, t.Any]] = [
            {"own": True, "project": "x", "name": name, "image": "x", "ports": []} for name in ("llmfleet-edge", "y")
        ]
        for known in ([], boxes, [*boxes, {**boxes[0], "name": "llmfleet-edge-entrance"}]):
            host = make_host(facts={"containers": known}, **PUBLIC)
            assert edge.view(make_fleet(host), host)["entrance_runs"] == (len(known) == 3)
        main, part = (yaml.safe_load((ROLES / "edge/tasks" / name).read_text()) for name in ("main.yml", "project.yml"))
        both = next(task for task in main if "llmfleet.gateway.gate_traffic" in task)
        assert both["llmfleet.gateway.gate_traffic"]["state"] == "ready" and any(
            ".entrance_runs" in one for one in both["when"]
        )
        (block,) = part
        assert block["block"][0]["llmfleet.gateway.gate_traffic"]["state"] == "drain"
        assert block["always"][0]["llmfleet.gateway.gate_traffic"]["state"] == "ready"
        assert ".entrance_runs" in block["vars"]["__edge_withdrawn"]

    def test_it_takes_over_from_the_release_before(self) -> None:
        assert view()["projects"][-1]["replaces"] == [
            {"project": "llmfleet-edge", "project_dir": "/opt/llmfleet/edge", "service": "edge"}
        ]

    def test_it_is_locked_down_and_loads_what_changes(self) -> None:
        found = entrance_service()
        assert (found["cap_drop"], found["user"], found["read_only"]) == (["ALL"], "60804:60804", True)
        assert [one["target"] for one in found["volumes"] if not one["read_only"]] == ["/run/llmfleet"]
        assert view()["projects"][-1]["reload"]["entrance"]["signal"] == "USR2"


class TestCertificates:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("llm.example.org", "acme"),
            ("llm.internal", "internal"),
            ("llm", "internal"),
            ("gpu.local", "internal"),
            ("10.0.0.1", "internal"),
            ("fd00::1", "internal"),
            ("x.home.arpa", "internal"),
        ],
    )
    def test_by_the_name(self, name: str, kind: str) -> None:
        said = {"edge_certificates": "auto", "llm_domain": name, "edge_names": []}
        assert edge_config.certificates(said) == kind
        assert edge_config.certificates({**said, "edge_certificates": "files"}) == "files"

    def test_by_acme(self) -> None:
        found = caddy(edge_acme_email="a@example.org")["apps"]["tls"]
        (policy,) = found["automation"]["policies"]
        assert policy["subjects"] == ["llm.example.org"]
        assert policy["issuers"][0]["email"] == "a@example.org"
        assert "certificates" not in found
        assert not [path for path in rendered().texts if path.startswith("secrets")]

    def test_of_the_fleet_s_authority(self, tmp_path: Path) -> None:
        texts = rendered(**PRIVATE, llm_ca_key=CA_KEY, edge_names=["10.0.0.1"]).texts
        assert texts["secrets/mounted/certificate.pem"] == texts["secrets/mounted/key.pem"]
        (tmp_path / "both.pem").write_text(texts["secrets/mounted/key.pem"])
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "both.pem")

    def test_from_files_on_the_controller(self, tmp_path: Path) -> None:
        (tmp_path / "chain").write_text("CHAIN\n")
        (tmp_path / "key").write_text("KEY\n")
        said = {"edge_certificate_file": str(tmp_path / "chain"), "edge_certificate_key_file": str(tmp_path / "key")}
        texts = rendered(edge_certificates="files", **said).texts
        assert texts["secrets/mounted/certificate.pem"].strip() == "CHAIN"
        assert texts["secrets/mounted/key.pem"].strip() == "KEY"

    def test_from_files_on_the_host(self) -> None:
        said = {
            "edge_certificates": "files",
            "edge_certificate_on_host": True,
            "edge_certificate_file": "/etc/tls/chain",
            "edge_certificate_key_file": "/etc/tls/key",
        }
        assert view(**said)["read_on_host"] == ["/etc/tls/chain", "/etc/tls/key"]
        read = [{"content": base64.b64encode(text).decode()} for text in (b"CHAIN", b"KEY")]
        texts = rendered(**said, __edge_read={"results": read}).texts
        assert texts["secrets/mounted/certificate.pem"].strip() == "CHAIN"
        assert texts["secrets/mounted/key.pem"].strip() == "KEY"

    def test_private_keys_are_for_caddy_alone(self) -> None:
        found = [one for one in project(**PRIVATE)["files"] if one["path"].startswith("secrets")]
        assert len(found) == 2
        assert {(one["mode"], one["owner"], one["secret"]) for one in found} == {("0600", "60804", True)}
        folders = {one["path"]: one["mode"] for one in project()["directories"]}
        assert {folders[name] for name in (".", "secrets", "/opt/llmfleet/edge", "/opt/llmfleet/edge/data")} == {"0700"}

    def test_the_authority_s_secret_is_masked(self) -> None:
        assert secret_values("edge", view(**PRIVATE), llm_ca_key=CA_KEY) == [CA_KEY]


class TestSeveralGateways:
    def hosts(self, *addresses: str) -> Fleet:
        hosts = [make_host(f"gw{index}", **PUBLIC)._replace(address=one) for index, one in enumerate(addresses)]
        fleet = make_fleet(hosts[0], gateways=tuple(host.name for host in hosts))
        return fleet._replace(hosts={host.name: host for host in hosts})

    def test_questions_of_the_authority_go_to_the_others(self) -> None:
        fleet = self.hosts("10.0.0.1", "10.0.0.2", "fd00::3")
        assert edge.peers(fleet, fleet.hosts["gw0"]) == ["10.0.0.2:80", "[fd00::3]:80"]
        found = edge.view(fleet, fleet.hosts["gw0"])["projects"][0]["vars"]["edge_instance"]["config"]
        first = found["apps"]["http"]["servers"]["http"]["routes"][0]
        assert first["match"][0]["not"], "what another gateway has passed on goes no further"
        assert [one["dial"] for one in first["handle"][0]["upstreams"]] == ["10.0.0.2:80", "[fd00::3]:80"]
        following = first["handle"][0]["handle_response"][0]["routes"][0]["handle"][0]
        assert [one["dial"] for one in following["upstreams"]] == ["[fd00::3]:80", "10.0.0.2:80"]

    def test_only_http_is_asked_for(self) -> None:
        fleet = self.hosts("10.0.0.1", "10.0.0.2")
        found = edge.view(fleet, fleet.hosts["gw0"])["projects"][0]["vars"]["edge_instance"]["config"]
        challenges = found["apps"]["tls"]["automation"]["policies"][0]["issuers"][0]["challenges"]
        assert challenges == {"http": {"disabled": False}, "tls-alpn": {"disabled": True}}


class TestWayIn:
    def test_documentation_and_everything_else_is_closed(self) -> None:
        (route,) = routes()
        assert "/v1/chat/completions" not in route["match"][0]["path"], "by /v1/chat/*"
        assert {"/v1/chat/*", "/key/*", "/ui/*"} <= set(route["match"][0]["path"])
        assert not set(PATHS["docs"]) & set(route["match"][0]["path"])

    def test_a_group_for_networks_is_a_route_of_its_own(self) -> None:
        everyone, some = routes(edge_ui=["10.0.0.0/8"])
        assert "/ui/*" not in everyone["match"][0]["path"]
        assert some["match"][0]["path"] == PATHS["ui"]
        assert some["match"][0]["remote_ip"] == {"ranges": ["10.0.0.0/8"]}

    def test_nothing_open_lets_nobody_in(self) -> None:
        assert routes(edge_api="closed", edge_management="closed", edge_ui="closed") == []

    @pytest.mark.parametrize(
        ("path", "group"),
        [
            ("/v1/chat/completions", "api"),
            ("/v1/models", "api"),
            ("/v1/model/info", "management"),
            ("/key/generate", "management"),
            ("/health/readiness", "management"),
            ("/health/liveliness", "api"),
            ("/health/drain", ""),
            ("/metrics", ""),
            ("/v1", ""),
            ("/uix", ""),
        ],
    )
    def test_the_group_of_a_path(self, path: str, group: str) -> None:
        assert group_of(path) == group

    def test_no_path_is_of_two_groups(self) -> None:
        every = [path for paths in PATHS.values() for path in paths]
        assert len(every) == len(set(every))


class TestBounds:
    def test_answers_have_no_limit_but_litellm_s(self) -> None:
        found = caddy(litellm_request_timeout=100)["apps"]["http"]
        server = found["servers"]["https"]
        assert found["grace_period"] == "130s"
        assert "write_timeout" not in server
        assert (server["read_header_timeout"], server["read_timeout"], server["idle_timeout"]) == (
            "10s",
            "300s",
            "180s",
        )

    @pytest.mark.parametrize(("text", "size"), [("64k", 65536), ("100m", 104857600), ("1.5g", 1610612736), ("7", 7)])
    def test_sizes(self, text: str, size: int) -> None:
        assert edge_config.size(text) == size

    def test_answers_are_not_buffered_and_a_client_that_leaves_is_noticed(self) -> None:
        assert "flush_interval" not in json.dumps(caddy())

    def test_a_release_that_loses_bodies_does_not_send_them_again(self) -> None:
        """Or sends another client's."""
        tried = {
            version: "try_duration" in json.dumps(caddy(edge_version=version))
            for version in ("2.11.1", "2.11.2", "2.12.0")
        }
        assert tried == {"2.11.1": False, "2.11.2": True, "2.12.0": True}

    def test_an_older_release_is_told_only_what_it_knows(self) -> None:
        older, newer = (json.dumps(caddy(edge_version=version)) for version in ("2.6.2", "2.11.4"))
        for word in ("request_buffers", "stream_close_delay", "log_append"):
            assert (word in older, word in newer) == (False, True)


def test_there_is_one_address_for_users() -> None:
    assert view()["url"] == "https://llm.example.org"
    assert view(llm_domain="fd00::1", edge_https_port=8443)["url"] == "https://[fd00::1]:8443"
