# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole deployment: what it becomes, and that nothing of it is dropped without a word."""

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import check, read_specs
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets as services_secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION, role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve
from deployed import MASTER, PASSWORD, SALT, Deployment


@pytest.fixture
def old() -> Deployment:
    return Deployment()


def told(found: t.Any) -> list[str]:
    return [str(note) for notes in (found.notes.faults, found.notes.left, found.notes.changed) for note in notes]


def faults(found: t.Any) -> str:
    return "\n".join(map(str, found.notes.faults))


def left(found: t.Any) -> str:
    return "\n".join(map(str, found.notes.left))


def changed(found: t.Any) -> str:
    return "\n".join(map(str, found.notes.changed))


def refusals(found: t.Any) -> list[str]:
    """What site.yml would say of the fleet."""

    class Hosts(dict[str, dict[str, t.Any]]):
        def raw_get(self, name: str) -> dict[str, t.Any]:
            return self[name]

    made = {secret.variable: secret.prefix + "x" * 48 for secret in services_secrets(authority=True)}
    shared = {**made, **found.variables, **found.secrets, "inventory_hostname": "gpu1"}
    loader = DataLoader()
    defaults = role_defaults(loader)
    groups = {"gateways": ["gpu1"], "gpu_servers": ["gpu1"]}
    resolved = resolve(Hosts(gpu1=shared), groups, defaults, loader)
    given = {name: host.variables for name, host in resolved.hosts.items()}
    return [*resolved.faults, *check(given, groups, read_specs(COLLECTION), defaults).faults]


def test_what_people_write_becomes_a_fleet(old: Deployment) -> None:
    found = old.translated()
    assert told(found) and not found.notes.faults and not found.notes.left
    assert found.variables["llm_models"] == [
        {
            "name": "qwen",
            "model": "Qwen/Qwen2.5-7B-Instruct",
            "tensor_parallel_size": 2,
            "gpu_memory_utilization": 0.85,
            "max_model_len": 16384,
            "engine_args": {
                "enable_prefix_caching": True,
                "tool_call_parser": "hermes",
                "enable_auto_tool_choice": True,
            },
            "gpus": [0, 1],
            "port": 8000,
            "fallbacks": ["gpt-4o"],
        }
    ]
    assert found.variables["vllm_models_dir"] == "/data/models"
    assert found.variables["llm_gpu_count"] == 2
    assert found.variables["litellm_routing_strategy"] == "least-busy"
    assert found.variables["litellm_request_timeout"] == 300
    assert found.variables["litellm_settings"] == {"drop_params": True}
    assert found.services == ("vllm-chat", "litellm", "db")


def test_the_fleet_that_comes_of_it_is_one_that_site_yml_takes(old: Deployment) -> None:
    assert refusals(old.translated()) == []


def test_secrets_are_the_same_and_stand_in_no_variable(old: Deployment) -> None:
    found = old.translated()
    assert found.secrets == {
        "litellm_master_key": MASTER,
        "litellm_salt_key": SALT,
        "litellm_ui_password": "correct-horse-1",
        "postgres_password": PASSWORD,
        "vllm_hf_token": "hf_abcdefghij",
        "litellm_secret_environment": {
            "OPENAI_API_KEY": "sk-proj-abcdefghijkl",
            "ADOPTED_CLAUDE_API_KEY": "sk-ant-abcdefghijklmnop",
        },
    }
    shown = repr(found.variables) + repr(told(found))
    values = [
        *found.secrets["litellm_secret_environment"].values(),
        MASTER,
        SALT,
        PASSWORD,
        "correct-horse-1",
        "hf_abc",
    ]
    assert [value for value in values if value in shown] == []


