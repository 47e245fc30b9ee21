# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import socket
import threading
import traceback
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import client as c
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import transport

from .scripted import MASTER, Call, Script, connection_broken


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "no such key", "type": "x", "code": "400"}}', "no such key"),
        (b'{"detail": {"error": "not allowed"}}', "not allowed"),
        (b'{"detail": [{"loc": ["body", "size"], "msg": "too big", "input": "sk-secret-input-1"}]}', "size: too big"),
        (b"<html>Bad   gateway</html>", "<html>Bad gateway</html>"),
        (b"", "empty answer"),
    ],
)
def test_the_message_is_found_in_every_shape_of_error(body: bytes, message: str) -> None:
    assert c.server_message(body) == message


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, c.AuthenticationError), (403, c.ForbiddenError), (404, c.NotFoundError), (500, c.LiteLLMError)],
)
def test_errors_are_typed_and_name_the_request(status: int, kind: type[c.LiteLLMError]) -> None:
    script = Script(Call("POST", "/key/update", {"error": {"message": "no"}}, status=status))
    with pytest.raises(kind) as caught:
        script.client().request("POST", "/key/update", {"key": "x"})
    assert caught.value.as_dict() == {"method": "POST", "path": "/key/update", "status": status, "message": "no"}
    assert str(status) in str(caught.value)


def test_no_key_gets_into_a_message() -> None:
    said = f"Received sk-0123456789abcdef and {MASTER}"
    script = Script(Call("GET", "/key/list", {"error": {"message": said}}, status=400))
    with pytest.raises(c.LiteLLMError) as caught:
        script.client().get("/key/list")
    assert "sk-0123456789abcdef" not in str(caught.value)
    assert MASTER not in str(caught.value)


def test_an_answer_that_is_no_json_is_named() -> None:
    with pytest.raises(c.BadReplyError, match="not JSON, or too deep: <html>"):
        Script(Call("GET", "/key/list", b"<html>hello</html>")).client().get("/key/list")


def test_a_redirect_is_not_followed_and_named() -> None:
    script = Script(Call("GET", "/key/list", {}, status=301, headers={"location": "https://proxy/"}))
    with pytest.raises(c.BadReplyError, match="redirected to https://proxy/"):
        script.client().get("/key/list")


def test_too_many_requests_are_repeated_after_the_time_that_the_proxy_names() -> None:
    waits: list[float] = []
    script = Script(
        Call("POST", "/key/generate", {}, status=429, headers={"retry-after": "7"}),
        Call("POST", "/key/generate", {"key": "x"}),
    )
    client = c.Client(c.Settings("http://p", MASTER), transport=t.cast(t.Any, script), sleep=waits.append)
    assert client.request("POST", "/key/generate", {}) == {"key": "x"}
    assert waits == [7.0]


def test_a_read_is_repeated_when_the_connection_breaks() -> None:
    script = Script(Call("GET", "/x", error=connection_broken()), Call("GET", "/x", {"a": 1}))
    assert script.client().get("/x") == {"a": 1}


def test_a_write_without_an_answer_is_not_repeated_and_called_unclear() -> None:
    script = Script(Call("POST", "/key/generate", error=socket.timeout()))
    with pytest.raises(c.UnclearError, match="no answer within 30 s"):
        script.client().request("POST", "/key/generate", {})
    script.assert_done()


