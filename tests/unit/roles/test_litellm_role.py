# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role litellm writes: sizes, config.yaml without secrets, the environment with them."""

from __future__ import annotations

import http.server
import json
import os
import shlex
import subprocess
import threading
import typing as t
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.filter.database_login import database_login
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import litellm_instances
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import litellm, redis
from rendering import ROLES, SECRETS, Rendered, make_fleet, make_host, make_instance, render, secret_values

BIG = {"vcpus": 16, "memory_mb": 65536}


def view(*instances: dict[str, t.Any], gateways: tuple[str, ...] = ("gpu1",), **said: t.Any) -> dict[str, t.Any]:
    host = make_host(facts=said.pop("facts", None), **said)
    fleet = make_fleet(host, *instances, gateways=gateways)
    return litellm.view(fleet, fleet.hosts[host.name])


def rendered(*instances: dict[str, t.Any], **said: t.Any) -> Rendered:
    variables = {name: value for name, value in said.items() if name not in ("facts", "gateways")}
    return render("litellm", view(*instances, **said), **variables)


def environment(text: str) -> dict[str, str]:
    """As a shell reads it."""
    script = f"set -a; {text}\nexec env -0"
    found = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    return dict(line.split("=", 1) for line in found.stdout.split("\0") if line)


# ---- project and container


def test_the_project() -> None:
    found = view()["projects"][0]
    assert (found["name"], found["project_dir"]) == ("llmfleet-litellm-1", "/opt/llmfleet/litellm/1")
    assert found["replaces"] == [{"project": "litellm", "project_dir": "/opt/llmfleet/litellm", "service": "litellm"}]
    assert found["forward_only"] == ["litellm"]
    compose = rendered().compose
    assert list(compose["services"]) == ["litellm"], "the service's name is its alias in the networks"
    assert compose["services"]["litellm"]["container_name"] == "llmfleet-litellm-1"


def test_the_container_is_locked_down() -> None:
    found = rendered().compose["services"]["litellm"]
    assert found["cap_drop"] == ["ALL"] and found["security_opt"] == ["no-new-privileges:true"]
    assert found["read_only"] is True and found["tmpfs"] == ["/tmp:mode=1777,size=1g"]
    assert found["user"] == "60802:60802" and found["pids_limit"] == 4096
    assert all(mount["read_only"] for mount in found["volumes"])
    assert found["environment"]["LITELLM_MIGRATION_DIR"] == "/tmp/migrations"
    assert "HOME" not in found["environment"], "the image's own database client is below its home"
    assert rendered(litellm_memory_limit="4g").compose["services"]["litellm"]["mem_limit"] == "4g"


def test_mounted_secrets_lie_below_a_folder_for_root_alone() -> None:
    found = view()["projects"][0]
    folders = {entry["path"]: entry for entry in found["directories"]}
    assert (folders["secrets"]["mode"], folders["secrets"]["owner"]) == ("0700", "0")
    secret = next(entry for entry in found["files"] if entry.get("secret"))
    assert (secret["path"], secret["mode"], secret["owner"]) == ("secrets/mounted/environment", "0600", "60802")


def test_requests_come_by_the_gate_alone() -> None:
    assert "ports" not in rendered().compose["services"]["litellm"]


def test_networks_are_those_of_the_gate_and_of_the_databases() -> None:
    compose = rendered(make_instance()).compose
    names = {one["name"] for one in compose["networks"].values()}
    assert names == {"llmfleet", "llmfleet-db", "llmfleet-redis"}
    assert compose["services"]["litellm"]["networks"] == list(compose["networks"])
    elsewhere = rendered(postgres_mode="external", postgres_host="db.example.com", postgres_port=5433)
    assert set(elsewhere.compose["networks"]) == {"fleet", "redis"}
    assert "db.example.com:5433/" in environment(elsewhere.texts["secrets/mounted/environment"])["DATABASE_URL"]


def test_behind_an_edge_it_knows_where_users_find_it() -> None:
    found = rendered(llm_domain="llm.example.org").compose["services"]["litellm"]["environment"]
    assert found["PROXY_BASE_URL"] == "https://llm.example.org"
    assert "PROXY_BASE_URL" not in rendered().compose["services"]["litellm"]["environment"]


def test_lookup_of_a_key_waits_for_a_busy_database() -> None:
    found = rendered().compose["services"]["litellm"]["environment"]
    assert float(found["PROXY_DB_LOOKUP_DEADLINE_SECONDS"]) >= 60


