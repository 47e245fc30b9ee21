# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two LiteLLM processes behind the gate that the role renders.

Each has its own copy of some objects, and hears of changes later.
"""

from __future__ import annotations

import json
import typing as t
import urllib.request

import pytest

from . import several
from .harness import change
from .proxy import Proxy, docker

TIMES = 6
#: Objects that LiteLLM lists from a process's own memory, and what is changed of them.
IN_MEMORY: dict[str, t.Callable[[int], dict[str, t.Any]]] = {
    "litellm_credential": lambda number: {
        "credential_name": "pr-credential",
        "credential_values": {"api_key": f"sk-of-the-provider-{number}", "api_base": f"https://{number}.invalid"},
    },
    "litellm_model": lambda number: {
        "model_id": "pr-model",
        "model_name": "pr-model",
        "litellm_params": {"model": "openai/x", "api_key": "sk-of-the-provider", "rpm": number + 1},
    },
    "litellm_mcp_server": lambda number: {
        "server_name": "pr_server",
        "url": f"https://{number}.invalid/mcp",
        "transport": "http",
    },
    "litellm_prompt": lambda number: {
        "prompt_id": "pr-prompt",
        "litellm_params": {"prompt_integration": "dotprompt", "dotprompt_content": f"Say {number}."},
    },
    "litellm_guardrail": lambda number: {
        "guardrail_name": "pr-guardrail",
        "litellm_params": {
            "guardrail": "bedrock",
            "mode": "pre_call",
            "guardrailIdentifier": f"x{number}",
            "guardrailVersion": "DRAFT",
        },
    },
}


@pytest.fixture(scope="module")
def instances() -> t.Iterator[several.Several]:
    with several.running(2) as found:
        yield found


def entrance(instances: several.Several) -> Proxy:
    assert instances.entrance
    return instances.entrance


@pytest.mark.parametrize("module", IN_MEMORY)
def test_what_is_written_is_what_is_seen(instances: several.Several, module: str) -> None:
    proxy = entrance(instances)
    for number in range(TIMES):
        change(proxy, module, **IN_MEMORY[module](number))
    change(proxy, module, **{**IN_MEMORY[module](TIMES - 1), "state": "absent"})


def test_a_browser_sees_what_was_written(instances: several.Several) -> None:
    proxy = entrance(instances)
    options = {**IN_MEMORY["litellm_credential"](0), "credential_name": "pr-browser"}
    change(proxy, "litellm_credential", **options)
    headers = {"Authorization": f"Bearer {proxy.master_key}", "Cookie": "other=1; token=of-the-login"}
    for _attempt in range(TIMES):
        request = urllib.request.Request(f"{proxy.url}/credentials", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            names = [one["credential_name"] for one in json.load(answer)["credentials"]]
        assert "pr-browser" in names


def test_the_other_process_answers_while_the_first_is_away(instances: several.Several) -> None:
    docker("stop", instances.containers["litellm-1"])
    change(entrance(instances), "litellm_budget", budget_id="pr-budget", max_budget=1)
