# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Aliases that clash, fallbacks that lead nowhere, deployments that would never be used."""

from __future__ import annotations

import typing as t

import pytest
from checked import said

TINY = {"name": "tiny", "model": "/srv/models/tiny"}
CLOUD = {"name": "cloud", "litellm_params": {"model": "openai/x"}}


def of(tiny: dict[str, t.Any], *external: dict[str, t.Any], **more: t.Any) -> list[str]:
    other = {"name": "other", "model": "/srv/models/other", "aliases": ["another"]}
    return said({"llm_models": [{**TINY, **tiny}, other], "llm_external_models": [CLOUD, *external], **more})


@pytest.mark.parametrize(
    ("tiny", "message"),
    [
        ({"aliases": "old"}, "aliases must be a list, not 'old'"),
        ({"aliases": ["old", 7]}, "aliases must be a list of former names of the model, not '7'"),
        ({"aliases": ["two\nlines"]}, "aliases must be a list of former names of the model, not 'two"),
        ({"aliases": ["gpt-*"]}, "aliases must be a list of former names of the model, not 'gpt-*'"),
        ({"aliases": ["tiny"]}, "the alias 'tiny' is also a name of llm_models[0] (tiny); take it out of one of them"),
        ({"aliases": ["cloud"]}, "the alias 'cloud' is also a name of llm_external_models[0] (cloud)"),
        ({"aliases": ["another"]}, "the alias 'another' is also a name of llm_models[0] (tiny)"),
        ({"aliases": ["old", "old"]}, "the alias 'old' is also a name of llm_models[0] (tiny)"),
        ({"fallbacks": ["clod"]}, "fallbacks names 'clod', which is no model; did you mean cloud?"),
        ({"fallbacks": ["xxxxxxx"]}, "which is no model; write a name of llm_models or llm_external_models"),
        ({"fallbacks": ["tiny"]}, "fallbacks names 'tiny', which is the model itself; write another model's name"),
        ({"fallbacks": [7]}, "fallbacks must be a list of names of models"),
        ({"order": 0}, "order must be a whole number from 1, not '0'"),
        ({"weight": 0}, "weight must be a number above 0, not '0'"),
    ],
)
def test_a_model_is_refused(tiny: dict[str, t.Any], message: str) -> None:
    (found,) = of(tiny)
    assert found.startswith("llm_models[")
    assert message in found


def test_ways_that_lead_somewhere_pass() -> None:
    state = {"models": [{"model_name": "stored", "model_id": "stored", "litellm_params": {"model": "openai/y"}}]}
    wild = {"name": "any/*", "litellm_params": {"model": "openai/*"}}
    way = {"aliases": ["old"], "fallbacks": ["cloud", "another", "stored", "any/thing"], "order": 2, "weight": 0.5}
    assert of(way, wild, llm_state=state, llm_default_fallbacks=["old", "cloud"]) == []


def test_aliases_of_two_models_and_of_one_in_the_database() -> None:
    external = {"name": "b", "litellm_params": {"model": "openai/x"}, "aliases": ["old"]}
    (found,) = of({"aliases": ["old"]}, external)
    assert found == (
        "llm_external_models[1] (b): the alias 'old' is also a name of llm_models[0] (tiny); take it out of one of them"
    )
    state = {"models": [{"model_name": "old", "model_id": "old", "litellm_params": {"model": "openai/y"}}]}
    (found,) = of({"aliases": ["old"]}, llm_state=state)
    assert "is also a name of a model of llm_state" in found


def test_a_deployment_that_would_never_be_used_is_refused() -> None:
    params = [{"model": "openai/x", "order": 2}, {"model": "azure/x"}]
    (found,) = of({}, *({"name": "tiny", "litellm_params": one} for one in params))
    assert found.startswith("llm_external_models[2] (tiny): litellm_params.order is missing, but another deployment of")
    (found,) = of({}, {"name": "tiny", "litellm_params": {"model": "openai/x", "weight": True}})
    assert "litellm_params.weight must be a number above 0, not 'True'" in found


def test_defaults_and_settings_that_would_replace_what_is_said() -> None:
    (found,) = of({}, llm_default_fallbacks=["clod"])
    assert found == "llm_default_fallbacks names 'clod', which is no model; did you mean cloud?"
    (found,) = of({"fallbacks": ["cloud"]}, litellm_router_settings={"fallbacks": []})
    assert found == "litellm_router_settings.fallbacks would replace what fallbacks says; write all of it as fallbacks"
    assert of({}, litellm_router_settings={"fallbacks": [{"tiny": ["cloud"]}]}) == []
