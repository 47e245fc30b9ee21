# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of deployments that people publish: what each becomes, and what of it is told."""

from __future__ import annotations

import typing as t

import pytest
from deployed import COMPOSE, MASTER, PASSWORD, SALT, Deployment
from test_translate import changed, faults, left, refusals


@pytest.fixture
def old() -> Deployment:
    return Deployment()


# ---- references and the environment


def test_a_model_and_its_address_may_be_variables(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        "      UI_USERNAME",
        "      M: openai/chat\n      B: http://vllm-chat:8000\n      UI_USERNAME",
    )
    old.replace("config.yaml", "model: openai/chat", "model: os.environ/M").replace(
        "config.yaml", "http://vllm-chat:8000/v1", "os.environ/B"
    )
    found = old.translated()
    assert [one["name"] for one in found.variables["llm_models"]] == ["qwen"]
    assert "qwen" not in [one["name"] for one in found.variables["llm_external_models"]]


def test_a_reference_to_what_the_fleet_sets_otherwise_keeps_its_old_value(old: Deployment) -> None:
    old.replace("docker-compose.yml", "      UI_USERNAME", "      VLLM_API_KEY: old-vllm-key-12345\n      UI_USERNAME")
    old.replace("config.yaml", "os.environ/OPENAI_API_KEY", "os.environ/VLLM_API_KEY")
    found = old.translated()
    key = found.variables["llm_external_models"][0]["litellm_params"]["api_key"]
    assert key == "os.environ/ADOPTED_GPT_4O_API_KEY"
    assert found.secrets["litellm_secret_environment"]["ADOPTED_GPT_4O_API_KEY"] == "old-vllm-key-12345"
    assert refusals(found) == []


def test_what_the_role_sets_itself_is_not_overridden(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        "      UI_USERNAME",
        "      DISABLE_SCHEMA_UPDATE: 'true'\n      WEB_CONCURRENCY: '4'\n"
        "      KEY_FILE: /app/config.yaml\n      UI_USERNAME",
    )
    found = old.translated()
    assert "litellm_environment" not in found.variables
    for name in ("DISABLE_SCHEMA_UPDATE", "WEB_CONCURRENCY", "KEY_FILE"):
        assert f"environment.{name}" in left(found), name


def test_a_variable_that_only_a_shell_may_have_set_is_told_where_keys_do_not_depend_on_it(old: Deployment) -> None:
    old.replace(".env", "HF_TOKEN=hf_abcdefghij\n", "")
    found = old.translated()
    assert not found.notes.faults
    assert "docker-compose.yml:10 services.vllm-chat.environment[0]: HF_TOKEN is set nowhere" in changed(found)


@pytest.mark.parametrize(("held", "faulty"), [(["HUGGING_FACE_HUB_TOKEN"], True), ([], False)])
def test_the_container_tells_whether_a_shell_had_a_variable(old: Deployment, held: list[str], faulty: bool) -> None:
    old.replace(".env", "HF_TOKEN=hf_abcdefghij\n", "")
    old.facts["containers"] = [{"service": "vllm-chat", "environment": held, "mounts": []}]
    found = old.translated()
    assert ("HF_TOKEN is set nowhere" in faults(found)) is faulty
    assert "HF_TOKEN is set nowhere" not in changed(found)


def test_vllm_gets_nothing_of_the_others_from_a_file_for_all(old: Deployment) -> None:
    old.replace("docker-compose.yml", "    ipc: host", "    env_file: .env")
    found = old.translated()
    assert "vllm_secret_environment" in found.secrets
    assert not any(value in found.secrets["vllm_secret_environment"].values() for value in (MASTER, SALT, PASSWORD))
    assert "LITELLM_MASTER_KEY" in changed(found)


def test_an_empty_salt_is_not_the_master_key(old: Deployment) -> None:
    old.replace(".env", f'LITELLM_SALT_KEY="{SALT}"', "LITELLM_SALT_KEY=")
    assert "LiteLLM encrypted with the empty text" in faults(old.translated())
    assert "litellm_salt_key" not in old.translated(new_salt=True).secrets