def test_a_gateway_timeout_of_a_write_is_not_repeated() -> None:
    script = Script(Call("POST", "/key/generate", b"", status=504))
    with pytest.raises(c.LiteLLMError):
        script.client().request("POST", "/key/generate", {})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: t.ClassVar[set[t.Any]] = set()

    def log_message(self, *args: t.Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        body = b'{"path": "%s"}' % self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path.endswith("close")


@pytest.fixture
def server() -> t.Iterator[str]:
    Handler.connections.clear()
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_one_connection_serves_many_requests_and_is_renewed_when_closed(server: str) -> None:
    client = c.Client(c.Settings(f"{server}/sub/", MASTER))
    assert client.get("/a", {"q": "a b#c"}) == {"path": "/sub/a?q=a+b%23c"}
    client.get("/b")
    assert len(Handler.connections) == 1
    client.get("/close")
    client.get("/d")
    assert len(Handler.connections) == 2


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = c.Client(c.Settings(f"http://127.0.0.1:{port}", MASTER), sleep=lambda seconds: None)
    with pytest.raises(c.UnreachableError, match=r"cannot connect to http://127\.0\.0\.1"):
        client.request("POST", "/key/generate", {})


@pytest.mark.parametrize("url", ["proxy:4000", "ftp://proxy", "http://"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="api_url"):
        c.Client(c.Settings(url, MASTER))


SECRET = "sk-secret-master-0123456789"


@pytest.mark.parametrize("wrong", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\u00e9", "sk-a b", "", f"{SECRET}\x00"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(wrong: str) -> None:
    with pytest.raises(ValueError, match="api_key is empty, or has white space") as caught:
        c.Client(c.Settings("http://127.0.0.1:4000", wrong))
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(c.Settings("http://127.0.0.1:4000", wrong))


@pytest.mark.parametrize("author", ["me\r\nX-Evil: 1", "\u00e9"])
def test_an_author_that_no_header_can_carry_is_refused(author: str) -> None:
    with pytest.raises(ValueError, match="changed_by"):
        c.Client(c.Settings("http://127.0.0.1:4000", MASTER, changed_by=author))
    c.Client(c.Settings("http://127.0.0.1:4000", MASTER, changed_by="Ada Lovelace"))


@pytest.mark.parametrize(
    "url", ["http://user:secret@proxy", "http://proxy:secret", "http://pro xy", "http://p/?secret"]
)
def test_an_address_that_cannot_be_used_is_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="api_url must look like") as caught:
        c.Client(c.Settings(url, MASTER))
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_what_http_refuses_to_send_is_said_without_its_text() -> None:
    script = Script(Call("GET", "/x", error=ValueError(f"Invalid header value b'Bearer {SECRET}\\n'")))
    with pytest.raises(c.LiteLLMError, match="can't be sent") as caught:
        script.client().get("/x")
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert SECRET not in shown


class Recording(http.server.BaseHTTPRequestHandler):
    """A forward proxy that only notes who came by."""

    seen: t.ClassVar[list[str]] = []

    def log_message(self, *args: t.Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.seen.append(f"{self.path} {self.headers.get('Authorization')}")
        self.send_error(502)

    do_CONNECT = do_GET


@pytest.fixture
def forward_proxy(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[list[str]]:
    Recording.seen.clear()
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recording)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{httpd.server_port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield Recording.seen
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "http://litellm.example.com:4000",
        "http://203.0.113.9:4000",
        "http://10.1.2.3:4000",
        "https://127.0.0.1:4000",
        "https://localhost:4000",
        "https://10.1.2.3",
        "https://[fd00::1]:4000",
        "https://[::1]:4000",
    ],
)
def test_neither_what_is_near_nor_plain_http_goes_through_a_forward_proxy(forward_proxy: list[str], url: str) -> None:
    assert c.Transport(c.Settings(url, MASTER))._forward_proxy is None


def test_the_key_never_reaches_a_forward_proxy(forward_proxy: list[str], server: str) -> None:
    assert c.Client(c.Settings(server, MASTER)).get("/a") == {"path": "/a"}
    assert forward_proxy == []


def test_what_is_far_and_encrypted_goes_through_it_and_shows_no_key(forward_proxy: list[str]) -> None:
    client = c.Client(c.Settings("https://8.8.8.8:4000", MASTER), sleep=lambda seconds: None)
    with pytest.raises(c.UnreachableError):
        client.get("/a")
    assert set(forward_proxy) == {"8.8.8.8:4000 None"}


@pytest.mark.parametrize("asked", ["-5", "nan", "inf", "-inf", "soon"])
def test_a_time_to_wait_that_is_none_is_not_waited_for(asked: str) -> None:
    waits: list[float] = []
    script = Script(Call("GET", "/x", {}, status=429, headers={"retry-after": asked}), Call("GET", "/x", {"a": 1}))
    client = c.Client(c.Settings("http://p", MASTER), transport=t.cast(t.Any, script), sleep=waits.append)
    assert client.get("/x") == {"a": 1}
    assert waits == [0.25]


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_is_too_deep_is_an_error_like_others(status: int) -> None:
    script = Script(Call("GET", "/x", b"[" * 200_000 + b"]" * 200_000, status=status))
    with pytest.raises(c.LiteLLMError):
        script.client().get("/x")


def test_an_answer_without_an_end_is_not_kept(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LONGEST_ANSWER", 10)
    with pytest.raises(c.BadReplyError, match="longer than"):
        c.Client(c.Settings(server, MASTER)).get("/a-long-answer")


def test_a_message_is_masked_before_it_is_cut() -> None:
    body = ("x" * 190 + "hidden-password-of-somebody").encode()
    script = Script(Call("GET", "/x", body, status=500), Call("GET", "/x", body, status=500))
    settings = c.Settings("http://p", MASTER, secrets=["hidden-password-of-somebody"])
    with pytest.raises(c.LiteLLMError) as caught:
        c.Client(settings, transport=t.cast(t.Any, script)).request("GET", "/x")
    assert "hidden" not in str(caught.value)
    assert "xxx****" in str(caught.value)
