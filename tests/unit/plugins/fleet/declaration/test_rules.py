# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule of a role's variable: what it refuses with which remedy, and what it lets pass."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import releases
from checked import APART, TOGETHER, report, said

TOOLKIT = "nvidia_container_toolkit"
STATE = "gateway_state_key"
DIGEST = "sha256:" + "0" * 64
#: Two gateways, and the database on the first.
TWO = {"gateways": ["gw1", "gw2"], "gpu_servers": ["gpu1"]}
AT_GW1 = {"postgres_publish_address": "10.0.0.1", "redis_publish_address": "10.0.0.1"}
AT_GW2 = {"litellm_database_host": "10.0.0.1"}

ADDRESSES = ["not-an-ip", "10.0.0.999", "10.0.0.1:80", "", "localhost"]
DURATIONS = ["abc", "60", "1 m", "", "-5s", "1d"]
SIZES = ["huge", "", "16 q", "-1g", "0"]
PATHS = ["relative", "", "/", "/a/../b", "/a\nprivileged: true", "//a", "~/a"]
IMAGES = ["", "a/Upper", "a b", "a:b:c", "a@sha256:12", "a\nb"]
NETWORKS = ["", "host", "none", "bridge", "a b", "-a"]

REFUSED: dict[str, list[t.Any]] = {
    "docker_repository_url": ["mirror", "https://mirror/", "ftp://mirror", "https://a b"],
    "docker_gpg_key_url": ["key", "file:///key"],
    "docker_gpg_key_checksum": ["abc", "A" * 64],
    "docker_gpg_key": ["", "|"],
    "docker_log_max_size": ["50", "0m", "50mb", "lots"],
    "docker_log_max_file": [0],
    "docker_data_root": PATHS,
    "docker_registry_mirrors": [["mirror.example"]],
    "docker_insecure_registries": [["http://registry.example"]],
    "docker_default_address_pools": [
        [{"base": "10.0.0.0", "size": 24}],
        [{"base": "net", "size": 24}],
        [{"base": "10.0.0.0/16", "size": 8}],
        [{"base": "10.0.0.0/16", "size": 33}],
    ],
    "docker_http_proxy": ["proxy:3128"],
    "docker_https_proxy": ["proxy:3128"],
    "docker_no_proxy": ["a\nb"],
    "docker_daemon_options": [{"log opts": {}}, {"hosts": ["tcp://"]}],
    "docker_version": ["29", "5:29.8.2", "latest", "24.0.9"],
    "docker_compose_version": ["5", "v5.6.0"],
    "docker_restart_command": ["service docker restart"],
    "nvidia_driver_source": ["debian"],
    "nvidia_driver_batch": ["0", "all", "50 %"],
    "nvidia_driver_branch": [58, 5800, 470],
    "nvidia_driver_version": ["580", "580.1-1", "470.256.02"],
    "nvidia_driver_kernel": ["new", "6.8 a"],
    "nvidia_driver_kernel_modules": ["closed"],
    "nvidia_driver_reboot": ["perhaps"],
    "nvidia_driver_reboot_timeout": [59],
    "nvidia_driver_repository_url": ["mirror"],
    "nvidia_container_toolkit_version": ["1.19.1", "1.20.0", "1.17.8", "1.19", "latest"],
    "nvidia_container_toolkit_source": ["debian"],
    "nvidia_container_toolkit_repository_url": ["https://mirror/"],
    "nvidia_container_toolkit_test_image": IMAGES,
    "nvidia_container_toolkit_test_command": [[]],
    "nvidia_container_toolkit_test_arguments": [["a\nb"]],
    "docker_cdi": [False],
    "preflight_timeout": [0],
    "preflight_image_gib": [0],
    "preflight_cuda": ["new"],
    "postgres_mode": ["elsewhere"],
    "postgres_host": ["db.example", "http://db"],
    "postgres_version": ["17.1.2", "seventeen"],
    "postgres_image": IMAGES,
    "postgres_project_dir": PATHS,
    "postgres_network": NETWORKS,
    "postgres_database": ["postgres", "template1", "Lite", "a-b", "", "order", "pg_x", "a" * 64],
    "postgres_user": ["postgres", "user", "order", "Lite", "1a", "pg_x", "public"],
    "postgres_publish_address": [one for one in ADDRESSES if one],
    "postgres_port": [0, 99999, -1],
    "postgres_max_connections": [0, 19],
    "postgres_shared_buffers": ["512 mb", "lots"],
    "postgres_effective_cache_size": ["2g"],
    "postgres_settings": [
        {"work mem": 1},
        {"work_mem": "1\n2"},
        {"work_mem": None},
        {"work_mem": ["a"]},
        {"port": 1},
        {"log_statement": "all"},
        {"log_statement": "ddl"},
        {"log_min_duration_statement": 0},
        {"password_encryption": "md5"},
    ],
    "postgres_shm_size": SIZES,
    "postgres_uid": [0, -1],
    "postgres_gid": [0],
    "postgres_stop_grace_period": DURATIONS,
    "postgres_wait_timeout": [0],
    "litellm_version": ["latest", ""],
    "litellm_image": IMAGES,
    "litellm_uid": [-1, 2**32],
    "litellm_ui_username": ["", "a\nb"],
    "litellm_publish_address": ADDRESSES,
    "litellm_port": [0, 65536],
    "litellm_database_host": ["a b", "http://db", ""],
    "litellm_database_port": [0],
    "litellm_database_options": ["sslmode", "a=b c"],
    "litellm_network": NETWORKS,
    "redis_mode": ["elsewhere"],
    "redis_host": ["http://redis", "redis.example"],
    "redis_version": ["latest", "8."],
    "redis_image": IMAGES,
    "redis_uid": [0],
    "redis_gid": [0],
    "redis_network": NETWORKS,
    "redis_publish_address": ["redis", "0.0.0.0", "8.8.8.8"],
    "redis_port": [0],
    "redis_maxmemory": ["256", "256MB", "lots"],
    "redis_memory_limit": ["lots"],
    "redis_ssl": [True],
    "redis_settings": [
        {"maxmemory-policy": "allkeys-lru"},
        {"requirepass": "x"},
        {"Max Clients": 5},
        {"maxclients": None},
        {"maxclients": "5\nuser x on nopass"},
    ],
    "redis_stop_grace_period": DURATIONS,
    "redis_wait_timeout": [0],
    "gate_version": ["latest", "3."],
    "gate_image": IMAGES,
    "gate_uid": [0],
    "gate_gid": [0],
    "gate_pids_limit": [0],
    "gate_memory_limit": ["lots"],
    "gate_max_connections": [1],
    "gate_port": [0],
    "gate_metrics_address": ADDRESSES,
    "gate_metrics_port": [0],
    "gate_metrics_networks": [["monitoring"], ["10.0.0.0/33"]],
    "gate_balance": ["random"],
    "gate_queue_limit": [0],
    "gate_queue_timeout": [0],
    "gate_wait_timeout": [0],
    "gate_stop_grace_period": DURATIONS,
    "litellm_instances": [-1],
    "litellm_max_in_flight": [-1],
    "litellm_max_connections": [0],
    "litellm_batch_write_at": [0],
    "litellm_spend_logs_retention": ["90", "forever", "0d", "1 day"],
    "litellm_request_timeout": [0],
    "litellm_num_retries": [-1],
    "litellm_routing_strategy": ["simple"],
    "litellm_start_period": DURATIONS,
    "litellm_wait_timeout": [0],
    "litellm_stop_grace_period": DURATIONS,
    "gateway_state_api_url": ["gw:4000", "http://gw:4000/"],
    "gateway_state_owner": ["", " "],
    "gateway_state_export_file": [""],
    "gateway_state_export_owner": ["a\nb"],
    "gateway_state_key_directory": ["keys"],
    "gateway_state_key_store": [{"directory": "/a"}, {"vault_id": "a"}, {"hashicorp_vault": {"url": "x"}}],
    "gateway_state_workers": [0],
    "vllm_version": ["latest"],
    "vllm_network_check_timeout": [4, 601],
    "vllm_image": IMAGES,
    "vllm_models_dir": PATHS,
    "vllm_cache_dir": [one for one in PATHS if one],
    "vllm_allowed_media_domains": [["http://a"], ["a b"]],
    "vllm_cap_add": [["ipc_lock"], ["CAP ADMIN"]],
    "vllm_download_user": ["root"],
    "vllm_memory_limit": ["lots"],
    "vllm_pids_limit": [0],
    "litellm_memory_limit": ["lots"],
    "litellm_pids_limit": [0],
    "vllm_hf_endpoint": ["huggingface.co"],
    "vllm_gpu_memory_utilization": ["0", "1.5", "90%"],
    "vllm_port_base": [80, 70000],
    "vllm_publish_address": [one for one in ADDRESSES if one],
    "vllm_network": [one for one in NETWORKS if one],
    "vllm_host_network": [True],
    "vllm_shm_size": SIZES,
    "vllm_shutdown_timeout": [-1],
    "vllm_start_period": DURATIONS,
    "vllm_wait_timeout": [0],
    "vllm_ulimits": [{"memlok": -1}, {"memlock": "a"}, {"nofile": {"soft": 1}}, {"nofile": -2}],
    "llm_gpu_count": [-1],
    "llm_private_address": ["also-not-an-ip", "[fd00::21]", "0.0.0.0", "10.0.0.999"],
    "llm_plan_gpus": [{"RTX 4090": "lots"}, {"RTX 4090": 0}],
    "llm_rollout_batch": ["0", "many", "0%"],
    "llm_rollout_min_ready": ["some", "-1"],
    "llm_rollout_min_ready_by_model": [{"chat": "all"}, {"chat": -1}],
    "llm_rollout_drain_timeout": [0],
    "llm_canary_seconds": [-1],
    "llm_project_root": PATHS,
    "llm_gpu_memory_gib": ["lots", [80, 80], 0, "inf", "nan", float("nan")],
}
ACCEPTED: dict[str, list[t.Any]] = {
    "docker_repository_url": ["file:///srv/mirror", "https://mirror.example/docker"],
    "docker_gpg_key": ["files/docker.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\nabc\n-----END"],
    "docker_log_max_size": ["500k"],
    "docker_data_root": ["/srv/docker with space"],
    "docker_default_address_pools": [
        [{"base": "10.200.0.0/16", "size": "24"}],
        [{"base": "fd00::/56", "size": 64}],
        [],
    ],
    "docker_http_proxy": ["", "http://user:secret@proxy.example:3128"],
    "docker_daemon_options": [{"log-driver": "journald", "data-root": None}],
    "docker_insecure_registries": [["registry.example:5000", "10.0.0.0/8"]],
    "llm_rollout_batch": [2, "25%"],
    "llm_rollout_min_ready": [0, "50%", ""],
    "llm_rollout_min_ready_by_model": [{"chat": 2, "code": "50%"}],
    "nvidia_driver_batch": [2, "25%"],
    "nvidia_driver_branch": ["580"],
    "nvidia_driver_version": ["580.159.04"],
    "nvidia_driver_kernel": ["6.8.0-52-generic"],
    "nvidia_driver_reboot": ["yes", None],
    "nvidia_container_toolkit_version": ["1.18.0"],
    "postgres_settings": [
        {"log_statement": "none", "work_mem": "64MB", "log_min_duration_statement": 250, "jit": False}
    ],
    "postgres_shared_buffers": ["512MB", "", 16384],
    "postgres_publish_address": ["10.0.0.5", "fd00::5", ""],
    "postgres_user": ["gateway_1", "_x"],
    "postgres_stop_grace_period": ["1m30s", "1.5h"],
    "postgres_image": [f"registry.example:5000/a/b_c@{DIGEST}", f"postgres:17@{DIGEST}"],
    "litellm_publish_address": ["127.0.0.1", "::", "10.0.0.1"],
    "litellm_database_options": ["sslmode=require&connect_timeout=10"],
    "litellm_spend_logs_retention": ["1mo", "4w"],
    "gateway_state_key_store": [{"controller_directory": "keys", "vault_id": "x"}, {"hashicorp_vault": {"path": "a"}}],
    "vllm_shm_size": ["16g", "16GiB", "1.5gb", 1073741824],
    "vllm_ulimits": [{"memlock": -1, "nofile": {"soft": 1024, "hard": 4096}}],
    "vllm_gpu_memory_utilization": [0.5, "0.95", ""],
    "vllm_hf_endpoint": ["http://mirror.example:8080/hf"],
    "llm_private_address": ["fd00::21", "10.0.0.21", ""],
    "llm_gpu_memory_gib": [79.18, "79.18", [79.18], None],
}


