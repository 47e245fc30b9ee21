# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command with a time limit. The only place of _host that starts processes."""

from __future__ import annotations

import asyncio
import os
import signal
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
        self,
        argv: Sequence[str],
        timeout: float = TIMEOUT,
        environment: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> Done: ...


def run(
    argv: Sequence[str],
    timeout: float = TIMEOUT,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> Done:
    """Status and output of a command; without *stdin* it has nothing to read.

    Not by the module's run_command, which has no time limit; nor under timeout(1), which waits for a command that hangs in
    the kernel, as nvidia-smi does with a broken driver.
    """
    try:
        return asyncio.run(_run(argv, timeout, {**os.environ, "LC_ALL": "C", **(environment or {})}, stdin))
    except (OSError, ValueError) as exc:
        return Done(127, "", str(exc))


async def _run(argv: Sequence[str], timeout: float, environment: Mapping[str, str], stdin: str | None) -> Done:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(None if stdin is None else stdin.encode()), timeout)
    except asyncio.TimeoutError:
        await _end(process)
        return Done(124, "", f"no answer within {timeout:.0f} s")
    return Done(process.returncode or 0, _text(out), _text(err))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends a command with its children. One that hangs in the kernel can't be ended, and is not waited for."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
        await asyncio.wait_for(process.communicate(), 2)
    except (OSError, asyncio.TimeoutError):
        pass


def _text(raw: Any) -> str:
    return (raw or b"").decode("utf-8", "replace")
