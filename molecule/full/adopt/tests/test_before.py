# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The old deployment is used by its clients; what its database then holds is kept for what comes after."""

from __future__ import annotations

import json
import time
import typing as t

from conftest import BEFORE, FOLDER, GROWING, TABLES


def test_keys_are_made_and_money_is_spent(client: t.Any, answers: t.Any, old: t.Any, host: t.Any) -> None:
    wait_until_it_serves(client)
    status, text = client.call("/team/new", {"team_alias": "research"})
    assert status == 200, text
    keys = {
        "app": made(client, key_alias="app", models=["assistant", "old-assistant", "priced"], max_budget=10),
        "research": made(client, key_alias="research", team_id=json.loads(text)["team_id"]),
    }
    stored = {
        "model_name": "by-hand",
        "litellm_params": {"model": "openai/x", "api_key": "sk-by-hand-1", "mock_response": "Stored."},
    }
    status, text = client.call("/model/new", stored)
    assert status == 200, text
    for key in keys.values():
        for model in ("assistant", "old-assistant", "priced"):
            answers(key, model)
    rows = settled(old)
    files = host.check_output(f"cd {FOLDER} && sha256sum .env docker-compose.yml config.yaml provider.env")
    BEFORE.write_text(json.dumps({"keys": keys, "rows": rows, "files": files}))


def wait_until_it_serves(client: t.Any) -> None:
    deadline = time.monotonic() + 900
    while True:
        try:
            status, text = client.call("/health/readiness")
            if status == 200 and json.loads(text).get("db") == "connected":
                return
        except OSError as error:
            text = str(error)
        assert time.monotonic() < deadline, text
        time.sleep(2)


def made(client: t.Any, **said: t.Any) -> str:
    status, text = client.call("/key/generate", said)
    assert status == 200, text
    return str(json.loads(text)["key"])


def settled(old: t.Any) -> dict[str, t.Any]:
    """Once spend has been written."""
    deadline = time.monotonic() + 300
    while True:
        rows = old.rows({**TABLES, **GROWING})
        if len(rows["requests"]) >= 6 and all(one["spend"] > 0 for one in rows["spend"]):
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(1)