# ---- other services


@pytest.mark.parametrize(
    "service",
    [
        'command: ["echo", "$(date)"]',
        "environment: {A: '${NOWHERE:?must}'}",
        "env_file: gone.env",
        "volumes: ['${HOME}:relative']",
        "ports: ['1-3:1-3']",
    ],
)
def test_what_is_wrong_with_services_that_stay_is_nobody_s_business(old: Deployment, service: str) -> None:
    old.replace("docker-compose.yml", "  db:\n", f"  tool:\n    image: tool\n    {service}\n  db:\n")
    assert not old.translated().notes.faults


def test_what_listens_on_the_server_itself_is_not_reached_under_that_name(old: Deployment) -> None:
    old.replace(
        "config.yaml", "anthropic/claude-sonnet-4\n", "ollama/m\n      api_base: http://host.docker.internal:11434\n"
    )
    found = old.translated()
    assert [one["name"] for one in found.variables["llm_external_models"]] == ["gpt-4o"]
    assert "model_list[2]: claude is answered by something on the server itself, at host.docker.internal:11434" in left(
        found
    )


def test_addresses_of_the_container_itself_are_left_in_settings_and_environment(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        "      UI_USERNAME",
        "      LANGFUSE_HOST: http://localhost:3000\n      PYTHONPATH: /app\n      UI_USERNAME",
    )
    old.replace("config.yaml", "drop_params: true", "cache: true\n  cache_params: {type: redis, host: localhost}")
    found = old.translated()
    assert "litellm_environment" not in found.variables and "litellm_settings" not in found.variables
    for place in ("LANGFUSE_HOST: leads to localhost", "cache: leads to localhost", "cache_params", "PYTHONPATH"):
        assert place in left(found), place


def test_what_the_role_sets_to_the_same_is_not_spoken_of(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml", "      UI_USERNAME", "      LITELLM_LOCAL_MODEL_COST_MAP: 'True'\n      UI_USERNAME"
    )
    assert not old.translated().notes.left


def test_a_redis_of_the_project_is_left_with_all_that_needs_it(old: Deployment) -> None:
    old.replace("docker-compose.yml", "  db:\n", "  cache: {image: redis}\n  db:\n")
    old.replace(
        "docker-compose.yml",
        "      UI_USERNAME",
        "      REDIS_HOST: cache\n      REDIS_PORT: '6379'\n      UI_USERNAME",
    )
    old.replace("config.yaml", "drop_params: true", "drop_params: true\n  cache: true").replace(
        "config.yaml",
        "router_settings:\n",
        "router_settings:\n  redis_host: os.environ/REDIS_HOST\n  redis_port: 6379\n",
    )
    found = old.translated()
    assert found.variables["litellm_settings"] == {"drop_params": True}
    assert "litellm_router_settings" not in found.variables and "litellm_environment" not in found.variables
    for place in ("litellm_settings.cache:", "redis_host", "redis_port", "environment.REDIS_HOST", "REDIS_PORT"):
        assert place in left(found), place


def test_a_redis_elsewhere_stays(old: Deployment) -> None:
    old.replace("docker-compose.yml", "      UI_USERNAME", "      REDIS_HOST: redis.example.com\n      UI_USERNAME")
    old.replace("config.yaml", "drop_params: true", "cache: true")
    found = old.translated()
    assert found.variables["litellm_settings"] == {"cache": True}
    assert found.variables["litellm_environment"] == {"REDIS_HOST": "redis.example.com"}


def test_a_database_that_is_reached_by_its_published_port_is_the_service(old: Deployment) -> None:
    old.replace("docker-compose.yml", "@db:5432/", "@localhost:5433/").replace(
        "docker-compose.yml", "    image: postgres:15\n", "    image: postgres:15\n    ports: ['127.0.0.1:5433:5432']\n"
    )
    found = old.translated()
    assert found.services == ("vllm-chat", "litellm", "db") and "postgres_mode" not in found.variables