def cases(table: dict[str, list[t.Any]]) -> list[t.Any]:
    return [pytest.param(name, value, id=f"{name}={value!r}"[:80]) for name, found in table.items() for value in found]


@pytest.mark.parametrize(("name", "value"), cases(REFUSED))
def test_refuses(name: str, value: t.Any) -> None:
    lines = said({name: value})
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{name} on one")


@pytest.mark.parametrize(("name", "value"), cases(ACCEPTED))
def test_lets_pass(name: str, value: t.Any) -> None:
    assert said({name: value}) == []


class TestSeveralVariables:
    @pytest.mark.parametrize(
        ("change", "line"),
        [
            ({"postgres_mode": "external"}, "postgres_host on gw1 is empty, but postgres_mode is external"),
            ({"nvidia_driver_branch": 580, "nvidia_driver_version": "570.1"}, "570.1 is not of branch 580"),
            ({"gate_metrics_address": "10.0.0.1"}, "metrics are open on 10.0.0.1 (gate_metrics_address)"),
            ({"nvidia_driver_branch": 620, "nvidia_driver_kernel_modules": "proprietary"}, "there are only open ones"),
            ({"nvidia_driver_repository_url": "https://mirror.example"}, "nvidia_driver_gpg_key on gpu1 is missing"),
            (
                {"nvidia_container_toolkit_manage_service": False, "watch_manage": True},
                "timer of systemd",
            ),
            (
                {"gateway_state_key_directory": "/k", "gateway_state_key_store": {"controller_directory": "k"}},
                "keep one",
            ),
        ],
    )
    def test_that_do_not_go_together(self, change: dict[str, t.Any], line: str) -> None:
        assert line in "\n".join(said(change, APART))

    @pytest.mark.parametrize(
        "change",
        [
            {"docker_manage_packages": False, "docker_version": "none"},
            {"docker_source": "distribution", "docker_version": "none"},
            {"docker_manage_service": False, "docker_daemon_options": {"hosts": ["unix://"]}},
            {"docker_manage_service": False, "docker_restart_command": "service docker restart"},
            {"nvidia_container_toolkit_source": "none", "nvidia_container_toolkit_version": "1.1.1"},
            {"postgres_mode": "external", "postgres_host": "db.example"},
            {"litellm_publish_address": "8.8.8.8", "litellm_plain_http": True},
            {"nvidia_driver_repository_url": "https://mirror.example", "nvidia_driver_gpg_key": "files/key.asc"},
        ],
    )
    def test_that_do(self, change: dict[str, t.Any]) -> None:
        assert said(change, APART) == []

    def test_two_gateways_need_a_database_that_both_reach(self) -> None:
        lines = "\n".join(said({"litellm_database_host": "postgres"}, TWO))
        assert "postgres_publish_address of gw1 is empty, but gw2 needs its database" in lines
        assert "litellm_database_host of gw2 is not set" in lines

    def test_two_gateways_need_the_redis_of_the_first_one(self) -> None:
        (line,) = said({**AT_GW1, "redis_publish_address": ""}, TWO, gw2=AT_GW2)
        assert line.startswith("redis_publish_address of gw1 is empty, but gw2 needs its Redis: set it")

    def test_one_litellm_alone_needs_no_redis(self) -> None:
        assert said({"litellm_instances": 1, "redis_password": ""}) == []
        (line,) = said({"redis_password": ""})
        assert line.startswith("redis_password") and "is missing" in line
        (line,) = said({**AT_GW1, "litellm_instances": 1, "redis_password": ""}, TWO, gw2=AT_GW2)
        assert line.startswith("redis_password") and "is missing" in line

    def test_two_gateways_with_one(self) -> None:
        found = said(AT_GW1, TWO, gw2=AT_GW2)
        assert found == []

    def test_plain_http_on_a_public_address_must_be_said(self) -> None:
        (line,) = said({"litellm_publish_address": "8.8.8.8"}, APART)
        assert "set litellm_plain_http to true" in line

    def test_a_host_network_is_for_servers_without_gateway(self) -> None:
        assert said({"vllm_host_network": True}, APART) == []

    @pytest.mark.parametrize("name", ["vllm_publish_address", "llm_private_address"])
    def test_a_public_address_of_vllm_is_a_warning(self, name: str) -> None:
        found = report({name: "8.8.8.8"}, TOGETHER)
        assert found.faults == []
        assert found.warnings == [
            f"{name} on one is a public address, and vLLM answers some requests without a key; let only the gateways"
            " through to it"
        ]


