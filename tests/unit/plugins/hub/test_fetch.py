# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of a hub that runs here: redirects, tokens, time and size."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub import fetch as under_test
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.fetch import fetcher

TOKEN = "hf_secret"


class Pages(BaseHTTPRequestHandler):
    """A few ways to answer, by path."""

    seen: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization", "")))
        port = self.headers["Host"].rpartition(":")[2]
        moves = {
            "/here": "/page",
            "/elsewhere": f"http://localhost:{port}/page",
            "/loop": "/loop",
            "/odd": "file:///etc/passwd",
        }
        if self.path in moves:
            self.send_response(302)
            self.send_header("Location", moves[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 10)
                    time.sleep(0.02)
            except OSError:
                return
        else:
            self.send_response(404 if self.path == "/none" else 200)
            self.send_header("Content-Length", "4")
            self.send_header("X-Error-Code", "E")
            self.end_headers()
            self.wfile.write(b"page")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Pages.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_pages_and_refusals(site: str) -> None:
    status, body, headers = fetcher(5)(f"{site}/page", "")
    assert (status, body, headers["x-error-code"]) == (200, b"page", "E")
    assert fetcher(5)(f"{site}/none", "")[0] == 404


@pytest.mark.parametrize(("path", "sent"), [("/here", f"Bearer {TOKEN}"), ("/elsewhere", "")])
def test_the_token_stays_with_the_address_that_it_was_given_for(site: str, path: str, sent: str) -> None:
    assert fetcher(5)(f"{site}{path}", TOKEN)[0] == 200
    assert Pages.seen == [(path, f"Bearer {TOKEN}"), ("/page", sent)]


@pytest.mark.parametrize("path", ["/loop", "/odd"])
def test_redirects_that_lead_nowhere(site: str, path: str) -> None:
    with pytest.raises(OSError, match="redirect"):
        fetcher(5)(f"{site}{path}", TOKEN)
    assert len(Pages.seen) <= under_test.MOST_REDIRECTS + 1


def test_an_endless_answer_ends(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TimeoutError):
        fetcher(0.3)(f"{site}/endless", "")
    monkeypatch.setattr(under_test, "MOST_BYTES", 15)
    with pytest.raises(OSError, match="too large"):
        fetcher(5)(f"{site}/endless", "")
