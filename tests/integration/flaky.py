# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands between the modules and the real proxy, and does what networks do."""

from __future__ import annotations

import http.client
import threading
import typing as t
import urllib.parse
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .proxy import Proxy


class Faults:
    """Which requests go wrong, and how."""

    def __init__(self) -> None:
        self.lose_answer: set[str] = set()  # paths whose next answer is lost after the work was done
        self.too_many: set[str] = set()  # paths whose next request is turned away
        self.seen: list[str] = []
        self.lock = threading.Lock()

    def take(self, faults: set[str], path: str) -> bool:
        with self.lock:
            there = path in faults
            faults.discard(path)
            return there


@contextmanager
def between(proxy: Proxy) -> t.Iterator[tuple[Proxy, Faults]]:
    faults = Faults()
    target = urllib.parse.urlsplit(proxy.url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: t.Any) -> None:
            """Quiet."""

        def answer(self) -> None:
            path = self.path.split("?")[0]
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.seen.append(f"{self.command} {path}")
            if faults.take(faults.too_many, path):
                self.reply(429, b'{"error": {"message": "slow down"}}', {"retry-after": "1"})
                return
            upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
            upstream.request(self.command, self.path, body, dict(self.headers))
            received = upstream.getresponse()
            content = received.read()
            if faults.take(faults.lose_answer, path):
                self.close_connection = True
                return
            self.reply(received.status, content, {})

        def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield replace(proxy, url=f"http://127.0.0.1:{server.server_port}"), faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
