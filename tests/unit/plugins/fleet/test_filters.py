# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LiteLLM's model list, PostgreSQL's verifier and the virtual key's file."""

from __future__ import annotations

import base64
import hmac

from ansible_collections.llmfleet.gateway.plugins.filter.litellm_models import litellm_models
from ansible_collections.llmfleet.gateway.plugins.filter.scram_sha_256 import scram_sha_256

INSTANCE = {"model_name": "tiny", "urls": {"gw": "http://10.0.0.1:8001/v1"}}


def test_local_models_use_the_providers_own_prefix() -> None:
    (entry,) = litellm_models([INSTANCE], "gw")["model_list"]
    assert entry == {
        "model_name": "tiny",
        "litellm_params": {
            "model": "hosted_vllm/tiny",
            "api_base": "http://10.0.0.1:8001/v1",
            "api_key": "os.environ/VLLM_API_KEY",
        },
    }


def test_secrets_of_external_models_leave_the_configuration() -> None:
    params = {
        "model": "bedrock/x",
        "aws_access_key_id": "AKIA",
        "aws_secret_access_key": "s3cret",
        "max_tokens": 5,
        "api_key": "os.environ/MINE",
    }
    found = litellm_models([], "gw", [{"name": "x", "litellm_params": params, "model_info": {"mode": "chat"}}])
    assert found["model_list"] == [
        {
            "model_name": "x",
            "litellm_params": {
                "model": "bedrock/x",
                "aws_access_key_id": "os.environ/LLM_EXTERNAL_0_AWS_ACCESS_KEY_ID",
                "aws_secret_access_key": "os.environ/LLM_EXTERNAL_0_AWS_SECRET_ACCESS_KEY",
                "max_tokens": 5,
                "api_key": "os.environ/MINE",
            },
            "model_info": {"mode": "chat"},
        }
    ]
    assert found["environment"] == {
        "LLM_EXTERNAL_0_AWS_ACCESS_KEY_ID": "AKIA",
        "LLM_EXTERNAL_0_AWS_SECRET_ACCESS_KEY": "s3cret",
    }
    assert params["api_key"] == "os.environ/MINE"


def test_secrets_at_any_depth_leave_the_configuration_and_prices_are_numbers() -> None:
    params = {
        "model": "openai/x",
        "input_cost_per_token": "1e-05",
        "extra_headers": {"X-Api-Key": "s3cret-1"},
        "vertex_credentials": {"private_key": "s3cret-2"},
        "api_base": "https://user:s3cret-3@example.com/v1",
    }
    entry = {"name": "e", "litellm_params": params, "model_info": {"input_cost_per_token": "1e-05"}}
    found = litellm_models([], "gw", [entry])
    assert "s3cret" not in str(found["model_list"])
    (model,) = found["model_list"]
    assert model["litellm_params"]["input_cost_per_token"] == model["model_info"]["input_cost_per_token"] == 1e-05
    assert model["litellm_params"]["extra_headers"] == {
        "X-Api-Key": "os.environ/LLM_EXTERNAL_0_EXTRA_HEADERS_X_API_KEY"
    }
    assert set(found["environment"].values()) == {"s3cret-1", "s3cret-2", "https://user:s3cret-3@example.com/v1"}
    assert all(name.replace("_", "").isalnum() for name in found["environment"])


def test_verifier_of_the_published_example() -> None:
    """RFC 7677, section 3: password "pencil", this salt, 4096 rounds. The ServerKey must yield the RFC's signature."""
    verifier = scram_sha_256("pencil", "user", salt="W22ZaJ0SNY7soEsUEjb6gQ==")
    head, keys = verifier.rsplit("$", 1)
    assert head == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    message = (
        "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
        "i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    server_key = base64.b64decode(keys.split(":")[1])
    signature = base64.b64encode(hmac.digest(server_key, message.encode(), "sha256")).decode()
    assert signature == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_verifier_is_the_same_again_and_differs_by_role() -> None:
    assert scram_sha_256("a password", "one") == scram_sha_256("a password", "one")
    assert scram_sha_256("a password", "one") != scram_sha_256("a password", "two")