def test_names_and_values_of_the_environment_reach_the_container() -> None:
    found = rendered(litellm_environment={"NASTY": "a: {b} #c $X ${Y}"}).compose["services"]["litellm"]["environment"]
    assert found["NASTY"].replace("$$", "$") == "a: {b} #c $X ${Y}"


# ---- sizes


@pytest.mark.parametrize(
    ("facts", "gpu_server", "count"),
    [
        ({}, False, 2),
        ({"vcpus": 1, "memory_mb": 65536}, False, 1),
        ({"vcpus": 2, "memory_mb": 7900}, False, 2),
        ({"vcpus": 2, "memory_mb": 3900}, False, 1),
        ({"vcpus": 4, "memory_mb": 15900}, False, 3),
        ({"vcpus": 16, "memory_mb": 17000}, False, 3),
        ({"vcpus": 64, "memory_mb": 262144}, False, 8),
        ({"vcpus": 2, "memory_mb": 16384}, True, 2),
        ({"vcpus": 8, "memory_mb": 7900}, True, 1),
        ({"vcpus": 16, "memory_mb": 262144}, True, 4),
    ],
)
def test_as_many_instances_as_the_host_carries(facts: dict[str, t.Any], gpu_server: bool, count: int) -> None:
    host = make_host(facts=facts)
    host = host if gpu_server else host._replace(groups=frozenset({"gateways"}))
    assert litellm_instances.instances(host, {}) == count
    assert litellm_instances.instances(make_host(facts=facts, litellm_instances=5), {}) == 5


def test_a_gateway_that_does_not_answer_has_as_many_as_before() -> None:
    assert litellm_instances.instances(make_host(), {"litellm_instances": 7}) == 7


def test_each_instance_is_a_project_of_one_worker() -> None:
    found = view(litellm_instances=3)["projects"]
    assert [one["name"] for one in found] == [f"llmfleet-litellm-{number}" for number in (1, 2, 3)]
    assert [one["project_dir"] for one in found] == [f"/opt/llmfleet/litellm/{number}" for number in (1, 2, 3)]
    services = [one["vars"]["litellm_instance"]["compose"]["services"]["litellm"] for one in found]
    assert [one["container_name"] for one in services] == [one["name"] for one in found]
    assert all("--num_workers" not in one["command"] for one in services)
    assert [bool(one["replaces"]) for one in found] == [True, False, False], "one of them replaces the former project"


def test_one_instance_of_the_fleet_migrates_the_database() -> None:
    def migrating(host: str) -> list[bool]:
        fleet = make_fleet(make_host(host, litellm_instances=2), gateways=("gw1", "gw2"))
        hosts = {name: fleet.hosts[host]._replace(name=name) for name in ("gw1", "gw2")}
        fleet = fleet._replace(hosts=hosts, gpu_servers=[])
        projects = litellm.view(fleet, fleet.hosts[host])["projects"]
        services = [one["vars"]["litellm_instance"]["compose"]["services"]["litellm"] for one in projects]
        return ["DISABLE_SCHEMA_UPDATE" not in one["environment"] for one in services]

    assert migrating("gw1") == [True, False] and migrating("gw2") == [False, False]


def test_a_stop_waits_for_the_requests_that_run() -> None:
    grace = rendered(litellm_request_timeout=90).compose["services"]["litellm"]["stop_grace_period"]
    assert grace == "110s"


# ---- Redis


def test_a_kill_finds_few_rows_of_spend_in_memory() -> None:
    """LiteLLM's own waits for 100 rows, or up to 30 s."""
    environment = rendered().compose["services"]["litellm"]["environment"]
    assert environment["SPEND_LOG_QUEUE_POLL_INTERVAL"] == environment["SPEND_LOG_QUEUE_SIZE_THRESHOLD"] == "1"
    general = rendered(litellm_instances=2).yaml("config.yaml")["general_settings"]
    assert general["proxy_batch_write_at"] == 10 and "use_redis_transaction_buffer" not in general


