# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client gets from the gateway."""

from __future__ import annotations

import json
import time
import typing as t


def test_chat_completion_with_the_issued_key(gateway: t.Any) -> None:
    status, text = gateway.chat()
    assert status == 200, text
    answer = json.loads(text)
    assert answer["usage"]["completion_tokens"] > 0
    assert answer["choices"][0]["message"]["role"] == "assistant"


def test_wrong_key_is_refused(gateway: t.Any) -> None:
    assert gateway.chat(key="sk-wrong-0123456789abcdef")[0] == 401


def test_models_at_the_gateway(gateway: t.Any) -> None:
    status, text = gateway.call("/v1/models")
    assert status == 200
    assert [model["id"] for model in json.loads(text)["data"]] == ["tiny"]


def test_models_at_the_replica(host: t.Any) -> None:
    """The replica listens on the loopback address and demands the key, which the file on the server holds."""
    fetch = "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8001/v1/models"
    assert host.run(fetch).stdout == "401"
    key = '"$(cat /opt/llmfleet/vllm/tiny/secrets/api_key)"'
    with_key = f"printf 'header = \"Authorization: Bearer %s\"' {key} | curl -s -K - "
    answer = host.run(with_key + "http://127.0.0.1:8001/v1/models")
    assert [model["id"] for model in json.loads(answer.stdout)["data"]] == ["tiny"]


def test_streaming(gateway: t.Any) -> None:
    status, text = gateway.chat(stream=True)
    assert status == 200
    chunks = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert chunks[-1] == "[DONE]"
    assert len(chunks) > 2
    assert all(json.loads(chunk)["object"] == "chat.completion.chunk" for chunk in chunks[:-1])


def test_cyrillic_prompt(gateway: t.Any) -> None:
    """Every letter is two bytes and, to this tokenizer, two tokens: nothing on the way may mangle them."""
    latin = json.loads(gateway.chat("a" * 20)[1])["usage"]["prompt_tokens"]
    status, text = gateway.chat("ж" * 20)
    assert status == 200, text
    assert json.loads(text)["usage"]["prompt_tokens"] == latin + 20


def test_figures_of_vllm_are_kept(host: t.Any) -> None:
    """The facts file has what the real log says; on the CPU nothing is planned, so there is nothing to compare."""
    kept = json.loads(host.file("/etc/ansible/facts.d/llmfleet_vllm.fact").content_string)["instances"]
    assert list(kept) == ["tiny"]
    real = kept["tiny"]["real"]
    log = host.check_output("docker logs llmfleet-vllm-tiny 2>&1")
    assert f"KV cache size: {real['kv_cache_tokens']:,} tokens" in log
    assert f"Maximum concurrency for {real['max_model_len']:,} tokens per request" in log
    assert real["max_model_len"] == 2048
    assert kept["tiny"]["parallel_limit"] == min(4, int(real["max_concurrency"]))
    assert kept["tiny"]["figures"] == {}


def test_containers_are_read_by_the_sdk_that_the_role_installed(ad_hoc: t.Any, host: t.Any) -> None:
    """And by the docker command where it is away: the same is told."""
    assert host.package("python3-docker").is_installed
    by_sdk = ad_hoc("container_info")
    assert (by_sdk["read_by"], by_sdk["sdk_fault"]) == ("sdk", "")
    assert "llmfleet-vllm-tiny" in {one["name"] for one in by_sdk["containers"]}
    assert ad_hoc("host_status", root="/opt/llmfleet", gpus=False, seconds=0)["read_by"] == "sdk"
    # Without the distribution's packages Python finds no SDK.
    bare = "/root/python3-without-packages"
    host.check_output(f"printf '#!/bin/sh\nexec /usr/bin/python3 -S \"$@\"\n' > {bare} && chmod 755 {bare}")
    by_command = ad_hoc("container_info", interpreter=bare)
    host.check_output(f"rm {bare}")
    assert (by_command["read_by"], by_command["sdk_fault"]) == ("command", "Docker's SDK for Python is not there")
    for one in (*by_sdk["containers"], *by_command["containers"]):
        one.pop("memory_bytes")
    assert by_sdk["containers"] == by_command["containers"]


def test_ui_and_swagger(gateway: t.Any) -> None:
    assert "<html" in gateway.call("/ui/")[1].lower()
    assert "swagger" in gateway.call("/docs")[1].lower()


def test_a_budget_ends_what_a_key_may_ask_of_a_local_model(gateway: t.Any, secrets: dict[str, str]) -> None:
    """One answer costs more than the budget: what the scenario's price says, a million times less a token."""
    body = {"key_alias": "spender", "models": ["tiny"], "max_budget": 0.00001}
    key = json.loads(gateway.call("/key/generate", body, secrets["litellm_master_key"])[1])["key"]
    try:
        status, text = gateway.chat(key=key)
        assert status == 200, text
        usage = json.loads(text)["usage"]
        assert usage["prompt_tokens"] * 1e-6 + usage["completion_tokens"] * 2e-6 > body["max_budget"]
        # LiteLLM counts after the answer.
        deadline = time.monotonic() + 60
        while status == 200 and time.monotonic() < deadline:
            time.sleep(1)
            status, text = gateway.chat(key=key)
        assert status in (400, 422, 429), text
        assert "budget" in text.lower()
    finally:
        gateway.call("/key/delete", {"keys": [key]}, secrets["litellm_master_key"])
