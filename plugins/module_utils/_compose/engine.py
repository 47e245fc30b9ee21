# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Docker engine and Compose as the command line shows them. Nothing here knows about files, plans or whose is what."""

from __future__ import annotations

import json
import re
import shutil
import time
import typing as t

#: Arguments, standard input and a time limit to (return code, output, error output).
Runner = t.Callable[..., "tuple[int, str, str]"]

#: An engine that has not answered a question by then hangs.
QUERY_SECONDS = 60.0
#: What timeout(1) returns when the command took too long, or had to be killed for that.
TIMED_OUT = 124
KILLED = (TIMED_OUT, 137)

#: What would turn a terminal's colours or move its cursor is no part of what a program says.
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")

LABEL_FLEET = "io.llmfleet.project"
LABEL_PROJECT = "com.docker.compose.project"
LABEL_SERVICE = "com.docker.compose.service"
LABEL_DIRECTORY = "com.docker.compose.project.working_dir"
LABEL_ONEOFF = "com.docker.compose.oneoff"
LABEL_HASH = "com.docker.compose.config-hash"
#: What marks a container's place in a network that it got beside those of its compose file. The engine keeps it.
ATTACHED = "io.llmfleet.attached"
ROW_LABELS = (LABEL_PROJECT, LABEL_SERVICE, LABEL_DIRECTORY, LABEL_FLEET, LABEL_ONEOFF)


class EngineError(Exception):
    """A docker command failed; the message names the command and holds its own words."""


class EngineMissing(EngineError):
    """There is no engine, or no Compose, that would answer."""


def limited(run_command: t.Callable[..., tuple[int, str, str]]) -> Runner:
    """AnsibleModule.run_command, with a time limit. timeout(1) ends the command with all that it started."""

    def run(args: list[str], stdin: str | None = None, timeout: float = QUERY_SECONDS) -> tuple[int, str, str]:
        began = time.monotonic()
        command = ["timeout", "-k", "5", str(timeout), *args]
        # Nothing is expanded: a dollar sign in a hook's command is the container's.
        code, output, error = run_command(command, data=stdin, binary_data=True, expand_user_and_vars=False)
        # With -k, timeout(1) kills itself too, which Python says in its own way.
        code = 128 - code if code < 0 else code
        if code in KILLED and time.monotonic() - began >= timeout:
            return TIMED_OUT, "", f"no answer within {timeout:.0f} s"
        return code, output, error

    return run


class Row(t.NamedTuple):
    """One line of `docker ps`: enough to tell whose a container is."""

    id: str
    name: str
    project: str
    service: str
    working_dir: str
    fleet_project: str
    oneoff: str


def _row(id: str, names: str, *labels: str) -> Row:
    """With links of old, `web/db` is a name too: that of a neighbour's."""
    own = [name for name in names.split(",") if "/" not in name]
    return Row(id, own[0] if own else names, *labels)


class Container(t.NamedTuple):
    """The part of `docker inspect` that a plan and a wait need."""

    id: str
    name: str
    project: str
    service: str
    config_hash: str
    image: str
    image_id: str
    status: str
    health: str
    exit_code: int
    restarts: int
    restart_policy: str
    #: Name to whether it was attached there, beside what its compose file says.
    networks: t.Mapping[str, bool] = {}

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

    def report(self) -> dict[str, str]:
        return {
            "service": self.service,
            "name": self.name,
            "id": self.id,
            "image": self.image,
            "image_id": self.image_id,
            "state": self.status,
            "health": self.health,
        }


def parse_container(found: dict[str, t.Any]) -> Container:
    labels = found["Config"].get("Labels") or {}
    state = found["State"]
    return Container(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        project=labels.get(LABEL_PROJECT, ""),
        service=labels.get(LABEL_SERVICE, ""),
        config_hash=labels.get(LABEL_HASH, ""),
        image=found["Config"]["Image"],
        image_id=found["Image"],
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        exit_code=state["ExitCode"],
        restarts=found.get("RestartCount", 0),
        restart_policy=found["HostConfig"]["RestartPolicy"]["Name"],
        networks=_networks(found),
    )


def _networks(found: dict[str, t.Any]) -> dict[str, bool]:
    listed = (found.get("NetworkSettings") or {}).get("Networks") or {}
    return {name: ATTACHED in ((entry or {}).get("DriverOpts") or {}) for name, entry in listed.items()}


def compose_args(project: str, project_dir: str, compose_file: str) -> list[str]:
    return ["compose", "-p", project, "--project-directory", project_dir, "-f", compose_file]


