# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key with the rights that the documentation names for a kind is enough for its life, in place of the master key."""

from __future__ import annotations

import importlib.util
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Kind

from .harness import change, run, succeed
from .proxy import Proxy
from .states import everything, gone
from .test_objects import LIVES, Life

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kinds.py"
SVC = "sc-service"
pytestmark = pytest.mark.usefixtures("named")


def routes(kind: Kind) -> list[str]:
    """Those of all columns."""
    spec = importlib.util.spec_from_file_location("llmfleet_kinds", SCRIPT)
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return t.cast("list[str]", [*script.routes(kind), *script.looked_at(kind), *script.named(kind)])


@pytest.fixture
def service(proxy: Proxy) -> t.Iterator[t.Callable[[list[str]], Proxy]]:
    succeed(proxy, "litellm_user", user_id=SVC, user_role="proxy_admin")

    def limited(allowed: list[str]) -> Proxy:
        body = {"user_id": SVC, "allowed_routes": allowed, "key_alias": SVC}
        return replace(proxy, master_key=proxy.call("POST", "/key/generate", body)["key"])

    yield limited
    succeed(proxy, "litellm_user", user_id=SVC, state="absent", cascade=True)


# LiteLLM hides most of an MCP server from such a key.
WITHIN_RIGHTS = [life for life in LIVES if life.module != "litellm_mcp_server"]


@pytest.mark.parametrize("life", WITHIN_RIGHTS, ids=lambda life: life.module)
def test_a_life_with_the_least_rights(proxy: Proxy, service: t.Callable[[list[str]], Proxy], life: Life) -> None:
    kind = next(kind for kind in KINDS.values() if f"litellm_{kind.name}" == life.module)
    succeed(proxy, life.module, **life.name, state="absent")
    scoped = service(routes(kind))
    other = next(path for path in ("/credentials", "/tag/list", "/guardrails/list") if path not in routes(kind))
    assert scoped.status(other, scoped.master_key) == 403
    maker = {"user_id": SVC, "role": "admin"}
    for options in (life.create, life.update):
        members = options.get("members_with_roles")
        more = {"members_with_roles": [*members, maker]} if members else {}
        change(scoped, life.module, **life.name, **{**options, **more})
    change(scoped, life.module, **life.name, state="absent")


def test_a_state_of_many_kinds_with_the_rights_of_each(proxy: Proxy, service: t.Callable[[list[str]], Proxy]) -> None:
    state = everything()
    succeed(proxy, "litellm_state", desired=gone(state))
    allowed = [route for plural in state for route in routes(KINDS[plural])]
    scoped = service(list(dict.fromkeys(allowed)))
    assert scoped.status("/guardrails/list", scoped.master_key) == 403
    change(scoped, "litellm_state", desired=state)
    change(scoped, "litellm_state", desired=gone(state))


def test_a_key_that_may_not_is_told_so_before_anything_is_written(
    proxy: Proxy, service: t.Callable[[list[str]], Proxy]
) -> None:
    scoped = service(["/key/list"])
    refused = run(scoped, "litellm_state", desired={"budgets": [{"budget_id": "sc-budget"}]})
    assert "403" in refused["msg"]
    assert not refused.wrote