def test_parts_of_an_address_are_one(old: Deployment) -> None:
    parts = {
        "HOST": "db",
        "PORT": "5432",
        "USER": "litellm",
        "PASSWORD": PASSWORD,
        "NAME": "litellm",
        "SCHEMA": "proxy",
    }
    lines = "".join(f"      DATABASE_{name}: '{value}'\n" for name, value in parts.items())
    old.replace(
        "docker-compose.yml", "      DATABASE_URL: postgresql://litellm:${POSTGRES_PASSWORD}@db:5432/litellm\n", lines
    )
    found = old.translated()
    assert found.variables["litellm_database_options"] == "schema=proxy"
    assert found.secrets["postgres_password"] == PASSWORD and found.database.service.name == "db"


@pytest.mark.parametrize("host", ["localhost", "pool"])
def test_a_database_behind_something_else_is_refused(old: Deployment, host: str) -> None:
    old.replace("docker-compose.yml", "@db:5432/", f"@{host}:6432/")
    old.replace("docker-compose.yml", "  db:\n", "  pool: {image: pgbouncer}\n  db:\n")
    assert "write the address of the database itself" in faults(old.translated())


def test_a_proxy_in_front_is_told_where_to_lead(old: Deployment) -> None:
    old.replace("docker-compose.yml", "  db:\n", "  web: {image: 'traefik:v3'}\n  db:\n")
    assert "services.web: goes on in the old project. Where it led to LiteLLM" in left(old.translated())


def test_without_docker_it_is_told_what_is_not_known(old: Deployment) -> None:
    old.facts["docker"] = False
    assert "Docker is not there" in changed(old.translated())


# ---- which service is which


def test_a_gateway_that_is_built_is_known_by_what_it_is_given(old: Deployment) -> None:
    old.replace("docker-compose.yml", "    image: ghcr.io/berriai/litellm:main-v1.70.0\n", "    build: {context: .}\n")
    found = old.translated()
    assert not found.notes.faults and "services.litellm.build: the image is built here" in left(found)


def test_equal_gateways_are_instances_and_different_ones_refused(old: Deployment) -> None:
    text = COMPOSE[COMPOSE.index("  litellm:\n") : COMPOSE.index("  db:\n")]
    old.add("docker-compose.yml", text.replace("  litellm:", "  second:").replace('"4000:4000"', '"4001:4000"'))
    found = old.translated()
    assert found.services == ("vllm-chat", "litellm", "second", "db")
    assert "services.second: is the same as litellm" in changed(found)
    old.replace("docker-compose.yml", "  second:\n", "  second:\n    entrypoint: [litellm, --debug]\n")
    assert "2 services of LiteLLM (litellm, second) that differ" in faults(old.translated())


def test_a_vllm_in_an_image_of_one_s_own_is_spoken_of(old: Deployment) -> None:
    old.replace("docker-compose.yml", "  db:\n", "  vllm-own: {build: ./vllm}\n  db:\n")
    assert "services.vllm-own: may be vLLM" in left(old.translated())


@pytest.mark.parametrize(
    ("env", "containers", "names"),
    [
        ("", [], ["qwen"]),
        ("COMPOSE_PROFILES=gpu,x\n", [], ["qwen"]),
        ("COMPOSE_PROFILES=cpu\n", [], []),
        ("", ["litellm"], []),
        ("", ["litellm", "vllm-chat"], ["qwen"]),
    ],
)
def test_a_service_with_a_profile_is_taken_where_it_runs(
    old: Deployment, env: str, containers: list[str], names: list[str]
) -> None:
    old.replace("docker-compose.yml", "    ipc: host", "    profiles: [gpu]").add(".env", env)
    old.facts["containers"] = [{"service": name, "mounts": []} for name in containers]
    found = old.translated()
    assert [one["name"] for one in found.variables.get("llm_models", [])] == names
    assert ("asks for its profile (gpu)" in left(found)) is not bool(names)


# ---- files that take in others


