# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""llm_models and llm_external_models: what could harm, and what deserves a warning."""

from __future__ import annotations

import typing as t

import pytest
from checked import APART, report, said

MARK = "Mark3dSecretValue"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def of_model(**change: t.Any) -> list[str]:
    return said({"llm_models": [{"name": "m", "model": "owner/name", **change}]})


def of_external(**change: t.Any) -> list[str]:
    return said({"llm_external_models": [{"name": "m", "litellm_params": {"model": "openai/x"}, **change}]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 405}, "name must be text, not 405"),
        ({"name": "405"}, "name '405' is no text to YAML; write one with a word in it, such as model-405"),
        ({"name": "null"}, "is no text to YAML"),
        ({"name": "true"}, "is no text to YAML"),
        ({"name": "ON"}, "is no text to YAML"),
        ({"name": "1e3"}, ""),
        ({"name": "2026-01-01"}, "is no text to YAML"),
        ({"name": "0x1f"}, "is no text to YAML"),
        ({"name": "compose"}, "name 'compose' is taken by a file or folder of the role; write another"),
        ({"name": "Compose"}, "is taken by a file or folder of the role"),
        ({"name": "cache"}, "is taken by a file or folder of the role"),
        ({"name": "a" * 46}, "is too long for the name of its container in the network; write at most 45 letters"),
        ({"model": "/a\nprivileged: true"}, "model: has a control character or a line end"),
        ({"model": "/"}, "model: is /, the whole host"),
        ({"model": "/a/../b"}, "model: '/a/../b' is no absolute path"),
        ({"model": "a b"}, "model 'a b' is no repository of the hub; write owner/name, or an absolute path"),
        ({"model": "./models/tiny"}, "is no repository of the hub"),
        ({"revision": "a b"}, "revision 'a b' is no commit, branch or tag"),
        ({"trust_remote_code": True}, "trust_remote_code runs code that its repository may change at any time"),
        ({"servers": ["onee"]}, "servers names 'onee', which is not in the group gpu_servers; did you mean one?"),
        ({"environment": {"VLLM_SERVER_DEV_MODE": "1"}}, "environment: VLLM_SERVER_DEV_MODE opens requests"),
        ({"environment": {"MY-KEY": "a"}}, "environment: 'MY-KEY' is no name"),
        ({"nmae": "x"}, "unknown key nmae; did you mean name?"),
    ],
)
def test_an_entry_is_refused(change: dict[str, t.Any], message: str) -> None:
    found = of_model(**change)
    assert len(found) == (1 if message else 0)
    assert all(message in line and line.startswith("llm_models[0] (") for line in found)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "llama-3.1-405b"},
        {"name": "a/b:c"},
        {"name": "a" * 45},
        {"model": "/srv/models/with, comma: and #{braces}"},
        {"model": "gpt2"},
        {"model": "/srv/m", "trust_remote_code": True},
        {"trust_remote_code": True, "revision": COMMIT},
        {"servers": ["one"]},
        {"engine_args": {"max_num_batched_tokens": 8192, "hf_overrides": {"bos_token": "<s>"}}},
    ],
)
def test_an_entry_passes(change: dict[str, t.Any]) -> None:
    assert of_model(**change) == []
    assert report({"llm_models": [{"name": "m", "model": "owner/name", **change}]}).warnings == []


def test_a_long_name_passes_where_no_gateway_is_on_the_same_host() -> None:
    assert said({"llm_models": [{"name": "a" * 60, "model": "o/n"}]}, APART) == []


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (
            {"hf-token": MARK},
            "engine_args.hf-token would be readable in files and logs; take it out, and set vllm_hf_token",
        ),
        ({"hf_token": MARK}, "set vllm_hf_token"),
        ({"model_loader_extra_config": {"aws_secret_access_key": MARK}}, "set vllm_secret_environment"),
        ({"kv_transfer_config": {"url": f"redis://u:{MARK}@h"}}, "set vllm_secret_environment"),
        ({"ssl_keyfile_password": MARK}, "set vllm_secret_environment"),
    ],
)
def test_secrets_in_options_are_refused(arguments: dict[str, t.Any], remedy: str) -> None:
    found = said(
        {"vllm_allow_unknown_options": True, "llm_models": [{"name": "m", "model": "o/n", "engine_args": arguments}]}
    )
    assert len(found) == 1
    assert remedy in found[0]
    assert MARK not in found[0]