def test_providers_keep_their_parameters(old: Deployment) -> None:
    assert old.translated().variables["llm_external_models"] == [
        {"name": "gpt-4o", "litellm_params": {"model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}},
        {
            "name": "claude",
            "litellm_params": {"model": "anthropic/claude-sonnet-4", "api_key": "os.environ/ADOPTED_CLAUDE_API_KEY"},
        },
    ]


# ---- what ends a translation, with the remedy


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        (
            ".env",
            f"LITELLM_MASTER_KEY={MASTER}\n",
            "",
            ["docker-compose.yml", "LITELLM_MASTER_KEY must be set", ".env"],
        ),
        (".env", "UI_USERNAME=boss\n", "", ["docker-compose.yml:28", "UI_USERNAME is set nowhere", "into .env"]),
        (".env", "UI_USERNAME=boss", "UI_USERNAME boss", [".env:5", "no NAME=VALUE"]),
        (".env", f"'{PASSWORD}'", f"'{PASSWORD}", [".env:4", "nothing closes it"]),
        ("docker-compose.yml", "  litellm:\n", "  litellm:\n   - x\n", ["docker-compose.yml:", "is no YAML"]),
        ("docker-compose.yml", "  db:\n", "  litellm:\n    image: x\n  db:\n", ["the key litellm stands twice"]),
        (
            "docker-compose.yml",
            "image: postgres:15",
            "image: docker.litellm.ai/berriai/litellm:v1",
            ["2 services of LiteLLM"],
        ),
        ("docker-compose.yml", "ghcr.io/berriai/litellm:main-v1.70.0", "nginx", ["no service of LiteLLM"]),
        (
            "docker-compose.yml",
            "    ipc: host",
            "    extends: {service: gone}",
            ["docker-compose.yml:14", "names no service"],
        ),
        ("docker-compose.yml", "services:\n", "include: [x.yml]\nservices:\n", ["x.yml: is not in the folder"]),
        ("docker-compose.yml", "    ipc: host", "    env_file: gone.env", ["gone.env", "can't be read"]),
        ("docker-compose.yml", "${POSTGRES_PASSWORD}@db", "${POSTGRES_PASSWORD@db", ["nothing closes"]),
        (
            "docker-compose.yml",
            "${POSTGRES_PASSWORD}@db",
            "${POSTGRES_PASSWORD}@redis:1x",
            ["no address of PostgreSQL"],
        ),
        ("docker-compose.yml", "      DATABASE_URL: postgresql", "      X_URL: postgresql", ["no database"]),
        ("docker-compose.yml", "--model Qwen/Qwen2.5-7B-Instruct", "", ["names no model"]),
        (
            "docker-compose.yml",
            "--model Qwen/Qwen2.5-7B-Instruct",
            "--model /baked/in",
            ["/baked/in", "part of the image"],
        ),
        ("docker-compose.yml", "--max-model-len", "--nnodes 2 --max-model-len", ["several servers"]),
        ("docker-compose.yml", "--max-model-len", "--config /x.yaml --max-model-len", ["file of options"]),
        (
            "docker-compose.yml",
            "--served-model-name chat",
            "--served-model-name 'chat",
            ["a quote that nothing closes"],
        ),
        ("docker-compose.yml", "8000:8000", "8000-8001:8000-8001", ["range of ports", "one entry for each"]),
        ("docker-compose.yml", "./config.yaml:/app", "./other.yaml:/app", ["other.yaml", "can't be read"]),
        ("config.yaml", "model_list:", "model_list: &a [*a]\nx:", ["config.yaml:1", "holds itself"]),
        ("config.yaml", "  - model_name: qwen\n", "  - name: qwen\n", ["config.yaml:2 model_list[0]", "model_name"]),
        ("config.yaml", "general_settings:", "include: [more.yaml]\ngeneral_settings:", ["further files"]),
    ],
)
def test_bad_input_is_refused_with_its_place(
    old: Deployment, file: str, before: str, after: str, said: list[str]
) -> None:
    text = faults(old.replace(file, before, after).translated())
    assert [word for word in said if word not in text] == [], text
    assert not any(secret in text for secret in (MASTER, SALT, PASSWORD))


