# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HAProxy's command line over its Unix sockets. Knows no backend.

A reload starts a new worker, and the former one lives on until its requests have ended. Only the master's socket reaches
both, so it is asked where it is there; the worker's own alone is enough for an HAProxy without a master.
"""

from __future__ import annotations

import os
import socket
import typing as t

#: Beside the worker's socket.
MASTER = "master.sock"
SECONDS = 10.0
#: Stands for the worker behind the worker's own socket.
ONLY = 0


class GateError(Exception):
    """The gate can't be asked, or refused; the message says what to do."""


Ask = t.Callable[[str, str], str]


def ask(path: str, command: str) -> str:
    """The answer to one command."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SECONDS)
        try:
            connection.connect(path)
            connection.sendall(f"{command}\n".encode())
            # The master goes on listening for commands until it hears that there are no more.
            connection.shutdown(socket.SHUT_WR)
            parts = list(iter(lambda: connection.recv(65536), b""))
        except OSError as error:
            raise GateError(
                f"the gate does not answer at {path} ({error}); bring it up with the role gate, or look at it with: docker"
                " logs llmfleet-gate"
            ) from error
    return b"".join(parts).decode(errors="replace").strip()


class Runtime:
    def __init__(self, path: str, ask: Ask = ask, exists: t.Callable[[str], bool] = os.path.exists) -> None:
        self.path = path
        self.master = os.path.join(os.path.dirname(path), MASTER)
        self.ask = ask
        self.has_master = exists(self.master)

    def workers(self) -> list[int]:
        """By process id, the current one first, then those that only bring their requests to an end."""
        if not self.has_master:
            return [ONLY]
        rows = [line.split() for line in self.ask(self.master, "show proc").splitlines()]
        found = [int(row[0]) for row in rows if len(row) > 1 and row[1] == "worker" and row[0].isdigit()]
        if not found:
            raise GateError(f"the gate at {self.path} has no worker; look at it with: docker logs llmfleet-gate")
        return found

    def tell(self, worker: int, command: str) -> str:
        if worker == ONLY:
            return self.ask(self.path, command)
        return self.ask(self.master, f"@!{worker} {command}")