@pytest.mark.parametrize("key", ["environment", "engine_args"])
@pytest.mark.parametrize("value", [f"KEY={MARK}", [MARK]])
def test_what_should_be_a_dictionary_is_not_repeated(key: str, value: t.Any) -> None:
    (found,) = of_model(**{key: value})
    assert f"{key} must be a dictionary" in found
    assert MARK not in found


def test_a_secret_of_a_models_environment_is_not_repeated() -> None:
    (found,) = of_model(environment={"S3_SECRET": MARK})
    assert (
        "environment: S3_SECRET looks like a secret and would be readable; move it into vllm_secret_environment"
        in found
    )
    assert MARK not in found


def test_a_revision_that_moves_is_a_warning() -> None:
    found = report({"llm_models": [{"name": "m", "model": "o/n", "trust_remote_code": True, "revision": "main"}]})
    assert found.faults == []
    assert found.warnings == [
        "llm_models[0] (m): trust_remote_code with revision 'main', which can be moved; a commit of 40 hexadecimal"
        " digits can't"
    ]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("text", "llm_models: is not a list"),
        (["text"], "llm_models[0] is not a dictionary"),
        ([{"name": "a", "model": "o/n"}, {"name": "a", "model": "o/n"}], "the name a is also that of llm_models[0]"),
        (
            [{"name": "a.b", "model": "o/n"}, {"name": "a-b", "model": "o/n"}],
            "would be called a-b, as those of a.b; rename one",
        ),
    ],
)
def test_the_list(models: t.Any, message: str) -> None:
    (found,) = said({"llm_models": models})
    assert message in found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name must be text"),
        ({"name": 4}, "name must be text; write the model's name in the API, in quotes where it is a number"),
        ({"litellm_parms": {}}, "unknown key 'litellm_parms'; did you mean litellm_params?"),
        ({"litellm_params": "x"}, "litellm_params must be a dictionary"),
        ({"litellm_params": {"api_key": "k"}}, "litellm_params.model is missing; write provider/name"),
        ({"litellm_params": {"model": "a/b", "x-api-key": MARK}}, "'x-api-key' is no name of parameters"),
        ({"litellm_params": {"model": "a/b", "a b": 1, 5: 2}}, "'a b' and '5' are no names of parameters"),
        ({"litellm_params": {"model": "a/b", "api_key": f"{MARK}\n"}}, "litellm_params.api_key has white space"),
        ({"litellm_params": {"model": "a/b", "api_key": "os.environ/MY-KEY"}}, "names no environment variable"),
        ({"model_info": "x"}, "model_info must be a dictionary"),
    ],
)
def test_an_external_model_is_refused(change: dict[str, t.Any], message: str) -> None:
    (found,) = of_external(**change)
    assert found.startswith("llm_external_models[0]")
    assert message in found
    assert MARK not in found


@pytest.mark.parametrize(
    "params",
    [
        {"api_key": MARK},
        {"api_key": "os.environ/OPENAI_API_KEY"},
        {"extra_headers": {"X-Api-Key": MARK}},
        {"vertex_credentials": '{"type": "service_account", "private_key": "a b"}'},
        {"input_cost_per_token": "1e-05", "max_tokens": 5},
    ],
)
def test_an_external_model_may_have_secrets_at_any_depth(params: dict[str, t.Any]) -> None:
    assert of_external(litellm_params={"model": "openai/x", **params}, model_info={"mode": "chat"}) == []


def test_one_name_here_and_at_a_provider() -> None:
    assert said({"llm_external_models": [{"name": "tiny", "litellm_params": {"model": "openai/x"}}]}) == []


@pytest.mark.parametrize("models", ["text", ["text"]])
def test_the_external_list(models: t.Any) -> None:
    (found,) = said({"llm_external_models": models})
    assert "is not a" in found
