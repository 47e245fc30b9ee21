# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of HashiCorp Vault's KV engine, against a small stand-in for what a real server can't be made to do."""

from __future__ import annotations

import http.server
import json
import threading
import traceback
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import HASHICORP_VAULT
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import StoreError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.hashicorp import (
    VaultSettings,
    VaultSlots,
    settings_of,
)

RAW = "sk-0123456789abcdef"
OPTIONS: dict[str, t.Any] = {name: spec.get("default") for name, spec in HASHICORP_VAULT.items()}


class Handler(http.server.BaseHTTPRequestHandler):
    answers: t.ClassVar[list[tuple[int, t.Any]]] = []
    seen: t.ClassVar[list[tuple[str, str, t.Any, str | None]]] = []

    def log_message(self, *args: t.Any) -> None:
        """Quiet."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sent = json.loads(body) if body else None
        self.seen.append((self.command, self.path, sent, self.headers.get("X-Vault-Namespace")))
        status, answer = self.answers.pop(0)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.answers, Handler.seen = [], []
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def slots(url: str, *answers: tuple[int, t.Any]) -> VaultSlots:
    Handler.answers.extend(answers)
    return VaultSlots(settings_of({**OPTIONS, "url": url, "token": "t", "namespace": "ns"}, {}), "kv", "a b/c", "key")


def found(version: int, **data: t.Any) -> tuple[int, t.Any]:
    return 200, {"data": {"data": data, "metadata": {"version": version}}}


def test_a_value_is_written_over_the_version_that_was_read_and_others_stay(server: str) -> None:
    store = slots(server, found(7, key=RAW, note="n"), (200, {"data": {"version": 8}}), (204, b""))
    assert store.read() == {"current": RAW, "next": None}
    store.put({"next": "sk-next"})
    body = {"data": {"key": RAW, "note": "n", "key_next": "sk-next"}, "options": {"cas": 7}}
    assert Handler.seen[1] == ("POST", "/v1/kv/data/a%20b/c", body, "ns")
    store.put({"current": "sk-next", "next": None})
    assert Handler.seen[2][2] == {"data": {"key": "sk-next", "note": "n"}, "options": {"cas": 8}}


def test_a_deleted_secret_has_a_version_and_no_value(server: str) -> None:
    deleted = {"data": {"data": None, "metadata": {"version": 3, "deletion_time": "2026-11-22T20:00:00Z"}}}
    store = slots(server, (404, deleted), (200, {"data": {"version": 4}}), (204, b""))
    assert store.read() == {"current": None, "next": None}
    assert store.claim("current", RAW) == RAW
    assert Handler.seen[1][2]["options"] == {"cas": 3}
    store.put({"current": None})
    assert Handler.seen[2][0] == "DELETE"


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (403, {"errors": ["permission denied"]}, "status 403: permission denied"),
        (400, {"errors": ["check-and-set parameter did not match the current version"]}, "did not match"),
        (503, b"<html>sealed</html>", "status 503"),
    ],
)
def test_a_refusal_is_said_without_a_value(server: str, status: int, answer: t.Any, said: str) -> None:
    store = slots(server, (404, {"errors": []}), (status, answer))
    store.read()
    with pytest.raises(StoreError, match=said) as caught:
        store.put({"current": RAW})
    assert RAW not in str(caught.value)
    assert "cannot write the store kv/data/a b/c" in str(caught.value)


def test_another_secret_is_left_alone(server: str) -> None:
    with pytest.raises(StoreError, match="no LiteLLM key"):
        slots(server, found(1, key="hunter2")).read()


def test_what_may_not_be_read_is_not_taken_for_empty(server: str) -> None:
    with pytest.raises(StoreError, match="cannot read the store"):
        slots(server, (403, {"errors": ["permission denied"]})).read()


@pytest.mark.parametrize(("rights", "fine"), [(["root"], True), (["read", "create"], True), (["read"], False)])
def test_rights_are_asked_for_without_writing(server: str, rights: list[str], fine: bool) -> None:
    store = slots(server, (200, {"capabilities": rights}))
    if fine:
        store.check_writable()
    else:
        with pytest.raises(StoreError, match="policies don't allow it"):
            store.check_writable()
    assert Handler.seen[0][1:3] == ("/v1/sys/capabilities-self", {"paths": ["kv/data/a b/c"]})


def test_the_connection_comes_from_the_environment() -> None:
    variables = {"VAULT_ADDR": "https://v:8200/", "VAULT_TOKEN": "t", "VAULT_NAMESPACE": "n", "VAULT_CACERT": "/ca"}
    settings = settings_of(OPTIONS, variables)
    assert (settings.url, settings.namespace, settings.ca_path) == ("https://v:8200", "n", "/ca")
    assert "token" not in repr(settings)
    with pytest.raises(StoreError, match="VAULT_TOKEN"):
        settings_of(OPTIONS, {"VAULT_ADDR": "https://v"})


@pytest.mark.parametrize("token", ["hvs.secret\n", " hvs.secret", "hvs.secr\u00e9t", "a b"])
def test_a_token_that_no_header_can_carry_is_refused_without_showing_it(token: str) -> None:
    for given, environment in (({"token": token}, {}), ({}, {"VAULT_TOKEN": token})):
        with pytest.raises(StoreError, match="token or VAULT_TOKEN is empty, or has white space") as caught:
            settings_of({**OPTIONS, "url": "http://127.0.0.1:8200", **given}, environment)
        assert "secr" not in str(caught.value)


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(StoreError, match="url or VAULT_ADDR must look like") as caught:
        settings_of({**OPTIONS, "url": "http://user:secret@vault:8200", "token": "t"}, {})
    assert "secret" not in str(caught.value)


def test_what_http_refuses_to_send_is_said_without_its_text(server: str) -> None:
    settings = VaultSettings(server, "hvs.secret\n")
    with pytest.raises(StoreError, match="can't be sent") as caught:
        VaultSlots(settings, "kv", "a", "key").read()
    assert "hvs" not in "".join(traceback.format_exception(caught.type, caught.value, caught.tb))


def test_the_token_does_not_go_through_a_forward_proxy(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy")
    assert slots(server, (404, {})).read() == {"current": None, "next": None}