class TestReleases:
    @pytest.mark.parametrize(
        ("version", "image"),
        [
            ("1.82.7", ""),
            ("1.107.0", ""),
            ("v1.82.8-stable", ""),
            ("", "ghcr.io/berriai/litellm:litellm_stable_release_branch-v1.82.7-stable"),
            ("", "ghcr.io/berriai/litellm:stable-1.82.8"),
            ("", "registry.example:5000/litellm:v1.82.8"),
            ("", "litellm:main-v1.82.7"),
            ("", "litellm:1.107.0"),
            ("", f"litellm:1.107.0@{DIGEST}"),
            ("", "registry.example/mirror/litellm-1-82-7:latest"),
            ("", "registry.example/litellm:v1_82_8"),
            ("", "mirror/litellm-1.82.7"),
        ],
    )
    def test_refused(self, version: str, image: str) -> None:
        assert "choose another release" in releases.refusal(version, image)

    @pytest.mark.parametrize(
        "image", ["litellm:1.82.70", "litellm:11.82.7", "host-1.82.7.example:5000/litellm:1.104.5"]
    )
    def test_others_pass(self, image: str) -> None:
        assert releases.refusal("1.104.5", image) == ""

    def test_a_digest_is_refused_whatever_the_tag_says(self) -> None:
        denied = {"1.82.7": releases.Denied("is bad", frozenset({DIGEST}))}
        assert releases.refusal("1.104.5", f"litellm:good@{DIGEST}", denied)

    def test_names_the_variable_that_says_it(self) -> None:
        image = "registry.example/litellm:v1.82.8"
        assert said({"litellm_image": image})[0].startswith("litellm_image on one: 1.82.8 carried")
        assert said({"litellm_version": "1.107.0"})[0].startswith("litellm_version on one: 1.107.0 was withdrawn")
