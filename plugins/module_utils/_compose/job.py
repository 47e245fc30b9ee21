# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A shell script that outlives the module. Knows no project: it is given a directory and commands."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Runner


def _start_time(pid: str) -> str:
    """When the process began, which tells it from a later one with its number; empty when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            fields = handle.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _await_session(pid: int) -> None:
    """Until setsid did its work: before that there is no group of this number that could be ended."""
    try:
        while os.getpgid(pid) != pid:
            time.sleep(0.01)
    except ProcessLookupError:
        pass  # a job as short as that has ended by itself


def _group_ended(group: int) -> bool:
    try:
        os.waitpid(-group, os.WNOHANG)
    except ChildProcessError:
        pass  # an earlier call's job: its parent is init by now
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


class Job:
    """A shell script that outlives the module: image pulls and graceful stops take longer than one call should.

    Its output, process id, exit status and kind (what it is there for) lie in a directory, so that any later call can
    look at it. Files that were cut off tell of a job that was.
    """

    def __init__(self, directory: str, runner: Runner) -> None:
        self.directory = directory
        self.runner = runner

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def start(self, commands: list[list[str]], kind: str) -> None:
        self.forget()
        os.makedirs(self.directory, mode=0o700)
        self._write("kind", kind)
        script = " && ".join(shlex.join(command) for command in commands)
        code, done = shlex.quote(self.path("rc.new")), shlex.quote(self.path("rc"))
        wrapped = f"({script}); echo $? > {code}; mv {code} {done}"
        # A session of its own, so that the end of the module, or of its connection, is not the job's.
        detached = (
            f"setsid /bin/sh -c {shlex.quote(wrapped)} >{shlex.quote(self.path('log'))} 2>&1 </dev/null & echo $!"
        )
        pid = self.runner(["/bin/sh", "-c", detached])[1].strip()
        _await_session(int(pid))
        self._write("pid", f"{pid} {_start_time(pid)}")

    def _write(self, name: str, text: str) -> None:
        with open(self.path(name), "w", encoding="utf-8") as handle:
            handle.write(text)

    def _read(self, name: str) -> str:
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as handle:
                return handle.read().strip()
        except OSError:
            return ""

    def forget(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self) -> None:
        """Ends it with all that it started; a job that is not running is left as it is."""
        if not self._alive():
            return
        group = int(self._read("pid").split()[0])
        for patience, number in ((10, signal.SIGTERM), (5, signal.SIGKILL)):
            os.killpg(group, number)
            end = time.monotonic() + patience
            while time.monotonic() < end:
                if _group_ended(group):
                    return
                time.sleep(0.1)

    @property
    def kind(self) -> str:
        """Empty where there is no job."""
        return self._read("kind")

    def succeeded(self) -> bool:
        return bool(self._read("pid")) and self.return_code() == 0

    def return_code(self) -> int | None:
        """None while it runs; 0 where there is none; 255 when it was cut off before it could say (a reboot, a kill)."""
        if not self._read("pid"):
            return 0
        code = self._read("rc")
        if not code and self._alive():
            return None
        code = code or self._read("rc")
        return int(code) if code.isdigit() else 255

    def _alive(self) -> bool:
        pid, _space, started = self._read("pid").partition(" ")
        return bool(started) and _start_time(pid) == started

    def output(self) -> str:
        return self._read("log")

    def last_line(self) -> str:
        lines = [line.strip() for line in self.output().splitlines() if line.strip()]
        return lines[-1] if lines else ""
