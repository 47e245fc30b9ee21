# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What operations show: logs of several hosts, sizes, pins; and how a revoked key is measured."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.revocation import (
    Processes,
    RevocationError,
    revoke,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._operation import logs, pins, sizes


def line(time: str, text: str = "x") -> dict[str, str]:
    return {"time": time, "service": "vllm-chat", "text": text}


def test_lines_of_all_hosts_are_in_one_order() -> None:
    found = logs.merged({"a": [line("1"), line("3")], "b": [line("2")]})
    assert [(one["time"], one["host"]) for one in found] == [("1", "a"), ("2", "b"), ("3", "a")]
    shown = logs.shown({**line("2026-11-26T01:00:01.123456789Z", "said"), "host": "a"})
    assert shown == "2026-11-26T01:00:01.123Z a vllm-chat | said"


def test_a_line_is_shown_once_however_often_it_is_read() -> None:
    seen = logs.Seen()
    assert len(seen.fresh([line("1"), line("2", "p")])) == 2
    assert [one["text"] for one in seen.fresh([line("2", "p"), line("2", "q"), line("3", "r")])] == ["q", "r"]
    assert seen.fresh([line("3", "r")]) == []
    assert seen.fresh([]) == []


def test_sizes_are_for_people() -> None:
    assert [sizes.size(one) for one in (0, 1023, 1536, 5 << 30)] == ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]
    told = sizes.leftovers({"a": [{"kind": "image", "name": "v1", "bytes": 2048}], "b": []})
    assert told == ["Free 2.0 KiB on a", "  image v1: 2.0 KiB", "Free nothing on b"]


def container(service: str, image: str, digest: str, project: str = "") -> dict[str, str]:
    return {"project": f"llmfleet-{project or service}", "service": service, "image": image, "digest": digest}


def test_images_in_use_become_variables() -> None:
    one = container("vllm", "docker.io/vllm/vllm-openai:v1@sha256:old", "sha256:aa", "vllm-chat")
    found = pins.pins({"a": [one, container("redis", "redis:7", "sha256:bb")], "b": [one]})
    assert found["faults"] == []
    assert yaml.safe_load(found["text"]) == found["variables"]
    assert found["variables"] == {
        "redis_image": "redis:7@sha256:bb",
        "vllm_image": "docker.io/vllm/vllm-openai:v1@sha256:aa",
    }


def test_what_can_not_be_pinned_says_why() -> None:
    found = pins.pins(
        {
            "a": [container("redis", "redis:7", "sha256:bb"), container("gate", "built", "")],
            "b": [container("redis", "redis:8", "sha256:cc")],
        }
    )
    assert found["variables"] == {}
    assert [fault.split(":")[0] for fault in found["faults"]] == [
        "redis_image is not one",
        "gate_image has no digest on a",
    ]


@pytest.mark.parametrize(
    "one",
    [
        container("redis", "redis:7", 'sha256:aa\nevil: "{{ lookup(1) }}"'),
        container("redis", "redis:7\n#", "sha256:aa"),
        container("redis", "{{ 1 }}", "sha256:aa"),
        container("x: 1\nevil", "redis:7", "sha256:aa"),
    ],
)
def test_what_a_host_calls_an_image_becomes_no_line_of_its_own(one: dict[str, str]) -> None:
    """The text becomes a file of variables, and Ansible takes those for templates."""
    found = pins.pins({"a": [one]})
    assert found["variables"] == {} and found["text"] == pins.HEAD


# ---- revocation


class Proxy:
    """LiteLLM processes, of which the second remembers a key for some questions more."""

    def __init__(self, remembers: int = 2) -> None:
        self.blocked: set[str] = set()
        self.remembers = remembers
        self.commands: list[list[str]] = []
        self.now = 100.0

    def execute(self, name: str, command: list[str], stdin: str, timeout: float) -> str:
        del timeout
        self.commands.append(command)
        question = json.loads(stdin)
        status, text = self._answer(name, question)
        while question["until"] and status not in question["until"] and question["seconds"] > 0:
            question["seconds"] -= 1
            self.now += 1
            status, text = self._answer(name, question)
        return json.dumps({"status": status, "text": text, "at": self.now})

    def _answer(self, name: str, question: dict[str, t.Any]) -> tuple[int, str]:
        path = question["path"].partition("?")[0]
        if path == "/v1/models":
            if not self.blocked:
                return 200, "{}"
            if name == "two" and self.remembers:
                self.remembers -= 1
                return 200, "{}"
            return 401, "blocked"
        if path == "/key/list":
            keys = [{"key_alias": "app", "token": "hash"}, {"key_alias": "app2", "token": "other"}]
            return 200, json.dumps({"keys": keys})
        if path == "/key/info":
            return 200, json.dumps({"info": {"blocked": bool(self.blocked)}})
        self.blocked.add(question["body"]["key"])
        return 200, "{}"


def run(proxy: Proxy, check: bool = False, **more: t.Any) -> dict[str, t.Any]:
    params = {"key": "sk-value", "key_alias": None, "master_key": "sk-master", "block": True, "timeout": 5, **more}
    return revoke(Processes(["one", "two"], proxy.execute, lambda: proxy.now), params, check)


def test_every_process_is_asked_until_it_refuses() -> None:
    proxy = Proxy()
    found = run(proxy)
    assert found["changed"] is True
    assert [(one["process"], one["accepted_before"], one["seconds"]) for one in found["processes"]] == [
        ("one", True, 0.0),
        ("two", True, 2.0),
    ]
    assert not any("sk-" in word for command in proxy.commands for word in command[2:] if "Authorization" not in word)
    assert run(proxy)["changed"] is False


def test_a_process_that_goes_on_is_told() -> None:
    assert [one["seconds"] for one in run(Proxy(remembers=99))["processes"]] == [0.0, None]


def test_by_alias_nothing_is_measured_and_only_that_alias_is_blocked() -> None:
    proxy = Proxy()
    found = run(proxy, key=None, key_alias="app")
    assert (found["changed"], found["measured"], found["processes"]) == (True, False, [])
    assert proxy.blocked == {"hash"}


def test_check_mode_blocks_nothing() -> None:
    proxy = Proxy()
    assert run(proxy, check=True)["changed"] is True
    assert proxy.blocked == set()


def test_an_alias_that_there_is_not_is_refused() -> None:
    with pytest.raises(RevocationError, match="no key has the alias nobody"):
        run(Proxy(), key=None, key_alias="nobody")


def test_another_gateway_only_measures() -> None:
    proxy = Proxy()
    assert run(proxy, block=False, timeout=0)["changed"] is False
    assert proxy.blocked == set()
