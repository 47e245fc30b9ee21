# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real LiteLLM with the fleet's config.yaml: former names, fallbacks, one name here and at a provider."""

from __future__ import annotations

import sys
import time
import typing as t
import urllib.error
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import litellm

from . import providers
from .conftest import UNIT
from .proxy import Proxy, in_containers

sys.path.insert(0, str(UNIT.parent / "plugins" / "fleet"))
from declared import fleet_of

MODELS: list[dict[str, t.Any]] = [
    {"name": "new", "model": "/srv/new", "aliases": ["old"], "fallbacks": ["cloud"]},
    {"name": "both", "model": "/srv/both"},
    {"name": "split", "model": "/srv/split", "weight": 3},
    {"name": "alone", "model": "/srv/alone"},
]


def provider(name: str, **more: t.Any) -> dict[str, t.Any]:
    params = {"model": "openai/served", "api_base": "http://provider:8080/v1", "api_key": "key-of-provider"}
    return {"name": name, "litellm_params": {**params, **more}}


EXTERNAL = [provider("cloud"), provider("both", order=2), provider("split", weight=1)]


@dataclass
class Stage:
    proxy: Proxy
    local: providers.Provider
    provider: providers.Provider

    def key(self, *models: str) -> str:
        return str(self.proxy.call("POST", "/key/generate", {"models": list(models)})["key"])

    def ask(self, model: str, key: str | None = None) -> str:
        """Who answered, and for what it was asked; or the status."""
        body = {"model": model, "messages": [{"role": "user", "content": "x"}]}
        try:
            answer = self.proxy.call("POST", "/v1/chat/completions", body, key)
        except urllib.error.HTTPError as error:
            return str(error.code)
        return str(answer["choices"][0]["message"]["content"])

    def names(self, key: str | None = None) -> set[str]:
        return {one["id"] for one in self.proxy.call("GET", "/v1/models", key=key)["data"]}


def configuration() -> tuple[str, dict[str, str]]:
    """config.yaml with the local models behind one address, and the environment that its secrets come from."""
    groups = {"gateways": ["a"], "gpu_servers": ["a"]}
    fleet = fleet_of(MODELS, {"a": {"llm_gpu_count": 0}}, groups, EXTERNAL)
    config, environment, faults = litellm.configuration(fleet, fleet.hosts["a"])
    assert not faults
    for one in config["model_list"]:
        if one["litellm_params"]["model"].startswith("hosted_vllm/"):
            one["litellm_params"]["api_base"] = "http://local:8080/v1"
    config["router_settings"].update(cooldown_time=1, num_retries=1)
    secrets = {"VLLM_API_KEY": "key-of-local"}
    for name, place in environment.items():
        value: t.Any = {"llm_external_models": EXTERNAL}
        for step in place:
            value = value[step]
        secrets[name] = value
    text = yaml.safe_dump({**config, "general_settings": {**config["general_settings"], "store_model_in_db": True}})
    assert "key-of-provider" not in text
    return text, secrets


@pytest.fixture(scope="module")
def stage() -> t.Iterator[Stage]:
    config, secrets = configuration()
    with ExitStack() as stack:
        proxy = stack.enter_context(in_containers("litellm", config=config, environment=secrets))
        assert proxy.database
        network = proxy.database.removesuffix("-db")
        made = stack.enter_context(providers.running(network, "local", "provider"))
        yield Stage(proxy, made["local"], made["provider"])


@pytest.fixture(autouse=True)
def fresh(stage: Stage) -> t.Iterator[None]:
    yield
    stage.local.up()
    time.sleep(1.5)  # the cooldown of what was down


def test_a_former_name_works_for_keys_of_either_name(stage: Stage) -> None:
    former, now, neither = stage.key("old"), stage.key("new"), stage.key("alone")
    assert stage.ask("old", former) == stage.ask("old", now) == stage.ask("new", now) == "local as new"
    assert stage.ask("old", neither) in ("401", "403")
    # A key of the former name gets no more than that name.
    assert stage.ask("new", former) in ("401", "403")


def test_a_former_name_is_listed(stage: Stage) -> None:
    assert {"old", "new", "cloud", "both", "split", "alone"} <= stage.names()
    assert stage.names(stage.key("old")) == {"old"}


def test_a_provider_answers_for_a_name_while_the_model_here_is_away(stage: Stage) -> None:
    assert {stage.ask("both") for _number in range(12)} == {"local as both"}
    stage.local.down()
    assert {stage.ask("both") for _number in range(4)} == {"provider as served"}
    stage.local.up()
    time.sleep(1.5)
    assert stage.ask("both") == "local as both"


def test_weights_share_the_requests(stage: Stage) -> None:
    """3 to 1: of 200 requests 150 stay here, give or take 6.1 (one standard deviation)."""
    found = Counter(stage.ask("split").split()[0] for _number in range(200))
    assert set(found) == {"local", "provider"}
    assert 120 <= found["local"] <= 180


def test_fallbacks_help_by_either_name_and_only_keys_that_may_use_them(stage: Stage) -> None:
    allowed, former, only = stage.key("new", "cloud"), stage.key("old", "cloud"), stage.key("new")
    stage.local.down()
    assert stage.ask("new", allowed) == "provider as served"
    assert stage.ask("old", former) == "provider as served"
    stage.provider.seen()
    assert stage.ask("new", only) in ("403", "500", "503", "429")
    assert stage.provider.seen() == 0
    assert stage.ask("alone", allowed) in ("401", "403")


def test_what_has_no_fallback_fails(stage: Stage) -> None:
    stage.local.down()
    stage.provider.seen()
    assert stage.ask("alone") in ("500", "503", "429")
    assert stage.provider.seen() == 0
