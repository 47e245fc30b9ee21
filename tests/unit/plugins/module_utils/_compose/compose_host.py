# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host for unit tests: its disk is real, its engine a table of containers, its jobs are done at once.

Compose files are JSON here. A service's container reads SERVICE.conf of its project when it starts: `crash` makes it
crash for ever, `sick` unhealthy, `slow` starting, any other text healthy.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task as AnsibleTask
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.action import compose_project
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose import project as project_module
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.batch import FAILURES, Batch
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import (
    Container,
    Engine,
    EngineError,
    EngineMissing,
    Row,
)
from ansible_collections.llmfleet.gateway.plugins.modules.compose_project import argument_spec


def run_command(
    args: list[str], data: str | None = None, binary_data: bool = False, expand_user_and_vars: bool = True
) -> tuple[int, str, str]:
    """What AnsibleModule.run_command does, as far as it is asked."""
    assert (binary_data, expand_user_and_vars) == (True, False)
    done = subprocess.run(args, input=data, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


ME, MINE = str(os.getuid()), str(os.getgid())
OLD_IMAGES = {"web:1": "sha256:web1", "web:2": "sha256:web2", "db:1": "sha256:db1"}


class FakeContainer:
    def __init__(self, row: Row, image: str, image_id: str, config_hash: str) -> None:
        self.row, self.image, self.image_id, self.config_hash = row, image, image_id, config_hash
        self.status, self.health, self.exit_code, self.restarts, self.policy = "running", "", 0, 0, "unless-stopped"
        self.networks: dict[str, bool] = {}
        self.reloaded = 0

    def inspected(self) -> Container:
        return Container(
            self.row.id,
            self.row.name,
            self.row.project,
            self.row.service,
            self.config_hash,
            self.image,
            self.image_id,
            self.status,
            self.health,
            self.exit_code,
            self.restarts,
            self.policy,
            dict(self.networks),
        )


class FakeEngine(Engine):
    def __init__(self) -> None:
        super().__init__(self._no_runner)
        self.found: dict[str, FakeContainer] = {}
        self.on_host = dict(OLD_IMAGES)
        self.registry: dict[str, str] = {}
        self.networks_there: dict[str, bool] = {}
        self.networks_of: dict[str, list[str]] = {}
        self.performed: list[list[str]] = []
        self.networks_removed: list[str] = []
        self.calls: list[str] = []
        self.executed: list[list[str]] = []
        self.answers: dict[str, str] = {}
        self.broken: set[str] = set()
        self.missing = ""
        self.jobs: dict[str, FakeJob] = {}
        self.hold_jobs = False
        self.numbers = itertools.count(1)

    @staticmethod
    def _no_runner(*args: Any) -> tuple[int, str, str]:
        raise AssertionError(f"the engine itself was asked: {args}")

    def _note(self, what: str) -> None:
        self.calls.append(what)
        if what in self.broken:
            raise EngineError(f"docker {what}: no answer within 60 s")

    # ---- what Engine asks

    def run(self, *args: str, stdin: str | None = None, timeout: float = 60) -> str:
        self._note(args[0])
        self.perform(["docker", *args])
        return ""

    def config(self, project: str, project_dir: str, compose: str) -> dict[str, Any]:
        self._note("config")
        try:
            return json.loads(compose)
        except ValueError:
            raise EngineError("compose.yml: not a mapping") from None

    def hashes(self, project: str, project_dir: str, compose: str) -> dict[str, str]:
        self._note("hash")
        return {name: digest(service) for name, service in json.loads(compose)["services"].items()}

    def rows(self) -> list[Row]:
        self._note("ps")
        if self.missing:
            raise EngineMissing(self.missing)
        return [found.row for found in self.found.values()]

    def inspect(self, ids: Any) -> list[Container]:
        wanted = list(ids)
        if wanted:
            self._note("inspect")
        return [self.found[name].inspected() for name in wanted if name in self.found]

    def logs(self, container: Container, lines: int) -> str:
        return self.answers.get("logs", f"last {lines} of {container.service}")

    def execute(self, container_id: str, command: list[str], stdin: str | None, timeout: float) -> str:
        self._note("exec")
        self.executed.append([container_id, *command] if stdin is None else [container_id, *command, stdin])
        answer = self.answers.get(command[0], "")
        if answer.startswith("fail"):
            raise EngineError(f"docker exec: {answer}")
        return answer

    def image_ids(self, images: Any) -> dict[str, str]:
        wanted = set(images)
        if wanted:
            self._note("images")
        return {image: self.on_host[image] for image in wanted if image in self.on_host}

    def networks(self, names: Any) -> dict[str, bool]:
        wanted = set(names)
        if wanted:
            self._note("networks")
        return {name: internal for name, internal in self.networks_there.items() if name in wanted}

    def create_network(self, name: str, internal: bool) -> None:
        self._note("network create")
        self.networks_there[name] = internal

    def project_networks(self, project: str) -> list[str]:
        return self.networks_of.get(project, [])

    def members(self, network: str) -> list[str]:
        return [found.row.id for found in self.found.values() if network in found.networks]

    def left_networks(self, needed: Any) -> list[str]:
        return [name for project, names in self.networks_of.items() if project not in needed for name in names]

    def remove_networks(self, names: Any) -> None:
        self.networks_removed += names

    # ---- what docker does

    def add(self, project: str, project_dir: str, service: str, image: str = "web:1", **more: Any) -> FakeContainer:
        labels = {"fleet": more.pop("fleet", ""), "oneoff": more.pop("oneoff", "False")}
        name = more.pop("name", f"{project}-{service}-1")
        row = Row(f"id{next(self.numbers)}", name, project, service, project_dir, labels["fleet"], labels["oneoff"])
        made = FakeContainer(row, image, self.on_host.get(image, ""), more.pop("config_hash", ""))
        for key, value in more.items():
            setattr(made, key, value)
        self.found[row.id] = made
        return made

    def of(self, project: str) -> dict[str, FakeContainer]:
        return {found.row.service: found for found in self.found.values() if found.row.project == project}

    def perform(self, command: list[str]) -> str:
        """Empty, or the words of a command that failed."""
        self.performed.append(command)
        if command[0] == "/bin/sh":  # what may fail: a network that somebody is still in, a guest that has left it
            if command[2].startswith('"$@" ||'):
                self._to_container(command[5], command[6:])
            return ""
        verb, rest = command[1], command[2:]
        if verb == "pull":
            if rest[0] not in self.registry:
                return f"manifest for {rest[0]} not found"
            self.on_host[rest[0]] = self.registry[rest[0]]
        elif verb in ("stop", "start"):
            for name in rest:
                self.found[name].status = "running" if verb == "start" else "exited"
        elif verb == "rm":
            for name in rest:
                del self.found[name]
        elif verb in ("network", "exec"):
            return self._to_container(verb, rest)
        elif verb == "compose":
            self._compose(rest)
        return ""

    def _to_container(self, verb: str, rest: list[str]) -> str:
        """A network is there, and a check content with a service's file unless its first word is `wrong`."""
        names = {found.row.name: found for found in self.found.values()}
        if verb == "network":
            found = self.found.get(rest[-1]) or names.get(rest[-1])
            if found is None:
                return f"endpoint {rest[-1]} not found"
            if rest[0] == "connect":
                found.networks[rest[-2]] = "io.llmfleet.attached=true" in rest
            else:
                del found.networks[rest[-2]]
            return ""
        found = self.found[rest[0]]
        text = Path(found.row.working_dir, f"{found.row.service}.conf").read_text()
        if rest[1] == "check":
            return "the file is wrong" if text.startswith("wrong") else ""
        found.reloaded += 1
        found.health = "unhealthy" if text.startswith("sick") else ""
        return ""

    def _compose(self, rest: list[str]) -> None:
        project, directory = rest[1], rest[3]
        if "up" not in rest:
            self.executed.append(rest)
            return
        force = rest[rest.index("--force-recreate") + 1 :] if "--force-recreate" in rest else []
        services = json.loads(Path(rest[5]).read_text())["services"]
        for name, service in services.items():
            if force and name not in force:
                continue
            self._up(project, directory, name, service, bool(force), "--no-start" in rest)

    def _up(self, project: str, directory: str, name: str, service: dict[str, Any], force: bool, held: bool) -> None:
        there = self.of(project).get(name)
        same = there and there.config_hash == digest(service) and there.image_id == self.on_host.get(service["image"])
        if there and same and not force:
            there.status = there.status if held else "running"
            return
        if there:
            del self.found[there.row.id]
        labels = service.get("labels", {})
        made = self.add(
            project,
            directory,
            name,
            service["image"],
            name=service.get("container_name", f"{project}-{name}-1"),
            fleet=labels.get("io.llmfleet.project", ""),
            config_hash=digest(service),
        )
        conf = Path(directory, f"{name}.conf")
        text = conf.read_text() if conf.exists() else ""
        if text.startswith("crash"):
            made.status, made.exit_code, made.restarts = "restarting", 1, 9
        elif text.startswith(("sick", "slow")):
            made.health = "unhealthy" if text.startswith("sick") else "starting"
        made.networks = dict.fromkeys(service.get("networks", ()), False)
        made.status = "created" if held else made.status


def digest(service: Any) -> str:
    return hashlib.sha256(json.dumps(service, sort_keys=True).encode()).hexdigest()


class FakeJob:
    """Does its work at once, unless the engine is told to hold jobs."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.forget()
        self.stopped = False

    def forget(self) -> None:
        self.commands: list[list[str]] = []
        self.code: int | None = 0
        self.kind, self.said = "", ""

    def start(self, commands: list[list[str]], kind: str) -> None:
        self.forget()
        self.commands, self.kind = commands, kind
        if self.engine.hold_jobs:
            self.code = None
        else:
            self.work()

    def work(self) -> None:
        self.code = 0
        for command in self.commands:
            self.said = self.engine.perform(command)
            if self.said:
                self.code = 1
                return

    def stop(self) -> None:
        self.stopped = True

    def return_code(self) -> int | None:
        return self.code

    def succeeded(self) -> bool:
        return bool(self.commands) and self.code == 0

    def output(self) -> str:
        return self.said

    def last_line(self) -> str:
        return self.said or "its last line"


class Host:
    def __init__(self, root: Path, monkeypatch: Any) -> None:
        self.root = root
        self.engine = FakeEngine()
        self.check_mode = False
        monkeypatch.setattr(project_module, "Job", self._job)

    def _job(self, directory: str, runner: Any) -> FakeJob:
        return self.engine.jobs.setdefault(directory, FakeJob(self.engine))

    def job(self, name: str) -> FakeJob:
        return self._job(f"{self.root / name}/.llmfleet/job", None)

    def project(self, name: str = "p", images: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """Options of one project; `conf` is what its service web reads."""
        services = {
            service: {"image": image, "labels": {"io.llmfleet.project": name}}
            for service, image in (images or {"web": "web:1"}).items()
        }
        for service, extra in more.pop("extra", {}).items():
            services[service].update(extra)
        files = [own("compose.yml", json.dumps({"services": services}))]
        conf = more.pop("conf", "good")
        if conf is not None:
            files.append(own("web.conf", conf, services=["web"]))
        return {"name": name, "project_dir": str(self.root / name), "files": files + more.pop("files", []), **more}

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def listing(self, name: str = "p") -> list[str]:
        return sorted(os.listdir(self.root / name))

    # ---- the module

    def ask(self, *projects: dict[str, Any], **options: Any) -> dict[str, Any]:
        """One call of the module, its arguments validated as Ansible does."""
        return self.module({"projects": list(projects), "window": 0, **options})

    def module(self, args: dict[str, Any]) -> dict[str, Any]:
        checked = ArgumentSpecValidator(argument_spec()).validate(args)
        assert not checked.error_messages, checked.error_messages
        params = {**checked.validated_parameters, "window": 0}
        return Batch(params, self.check_mode, self.engine, lambda seconds: None).perform()


def own(path: str, content: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "content": content, "owner": ME, "group": MINE, **more}


class Clock:
    """Ten seconds pass with every call of the module, and what is slept."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Task:
    """The task on a host: the real action plugin and the real module, nothing between them."""

    def __init__(self, host: Host, monkeypatch: Any) -> None:
        self.host = host
        self.clock = Clock()
        self.said: list[str] = []
        self.calls: list[str] = []
        monkeypatch.setattr(compose_project, "time", self.clock)

    def __call__(self, *projects: dict[str, Any], **options: Any) -> dict[str, Any]:
        task = AnsibleTask.load({"name": "t", "llmfleet.gateway.compose_project": {}})
        task.args = {"projects": list(projects), **options}
        loader = DataLoader()
        context = PlayContext()
        connection = connection_loader.get("ansible.builtin.local", context)
        action = compose_project.ActionModule(
            task, connection, context, loader, Templar(loader=loader, variables={}), None
        )
        action._execute_module = self._execute
        action._display = self
        return action.run(task_vars={"inventory_hostname": "h1"})

    def _execute(self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(module_args["call"])
        self.clock.now += 10
        try:
            return self.host.module(module_args)
        except FAILURES as error:
            return {"failed": True, "msg": str(error)}

    def display(self, text: str) -> None:
        self.said.append(text)
