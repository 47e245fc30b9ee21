# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back, and forward again: the old deployment answers as before, and the fleet gets its database once more."""

from __future__ import annotations

import json
import typing as t

from conftest import BEFORE, operation


def test_the_old_deployment_answers_again(answers: t.Any, old: t.Any, host: t.Any) -> None:
    before = json.loads(BEFORE.read_text())
    told = operation("adopt_undo", "-e", "confirm=yes")
    assert sorted(told["started"]) == ["llm-db-1", "llm-litellm-1", "llm-vllm-tiny-1"]
    assert told["database_kept_as"].startswith("proxy_")
    for model in ("assistant", "old-assistant", "priced", "by-hand"):
        answers(before["keys"]["research"], model)
    running = host.check_output("docker ps --format '{{.Names}}'").split()
    assert sorted(running) == ["llm-db-1", "llm-litellm-1", "llm-vllm-tiny-1"]
    policy = "docker inspect --format '{{.HostConfig.RestartPolicy.Name}}' llm-db-1 llm-litellm-1"
    assert host.check_output(policy).split() == ["always", "always"]
    assert (
        len(old.rows({"keys": 'select token from "LiteLLM_VerificationToken" where key_alias is not null'})["keys"])
        == 2
    )


def test_it_can_be_moved_once_more(client: t.Any, answers: t.Any) -> None:
    """With the key that came in between."""
    status, text = client.call("/key/generate", {"key_alias": "later"})
    assert status == 200, text
    told = operation("adopt_move", "-e", "confirm=yes")
    assert told["database"]["moved_before"] is False and "assistant" in told["models"]
    answers(json.loads(text)["key"], "assistant")
