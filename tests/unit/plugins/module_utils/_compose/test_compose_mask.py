# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in what a failed service says: masked before anything is cut."""

from __future__ import annotations

import json
import urllib.parse

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.mask import MASKED, Mask
from compose_host import Host, Task, own

SECRET = 'pa ss"wörd/+\\%'


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(json.dumps(SECRET)),
        repr(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        SECRET[:5] + "\n" + SECRET[5:],
        SECRET[:3] + "\r\n" + SECRET[3:],
    ],
)
def test_every_form_of_a_value_is_masked(shown: str) -> None:
    masked = Mask([SECRET]).text(f"before {shown} after")
    assert MASKED in masked
    assert "wörd" not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")


def test_value_of_several_lines_is_masked_line_by_line() -> None:
    assert Mask(["first line\nsecond line\n"]).text("x first line y\nsecond line") == f"x {MASKED} y\n{MASKED}"


def test_longer_value_that_begins_with_another_is_masked_whole() -> None:
    assert Mask(["secret", "secret-and-more"]).text("secret-and-more") == MASKED


def test_short_values_and_none_leave_texts_readable() -> None:
    assert Mask(["", "a", "abc"]).text("a banana") == "a banana"
    assert Mask([]).value({"a": [1, None, ("x",)]}) == {"a": [1, None, ["x"]]}


def test_value_across_a_cut_is_masked_before_it() -> None:
    assert "word" not in Mask(["long-password-at-the-cut"]).tail("x" * 100 + "long-password-at-the-cut", 8)


@pytest.mark.parametrize("length", range(150, 180, 3))
def test_log_of_a_failing_service_shows_no_end_of_a_secret(host: Host, task: Task, length: int) -> None:
    """A database's address in a log line, wherever the progress line cuts it."""
    host.engine.answers["logs"] = "postgresql://litellm:supersecretpassword@postgres" + "x" * (length - 20)
    want = host.project(conf="slow", secret_values=["supersecretpassword"])
    result = task(want, wait_timeout=5)
    assert "password" not in json.dumps([result, task.said])
    crashed = task(host.project(conf="crash", secret_values=["supersecretpassword"]))
    assert "password" not in json.dumps(crashed)
    assert MASKED in crashed["msg"]


def test_content_of_a_secret_file_is_masked_without_being_told(host: Host, task: Task) -> None:
    host.engine.answers["logs"] = "the key is sk-hidden"
    result = task(host.project(conf="crash", files=[own("key", "sk-hidden\n", secret=True)]))
    assert f"the key is {MASKED}" in result["msg"]


def test_output_of_a_hook_that_fails_is_masked(host: Host, task: Task) -> None:
    host.engine.answers["set"] = "fail: sk-hidden is wrong"
    hook = {"service": "web", "command": ["set"], "check_command": ["look"], "description": "the role"}
    result = task(host.project(hooks=[hook], secret_values=["sk-hidden"]))
    assert f"{MASKED} is wrong" in result["msg"]
