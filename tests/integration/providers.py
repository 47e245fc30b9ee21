# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that speak OpenAI's API and answer with their own name, in containers beside the proxy."""

from __future__ import annotations

import json
import subprocess
import typing as t
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass

from .proxy import docker, images

#: Answers on 8080; one that is down answers 503 until it is up again. Its key is its name.
PROGRAM = """
import http.server, json, sys, time
NAME, DOWN, SEEN = sys.argv[1], [], []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path.startswith("/control/"):
            DOWN[:] = [1] if self.path.endswith("/down") else []
            count, SEEN[:] = len(SEEN), []
            return self.answer(200, {"seen": count})
        SEEN.append(1)
        if self.headers.get("Authorization") != "Bearer key-of-" + NAME:
            return self.answer(401, {"error": {"message": "wrong key"}})
        if DOWN:
            return self.answer(503, {"error": {"message": NAME + " is down"}})
        message = {"role": "assistant", "content": NAME + " as " + body["model"]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        self.answer(200, {"id": "x", "object": "chat.completion", "created": int(time.time()), "model": body["model"],
                          "choices": [choice], "usage": usage})
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Provider:
    """One of them; `port` is on the loopback address."""

    name: str
    port: str

    def _control(self, word: str) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/control/{word}", data=b"{}", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(json.load(answer)["seen"])

    def down(self) -> None:
        self._control("down")

    def up(self) -> None:
        self._control("up")

    def seen(self) -> int:
        """Requests since it was asked last; it is up afterwards."""
        return self._control("up")


@contextmanager
def running(network: str, *names: str) -> t.Iterator[dict[str, Provider]]:
    """Providers in a network, each under its own name."""
    image = images("litellm")["litellm"]
    made: dict[str, Provider] = {}
    try:
        for name in names:
            where = ["--network", network, "--network-alias", name, "-p", "127.0.0.1::8080"]
            command = ["--entrypoint", "python3", image, "-c", PROGRAM, name]
            docker("run", "-d", "--name", f"{network}-{name}", *where, *command)
            made[name] = Provider(name, docker("port", f"{network}-{name}", "8080/tcp").rsplit(":", 1)[1])
        yield made
    finally:
        for name in names:
            subprocess.run(["docker", "rm", "-f", f"{network}-{name}"], check=False, capture_output=True)