def test_a_service_that_extends_another_has_its_keys(old: Deployment) -> None:
    before = old.translated()
    text = old.files["docker-compose.yml"] or ""
    place = text.index("    volumes:\n      - ${MODELS")
    base = text[place : text.index("    restart: unless-stopped\n")]
    old.files["parts/gpu.yml"] = f"services:\n  base:\n{base}  all: {{extends: {{service: base}}, restart: always}}\n"
    old.replace("docker-compose.yml", base, "    extends: {file: parts/gpu.yml, service: all}\n")
    found = old.translated()
    assert (found.variables, found.secrets) == (before.variables, before.secrets)
    assert not found.notes.left


def test_paths_of_a_file_that_is_extended_are_beside_it(old: Deployment) -> None:
    old.replace("docker-compose.yml", "    volumes:\n      - ${MODELS:-./models}:/root/.cache/huggingface\n", "")
    old.replace("docker-compose.yml", "    ipc: host\n", "    extends: {file: parts/gpu.yml, service: base}\n")
    old.files["parts/gpu.yml"] = (
        "services:\n  base: {volumes: ['./m:/root/.cache/huggingface'], env_file: v.env, environment: [A=1]}\n"
    )
    old.files["parts/v.env"] = "B=2\n"
    found = old.translated()
    assert found.variables["vllm_models_dir"] == "/srv/llm/parts/m"
    assert found.variables["llm_models"][0]["environment"] == {"A": "1", "B": "2"}


def test_services_that_extend_each_other_are_refused(old: Deployment) -> None:
    old.replace("docker-compose.yml", "    ipc: host\n", "    extends: db\n").replace(
        "docker-compose.yml", "    image: postgres:15\n", "    image: postgres:15\n    extends: vllm-chat\n"
    )
    assert "names no service, or one that extends this one" in faults(old.translated())


@pytest.mark.parametrize(
    "entry", ["db/compose.yml", "{path: db/compose.yml}", "{path: [db/compose.yml], env_file: db/.env}"]
)
def test_files_that_are_included_are_read_with_their_own_variables(old: Deployment, entry: str) -> None:
    before = old.translated()
    text = old.files["docker-compose.yml"] or ""
    old.files["db/compose.yml"] = "services:\n" + text[text.index("  db:\n") :].replace("litellm", "$NAME")
    old.files["db/.env"] = "NAME=litellm\n"
    old.files["docker-compose.yml"] = f"include: [{entry}]\n" + text[: text.index("  db:\n")]
    found = old.translated()
    assert (found.variables, found.secrets, found.services) == (before.variables, before.secrets, before.services)


def test_a_file_that_includes_itself_is_refused(old: Deployment) -> None:
    old.files["docker-compose.yml"] = "include: [docker-compose.yml]\n" + COMPOSE
    assert "includes itself" in faults(old.translated())


# ---- commands


@pytest.mark.parametrize(
    "command",
    [
        'entrypoint: [litellm, --config, /app/config.yaml, --num_workers, "4"]',
        'command: ["sh", "-c", "prisma migrate deploy && exec litellm --config /app/config.yaml --port 4000"]',
        'entrypoint: sh -c\n    command: ["litellm --drop_params --config=/app/config.yaml"]',
    ],
)
def test_whichever_way_litellm_is_started(old: Deployment, command: str) -> None:
    old.replace("docker-compose.yml", 'command: ["--config", "/app/config.yaml", "--port", "4000"]', command)
    found = old.translated()
    assert not found.notes.faults, faults(found)
    assert found.variables["litellm_routing_strategy"] == "least-busy"


def test_a_script_around_litellm_is_refused(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        'command: ["--config", "/app/config.yaml", "--port", "4000"]',
        "entrypoint: [sh, /app/run.sh]",
    )
    assert "starts LiteLLM by a script" in faults(old.translated())


def test_settings_in_the_command_are_settings(old: Deployment) -> None:
    old.replace("docker-compose.yml", '"--port", "4000"]', '"--request_timeout", "33", "--max_budget", "5"]')
    old.replace("config.yaml", "  request_timeout: 300\n", "")
    said = old.translated().variables
    assert said["litellm_request_timeout"] == 33 and said["litellm_settings"]["max_budget"] == 5


