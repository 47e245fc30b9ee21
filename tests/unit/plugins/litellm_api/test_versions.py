# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an older proxy lacks is said before anything is written."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.modules import (
    litellm_budget,
    litellm_info,
    litellm_mcp_toolset,
    litellm_plugin,
)

from .scripted import Call, Script, listed, run_module

OPTIONS = {"budget_id": "b", "max_budget": 3, "tpd_limit": 4}


def described(*names: str) -> dict[str, t.Any]:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}}
    schemas: dict[str, t.Any] = {"New": {"properties": {name: {"type": "number"} for name in names}}}
    return {"paths": {"/budget/new": {"post": {"requestBody": body}}}, "components": {"schemas": schemas}}


def test_an_option_that_the_proxy_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(Call("GET", "/budget/list", []), Call("GET", "/openapi.json", described("budget_id", "max_budget")))
    result = run_module(litellm_budget, script, OPTIONS, monkeypatch=monkeypatch)
    script.assert_done()
    assert "budget 'b': tpd_limit: the version of this proxy does not know that" in result["msg"]


@pytest.mark.parametrize(
    "description",
    [
        Call("GET", "/openapi.json", described("budget_id", "max_budget", "tpd_limit")),
        Call("GET", "/openapi.json", {"detail": "Not Found"}, status=404),
        Call("GET", "/openapi.json", {"paths": {}}),
    ],
)
def test_a_proxy_that_knows_it_or_does_not_describe_itself(description: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(Call("GET", "/budget/list", []), description)
    result = run_module(litellm_budget, script, OPTIONS, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["operation"] == "create"


@pytest.mark.parametrize(("methods", "refused"), [({"get": {}}, True), ({"put": {}}, False)])
def test_a_call_that_the_proxy_does_not_know(
    methods: dict[str, t.Any], refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed_plugin = Call("GET", "/claude-code/plugins", {"plugins": [{"name": "p", "source": {}, "version": "1"}]})
    paths = {"paths": {"/claude-code/plugins/{plugin_name}": methods}}
    script = Script(listed_plugin, Call("GET", "/openapi.json", paths))
    result = run_module(litellm_plugin, script, {"name": "p", "version": "2"}, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    said = "plugin 'p': PUT /claude-code/plugins/{id}: the version of this proxy does not know that"
    assert (said in result.get("msg", "")) is refused


def test_a_kind_that_the_proxy_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Call("GET", "/v1/mcp/toolset", {"detail": "Not Found"}, status=404)
    result = run_module(litellm_mcp_toolset, Script(absent), {"toolset_name": "x"}, monkeypatch=monkeypatch)
    assert "this LiteLLM has no mcp_toolsets" in result["msg"]
    named = {"kinds": ["mcp_toolsets"]}
    assert "has no mcp_toolsets" in run_module(litellm_info, Script(absent), named, monkeypatch=monkeypatch)["msg"]


def test_an_export_of_everything_leaves_out_what_the_proxy_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm_info, "KINDS", {name: litellm_info.KINDS[name] for name in ("mcp_toolsets", "keys")})
    script = Script(Call("GET", "/v1/mcp/toolset", {}, status=404), Call("GET", "/key/list", listed()))
    result = run_module(litellm_info, script, {}, monkeypatch=monkeypatch)
    assert set(result["objects"]) == {"keys"}
