# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the engine by the `docker` command: three questions, however many containers there are. Used by readers only."""

from __future__ import annotations

import json
import typing as t

from .._compose.engine import LABEL_FLEET, TIMED_OUT, Engine, EngineError, EngineMissing
from .._host.run import TIMEOUT, Run

Found = dict[str, t.Any]

#: Of a command that can't be started.
NOT_STARTED = 127


def engine_of(run: Run) -> Engine:
    """This host's engine, by a way to start commands that has a time limit."""

    def runner(args: list[str], stdin: str | None = None, timeout: float = TIMEOUT) -> tuple[int, str, str]:
        done = run(args, timeout=timeout, stdin=stdin)
        return done.rc, done.out, done.err

    return Engine(runner)


class ByCommand:
    """See readers.Reader."""

    read_by = "command"

    def __init__(self, engine: Engine, sdk_fault: str = "") -> None:
        self.engine, self.sdk_fault = engine, sdk_fault

    def containers(self) -> list[Found]:
        code, out, error = self._ask("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL_FLEET}")
        if code:
            # Without the command either, why the SDK is of no use may be what is to be mended.
            why = f" ({self.sdk_fault})" if code == NOT_STARTED and self.sdk_fault else ""
            raise EngineMissing(f"docker ps: {(error or out).strip()}{why}")
        ids = out.split()
        if not ids:
            return []
        code, out, error = self._ask("inspect", "--type", "container", *ids)
        # One that has gone since it was listed is no error; the others are told all the same.
        if code and "no such" not in error.lower():
            raise EngineError(f"docker inspect: {(error or out).strip()}")
        return mappings(out)

    def images(self, ids: t.Iterable[str]) -> list[Found]:
        wanted = sorted(ids)
        # An image may have been removed under its container: the others are told, and the status says that one is missing.
        return mappings(self._ask("image", "inspect", *wanted)[1]) if wanted else []

    def _ask(self, *args: str) -> tuple[int, str, str]:
        code, out, error = self.engine.runner(["docker", *args], None)
        if code == TIMED_OUT:
            raise EngineError(f"docker {args[0]}: {error}; the engine hangs, see: systemctl status docker")
        return code, out, error


def mappings(text: str) -> list[Found]:
    """The mappings of a list in JSON."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
