# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The earlier release is used by its clients; what its database then holds is kept for test_upgrade."""

from __future__ import annotations

import json
import time
import typing as t

from conftest import BEFORE, GROWING, TABLES


def test_keys_are_used_and_money_is_spent(gateway: t.Any, host: t.Any, database: t.Any) -> None:
    gateway.wait()
    for model in ("first", "second", "priced", "priced"):
        status, text = gateway.chat(model=model)
        assert status == 200, text
    deadline = time.monotonic() + 60
    while True:
        found = database("postgres", {**TABLES, **GROWING})
        if len(found["requests"]) >= 4 and found["spend"]:
            break
        assert time.monotonic() < deadline, found
        time.sleep(1)
    assert {key["key_alias"] for key in found["keys"]} == {"demo", "research"}
    assert found["spend"][0]["key_alias"] == "demo"
    containers = host.check_output("docker ps --format '{{.Names}}'").split()
    assert sorted(containers) == ["litellm", "postgres", "vllm-first", "vllm-second"]
    BEFORE.write_text(json.dumps(found))
