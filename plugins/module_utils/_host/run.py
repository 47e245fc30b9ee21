# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command with a time limit. The only place of _host that starts processes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

TIMEOUT = 20.0


class Done(NamedTuple):
    """How a command ended. One that can't be started or takes too long is one that failed."""

    rc: int
    out: str
    err: str


class Run(Protocol):
    """The shape of run, for stand-ins."""

    def __call__(
        self, argv: Sequence[str], timeout: float = TIMEOUT, environment: Mapping[str, str] | None = None
    ) -> Done: ...


def run(argv: Sequence[str], timeout: float = TIMEOUT, environment: Mapping[str, str] | None = None) -> Done:
    """Status and output of a command."""
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            start_new_session=True,
        )
    except (OSError, ValueError) as exc:
        return Done(127, "", str(exc))
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        return _give_up(process, timeout)
    return Done(process.returncode, _text(out), _text(err))


def _give_up(process: subprocess.Popen[bytes], timeout: float) -> Done:
    """Ends a command with its children. One that hangs in the kernel can't be ended, and is not waited for."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=2)
    except (OSError, subprocess.TimeoutExpired):
        pass
    return Done(124, "", f"no answer within {timeout:.0f} s")


def _text(raw: Any) -> str:
    return (raw or b"").decode("utf-8", "replace")
