# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of other tests' objects name: references to nothing are refused."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS

from .states import State

STORES, SERVERS, MODELS, USERS = "abvxz", "asz", "az", ("someone", "someonex")


def objects() -> State:
    server: dict[str, t.Any] = {"url": "http://127.0.0.1:9/mcp", "transport": "http"}
    model: dict[str, t.Any] = {"model_name": "named", "litellm_params": {"model": "openai/x"}}
    return {
        "models": [{"model_id": id, **model} for id in MODELS],
        "mcp_servers": [{"server_name": f"named_{id}", "server_id": id, **server} for id in SERVERS],
        "users": [{"user_id": id} for id in USERS],
        "vector_stores": [{"vector_store_id": id, "custom_llm_provider": "openai"} for id in STORES],
    }


def gone() -> State:
    names = {plural: KINDS[plural].identity for plural in objects()}
    return {
        plural: [{names[plural]: one[names[plural]], "state": "absent", **cascade(plural)} for one in items]
        for plural, items in objects().items()
    }


def cascade(plural: str) -> dict[str, t.Any]:
    return {"cascade": True} if KINDS[plural].cascades else {}