def test_variables_of_the_container_in_a_shell_are_known(old: Deployment) -> None:
    old.replace("docker-compose.yml", "    ipc: host", "    entrypoint: [sh, -c, 'vllm serve $$MODEL --seed 1']")
    old.replace("docker-compose.yml", "      - HUGGING", "      - MODEL=q/w\n      - HUGGING")
    assert old.translated().variables["llm_models"][0]["model"] == "q/w"


# ---- models


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("Local Chat", "local-chat-model"),
        ("owner/" + "long-" * 12 + "name", ("long-" * 12)[:37].rstrip("-") + "-model"),
        ("405", "405-model"),
    ],
)
def test_a_name_that_no_container_can_have_is_an_alias(old: Deployment, name: str, new: str) -> None:
    old.replace("config.yaml", "model_name: qwen", f'model_name: "{name}"').replace(
        "config.yaml", "{qwen:", f'{{"{name}":'
    )
    found = old.translated()
    entry = found.variables["llm_models"][0]
    assert (entry["name"], entry["aliases"], entry["fallbacks"]) == (new, [name], ["gpt-4o"])
    assert refusals(found) == []


def test_mode_and_price_come_along(old: Deployment) -> None:
    old.replace(
        "config.yaml",
        "      api_key: none\n",
        "      api_key: none\n      output_cost_per_token: 6.0e-07\n"
        "    model_info: {mode: chat, input_cost_per_token: 0.0000003}\n",
    )
    found = old.translated()
    assert found.variables["llm_models"][0]["price"] == {"input": 0.3, "output": 0.6}
    assert found.variables["llm_models"][0]["mode"] == "chat"
    assert not found.notes.left and refusals(found) == []


def test_two_services_that_do_the_same_are_replicas(old: Deployment) -> None:
    text = COMPOSE[COMPOSE.index("  vllm-chat:\n") : COMPOSE.index("  litellm:\n")]
    second = (
        text.replace("  vllm-chat:", "  vllm-2:").replace('["0", "1"]', '["2", "3"]').replace("8000:8000", "8002:8000")
    )
    old.replace("docker-compose.yml", "  litellm:\n", f"{second}  litellm:\n")
    entry = "  - {model_name: qwen, litellm_params: {model: openai/chat, api_base: 'http://vllm-2:8000/v1'}}\n"
    old.replace("config.yaml", "litellm_settings:", f"{entry}litellm_settings:")
    found = old.translated()
    (model,) = found.variables["llm_models"]
    assert model["replicas"] == 2 and "gpus" not in model and not found.notes.left
    assert "vllm-2 does the same: it has 2 replicas" in changed(found)
    assert set(found.services) == {"vllm-chat", "vllm-2", "litellm", "db"}
    assert refusals(found) == []


def test_replicas_of_a_service_are_the_model_s(old: Deployment) -> None:
    old.replace("docker-compose.yml", "    deploy:\n", "    deploy:\n      replicas: 2\n")
    found = old.translated()
    assert found.variables["llm_models"][0]["replicas"] == 2 and not found.notes.left


@pytest.mark.parametrize(
    ("gpus", "image", "count", "told"),
    [
        (4, "vllm/vllm-openai:v0.10.1", 4, "the server has 4, so it is taken for one that uses them"),
        (0, "vllm/vllm-openai:v0.10.1", 0, "asks for no GPU; so it runs on CPUs"),
        (4, "vllm/vllm-openai-cpu:v0.10.1", 0, ""),
    ],
)
def test_a_service_that_says_nothing_of_gpus(old: Deployment, gpus: int, image: str, count: int, told: str) -> None:
    text = old.files["docker-compose.yml"] or ""
    deploy = text[text.index("    deploy:\n") : text.index("    restart:")]
    old.replace("docker-compose.yml", deploy, "").replace("docker-compose.yml", "vllm/vllm-openai:v0.10.1", image)
    old.facts["gpus"] = gpus
    found = old.translated()
    assert found.variables["llm_gpu_count"] == count
    assert told in changed(found) and ("asks for no GPU" in changed(found)) is bool(told)


