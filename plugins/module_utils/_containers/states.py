# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops, starts and restarts the containers of projects of ours, as they are: no file and no definition changes."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container, Engine, EngineError

STARTED, STOPPED, RESTARTED = "started", "stopped", "restarted"
STATES = (STARTED, STOPPED, RESTARTED)
#: Longer than any container is given to end by itself, which its definition says.
STOP_SECONDS = 3600.0
POLL_SECONDS = 2.0


class Projects:
    """The services of some projects on this host."""

    def __init__(self, engine: Engine, names: t.Collection[str], clock: t.Any = time) -> None:
        self.engine, self.names, self.clock = engine, names, clock

    def look(self) -> list[Container]:
        """Ours by our label; not what somebody ran in a project by `docker compose run`."""
        rows = [row for row in self.engine.rows() if row.fleet_project in self.names and row.oneoff != "True"]
        found = self.engine.inspect(row.id for row in rows if row.fleet_project == row.project)
        missing = sorted(set(self.names) - {one.project for one in found})
        if missing:
            raise EngineError(f"{', '.join(missing)} has no container here; site.yml makes it")
        # One that only prepares has ended, and is no part of what runs.
        return [one for one in found if not one.finished]

    def bring(self, state: str, timeout: float, check_mode: bool) -> dict[str, t.Any]:
        before = self.look()
        due = [one for one in before if _differs(one, state)]
        began = self.clock.monotonic()
        if due and not check_mode:
            self._carry_out(state, due)
        if state != STOPPED and not check_mode:
            self._wait(timeout)
        after = {one.id: one.describe() for one in (before if check_mode else self.look())}
        return {
            "changed": bool(due),
            "seconds": round(self.clock.monotonic() - began, 1),
            "containers": [
                {"name": one.name, "project": one.project, "before": one.describe(), "after": after.get(one.id, "")}
                for one in before
            ],
        }

    def _carry_out(self, state: str, due: t.Sequence[Container]) -> None:
        ids = [one.id for one in due]
        if state in (STOPPED, RESTARTED):
            running = [one.id for one in due if one.status != "exited"]
            if running:
                self.engine.run("stop", *running, timeout=STOP_SECONDS)
        if state in (STARTED, RESTARTED):
            self.engine.run("start", *ids, timeout=STOP_SECONDS)

    def _wait(self, timeout: float) -> None:
        """Until all are healthy; EngineError with what they say otherwise."""
        deadline = self.clock.monotonic() + timeout
        while True:
            waiting = [one for one in self.look() if not one.ready]
            if not waiting:
                return
            if self.clock.monotonic() >= deadline:
                told = "; ".join(f"{one.name}: {one.describe()}" for one in waiting)
                raise EngineError(f"not healthy after {timeout:.0f} s: {told}")
            self.clock.sleep(POLL_SECONDS)


def _differs(one: Container, state: str) -> bool:
    runs = one.status in ("running", "restarting", "paused")
    return state == RESTARTED or runs != (state == STARTED)
