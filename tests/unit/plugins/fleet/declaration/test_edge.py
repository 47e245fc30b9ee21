# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge as declared: llm_domain is enough, and what else is said has to be right."""

from __future__ import annotations

import typing as t

import pytest
from checked import TOGETHER, said

PUBLIC = {"llm_domain": "llm.example.org"}
IPV4 = {"edge_publish_addresses": ["0.0.0.0"]}


def edged(change: t.Mapping[str, t.Any], **more: t.Any) -> list[str]:
    return said({**PUBLIC, **change}, **more)


@pytest.mark.parametrize("name", ["llm.example.org", "llm.internal", "10.0.0.1", "fd00::1"])
def test_a_domain_is_enough(name: str) -> None:
    assert said({"llm_domain": name}) == []


def test_nothing_of_it_counts_without_a_domain() -> None:
    assert said({"edge_ui": "no", "edge_http_port": 0}) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"llm_domain": "https://llm.example.org"}, "llm_domain on one: 'https://llm.example.org' is no host"),
        ({"llm_domain": "*.example.org"}, "llm_domain on one: '*.example.org' is no host"),
        ({"edge_ui": "no"}, "edge_ui on one: 'no' is no way in; write open, closed, or a list of networks"),
        ({"edge_ui": []}, "edge_ui on one: a list is no way in"),
        ({"edge_ui": ["10.0.0.1"], **IPV4}, "edge_ui on one: '10.0.0.1' has no prefix"),
        ({"edge_version": "newest"}, "edge_version on one: 'newest' is no released version"),
        ({"edge_more_paths": ["/*"]}, "edge_more_paths on one: '/*' is no path"),
        ({"edge_more_paths": ["anthropic"]}, "edge_more_paths on one: 'anthropic' is no path"),
        ({"edge_certificates": "letsencrypt"}, "edge_certificates on one"),
        ({"edge_certificates": "files"}, "edge_certificate_file on one is empty, but edge_certificates is files"),
        ({"edge_http_port": 443}, "edge_https_port on one is edge_http_port too"),
        ({"edge_management": "closed"}, "edge_ui on one: needs the paths of edge_management"),
        ({"edge_acme_email": "me"}, "edge_acme_email on one: 'me' is no e-mail address"),
        ({"edge_max_request_size": "much"}, "edge_max_request_size on one: 'much' is no size"),
        ({"edge_acme_challenges": []}, "edge_acme_challenges on one is empty"),
        ({"edge_acme_challenges": ["dns-01"]}, "edge_acme_challenges on one: [0] 'dns-01' is no choice"),
        (
            {"edge_trusted_proxies": ["10.0.0.0/8"], "edge_version": "2.6.2"},
            "edge_trusted_proxies on one: needs Caddy 2.8 or newer",
        ),
    ],
)
def test_faults(change: dict[str, t.Any], message: str) -> None:
    assert message in "\n".join(edged(change))


def test_files_on_the_host_are_absolute() -> None:
    files = {"edge_certificate_file": "a.pem", "edge_certificate_key_file": "/etc/key.pem"}
    (line,) = edged({"edge_certificates": "files", "edge_certificate_on_host": True, **files})
    assert line.startswith("edge_certificate_file on one: 'a.pem' is no absolute path")
    assert edged({"edge_certificates": "files", **files}) == []


class TestAuthorities:
    def test_no_public_one_signs_a_private_name(self) -> None:
        (line,) = said({"llm_domain": "llm.internal", "edge_certificates": "acme"})
        assert "no public authority signs 'llm.internal'" in line
        own = {"edge_acme_directory": "https://ca.internal/acme"}
        assert said({"llm_domain": "llm.internal", "edge_certificates": "acme", **own}) == []

    def test_several_gateways_need_the_challenge_that_can_be_passed_on(self) -> None:
        groups = {"gateways": ["a", "b"], "gpu_servers": ["a"]}
        change = {**PUBLIC, "edge_acme_challenges": ["tls-alpn-01"]}
        lines = [line for line in said(change, groups) if line.startswith("edge_acme_challenges")]
        assert lines[0].startswith("edge_acme_challenges on all hosts: lacks http-01")
        assert said(change) == []

    def test_the_fleet_s_own_needs_its_key_on_one_host_too(self) -> None:
        (line,) = said({"llm_domain": "llm.internal", "llm_ca_key": ""})
        assert line.startswith("llm_ca_key on one is missing. Make one with")
        assert edged({"llm_ca_key": ""}) == []


class TestNetworksAndDocker:
    """Clients over IPv6 seem to come from a bridge of Docker's where a network has no IPv6."""

    @pytest.mark.parametrize("network", ["192.168.7.0/24", "172.20.0.0/16", "0.0.0.0/1", "128.0.0.0/1"])
    def test_a_list_that_holds_a_bridge_is_refused(self, network: str) -> None:
        lines = edged({"edge_docs": [network]})
        inside = network != "0.0.0.0/1"
        assert bool(lines) == inside
        assert all("holds addresses of Docker's own bridges" in line for line in lines)

    def test_not_where_only_ipv4_is_listened_on(self) -> None:
        assert edged({"edge_docs": ["192.168.7.0/24"], **IPV4}) == []

    def test_pools_of_the_declaration_count(self) -> None:
        pools = {"docker_default_address_pools": [{"base": "10.200.0.0/16", "size": 24}]}
        assert edged({"edge_docs": ["192.168.7.0/24"], **pools}) == []
        assert len(edged({"edge_docs": ["10.0.0.0/8"], **pools})) == 1

    def test_networks_of_ipv6_are_no_trouble(self) -> None:
        assert edged({"edge_docs": ["fd00::/8", "10.0.0.0/8"]}) == []


class TestOlderCaddy:
    def test_it_knows_no_client_that_a_list_could_hold(self) -> None:
        (line,) = edged({"edge_docs": ["10.0.0.0/8"], "edge_version": "2.6.2", **IPV4})
        assert (
            line.startswith("edge_docs on one: lists networks, which needs Caddy 2.7 or newer")
            or "needs Caddy 2.7" in line
        )
        assert edged({"edge_docs": ["10.0.0.0/8"], "edge_version": "2.7.0", **IPV4}) == []
        assert edged({"edge_docs": "closed", "edge_version": "2.6.2"}) == []


class TestPlainHttp:
    def test_litellm_behind_an_edge_is_on_no_public_address(self) -> None:
        public = {"litellm_publish_address": "8.8.8.8"}
        assert "plain HTTP on the public address" in said(public, TOGETHER)[0]
        assert edged(public) == []