class Engine:
    """This host's engine."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def run(self, *args: str, stdin: str | None = None, timeout: float = QUERY_SECONDS) -> str:
        code, output, error = self.runner(["docker", *args], stdin, timeout)
        if code:
            raise EngineError(f"docker {' '.join(args)}: {(error or output).strip()}")
        return output

    # ---- Compose

    def _compose(self, project: str, project_dir: str, compose: str, *args: str) -> str:
        try:
            return self.run(*compose_args(project, project_dir, "-"), *args, stdin=compose)
        except EngineError:
            if self.runner(["docker", "compose", "version"], None, QUERY_SECONDS)[0]:
                raise EngineMissing("Docker Compose v2 (docker compose) is not there") from None
            raise

    def config(self, project: str, project_dir: str, compose: str) -> dict[str, t.Any]:
        """The compose file as Compose understands it; EngineError where it does not."""
        return json.loads(self._compose(project, project_dir, compose, "config", "--format", "json"))

    def hashes(self, project: str, project_dir: str, compose: str) -> dict[str, str]:
        """Service name to configuration hash, the same that Compose puts into a container's labels."""
        lines = self._compose(project, project_dir, compose, "config", "--hash", "*").splitlines()
        return dict(t.cast("tuple[str, str]", tuple(line.split())) for line in lines if line.strip())

    # ---- containers

    def rows(self) -> list[Row]:
        """All containers of the host, ours or not, running or not."""
        if not shutil.which("docker"):
            raise EngineMissing("the docker command is not there")
        # As JSON: whoever made a container may have put a tab or a line end into a label.
        fields = [".ID", ".Names", *(f'(.Label "{label}")' for label in ROW_LABELS)]
        row = "[" + ",".join(f"{{{{json {field}}}}}" for field in fields) + "]"
        code, output, error = self.runner(["docker", "ps", "--all", "--no-trunc", "--format", row], None, QUERY_SECONDS)
        if code == TIMED_OUT:
            raise EngineError(f"docker ps: {error}; the engine hangs, see: systemctl status docker")
        if code:
            raise EngineMissing(f"docker ps: {(error or output).strip()}")
        return [_row(*json.loads(line)) for line in output.split("\n") if line.strip()]

    def inspect(self, ids: t.Iterable[str]) -> list[Container]:
        wanted = list(ids)
        if not wanted:
            return []
        code, output, error = self.runner(["docker", "inspect", "--type", "container", *wanted], None, QUERY_SECONDS)
        # One that has gone since it was listed is no error; the others are told all the same.
        if code and "no such" not in error.lower():
            raise EngineError(f"docker inspect: {(error or output).strip()}")
        return [parse_container(found) for found in json.loads(output or "[]")]

    def logs(self, container: Container, lines: int) -> str:
        _code, output, error = self.runner(["docker", "logs", "--tail", str(lines), container.id], None, QUERY_SECONDS)
        return CONTROL.sub("", output + error).strip()

    def execute(self, container_id: str, command: list[str], stdin: str | None, timeout: float) -> str:
        # Without something to read, an open standard input would be the module's own.
        options = ["--interactive"] if stdin is not None else []
        return self.run("exec", *options, container_id, *command, stdin=stdin, timeout=timeout)

    # ---- images and networks

    def image_ids(self, images: t.Iterable[str]) -> dict[str, str]:
        """Image reference to id, for those that are on this host. One question where all of them are."""
        wanted = sorted(set(images))
        if not wanted:
            return {}
        ask = ["docker", "image", "inspect", "--format", "{{.Id}}"]
        code, output, error = self.runner([*ask, *wanted], None, QUERY_SECONDS)
        if code == TIMED_OUT:
            raise EngineError(f"docker image inspect: {error}")
        if code == 0:
            return dict(zip(wanted, output.split()))
        if len(wanted) == 1:
            return {}
        return {name: found for image in wanted for name, found in self.image_ids([image]).items()}

    def networks(self, names: t.Iterable[str]) -> dict[str, bool]:
        """Name to whether it is internal, for those of the networks that there are."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        code, output, error = self.runner(
            ["docker", "network", "inspect", "--format", "{{.Name}} {{.Internal}}", *wanted], None, QUERY_SECONDS
        )
        if code and "not found" not in error.lower() and "no such" not in error.lower():
            raise EngineError(f"docker network inspect: {(error or output).strip()}")
        rows = [line.split() for line in output.splitlines() if line.strip()]
        return {name: internal == "true" for name, internal in rows}

    def create_network(self, name: str, internal: bool) -> None:
        extra = ["--internal"] if internal else []
        self.run("network", "create", "--label", "io.llmfleet.network=true", *extra, name)

    def project_networks(self, project: str) -> list[str]:
        """The networks that Compose made for a project itself."""
        label = f"label={LABEL_PROJECT}={project}"
        return self.run("network", "ls", "--filter", label, "--format", "{{.Name}}").split()

    def members(self, network: str) -> list[str]:
        """The containers in a network, running or not; nobody is in one that there is not."""
        return self.run("ps", "--all", "--quiet", "--no-trunc", "--filter", f"network={network}").split()

    def left_networks(self, needed: t.Container[str]) -> list[str]:
        """Networks of our projects, but for the *needed* ones, that no container is in, running or not."""
        shown = self.run("network", "ls", "--filter", f"label={LABEL_FLEET}", "--format", _network_row())
        rows = [line.split("\t", 1) for line in shown.splitlines() if "\t" in line]
        return [name for name, project in rows if project not in needed and not self.members(name)]

    def remove_networks(self, names: t.Sequence[str]) -> None:
        if names:
            self.run("network", "rm", *names)


def _network_row() -> str:
    return f'{{{{.Name}}}}\t{{{{.Label "{LABEL_FLEET}"}}}}'