@pytest.mark.parametrize("source", ["~/.cache/huggingface", "$HOME/.cache/huggingface", "${HOME}/.cache/huggingface"])
def test_weights_in_the_home_of_who_runs_it(old: Deployment, source: str) -> None:
    old.replace("docker-compose.yml", "${MODELS:-./models}:", f"{source}:")
    files = {f"/home/ann/llm/{name}": text for name, text in old.files.items()}
    found = at_home(old, files)
    assert found.variables["vllm_models_dir"] == "/home/ann/.cache/huggingface"


def at_home(old: Deployment, files: dict[str, str | None]) -> t.Any:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.translate import translate

    known: dict[str, str | None] = dict(files)
    while True:
        found = translate("/home/ann/llm", known, old.facts)
        if not found.wanted:
            return found
        known.update({name: files.get(name) for name in found.wanted})


def test_a_mount_of_the_hub_s_folder_itself_is_the_cache(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        "${MODELS:-./models}:/root/.cache/huggingface",
        "/data/hf/hub:/root/.cache/huggingface/hub",
    )
    assert old.translated().variables["vllm_models_dir"] == "/data/hf"


# ---- settings


def test_callbacks_that_are_code_are_left_and_the_others_stay(old: Deployment) -> None:
    old.replace("config.yaml", "drop_params: true", "callbacks: [prometheus, hooks.handler]")
    found = old.translated()
    assert found.variables["litellm_settings"] == {"callbacks": ["prometheus"]}
    assert "callbacks: hooks.handler names Python code" in left(found)


def test_a_secret_that_the_environment_can_not_have_is_left_out_where_it_stands(old: Deployment) -> None:
    old.replace(
        "config.yaml",
        "sk-ant-abcdefghijklmnop",
        "sk-ant-abcdefghijklmnop\n      extra_headers: {Authorization: Bearer abcdef12}",
    )
    found = old.translated()
    assert found.variables["llm_external_models"][1]["litellm_params"]["extra_headers"] == {}
    assert "model_list[2].litellm_params.extra_headers.Authorization: is a secret with white space" in left(found)
    assert "abcdef12" not in repr(found.variables) + repr(found.secrets)


def test_one_callback_may_be_code_too(old: Deployment) -> None:
    old.replace(
        "config.yaml", "drop_params: true", "success_callback: [langfuse, hooks.handler]\n  failure_callback: hooks.f"
    )
    found = old.translated()
    assert found.variables["litellm_settings"] == {"success_callback": ["langfuse"]}
    assert "failure_callback: names Python code" in left(found)


def test_fallbacks_to_what_is_not_there_are_told(old: Deployment) -> None:
    old.replace(
        "config.yaml",
        "fallbacks: [{qwen: [gpt-4o]}]",
        "fallbacks: [{gpt-5: [qwen]}]\n  context_window_fallbacks: [{qwen: [gone]}]",
    )
    old.replace("config.yaml", "model_name: gpt-4o", 'model_name: "gpt-*"')
    text = left(old.translated())
    assert "fallbacks[0]: is for gpt-5, which has no entry of its own" in text
    assert "context_window_fallbacks[0]: names gone, which is not taken over" in text


@pytest.mark.parametrize("path", ["/run/secrets/token", "/root/.cache/huggingface/token"])
def test_paths_of_the_old_container_in_vllm_s_environment_are_left(old: Deployment, path: str) -> None:
    old.replace("docker-compose.yml", "      - HUGGING", f"      - HF_TOKEN_PATH={path}\n      - HUGGING")
    found = old.translated()
    assert "environment" not in found.variables["llm_models"][0] and "environment.HF_TOKEN_PATH" in left(found)


def test_a_number_that_is_none_of_a_kind_is_not_rounded(old: Deployment) -> None:
    old.replace("config.yaml", "request_timeout: 300", "request_timeout: 0.5")
    found = old.translated()
    assert "litellm_request_timeout" not in found.variables and "litellm_settings.request_timeout" in left(found)
