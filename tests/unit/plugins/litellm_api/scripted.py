# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ordered script of the HTTP calls that a test expects, and a way to run a module against it."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
import typing as t
import urllib.parse
from dataclasses import dataclass, field

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import client as client_module
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.client import Client, Reply, Settings

MASTER = "sk-master-0123456789"


@dataclass
class Call:
    """One expected call and its answer. `body` is compared whole when it is given."""

    method: str
    path: str
    answer: t.Any = None
    status: int = 200
    query: dict[str, str] | None = None
    body: t.Any = None
    headers: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    check_body: t.Callable[[t.Any], bool] | None = None


class Script:
    """A transport that answers from a script, and fails the test when reality departs from it."""

    def __init__(self, *calls: Call) -> None:
        self.calls = list(calls)
        self.sent: list[tuple[str, str]] = []

    def send(self, method: str, path: str, body: bytes | None, headers: t.Mapping[str, str]) -> Reply:
        assert self.calls, f"unexpected {method} {path}"
        call = self.calls.pop(0)
        url = urllib.parse.urlsplit(path)
        self.sent.append((method, url.path))
        assert (method, url.path) == (call.method, call.path)
        if call.query is not None:
            assert dict(urllib.parse.parse_qsl(url.query)) == call.query
        sent = None if body is None else json.loads(body)
        if call.body is not None:
            assert sent == call.body
        if call.check_body is not None:
            assert call.check_body(sent), sent
        if call.error is not None:
            raise call.error
        answer = call.answer(sent) if callable(call.answer) else call.answer
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Reply(call.status, call.headers, raw)

    def client(self) -> Client:
        settings = Settings(api_url="http://proxy:4000", api_key=MASTER)
        return Client(settings, transport=t.cast(t.Any, self), sleep=lambda seconds: None)

    def assert_done(self) -> None:
        assert not self.calls, [f"{call.method} {call.path}" for call in self.calls]


def sha(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()


def key(alias: str, raw: str = "sk-0123456789abcdef", **more: t.Any) -> dict[str, t.Any]:
    """A key as /key/list shows it, with the server's own defaults."""
    return {
        "token": sha(raw),
        "key_alias": alias,
        "key_name": f"sk-...{raw[-4:]}",
        "created_at": "2026-11-22T20:00:00.000000Z",
        "metadata": {},
        "models": [],
        "aliases": {},
        "permissions": {},
        "blocked": None,
        "spend": 0.0,
        "expires": None,
        "litellm_budget_table": None,
        **more,
    }


def listed(*keys: dict[str, t.Any], total: int | None = None) -> dict[str, t.Any]:
    return {"keys": list(keys), "total_count": len(keys) if total is None else total, "current_page": 1}


def named(alias: str, *keys: dict[str, t.Any]) -> Call:
    """The look-up of an alias."""
    query = {"return_full_object": "true", "page": "1", "size": "100", "key_alias": alias}
    return Call("GET", "/key/list", listed(*keys), query=query)


def free(raw: str) -> Call:
    """The look whether a value is in use already."""
    return Call("GET", "/key/list", listed(), query={"key_hash": sha(raw), "return_full_object": "true"})


def mappings(*found: dict[str, t.Any]) -> Call:
    """The look which tokens stand for keys: they go with a key."""
    return Call("GET", "/jwt/key/mapping/list", {"mappings": list(found), "total_count": len(found)})


def connection_broken() -> Exception:
    return http.client.RemoteDisconnected("closed without response")


def run_module(
    module: t.Any, script: Script, args: dict[str, t.Any], *, check: bool = False, monkeypatch: pytest.MonkeyPatch
) -> dict[str, t.Any]:
    """Run a module's main() against the script; the answer is what Ansible would get."""
    monkeypatch.setattr(client_module, "Transport", lambda settings: script)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    output: list[str] = []
    monkeypatch.setattr("builtins.print", lambda text, *more, **kwargs: output.append(text))
    flags = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_inject_invocation": True}
    given = {"api_url": "http://proxy:4000", "api_key": MASTER, **args, **flags}
    with patch_module_args(given), pytest.raises(SystemExit):
        module.main()
    monkeypatch.undo()
    return t.cast("dict[str, t.Any]", json.loads(output[-1]))
