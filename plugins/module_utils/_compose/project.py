# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Compose project brought to its declared state: plan, apply, watch, roll back."""

from __future__ import annotations

import hashlib
import os
import time
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import (
    Container,
    Engine,
    EngineError,
    Job,
    Runner,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    DirectorySpec,
    FileChange,
    FileSpec,
    StateStore,
    absolute,
    make_directory,
    plan_directories,
    plan_files,
    read_text,
    write_file,
)

COMPOSE_FILE = "compose.yml"
IMAGE_CHANGED = "recreate: its image changed"
#: How often containers are looked at while they start, in seconds.
POLL_SECONDS = 0.5


class ProjectError(Exception):
    """The project can't be brought to its state; the message says what to do."""


class Hook(t.NamedTuple):
    """A command inside a running service. It prints CHANGED when it changed (or, checking, would change) something."""

    service: str
    command: list[str]
    check_command: list[str]
    description: str
    stdin_file: str | None = None


class Guard(t.NamedTuple):
    """A file that must hold a text, where it exists at all, before anything is touched."""

    path: str
    equals: str
    fail_msg: str


class Declaration(t.NamedTuple):
    """What the project should be."""

    name: str
    project_dir: str
    files: tuple[FileSpec, ...]
    directories: tuple[DirectorySpec, ...]
    networks: tuple[tuple[str, bool], ...]
    hooks: tuple[Hook, ...]
    guards: tuple[Guard, ...]
    forward_only: tuple[str, ...]
    max_restarts: int
    recreate: bool

    @property
    def compose(self) -> str:
        for spec in self.files:
            if spec.path == COMPOSE_FILE:
                return spec.content
        raise ProjectError(f"files has no {COMPOSE_FILE}, so project {self.name} has no services")


class Plan:
    """What differs, and so what a run does. The same object answers check mode and drives the run."""

    def __init__(self, project_dir: str) -> None:
        self.project_dir = project_dir
        self.files: list[FileChange] = []
        self.directories: list[tuple[DirectorySpec, str]] = []
        self.networks: list[tuple[str, bool]] = []
        self.removed_files: list[str] = []
        self.actions: dict[str, str] = {}
        self.force: list[str] = []
        self.pulls: list[str] = []
        self.unforeseen: list[str] = []
        self.image_changes: list[str] = []
        self.images: dict[str, str] = {}
        self.restarts: dict[str, int] = {}
        self.digests: dict[str, str] = {}
        self.hooks: list[str] = []

    @property
    def engine_work(self) -> bool:
        return bool(self.actions or self.networks)

    @property
    def changed(self) -> bool:
        return bool(
            self.files or self.directories or self.removed_files or self.engine_work or self.hooks or self.unforeseen
        )

    def summary(self) -> dict[str, t.Any]:
        return {
            "changed": self.changed,
            "files": {change.spec.path: change.describe() for change in self.files},
            "directories": {spec.path: what for spec, what in self.directories},
            "removed_files": self.removed_files,
            "actions": self.actions,
            "networks": [name for name, internal in self.networks],
            "pulls": self.pulls,
            "unforeseen": self.unforeseen,
            "hooks": self.hooks,
        }

    def diff(self) -> list[dict[str, str]]:
        diffs = [self._file_diff(change) for change in self.files]
        diffs += [_line_diff(absolute(self.project_dir, spec.path), "", what) for spec, what in self.directories]
        diffs += [_line_diff(absolute(self.project_dir, path), "present", "absent") for path in self.removed_files]
        diffs += [_line_diff(f"network {name}", "absent", "present") for name, internal in self.networks]
        diffs += [_line_diff(f"service {name}", "", what) for name, what in sorted(self.actions.items())]
        diffs += [_line_diff("hook", "", what) for what in self.hooks]
        return diffs

    def _file_diff(self, change: FileChange) -> dict[str, str]:
        path = absolute(self.project_dir, change.spec.path)
        if not change.content_differs:
            return _line_diff(path, "", ", ".join(change.attributes))
        if change.spec.secret:
            before = "" if change.before is None else "(secret, not shown)\n"
            return {
                "before_header": path,
                "after_header": path,
                "before": before,
                "after": "(secret, new content not shown)\n",
            }
        return {
            "before_header": path,
            "after_header": path,
            "before": change.before or "",
            "after": change.spec.content,
        }


