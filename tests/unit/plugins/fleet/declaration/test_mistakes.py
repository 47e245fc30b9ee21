# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes of a first declaration: each is one sentence with the variable's name, and several are all told."""

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import check, read_specs, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION, role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve

LOADER = DataLoader()
DEFAULTS = role_defaults(LOADER)
SPECS = read_specs(COLLECTION)
MADE = {secret.variable: secret.prefix + "x" * 48 for secret in secrets(authority=True)}
LOCAL = {"name": "chat", "model": "Qwen/Qwen2.5-7B-Instruct"}
PROVIDER = {"model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}
Variables = dict[str, t.Any]


class Hosts(dict[str, Variables]):
    def raw_get(self, name: str) -> Variables:
        return self[name]


def faults(**said: t.Any) -> list[str]:
    groups = {"gateways": ["gpu1"], "gpu_servers": ["gpu1"]}
    shared = {**MADE, "llm_models": [LOCAL], "llm_gpu_count": 2, **said, "inventory_hostname": "gpu1"}
    found = resolve(Hosts(gpu1=shared), groups, DEFAULTS, LOADER)
    given = {name: host.variables for name, host in found.hosts.items()}
    return [*found.faults, *check(given, groups, SPECS, DEFAULTS).faults]


def local(**keys: t.Any) -> Variables:
    return {"llm_models": [{**LOCAL, **keys}]}


def provider(**keys: t.Any) -> Variables:
    return {"llm_external_models": [{"name": "gpt", "litellm_params": {**PROVIDER, **keys}}]}


def entry(**keys: t.Any) -> Variables:
    return {"llm_external_models": [{"name": "gpt", "litellm_params": PROVIDER, **keys}]}


#: What is written, and what the sentence has to say beside the variable's name.
MISTAKES: list[tuple[Variables, str]] = [
    ({"llm_models": {"chat": "x"}}, "llm_models: is not a list; write one entry for each model"),
    ({"llm_models": "x"}, "llm_models: is not a list"),
    ({"llm_models": []}, "give llm_models (served here) or llm_external_models"),
    ({"llm_models": ["Qwen/x"]}, "llm_models[0] is not a dictionary; write it as {name: ..., model: ...}"),
    ({"llm_models": [{"model": "a/b"}]}, "llm_models[0]: name is missing; write what clients send"),
    ({"llm_models": [{"name": "a"}]}, "llm_models[0] (a): model is missing; write a repository of the hub"),
    ({"llm_models": [LOCAL, LOCAL]}, "llm_models[1] (chat): the name chat is also that of llm_models[0]"),
    ({"llm_models": [LOCAL, {**LOCAL, "name": "CHAT"}]}, "llm_models[1] (CHAT): its instances would be called chat"),
    ({"llm_models": [LOCAL, {**LOCAL, "name": "b", "aliases": ["chat"]}]}, "the alias 'chat' is also a name"),
    (local(name=5), "name must be text"),
    (local(name=""), "name is missing"),
    (local(name="a b"), "name 'a b' is no valid served name"),
    (local(name="cache"), "such as cache-model"),
    (local(name="405"), "such as model-405"),
    (local(name="2024-13-45"), "such as model-2024-13-45"),
    (local(name="a" * 70), "write at most 45 letters"),
    (local(gpu=[0]), "unknown key gpu; did you mean gpus?"),
    (local(tensor_parallel=2), "did you mean tensor_parallel_size?"),
    (local(tensor_parallel_size="two"), "tensor_parallel_size must be a whole number"),
    (local(tensor_parallel_size=0), "tensor_parallel_size must be 1 or more"),
    (local(tensor_parallel_size=True), "tensor_parallel_size must be a whole number"),
    (local(gpus="0"), "gpus must be a list"),
    (local(gpus=[-1]), "gpus must be different GPU indexes such as [0, 1]"),
    (local(gpus=[0, 0]), "gpus must be different GPU indexes"),
    (local(gpus=[0], tensor_parallel_size=2), "make them equal"),
    (local(replicas=0), "replicas must be a number from 1 or each"),
    (local(replicas="x"), "replicas must be a number from 1 or each"),
    (local(gpu_memory_utilization=90), "gpu_memory_utilization must be above 0 and at most 1"),
    (local(gpu_memory_utilization="a"), "gpu_memory_utilization must be a number"),
    (local(max_model_len="8k tokens"), "max_model_len must be tokens as 8192 or 8k, or auto"),
    (local(max_model_len=0), "max_model_len must be tokens"),
    (local(port="abc"), "port must be a whole number"),
    (local(port=80), "port must be between 1024 and 65535"),
    (local(servers=["gpu9"]), "servers names 'gpu9', which is not in the group gpu_servers; did you mean gpu1?"),
    (local(servers="gpu1"), "servers must be a list"),
    (local(engine_args=["a"]), "engine_args must be a dictionary"),
    (local(engine_args={"enable_prefix_cachin": True}), "did you mean enable-prefix-caching?"),
    (local(engine_args={"api_key": "x" * 20}), "engine_args.api_key is set through vllm_api_key"),
    (local(engine_args={"port": 1}), "engine_args.port is set through port of the model"),
    (local(environment=["A=b"]), "environment must be a dictionary"),
    (local(environment={"MY_TOKEN": "hf_abcdefghijkl"}), "move it into vllm_secret_environment"),
    (local(environment={"a b": "c"}), "environment: 'a b' is no name"),
    (local(environment={"HF_HOME": "/x"}), "environment: HF_HOME is set through vllm_models_dir"),
    (local(trust_remote_code=True), "write the commit that you have read as revision"),
    (local(trust_remote_code="maybe"), "trust_remote_code must be true or false"),
    (local(revision=5), "revision must be text"),
    (local(revision="a b"), "revision 'a b' is no commit, branch or tag; write one, such as main"),
    (local(model="https://huggingface.co/Qwen/x"), "write owner/name, or an absolute path on the servers"),
    (local(model="./x"), "write owner/name, or an absolute path"),
    (local(model="/a/../b"), "without .."),
    (local(model=5), "model must be text"),
    (local(aliases="x"), "aliases must be a list"),
    (local(fallbacks=["nope"]), "fallbacks names 'nope', which is no model; write a name of llm_models"),
    (local(fallbacks=["chat"]), "write another model's name"),
    (local(mode="talk"), "mode 'talk' is none of chat"),
    (local(price="1"), "price must be a dictionary"),
    (local(price={"input": 1}), "price lacks output"),
    (local(price={"input": -1, "output": 1}), "price.input must be a number 0 or more"),
    (local(weight="x"), "weight must be a number"),
    (local(order=-1), "order must be a whole number from 1"),
    ({"llm_external_models": {"a": 1}}, "llm_external_models: is not a list"),
    ({"llm_external_models": ["gpt"]}, "llm_external_models[0]: is not a dictionary; write it as"),
    ({"llm_external_models": [{"name": "a"}]}, "llm_external_models[0] (a): litellm_params must be a dictionary"),
    (entry(name=5), "llm_external_models[0]: name must be text"),
    (entry(litellm_param={}), "did you mean litellm_params?"),
    (entry(model_info="x"), "model_info must be a dictionary"),
    (provider(model=None), "litellm_params.model is missing; write provider/name"),
    (provider(api_base="not a url"), "litellm_params.api_base is no address; write one such as https://"),
    (provider(base_url=5), "litellm_params.base_url is no address"),
    (provider(api_key=123456), "litellm_params.api_key must be text; write it in quotes"),
    (provider(api_key="os.environ/MY-KEY"), "litellm_params.api_key names no environment variable"),
    (provider(**{"bad name": 1}), "write letters, digits and _ only"),
    ({"llm_default_fallbacks": ["nope"]}, "llm_default_fallbacks names 'nope'"),
    ({"llm_gpu_count": "two"}, "llm_gpu_count on gpu1: 'two' is not a whole number"),
    ({"llm_gpu_count": -1}, "llm_gpu_count on gpu1: -1 is out of range; write a number from 0"),
    ({"llm_gpu_count": None}, "llm_gpu_count on gpu1 is null; write a value"),
    ({"llm_private_address": "fe80::1%eth0"}, "llm_private_address on gpu1: 'fe80::1%eth0' has a zone"),
    ({"litellm_ui_username": True}, "litellm_ui_username on gpu1: True is not text to YAML"),
    (
        {"postgres_version": 17.10},
        "postgres_version on gpu1 is 17.1 to YAML, which takes 1.10 for 1.1; write it in quotes",
    ),
    ({"vllm_api_key": 1234567890123456789}, "vllm_api_key on gpu1: its value is not text to YAML"),
    ({"gateway_state_api_key": "sk-a b"}, "gateway_state_api_key on gpu1 has white space or a control character in it"),
    ({"vllm_shm_size": "\u0663g"}, "vllm_shm_size on gpu1: '\u0663g' is no size"),
    ({"vllm_start_period": "\u0663s"}, "is no duration of Docker Compose"),
    ({"backup_random_delay": "5\n5"}, "backup_random_delay on gpu1: '5\\n5' is no time span of systemd"),
    ({"backup_random_delay": "1" * 80 + "!"}, "is no time span of systemd"),
    ({"backup_dir": "backups"}, "backup_dir on gpu1: 'backups' is no absolute path"),
    ({"vllm_probe_seconds": -5}, "vllm_probe_seconds on gpu1: -5 is out of range; write a number from 1"),
    ({"backup_keep": float("inf")}, "backup_keep on gpu1: inf is not a whole number"),
    ({"backup_keep": "1" * 5000}, "backup_keep on gpu1: '111"),
    ({"llm_gpu_hour_price": float("inf")}, "llm_gpu_hour_price on gpu1: inf is not a number"),
    ({"llm_gpu_hour_price": float("nan")}, "llm_gpu_hour_price on gpu1: nan is not a number"),
    ({"llm_project_root": "/srv/"}, "llm_project_root on gpu1: '/srv/' is a folder that others use too; write one of"),
    ({"vllm_cache_dir": "/."}, "vllm_cache_dir on gpu1: '/.' is no absolute path"),
    ({"docker_version": "1" * 5000}, "docker_version on gpu1"),
    (
        {"docker_default_address_pools": [{"base": "10.0.0.0/255.255.0.0", "size": 8}]},
        "size 8 does not fit into 10.0.0.0/255.255.0.0; write a prefix length from 16 to 32",
    ),
    ({"llm_model": [LOCAL]}, "llm_model on gpu1 is read by nothing; did you mean llm_models?"),
    ({"litellm_prot": 1}, "did you mean litellm_port?"),
    ({"litellm_port": "x"}, "litellm_port on gpu1: 'x' is not a whole number; write a whole number such as 4000"),
    ({"llm_domain": "https://a.b"}, "llm_domain on gpu1: 'https://a.b' is no host; write a name"),
    ({"llm_domain": ["a"]}, "llm_domain on gpu1: a list is not text"),
]


def test_what_the_mistakes_are_made_in_is_right_without_them() -> None:
    assert (
        faults()
        == faults(**entry())
        == faults(**provider(api_base="os.environ/BASE", base_url="http://10.0.0.1:8000"))
        == []
    )


@pytest.mark.parametrize(("said", "sentence"), MISTAKES, ids=[repr(said)[:60] for said, _sentence in MISTAKES])
def test_a_mistake_is_one_sentence_with_the_variable_s_name(said: Variables, sentence: str) -> None:
    found = faults(**said)
    assert len(found) == 1, found
    assert sentence in found[0]
    assert any(name in found[0] for name in said)


def test_several_mistakes_are_all_told() -> None:
    said = {"litellm_port": "q", "llm_domain": "https://x", "llm_default_fallbacks": ["nope"]}
    found = faults(**said, **local(gpu_memory_utilization=2, port="x", gpus="a"), **provider(api_base="x"))
    for name in ("litellm_port", "llm_domain", "gpu_memory_utilization", "port must", "gpus", "api_base"):
        assert [one for one in found if name in one], (name, found)


def test_a_long_version_is_judged_at_once() -> None:
    """Each way of cutting its digits into parts would be tried."""
    assert "is no version" in values.version("0.32.1.dev45+g" + "1234567890abcdef" * 4 + "_cu129")