def test_instances_share_redis_and_its_password_is_in_no_file_but_the_environment() -> None:
    found = rendered(litellm_instances=2)
    config = found.yaml("config.yaml")
    assert config["general_settings"]["coordination_redis"] == {
        "host": "redis",
        "port": 6379,
        "password": "os.environ/LLM_REDIS_PASSWORD",
        "socket_timeout": 1.0,
    }
    assert config["general_settings"]["user_api_key_cache_ttl"] == 1, "a deleted key is called out to nobody"
    assert config["general_settings"]["database_disable_prepared_statements"] is True
    assert environment(found.texts["secrets/mounted/environment"])["LLM_REDIS_PASSWORD"] == SECRETS["redis_password"]
    assert [path for path, text in found.texts.items() if SECRETS["redis_password"] in text] == [
        "secrets/mounted/environment"
    ]
    assert {"name": "llmfleet-redis", "external": True} in found.compose["networks"].values()
    assert {"name": "llmfleet-redis", "internal": True} in view(litellm_instances=2)["projects"][1]["networks"]
    known = secret_values("litellm", view(litellm_instances=2), litellm_instances=2)
    assert SECRETS["redis_password"] in known


def test_one_instance_alone_has_no_redis() -> None:
    found = rendered(litellm_instances=1)
    assert "redis" not in found.texts["config.yaml"] + found.texts["secrets/mounted/environment"].lower()
    assert "llmfleet-redis" not in found.texts["compose.yml"]


def test_redis_elsewhere_and_on_the_first_gateway() -> None:
    said = {"redis_mode": "external", "redis_host": "redis.example.com", "redis_port": 6380, "redis_ssl": True}
    found = rendered(litellm_instances=1, **said).yaml("config.yaml")["general_settings"]["coordination_redis"]
    assert (found["host"], found["port"], found["ssl"]) == ("redis.example.com", 6380, True)
    first = make_host("gw1", redis_publish_address="10.0.0.1", redis_port=6390)._replace(litellm_processes=2)
    fleet = make_fleet(make_host("gw2", litellm_instances=1), gateways=("gw1", "gw2"))
    fleet = fleet._replace(hosts={**fleet.hosts, "gw1": first})
    assert redis.where(fleet, fleet.hosts["gw2"]) == redis.Where("10.0.0.1", 6390, False, "")
    assert redis.where(fleet, first) == redis.Where("redis", 6379, False, "llmfleet-redis")


@pytest.mark.parametrize(
    ("instances", "gateways", "given", "pool"),
    [
        (1, ("gpu1",), 0, 20),
        (8, ("gpu1",), 0, 11),
        (8, ("gpu1", "gw2"), 0, 5),
        (64, ("gpu1", "gw2"), 0, 1),
        (8, ("gpu1",), 9, 9),
    ],
)
def test_the_pool_of_an_instance(instances: int, gateways: tuple[str, ...], given: int, pool: int) -> None:
    config = rendered(
        gateways=gateways, litellm_instances=instances, litellm_database_connection_pool_limit=given
    ).yaml("config.yaml")
    assert config["general_settings"]["database_connection_pool_limit"] == pool


def test_local_models() -> None:
    """One deployment, whatever the replicas are and how much they may have to do: that is the gate's business."""
    given = make_instance(max_parallel_requests=10)
    other = make_instance(name="tiny-2", model_name="tiny", url=given["url"])
    found = rendered(given, other, gateways=("gpu1", "gw2"), litellm_instances=4)
    (entry,) = found.yaml("config.yaml")["model_list"]
    assert entry == {
        "model_name": "tiny",
        "litellm_params": {
            "model": "hosted_vllm/tiny",
            "api_base": "http://gate:8100/tiny/v1",
            "api_key": "os.environ/VLLM_API_KEY",
        },
        "model_info": {"cooldown_time": 0, "mode": "chat", "max_input_tokens": 8192},
    }
    assert environment(found.texts["secrets/mounted/environment"])["VLLM_API_KEY"] == "vllm-key-0123456789"


# ---- secrets

EXTERNAL: list[dict[str, t.Any]] = [
    {
        "name": "far",
        "litellm_params": {
            "model": "openai/x",
            "api_base": "https://user:pass-0001@proxy.example.com/v1",
            "api_key": 'it\'s $HOME `x` "0002"',
            "extra_headers": {"X-Api-Key": "header-0003", "Authorization": "Bearer 0004"},
            "vertex_credentials": {"type": "service_account", "private_key": "-----BEGIN\nkey-0005\n"},
            "aws_secret_access_key": "os.environ/AWS_KEY",
            "input_cost_per_token": "1e-05",
            "max_tokens": 100,
        },
        "model_info": {"input_cost_per_token": "1e-05"},
    }
]
SETTINGS: dict[str, t.Any] = {
    "litellm_settings": {
        "cache_params": {"type": "redis", "password": "redis-0006"},
        "default_team_settings": [{"team_id": "a", "langfuse_secret": "langfuse-0007"}],
    },
    "litellm_router_settings": {"redis_password": "redis-0008"},
    "litellm_general_settings": {"alert_to_webhook_url": {"budget_alerts": "https://hooks.example.com/0009"}},
}
ALL = [f"{number:04}" for number in range(1, 10)]


