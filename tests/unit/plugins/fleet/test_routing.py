# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a name of the API to a deployment: what LiteLLM is told. That it does so is tested in tests/integration."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import litellm
from declared import fleet_of

GROUPS = {"gateways": ["a"], "gpu_servers": ["a"]}
LOCAL = {"name": "new", "model": "/srv/new", "aliases": ["old", "older"], "fallbacks": ["cloud"]}
CLOUD = {"name": "cloud", "litellm_params": {"model": "openai/x", "api_key": "k3y-of-the-provider"}}


def config(models: list[dict[str, t.Any]], external: list[dict[str, t.Any]], **said: t.Any) -> dict[str, t.Any]:
    fleet = fleet_of(models, {"a": {"llm_gpu_count": 0, **said}}, GROUPS, external)
    return litellm.configuration(fleet, fleet.hosts["a"])[0]


def params(found: t.Mapping[str, t.Any], name: str) -> list[dict[str, t.Any]]:
    return [one["litellm_params"] for one in found["model_list"] if one["model_name"] == name]


def test_former_names_and_fallbacks_are_the_routers() -> None:
    found = config([LOCAL], [{**CLOUD, "aliases": ["sky"]}], llm_default_fallbacks=["cloud"])
    router = found["router_settings"]
    assert router["model_group_alias"] == {"old": "new", "older": "new", "sky": "cloud"}
    # A request for a former name looks for fallbacks of that name.
    assert router["fallbacks"] == [{"new": ["cloud"]}, {"old": ["cloud"]}, {"older": ["cloud"]}]
    assert router["default_fallbacks"] == ["cloud"]
    # What is the fleet's way to name things is no parameter of LiteLLM.
    assert found["model_list"][-1] == {
        "model_name": "cloud",
        "litellm_params": {"model": "openai/x", "api_key": "os.environ/LLM_EXTERNAL_0_LITELLM_PARAMS_API_KEY"},
        "model_info": {"cooldown_time": 0},
    }


def test_a_key_sends_nothing_to_a_provider_that_it_may_not_use() -> None:
    assert config([LOCAL], [CLOUD])["general_settings"]["enforce_fallback_model_access"] is True
    plain = config([{**LOCAL, "fallbacks": []}], [CLOUD])
    assert "enforce_fallback_model_access" not in plain["general_settings"]
    assert not {"fallbacks", "default_fallbacks"} & set(plain["router_settings"])
    own = config([LOCAL], [CLOUD], litellm_general_settings={"enforce_fallback_model_access": False})
    assert own["general_settings"]["enforce_fallback_model_access"] is False


def test_a_name_that_a_provider_has_too_has_an_order_and_a_weight_here() -> None:
    beside = {"name": "new", "litellm_params": {"model": "openai/x", "order": 2, "weight": 3}}
    assert {key: params(config([LOCAL], [CLOUD, beside]), "new")[0].get(key) for key in ("order", "weight")} == {
        "order": 1,
        "weight": 1,
    }
    said = {**LOCAL, "order": 2, "weight": 9}
    assert {key: params(config([said], [CLOUD, beside]), "new")[0].get(key) for key in ("order", "weight")} == {
        "order": 2,
        "weight": 9,
    }
    assert not {"order", "weight"} & set(params(config([LOCAL], [CLOUD]), "new")[0])


def test_fallbacks_of_two_deployments_of_a_name_are_one_list() -> None:
    found = config([LOCAL], [CLOUD, {"name": "b", "litellm_params": {"model": "x"}}, {**CLOUD, "fallbacks": ["new"]}])
    assert {"cloud": ["new"]} in found["router_settings"]["fallbacks"]