def _line_diff(header: str, before: str, after: str) -> dict[str, str]:
    lines = [f"{text}\n" if text else "" for text in (before, after)]
    return {"before_header": header, "after_header": header, "before": lines[0], "after": lines[1]}


class Project:
    """Plans and performs. Holds no state of its own: what must outlive a call is in the state directory."""

    def __init__(self, declaration: Declaration, runner: Runner, sleep: t.Callable[[float], None] = time.sleep) -> None:
        self.want = declaration
        self.engine = Engine(declaration.name, declaration.project_dir, runner)
        self.state = StateStore(declaration.project_dir)
        self.job = Job(os.path.join(self.state.path, "job"), runner)
        self.sleep = sleep

    # ---- plan

    def plan(self, check_mode: bool) -> Plan:
        self._check_guards()
        plan = Plan(self.want.project_dir)
        plan.files = plan_files(self.want.project_dir, self.want.files)
        plan.directories = plan_directories(self.want.project_dir, self.want.directories)
        plan.removed_files = self._leftover_files()
        plan.digests = self._service_digests()
        missing = self.engine.available()
        if missing and not check_mode:
            raise ProjectError(f"{missing}; run the docker role first, or install Docker Engine with Compose v2")
        if missing:
            plan.unforeseen.append(f"services of project {self.want.name}: {missing} yet")
        else:
            self._plan_services(plan)
        return plan

    def _check_guards(self) -> None:
        for guard in self.want.guards:
            found = read_text(absolute(self.want.project_dir, guard.path))
            if found is not None and found.strip() != guard.equals:
                raise ProjectError(guard.fail_msg.replace("{found}", found.strip()))

    def _leftover_files(self) -> list[str]:
        """Files that an earlier run wrote and this declaration no longer has."""
        return [path for path in self._written_files() if path not in {spec.path for spec in self.want.files}]

    def _written_files(self) -> list[str]:
        known: set[str] = set()
        for name in ("applied.json", "pending.json"):
            state = self.state.load(name)
            known.update(state.get("files", []), state.get("removing", []))
        return sorted(path for path in known if os.path.exists(absolute(self.want.project_dir, path)))

    def _service_digests(self) -> dict[str, str]:
        """Service to a digest of all the files that its container reads: Compose's own hash ignores their content."""
        parts: dict[str, list[str]] = {}
        for spec in self.want.files:
            for service in spec.services:
                parts.setdefault(service, []).append(spec.digest())
        return {name: hashlib.sha256("".join(sorted(found)).encode()).hexdigest() for name, found in parts.items()}

    def _plan_services(self, plan: Plan) -> None:
        config = self.engine.config(self.want.compose)
        hashes = self.engine.hashes(self.want.compose)
        containers = {found.service: found for found in self.engine.containers()}
        images = {name: service["image"] for name, service in config["services"].items()}
        on_host = self.engine.image_ids(images.values())
        applied = self.state.load("applied.json").get("images", {})
        started = self._started_digests()
        present = self.engine.networks() if self.want.networks else set()
        plan.networks = [network for network in self.want.networks if network[0] not in present]
        plan.pulls = sorted({image for image in images.values() if image not in on_host})
        plan.restarts = {found.id: found.restarts for found in containers.values()}
        plan.images = images
        for name in sorted(images):
            found = containers.get(name)
            stale = started.get(name) != plan.digests.get(name)
            action = self._action(found, hashes[name], on_host.get(images[name]), stale)
            former = found.image if found else applied.get(name, images[name])
            if former != images[name] or action == IMAGE_CHANGED:
                plan.image_changes.append(name)
            if action:
                plan.actions[name] = action
            if found and action.startswith("recreate"):
                plan.force.append(name)
        for name in sorted(set(containers) - set(images)):
            plan.actions[name] = "remove"

    def _started_digests(self) -> dict[str, str]:
        """What every service was last started with; a service that an unfinished run was at is left out."""
        pending = self.state.load("pending.json")
        if pending and self.job.succeeded():
            return pending["services"]
        applied = self.state.load("applied.json").get("services", {})
        return {name: digest for name, digest in applied.items() if name not in pending.get("touched", [])}

    def _action(self, found: Container | None, wanted_hash: str, image_id: str | None, stale: bool) -> str:
        if found is None:
            return "create"
        if found.config_hash != wanted_hash:
            return "recreate: its definition changed"
        if image_id and found.image_id != image_id:
            return IMAGE_CHANGED
        if stale:
            return "recreate: a file that it reads changed"
        if self.want.recreate:
            return "recreate: asked for"
        if found.unhealthy:
            return "recreate: it is unhealthy"
        if found.status != "running" and not found.finished:
            return f"start: it is {found.status}"
        return ""

    # ---- apply

    def apply(self, plan: Plan) -> None:
        """Writes what differs and starts the job; whether the services become healthy is the watch's to say."""
        self.state.ensure()
        unfinished = self.state.load("pending.json")
        if plan.actions or self.job.return_code():
            self.job.forget()
        if not plan.changed and not unfinished:
            return
        self.state.save("pending.json", self._pending(plan, unfinished))
        for directory, _difference in plan.directories:
            make_directory(self.want.project_dir, directory)
        for change in plan.files:
            spec = change.spec
            write_file(absolute(self.want.project_dir, spec.path), spec.content, spec.mode, spec.owner, spec.group)
        for path in plan.removed_files:
            os.unlink(absolute(self.want.project_dir, path))
        for name, internal in plan.networks:
            self.engine.create_network(name, internal)
        if plan.actions:
            self._start_job(plan.force)

    def _pending(self, plan: Plan, unfinished: dict[str, t.Any]) -> dict[str, t.Any]:
        """What a rollback and the next run must know of this run; an unfinished run before it may have had its effects."""
        migrating = set(plan.image_changes) & set(self.want.forward_only)
        return {
            "files": [spec.path for spec in self.want.files],
            "removing": plan.removed_files,
            "services": plan.digests,
            "images": plan.images,
            "restarts": plan.restarts,
            "touched": sorted(set(plan.actions) | set(unfinished.get("touched", []))),
            "no_rollback": sorted(migrating | set(unfinished.get("no_rollback", []))),
        }

    def _start_job(self, force: list[str]) -> None:
        up = [
            "docker",
            *self.engine.compose_args(os.path.join(self.want.project_dir, COMPOSE_FILE)),
            "--progress",
            "plain",
        ]
        up += ["up", "--detach", "--no-build", "--remove-orphans"]
        commands = [[*up, "--no-deps", "--force-recreate", *force]] if force else []
        self.job.start([*commands, up])

    # ---- watch

    def watch(self, window: float) -> dict[str, t.Any]:
        """Waits up to *window* seconds. phase: done, waiting or failed, with what a person wants to know of it."""
        end = time.monotonic() + window
        while True:
            status = self._status()
            if status["phase"] != "waiting" or time.monotonic() >= end:
                return status
            self.sleep(POLL_SECONDS)

    def _status(self) -> dict[str, t.Any]:
        code = self.job.return_code()
        if code is None:
            return {"phase": "waiting", "stage": "starting", "progress": self._starting()}
        containers = self.engine.containers()
        dead = [found for found in containers if self._dead(found)]
        if code:
            reason = f"docker compose up failed:\n{self.job.output()[-4000:]}"
            unready = [found for found in containers if not found.ready]
            # Compose gives up at the first exit of a service that another waits for, long before that counts as dead here.
            guilty = dead or [found for found in unready if found.status != "created"]
            reason = "\n".join([reason, self._epitaph(guilty)]).strip()
            return {"phase": "failed", "reason": reason, "services": [found.service for found in unready]}
        if dead:
            return {"phase": "failed", "reason": self._epitaph(dead), "services": [found.service for found in dead]}
        unready = [found for found in containers if not found.ready]
        if unready:
            return {"phase": "waiting", "stage": "healthy", "progress": self._progress(unready)}
        return {"phase": "done", "containers": [_report(found) for found in containers]}

    def _starting(self) -> str:
        """Compose's last line; while it waits for a service that another one depends on, what that service says."""
        last = self.job.last_line()
        if not last.endswith("Waiting"):
            return last
        unready = [found for found in self.engine.containers() if not found.ready and found.status != "created"]
        return self._progress(unready) or last

    def _dead(self, found: Container) -> bool:
        if found.unhealthy:
            return True
        before = self.state.load("pending.json").get("restarts", {}).get(found.id, 0)
        if found.restarts - before > self.want.max_restarts:
            return True
        return found.status in ("exited", "dead") and not found.finished

    def _epitaph(self, dead: list[Container]) -> str:
        return "\n".join(
            f"{found.service} is {found.describe()}; its last words:\n{self.engine.logs(found, 40)}" for found in dead
        )

    def _progress(self, unready: list[Container]) -> str:
        words = []
        for found in unready:
            last = self.engine.logs(found, 1)[-160:]
            words.append(f"{found.service}: {found.describe()}" + (f" ({last})" if last else ""))
        return "; ".join(words)

    def commit(self) -> None:
        """The services are healthy: remember what they run with, and keep their files as the way back."""
        pending = self.state.load("pending.json")
        if not pending:
            return
        applied = {name: pending[name] for name in ("files", "services", "images")}
        self.state.save("applied.json", applied)
        self.state.keep_good(pending["files"])
        self.state.remove("pending.json")

    # ---- hooks

    def rolled_back(self) -> bool:
        """Whether what runs is the state before this declaration, which its hooks are not meant for."""
        return bool(self.state.load("pending.json").get("rolled_back"))

    def run_hooks(self, check_mode: bool, plan: Plan) -> None:
        containers = {found.service: found for found in self.engine.containers()}
        for hook in self.want.hooks:
            found = containers.get(hook.service)
            if check_mode and (found is None or not found.ready):
                plan.unforeseen.append(f"{hook.description}: {hook.service} is not running yet")
                continue
            if found is None:
                raise ProjectError(f"{hook.description}: there is no container of service {hook.service}")
            command = hook.check_command if check_mode else hook.command
            output = self.engine.execute(found, command, self._declared(hook.stdin_file))
            if "CHANGED" in output.split():
                plan.hooks.append(hook.description)

    def _declared(self, path: str | None) -> str | None:
        """What a file should hold: check mode has to ask about that, not about what is on the disk."""
        return next((spec.content for spec in self.want.files if spec.path == path), None)

    # ---- failure

    def roll_back(self) -> str:
        """Puts the last working files back and starts them. Returns what was done: restored, kept or none."""
        pending = self.state.load("pending.json")
        if not self.state.has_good():
            return "none"
        if pending.get("no_rollback"):
            return "kept"
        self.job.stop()
        self.state.restore_good(pending.get("files", []))
        applied, touched = self.state.load("applied.json"), pending.get("touched", [])
        pending = {**applied, "restarts": {}, "touched": touched, "no_rollback": [], "rolled_back": True}
        self.state.save("pending.json", pending)
        services = set(self.engine.config(read_text(absolute(self.want.project_dir, COMPOSE_FILE)) or "")["services"])
        self._start_job(sorted(set(touched) & services))
        return "restored"

    def stop(self, services: list[str]) -> None:
        """Ends a crash loop that no earlier configuration can replace."""
        known = {found.service for found in self.engine.containers()}
        for service in sorted(known & set(services)):
            self.engine.run(
                *self.engine.compose_args(os.path.join(self.want.project_dir, COMPOSE_FILE)), "stop", service
            )

    # ---- absence

    def plan_absent(self) -> Plan:
        plan = Plan(self.want.project_dir)
        plan.removed_files = self._written_files()
        if not self.engine.available():
            plan.actions = {found.service: "remove" for found in self.engine.containers()}
        return plan

    def apply_absent(self, plan: Plan) -> None:
        """Containers and written files go; data directories, the state's good copy included, stay."""
        if plan.actions:
            self.engine.run("compose", "-p", self.want.name, "down", "--remove-orphans")
        for path in plan.removed_files:
            os.unlink(absolute(self.want.project_dir, path))
        for name in ("applied.json", "pending.json"):
            self.state.remove(name)


def _report(found: Container) -> dict[str, t.Any]:
    return {
        "service": found.service,
        "name": found.name,
        "id": found.id,
        "image": found.image,
        "image_id": found.image_id,
        "state": found.status,
        "health": found.health,
    }


__all__ = ["COMPOSE_FILE", "Declaration", "EngineError", "Guard", "Hook", "Plan", "Project", "ProjectError"]