def test_no_secret_stays_in_the_configuration_at_any_depth() -> None:
    found = rendered(llm_external_models=EXTERNAL, **SETTINGS)
    assert [mark for mark in ALL if mark in found.texts["config.yaml"]] == []
    assert [mark for mark in ALL if mark in found.texts["compose.yml"]] == []
    value = view(llm_external_models=EXTERNAL, **SETTINGS)
    assert [mark for mark in ALL if mark in json.dumps(value)] == [], "the fleet's value holds no secret"


def test_litellm_reads_from_the_environment_what_was_declared() -> None:
    """With LiteLLM's own rule: values of dictionaries, and of dictionaries in lists."""
    found = rendered(llm_external_models=EXTERNAL, **SETTINGS)
    known = environment(found.texts["secrets/mounted/environment"])

    def read(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {name: read(part) for name, part in value.items()}
        if isinstance(value, list):
            return [read(part) if isinstance(part, dict) else part for part in value]
        if isinstance(value, str) and value.startswith("os.environ/"):
            return known.get(value.removeprefix("os.environ/"), value)
        return value

    config = read(found.yaml("config.yaml"))
    params = {**EXTERNAL[0]["litellm_params"], "input_cost_per_token": 1e-05}
    assert config["model_list"] == [
        {
            "model_name": "far",
            "litellm_params": params,
            "model_info": {"cooldown_time": 0, "input_cost_per_token": 1e-05},
        }
    ]
    assert config["litellm_settings"]["default_team_settings"] == SETTINGS["litellm_settings"]["default_team_settings"]
    assert config["router_settings"]["redis_password"] == "redis-0008"
    assert config["general_settings"]["alert_to_webhook_url"]["budget_alerts"].endswith("0009")


def test_prices_are_numbers_and_no_secrets() -> None:
    found = rendered(llm_external_models=EXTERNAL)
    (entry,) = found.yaml("config.yaml")["model_list"]
    assert entry["litellm_params"]["input_cost_per_token"] == 1e-05
    assert entry["model_info"]["input_cost_per_token"] == 1e-05


def test_names_for_the_environment_are_names_to_a_shell() -> None:
    model = {"name": "x", "litellm_params": {"model": "m", "extra_headers": {"x-api.key": "one", "x_api_key": "two"}}}
    found = rendered(llm_external_models=[model])
    headers = found.yaml("config.yaml")["model_list"][0]["litellm_params"]["extra_headers"]
    names = [value.removeprefix("os.environ/") for value in headers.values()]
    known = environment(found.texts["secrets/mounted/environment"])
    assert [known[name] for name in names] == ["one", "two"] and len(set(names)) == 2


def test_a_secret_where_litellm_reads_no_variable_is_refused_with_the_remedy() -> None:
    settings: dict[str, t.Any] = {"alert_to_webhook_url": {"budget_alerts": ["https://hooks.example.com/T0/B0"]}}
    found = view(litellm_general_settings=settings)
    (text,) = found["plan"]["refusals"]
    assert "T0/B0" not in json.dumps(found)
    assert "litellm_general_settings.alert_to_webhook_url.budget_alerts[0]" in text
    assert "a single text" in text


@pytest.mark.parametrize("password", ["p/w@:?#&% d+'\"$x", "ж" * 16])
def test_the_databases_url(password: str) -> None:
    found = rendered(postgres_password=password, postgres_user="order", litellm_database_options="sslmode=require")
    url = urlsplit(environment(found.texts["secrets/mounted/environment"])["DATABASE_URL"])
    assert (url.username, unquote(url.password or "")) == (database_login(password, "order"), password)
    assert (url.hostname, url.port, url.path, url.query) == ("postgres", 5432, "/litellm", "sslmode=require")


def test_an_address_of_the_database_in_ipv6() -> None:
    found = rendered(postgres_mode="external", postgres_host="fd00::5")
    assert "@[fd00::5]:5432/" in environment(found.texts["secrets/mounted/environment"])["DATABASE_URL"]


@pytest.mark.parametrize(
    "said",
    [
        {"postgres_mode": "external", "postgres_host": "db.example.com"},
        {"litellm_database_host": "db.example.com"},
        {"litellm_database_user": "an/other"},
    ],
)
def test_a_database_of_the_users_own_knows_no_logins_of_ours(said: dict[str, str]) -> None:
    url = urlsplit(environment(rendered(**said).texts["secrets/mounted/environment"])["DATABASE_URL"])
    assert unquote(url.username or "") == said.get("litellm_database_user", "litellm")


def test_a_second_gateway_logs_into_the_first_ones_database_alike() -> None:
    found = rendered(litellm_database_host="10.0.0.9", postgres_publish_address="10.0.0.9")
    url = urlsplit(environment(found.texts["secrets/mounted/environment"])["DATABASE_URL"])
    assert url.username == database_login("database-password-01", "litellm")


def test_a_password_of_its_own_for_the_database() -> None:
    found = rendered(litellm_database_password="other-password-1")
    assert ":other-password-1@" in environment(found.texts["secrets/mounted/environment"])["DATABASE_URL"]


def test_the_users_own_secrets_win() -> None:
    found = rendered(litellm_secret_environment={"UI_USERNAME": "boss", "X": "a 'b' $c\nd"})
    known = environment(found.texts["secrets/mounted/environment"])
    assert (known["UI_USERNAME"], known["X"]) == ("boss", "a 'b' $c\nd")


def test_a_names_only_deployment_is_never_closed() -> None:
    both = {"name": "both", "litellm_params": {"model": "openai/x"}}
    told = {"name": "told", "litellm_params": {"model": "openai/x"}, "model_info": {"cooldown_time": 9, "mode": "chat"}}
    found = rendered(make_instance(), make_instance(name="both"), llm_external_models=[both, told]).yaml("config.yaml")
    infos = [(one["model_name"], one.get("model_info")) for one in found["model_list"]]
    assert infos == [
        ("tiny", {"cooldown_time": 0, "mode": "chat", "max_input_tokens": 8192}),
        ("both", {"mode": "chat", "max_input_tokens": 8192}),
        ("both", None),
        ("told", {"cooldown_time": 9, "mode": "chat"}),
    ]


def test_no_model_of_ours_needs_no_key_of_vllm() -> None:
    model = {"name": "x", "litellm_params": {"model": "openai/x"}}
    text = rendered(llm_external_models=[model], vllm_api_key="").texts["secrets/mounted/environment"]
    assert "VLLM_API_KEY" not in text


def test_settings_are_merged_over_the_roles() -> None:
    config = rendered(litellm_settings={"request_timeout": 5}, litellm_router_settings={"num_retries": 0}).yaml(
        "config.yaml"
    )
    assert config["litellm_settings"]["request_timeout"] == 5 and config["litellm_settings"]["json_logs"] is True
    assert config["router_settings"] == {
        "enable_weighted_failover": True,
        "num_retries": 0,
        "routing_strategy": "simple-shuffle",
    }
    general = rendered(litellm_general_settings={"cancel_on_disconnect": False}).yaml("config.yaml")["general_settings"]
    assert general["cancel_on_disconnect"] is False and general["max_in_flight_requests_per_worker"] == 500
    unlimited = rendered(litellm_max_in_flight=0).yaml("config.yaml")["general_settings"]
    assert not any("in_flight" in name or "queued" in name for name in unlimited)


# ---- the probe


class Server(http.server.BaseHTTPRequestHandler):
    """The proxy's health, and a vLLM that takes one key."""

    def do_GET(self) -> None:
        refused = self.path == "/v1/models" and self.headers["Authorization"] != "Bearer it's $right"
        self.send_response(401 if refused else 200)
        self.end_headers()

    def log_message(self, *words: t.Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> t.Iterator[str]:
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    found.server_close()


def probe(tmp_path: Path, own: str, *arguments: str, key: str = "it's $right") -> subprocess.CompletedProcess[str]:
    (tmp_path / "environment").write_text(f"VLLM_API_KEY={shlex.quote(key)}\n")
    source = (ROLES / "litellm/files/probe.py").read_text()
    source = source.replace("http://127.0.0.1:4000", own).replace(
        "/run/llmfleet/environment", str(tmp_path / "environment")
    )
    return subprocess.run(
        ["python3", "-c", source, *arguments],
        env={"http_proxy": "http://127.0.0.1:1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_probe_uses_no_proxy(tmp_path: Path, server: str) -> None:
    assert probe(tmp_path, server, "liveliness").returncode == 0
    failed = probe(tmp_path, "http://127.0.0.1:9", "liveliness")
    assert failed.returncode == 1 and "/health/liveliness" in failed.stderr


def test_a_key_that_vllm_refuses_is_found_out(tmp_path: Path, server: str) -> None:
    """After a rotation that failed half way the proxy is healthy, and every request is refused."""
    assert probe(tmp_path, server, "readiness", server + "/v1").returncode == 0
    failed = probe(tmp_path, server, "readiness", server + "/v1", key="old-key-0123")
    assert failed.returncode == 1 and "vllm_api_key" in failed.stderr
    assert "old-key-0123" not in failed.stderr + failed.stdout


def test_a_server_that_is_away_is_no_fault_of_the_key(tmp_path: Path, server: str) -> None:
    assert probe(tmp_path, server, "readiness", "http://127.0.0.1:9/v1").returncode == 0


def test_an_instance_of_each_model_is_asked_for_the_key() -> None:
    first = make_instance()
    replica = make_instance(name="tiny-2", model_name="tiny", url=first["url"])
    (hook,) = view(first, replica, make_instance(name="b"))["projects"][0]["hooks"]
    assert hook["command"] == hook["check_command"]
    assert hook["command"][3:] == ["http://gate:8100/tiny/v1", "http://gate:8100/b/v1"]


def test_the_gate_knows_the_instances_by_their_numbers() -> None:
    found = view(litellm_instances=2)
    assert found["gate_servers"] == {
        "llmfleet-litellm-1": {"backend": "litellm", "server": "1"},
        "llmfleet-litellm-2": {"backend": "litellm", "server": "2"},
    }
    assert list(found["gate_servers"]) == [project["name"] for project in found["projects"]]


def test_all_secrets_are_masked_in_what_the_project_says() -> None:
    variables = {"llm_external_models": EXTERNAL, "litellm_secret_environment": {"X": "own-0010"}, **SETTINGS}
    masked = secret_values("litellm", view(**variables), **variables)
    assert [mark for mark in [*ALL, "0010"] if not any(mark in value for value in masked)] == []
    assert {"database-password-01", "ui-password-0123"} <= set(masked)


def test_the_entrypoint_hands_its_arguments_on(tmp_path: Path) -> None:
    text = (ROLES / "litellm/files/entrypoint.sh").read_text()
    (tmp_path / "environment").write_text("A=" + shlex.quote("x y'z") + "\n")
    text = text.replace("/run/llmfleet/environment", str(tmp_path / "environment"))
    text = text.replace("/app/docker/prod_entrypoint.sh", "/usr/bin/env printf '%s|' \"$A\"")
    done = subprocess.run(["sh", "-c", text, "sh", "--port", "4000"], capture_output=True, text=True, check=True)
    assert done.stdout == "x y'z|--port|4000|"


def test_the_configuration_is_yaml_with_model_names_as_texts() -> None:
    model = {"name": "405", "litellm_params": {"model": "openai/null"}}
    (entry,) = yaml.safe_load(rendered(llm_external_models=[model]).texts["config.yaml"])["model_list"]
    assert entry["model_name"] == "405"


# ---- a rehearsal


def test_on_a_copy_of_the_database_it_is_as_it_runs_but_for_redis_and_counts_at_once() -> None:
    """Redis is not there, and what needs it is left out; no provider is asked."""
    said = {"cache": True, "cache_params": {"type": "redis"}, "drop_params": True}
    router = {"redis_host": "x", "num_retries": 1}
    found = view(make_instance(), litellm_settings=said, litellm_router_settings=router, litellm_instances=2)
    tried, runs = found["rehearsal"], found["projects"][0]["vars"]["litellm_instance"]
    config, service = tried["config"], runs["compose"]["services"]["litellm"]
    assert "cache_params" in runs["config"]["litellm_settings"] and "redis" not in json.dumps(config)
    assert config["general_settings"]["proxy_batch_write_at"] == 1
    (model,), (real,) = config["model_list"], runs["config"]["model_list"]
    assert model["litellm_params"] == {**real["litellm_params"], "mock_response": "Yes."}
    assert config["litellm_settings"]["drop_params"] and config["router_settings"]["num_retries"] == 1
    assert tried["environment"] == service["environment"] and tried["after"] == service["image"]
