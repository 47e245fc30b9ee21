# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Docker engine and Compose as the command line shows them. Nothing here knows about files or plans."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import time
import typing as t

#: AnsibleModule.run_command, or what answers like it: arguments to (return code, output, error output).
Runner = t.Callable[..., "tuple[int, str, str]"]


class EngineError(Exception):
    """A docker command failed; the message names the command and holds its own words."""


class Container(t.NamedTuple):
    """The part of `docker inspect` that a plan and a wait need."""

    id: str
    name: str
    service: str
    config_hash: str
    image: str
    image_id: str
    status: str
    health: str
    exit_code: int
    restarts: int
    restart_policy: str

    @property
    def finished(self) -> bool:
        """A one-shot service that did its work and is not meant to run on."""
        return self.status == "exited" and self.exit_code == 0 and self.restart_policy in ("no", "", "on-failure")

    @property
    def ready(self) -> bool:
        return self.finished or (self.status == "running" and self.health in ("", "healthy"))

    @property
    def unhealthy(self) -> bool:
        """A container that is not running is always called unhealthy: that says nothing about it."""
        return self.status == "running" and self.health == "unhealthy"

    def describe(self) -> str:
        words = self.health or "running" if self.status == "running" else f"{self.status} (exit code {self.exit_code})"
        return f"{words}, restarted {self.restarts} times" if self.restarts else words


def parse_container(found: dict[str, t.Any]) -> Container:
    labels = found["Config"].get("Labels") or {}
    state = found["State"]
    return Container(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        service=labels.get("com.docker.compose.service", ""),
        config_hash=labels.get("com.docker.compose.config-hash", ""),
        image=found["Config"]["Image"],
        image_id=found["Image"],
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        exit_code=state["ExitCode"],
        restarts=found.get("RestartCount", 0),
        restart_policy=found["HostConfig"]["RestartPolicy"]["Name"],
    )


class Engine:
    """One Compose project on this host's engine."""

    def __init__(self, project: str, project_dir: str, runner: Runner) -> None:
        self.project = project
        self.project_dir = project_dir
        self.runner = runner

    def available(self) -> str:
        """Empty when the engine and Compose v2 answer, else what is missing."""
        if not shutil.which("docker"):
            return "the docker command is not there"
        if self.runner(["docker", "compose", "version"])[0]:
            return "Docker Compose v2 (docker compose) is not there"
        code, _output, error = self.runner(["docker", "version"])
        return error.strip() if code else ""

    def run(self, *args: str, stdin: str | None = None) -> str:
        code, output, error = self.runner(["docker", *args], data=stdin, binary_data=True)
        if code:
            raise EngineError(f"docker {' '.join(args)}: {(error or output).strip()}")
        return output

    def compose_args(self, compose_file: str) -> list[str]:
        return ["compose", "-p", self.project, "--project-directory", self.project_dir, "-f", compose_file]

    def config(self, compose: str) -> dict[str, t.Any]:
        """The compose file as Compose understands it; EngineError where it does not."""
        return json.loads(self.run(*self.compose_args("-"), "config", "--format", "json", stdin=compose))

    def hashes(self, compose: str) -> dict[str, str]:
        """Service name to configuration hash, the same that Compose puts into a container's labels."""
        lines = self.run(*self.compose_args("-"), "config", "--hash", "*", stdin=compose).splitlines()
        return dict(t.cast("tuple[str, str]", tuple(line.split())) for line in lines if line.strip())

    def containers(self) -> list[Container]:
        label = f"label=com.docker.compose.project={self.project}"
        ids = self.run(
            "ps", "-aq", "--no-trunc", "--filter", label, "--filter", "label=com.docker.compose.oneoff=False"
        ).split()
        return [parse_container(found) for found in json.loads(self.run("inspect", *ids))] if ids else []

    def image_ids(self, images: t.Iterable[str]) -> dict[str, str]:
        """Image reference to id, for those that are on this host."""
        found = {}
        for image in sorted(set(images)):
            code, output, _error = self.runner(["docker", "image", "inspect", "--format", "{{.Id}}", image])
            if code == 0:
                found[image] = output.strip()
        return found

    def networks(self) -> set[str]:
        return set(self.run("network", "ls", "--format", "{{.Name}}").split())

    def create_network(self, name: str, internal: bool) -> None:
        extra = ["--internal"] if internal else []
        self.run("network", "create", "--label", "io.llmfleet.network=true", *extra, name)

    def logs(self, container: Container, lines: int) -> str:
        _code, output, error = self.runner(["docker", "logs", "--tail", str(lines), container.id])
        return (output + error).strip()

    def execute(self, container: Container, command: list[str], stdin: str | None = None) -> str:
        # Without something to read, an open standard input would be the module's own.
        options = ["--interactive"] if stdin is not None else []
        return self.run("exec", *options, container.id, *command, stdin=stdin)


def _start_time(pid: str) -> str:
    """When the process began, which tells it from a later one with its number; empty when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            fields = handle.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
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

    Its output, process id and exit status lie in a directory, so that any later call can look at it.
    """

    def __init__(self, directory: str, runner: Runner) -> None:
        self.directory = directory
        self.runner = runner

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def start(self, commands: list[list[str]]) -> None:
        self.forget()
        os.makedirs(self.directory, mode=0o700)
        script = " && ".join(shlex.join(command) for command in commands)
        code, done = shlex.quote(self.path("rc.new")), shlex.quote(self.path("rc"))
        wrapped = f"({script}); echo $? > {code}; mv {code} {done}"
        # A session of its own, so that the end of the module, or of its connection, is not the job's.
        detached = (
            f"setsid /bin/sh -c {shlex.quote(wrapped)} >{shlex.quote(self.path('log'))} 2>&1 </dev/null & echo $!"
        )
        pid = self.runner(["/bin/sh", "-c", detached])[1].strip()
        _await_session(int(pid))
        with open(self.path("pid"), "w", encoding="utf-8") as handle:
            handle.write(f"{pid} {_start_time(pid)}")

    def _read(self, name: str) -> str:
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as handle:
                return handle.read().strip()
        except FileNotFoundError:
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

    def succeeded(self) -> bool:
        return bool(self._read("pid")) and self.return_code() == 0

    def return_code(self) -> int | None:
        """None while it runs; 0 where there is none; 255 when it was cut off before it could say (a reboot, a kill)."""
        if not self._read("pid"):
            return 0
        code = self._read("rc")
        if code:
            return int(code)
        return None if self._alive() else int(self._read("rc") or 255)

    def _alive(self) -> bool:
        pid, _space, started = self._read("pid").partition(" ")
        return bool(started) and _start_time(pid) == started

    def output(self) -> str:
        return self._read("log")

    def last_line(self) -> str:
        lines = [line.strip() for line in self.output().splitlines() if line.strip()]
        return lines[-1] if lines else ""