def test_all_faults_are_told_at_once(old: Deployment) -> None:
    old.replace(".env", "UI_USERNAME=boss\n", "").replace("docker-compose.yml", "8000:8000", "a:b")
    old.replace(".env", f'LITELLM_SALT_KEY="{SALT}"', "LITELLM_SALT_KEY=short")
    assert len(old.translated().notes.faults) == 3


def test_a_folder_without_a_deployment_is_named(old: Deployment) -> None:
    old.files = {".env": ""}
    assert "holds none of compose.yaml" in faults(old.translated())


def test_without_env_every_variable_is_named(old: Deployment) -> None:
    old.files[".env"] = None
    text = faults(old.translated())
    for name in ("LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "POSTGRES_PASSWORD", "HF_TOKEN", "OPENAI_API_KEY"):
        assert name in text, name


# ---- forms of Compose


def test_a_command_may_be_a_list_a_mapping_an_environment_a_variable_its_default(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        """    command: >
      --model Qwen/Qwen2.5-7B-Instruct
      --served-model-name chat
      --tensor-parallel-size 2 --gpu-memory-utilization 0.85 --max-model-len 16384
      --enable-prefix-caching --tool-call-parser hermes --enable-auto-tool-choice
    environment:
      - HUGGING_FACE_HUB_TOKEN=${HF_TOKEN}
""",
        """    entrypoint: [vllm, serve]
    command: [--enable-prefix-caching, "${MODEL:-Qwen/Qwen2.5-7B-Instruct}", --served-model-name=chat, -tp, 2,
      --enable-auto-tool-choice, --tool_call_parser, hermes, --gpu-memory-utilization=0.85, --max-model-len, "16384"]
    environment: {HF_TOKEN: "${HF_TOKEN}"}
""",
    )
    again = old.translated()
    assert again.variables == Deployment().translated().variables
    assert again.secrets == Deployment().translated().secrets


@pytest.mark.parametrize(
    "command",
    [
        '["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "q/w"]',
        "vllm serve q/w",
        "serve q/w",
        "--model q/w",
        "q/w",
        "[sh, -c, 'exec vllm serve q/w']",
        "[/bin/bash, -lc, \"vllm serve \\\\\\n  --model 'q/w'\"]",
    ],
)
def test_whichever_way_vllm_is_started(old: Deployment, command: str) -> None:
    old.files["docker-compose.yml"] = f"""\
services:
  v: {{image: vllm/vllm-openai, command: {command}}}
  litellm: {{image: litellm, environment: ["DATABASE_URL=postgresql://u:{PASSWORD}@db/x", "LITELLM_SALT_KEY={SALT}"]}}
  db: {{image: postgres}}
"""
    found = old.translated()
    assert not found.notes.faults, faults(found)
    assert found.variables["llm_models"][0]["model"] == "q/w"


def test_a_script_as_command_is_refused_with_the_form_to_write(old: Deployment) -> None:
    old.replace("docker-compose.yml", "    ipc: host", '    entrypoint: [bash, -c, "pip install x && vllm serve q/w"]')
    assert "write its command as [vllm, serve, MODEL" in faults(old.translated())


def test_anchors_override_file_and_env_file_are_read(old: Deployment) -> None:
    old.files["docker-compose.override.yml"] = """\
x-token: &token {HF_HUB_OFFLINE: "1"}
services:
  vllm-chat:
    environment: {<<: *token, VLLM_LOGGING_LEVEL: DEBUG}
    env_file: [{path: vllm.env}, {path: absent.env, required: false}]
    shm_size: 8gb
"""
    old.files["vllm.env"] = "export MY_PROXY_PASSWORD='a$b'  \nEMPTY=\n"
    found = old.translated()
    assert not found.notes.faults, faults(found)
    assert found.variables["vllm_offline"] is True
    assert found.variables["vllm_shm_size"] == "8gb"
    assert found.variables["llm_models"][0]["environment"] == {"EMPTY": "", "VLLM_LOGGING_LEVEL": "DEBUG"}
    assert found.secrets["vllm_secret_environment"] == {"MY_PROXY_PASSWORD": "a$b"}


def test_files_are_those_that_the_user_names_or_env_says(old: Deployment) -> None:
    old.files["prod.yml"] = old.files.pop("docker-compose.yml")
    assert old.translated(compose_files=["prod.yml"]).variables["llm_models"]
    old.add(".env", "COMPOSE_FILE=prod.yml\nCOMPOSE_PROJECT_NAME=mine\n")
    assert old.translated().project == "mine"


def test_two_dollars_are_one(old: Deployment) -> None:
    old.replace("docker-compose.yml", "UI_PASSWORD: ${UI_PASSWORD}", "UI_PASSWORD: pass$$word$$1234")
    assert old.translated().secrets["litellm_ui_password"] == "pass$word$1234"


# ---- models


def test_several_names_of_one_server_are_a_name_and_former_names(old: Deployment) -> None:
    entry = "  - {model_name: old-name, litellm_params: {model: hosted_vllm/chat, api_base: 'http://vllm-chat:8000'}}\n"
    old.replace("config.yaml", "litellm_settings:", f"{entry}litellm_settings:")
    old.replace(
        "config.yaml", "router_settings:", "router_settings:\n  model_group_alias: {older: qwen, gone: nothing}"
    )
    found = old.translated()
    assert found.variables["llm_models"][0]["aliases"] == ["old-name", "older"]
    assert "model_group_alias.gone: leads to a model that is not taken over" in left(found)


@pytest.mark.parametrize("host", ["localhost", "host.docker.internal", "10.0.0.9"])
def test_a_server_that_is_reached_by_its_published_port_is_known(old: Deployment, host: str) -> None:
    old.facts["addresses"] = ["10.0.0.9"]
    old.replace("docker-compose.yml", "127.0.0.1:8000:8000", "9001:8000")
    old.replace("config.yaml", "http://vllm-chat:8000", f"http://{host}:9001")
    found = old.translated()
    assert found.variables["llm_models"][0]["name"] == "qwen"
    assert found.variables["llm_models"][0]["port"] == 9001
    assert "vLLM was open on port 9001" in changed(found)


def test_a_model_that_litellm_does_not_know_is_told(old: Deployment) -> None:
    old.replace("config.yaml", "http://vllm-chat:8000", "https://elsewhere.example")
    found = old.translated()
    assert found.variables["llm_models"][0]["name"] == "chat"
    assert found.variables["llm_external_models"][0]["name"] == "qwen"
    assert "LiteLLM's configuration has no model of it" in changed(found)


def test_one_name_of_two_servers_is_left_to_the_user(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml", "  litellm:\n", "  second: {image: vllm/vllm-openai, command: --model q/w}\n  litellm:\n"
    )
    entry = "  - {model_name: qwen, litellm_params: {model: openai/q/w, api_base: 'http://second:8000/v1'}}\n"
    found = old.replace("config.yaml", "litellm_settings:", f"{entry}litellm_settings:").translated()
    assert [one["name"] for one in found.variables["llm_models"]] == ["qwen", "q/w"]
    assert "replicas: 2 of qwen" in left(found)


def test_parameters_that_a_model_here_has_not_are_listed_by_line(old: Deployment) -> None:
    old.replace(
        "config.yaml",
        "      api_key: none\n",
        "      api_key: none\n      rpm: 5\n      weight: 2\n    model_info: {input_cost_per_token: 1}\n",
    )
    found = old.translated()
    assert found.variables["llm_models"][0]["weight"] == 2
    assert "config.yaml:7 model_list[0].litellm_params.rpm" in left(found)
    assert "config.yaml:9 model_list[0].model_info.input_cost_per_token" in left(found)


def test_options_that_vllm_lost_or_never_had_are_listed(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        "--enable-prefix-caching",
        "--enable-prefix-caching --swap-space 4 --disable-log-requests --tpyo 1",
    )
    found = old.translated()
    assert "--swap-space: of vLLM 0.32: it is gone" in left(found)
    assert "--disable-log-requests" in left(found) and "--tpyo: vLLM 0.32 has no such option" in left(found)
    assert refusals(found) == []


def test_options_keep_their_kinds(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        "--enable-prefix-caching",
        """--no-enable-prefix-caching --seed -1 --hf-overrides '{"rope": {"x": 1}}' --compilation-config.mode 3"""
        " --kv-cache-memory-bytes 16M --lora-modules a=org/a b=org/b --limit-mm-per-prompt '{\"image\": 2}'",
    )
    arguments = old.translated().variables["llm_models"][0]["engine_args"]
    assert arguments == {
        "enable_prefix_caching": False,
        "seed": -1,
        "hf_overrides": {"rope": {"x": 1}},
        "compilation_config": {"mode": 3},
        "kv_cache_memory_bytes": "16M",
        "lora_modules": ["a=org/a", "b=org/b"],
        "limit_mm_per_prompt": {"image": 2},
        "tool_call_parser": "hermes",
        "enable_auto_tool_choice": True,
    }


def test_a_model_by_its_path_is_that_of_the_server(old: Deployment) -> None:
    old.replace("docker-compose.yml", "--model Qwen/Qwen2.5-7B-Instruct", "--model /weights/qwen")
    old.replace("docker-compose.yml", "${MODELS:-./models}:/root/.cache/huggingface", "./w:/weights:ro")
    found = old.translated()
    assert found.variables["llm_models"][0]["model"] == "/srv/llm/w/qwen"
    assert "vllm_models_dir" not in found.variables


def test_weights_in_a_volume_stay_there_and_are_spoken_of(old: Deployment) -> None:
    old.replace("docker-compose.yml", "${MODELS:-./models}:/root", "weights:/root").add(
        "docker-compose.yml", "volumes: {weights: {}}\n"
    )
    old.facts["volumes"] = {"llm_weights": "/var/lib/docker/volumes/llm_weights/_data"}
    found = old.translated()
    assert found.variables["vllm_models_dir"] == "/var/lib/docker/volumes/llm_weights/_data"
    assert "never remove it with the old project" in changed(found)


def test_weights_in_another_form_are_spoken_of(old: Deployment) -> None:
    old.replace("docker-compose.yml", ":/root/.cache/huggingface", ":/root/.cache/huggingface/hub")
    found = old.translated()
    assert "vllm_models_dir" not in found.variables and "fetched again" in left(found)


def test_a_file_of_an_option_is_named_by_its_place_in_the_models_folder(old: Deployment) -> None:
    option = "--chat-template /root/.cache/huggingface/t.jinja --tool-parser-plugin /plugins/p.py"
    found = old.replace("docker-compose.yml", "--enable-prefix-caching", option).translated()
    assert found.variables["llm_models"][0]["engine_args"]["chat_template"] == "/models/t.jinja"
    assert "--tool-parser-plugin: names a file" in left(found)


def test_code_of_a_repository_is_pinned_to_what_was_served(old: Deployment) -> None:
    old.replace("docker-compose.yml", "--enable-prefix-caching", "--trust-remote-code")
    assert "write it as revision" in left(old.translated())
    old.facts["commits"] = {"Qwen/Qwen2.5-7B-Instruct": "a" * 40}
    found = old.translated()
    assert found.variables["llm_models"][0]["revision"] == "a" * 40
    assert refusals(found) == []


@pytest.mark.parametrize(
    ("gpu", "gpus", "count"),
    [
        ("    gpus: all", None, 2),
        ("    runtime: nvidia\n    environment: {NVIDIA_VISIBLE_DEVICES: '3'}", [3], 2),
        ("    gpus: all\n    environment: {CUDA_VISIBLE_DEVICES: '1,0'}", [1, 0], 2),
        ("    deploy: {resources: {reservations: {devices: [{count: 2, capabilities: [gpu]}]}}}", None, 2),
        ("    environment: {NVIDIA_VISIBLE_DEVICES: GPU-abc}", None, 2),
        ("    tty: true", None, 2),
    ],
)
def test_gpus_however_they_are_asked_for(old: Deployment, gpu: str, gpus: t.Any, count: int) -> None:
    old.files["docker-compose.yml"] = f"""\
services:
  v:
    image: vllm/vllm-openai
    command: q/w
{gpu}
  litellm: {{image: litellm, environment: ["DATABASE_URL=postgresql://u:{PASSWORD}@db/x", "LITELLM_SALT_KEY={SALT}"]}}
  db: {{image: postgres}}
"""
    found = old.translated()
    assert found.variables["llm_models"][0].get("gpus") == gpus
    assert found.variables["llm_gpu_count"] == count


# ---- LiteLLM


def test_what_leads_to_other_services_of_the_old_project_is_listed(old: Deployment) -> None:
    old.add("docker-compose.yml", "  ollama: {image: ollama/ollama}\n  redis: {image: redis}\n")
    entry = "  - {model_name: small, litellm_params: {model: ollama/x, api_base: 'http://ollama:11434'}}\n"
    old.replace(
        "config.yaml",
        "litellm_settings:",
        f"{entry}litellm_settings:\n  cache: true\n  cache_params: {{type: redis, host: redis}}\n"
        "  callbacks: [my.handler]",
    )
    old.replace(
        "config.yaml", "routing_strategy: least-busy", "routing_strategy: least-busy\n  redis_host: redis\n  timeout: 7"
    )
    found = old.translated()
    for word in (
        "small is answered by the service ollama",
        "cache_params: leads to the service redis",
        "names Python code",
        "router_settings.redis_host",
        "services.ollama: is none of",
    ):
        assert word in left(found), word
    assert found.variables["litellm_router_settings"] == {"timeout": 7}
    assert refusals(found) == []


def test_sections_that_the_roles_do_not_render_are_listed(old: Deployment) -> None:
    found = old.add("config.yaml", "guardrails: []\nmcp_servers: {}\n").translated()
    assert "config.yaml:25 guardrails" in left(found) and "mcp_servers" in left(found)


def test_environment_of_litellm_is_kept_apart_by_secrecy(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        "      UI_USERNAME",
        "      AWS_REGION: eu\n      AWS_SECRET_ACCESS_KEY: abcdefghijkl\n      UI_USERNAME",
    )
    old.add(
        "config.yaml",
        "environment_variables: {LANGFUSE_HOST: 'https://l.example', LANGFUSE_SECRET_KEY: sk-lf-12345678}\n",
    )
    found = old.translated()
    assert found.variables["litellm_environment"] == {"AWS_REGION": "eu", "LANGFUSE_HOST": "https://l.example"}
    assert found.secrets["litellm_secret_environment"]["AWS_SECRET_ACCESS_KEY"] == "abcdefghijkl"
    assert found.secrets["litellm_secret_environment"]["LANGFUSE_SECRET_KEY"] == "sk-lf-12345678"
    assert refusals(found) == []


def test_a_reference_that_nothing_sets_is_listed(old: Deployment) -> None:
    old.replace("config.yaml", "os.environ/OPENAI_API_KEY", "os.environ/NOWHERE")
    assert (
        "config.yaml:10 model_list[1].litellm_params.api_key: names the variable NOWHERE, which nothing sets"
        in left(old.translated())
    )


@pytest.mark.parametrize(
    ("ports", "wanted"),
    [
        ('["4000:4000"]', {"litellm_port": 4000}),
        ('["127.0.0.1:80:4000"]', {"litellm_port": 80, "litellm_publish_address": "127.0.0.1"}),
        (
            '[{target: 4000, published: "8080", host_ip: 10.0.0.1}]',
            {"litellm_port": 8080, "litellm_publish_address": "10.0.0.1"},
        ),
        ("[]", {"litellm_publish_address": "127.0.0.1"}),
    ],
)
def test_ports_of_the_api(old: Deployment, ports: str, wanted: dict[str, t.Any]) -> None:
    old.replace("docker-compose.yml", 'ports: ["4000:4000"]', f"ports: {ports}")
    said = old.translated().variables
    assert {name: said[name] for name in ("litellm_port", "litellm_publish_address") if name in said} == wanted


def test_keys_of_services_that_nobody_reads_are_listed(old: Deployment) -> None:
    old.replace("docker-compose.yml", "    ipc: host", "    privileged: true\n    extra_hosts: ['a:1.2.3.4']")
    old.replace(
        "docker-compose.yml",
        '"./config.yaml:/app/config.yaml:ro"',
        '"./config.yaml:/app/config.yaml:ro", "./hook.py:/app/hook.py"',
    )
    text = left(old.translated())
    assert "docker-compose.yml:14 services.vllm-chat.privileged" in text and "extra_hosts" in text
    assert "what it has at /app/hook.py" in text


# ---- secrets that a fleet does not take


def test_without_a_salt_litellm_encrypted_by_the_master_key(old: Deployment) -> None:
    old.replace("docker-compose.yml", "      LITELLM_SALT_KEY: ${LITELLM_SALT_KEY}\n", "")
    found = old.translated()
    assert found.secrets["litellm_salt_key"] == found.secrets["litellm_master_key"] == MASTER
    assert "LiteLLM encrypted with the master key" in changed(found)


def test_a_salt_that_is_too_short_needs_consent(old: Deployment) -> None:
    old.replace(".env", f'LITELLM_SALT_KEY="{SALT}"', "LITELLM_SALT_KEY=short")
    assert "new_salt=yes" in faults(old.translated())
    found = old.translated(new_salt=True)
    assert "litellm_salt_key" not in found.secrets and not found.notes.faults
    assert "have to be entered again" in changed(found)


def test_weak_passwords_are_made_anew_and_told(old: Deployment) -> None:
    old.replace(".env", MASTER, "sk-1234").replace(".env", "correct-horse-1", "admin").replace(
        ".env", PASSWORD, "dbpassword9090"
    )
    found = old.translated()
    assert not {"litellm_master_key", "litellm_ui_password", "postgres_password"} & set(found.secrets)
    for name in ("LITELLM_MASTER_KEY", "UI_PASSWORD", "DATABASE_URL"):
        assert f"environment.{name}" in changed(found), name
    assert not any(word in "".join(told(found)) for word in ("dbpassword9090", "admin"))


def test_a_superuser_and_its_database_get_names_of_their_own(old: Deployment) -> None:
    old.replace(
        "docker-compose.yml",
        "postgresql://litellm:${POSTGRES_PASSWORD}@db:5432/litellm",
        "postgresql://postgres:${POSTGRES_PASSWORD}@db/postgres?connection_limit=9",
    )
    found = old.translated()
    assert not {"postgres_user", "postgres_database", "litellm_database_options"} & set(found.variables)
    assert found.database.user == "postgres" and found.database.name == "postgres"
    assert refusals(found) == []


def test_a_database_elsewhere_stays_there(old: Deployment) -> None:
    old.replace("docker-compose.yml", "@db:5432/litellm", "@db.example.com:6432/prod?sslmode=require")
    found = old.translated()
    assert found.variables["postgres_mode"] == "external" and found.variables["postgres_host"] == "db.example.com"
    assert found.variables["litellm_database_options"] == "sslmode=require"
    assert found.secrets["litellm_database_password"] == PASSWORD
    assert found.services == ("vllm-chat", "litellm")
    assert refusals(found) == []


def test_nothing_is_taken_for_a_template(old: Deployment) -> None:
    old.replace("docker-compose.yml", "--enable-prefix-caching", "--chat-template '{{ bos }}'")
    found = old.translated()
    assert found.variables["llm_models"][0]["engine_args"]["chat_template"] == "{{ bos }}"
