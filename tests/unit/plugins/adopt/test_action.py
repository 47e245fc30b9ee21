# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""compose_deployment on the controller: files are asked for until all are known, and what is told holds no secret."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.action import compose_deployment
from deployed import FOLDER, MASTER, PASSWORD, SALT, Deployment

BOXES: list[dict[str, t.Any]] = [
    {"id": name, "name": f"llm-{name}-1", "service": name, "state": "running", "restart": "always", "mounts": []}
    for name in ("vllm-chat", "litellm", "db")
]


class Hosts(dict[str, dict[str, t.Any]]):
    def raw_get(self, name: str) -> dict[str, t.Any]:
        return self[name]


def run(
    old: Deployment, variables: dict[str, t.Any] | None = None, boxes: t.Any = BOXES, **args: t.Any
) -> dict[str, t.Any]:
    loader = DataLoader()
    task = Task.load({"name": "t", "llmfleet.gateway.compose_deployment": {}})
    task.args = {"compose_dir": f"{FOLDER}/", **args}
    context = PlayContext()
    context.remote_user = "operator"
    connection = connection_loader.get("ansible.builtin.local", context)
    action = compose_deployment.ActionModule(task, connection, context, loader, Templar(loader=loader), None)

    def module(module_args: dict[str, t.Any], **_more: t.Any) -> dict[str, t.Any]:
        names = module_args["files"]
        facts = {**old.facts, "containers": boxes, "commits": dict.fromkeys(module_args["repositories"], "")}
        return {"files": {name: old.files.get(name.removeprefix(f"{FOLDER}/")) for name in names}, "facts": facts}

    action._execute_module = module
    host = {"ansible_port": 2222}
    return action.run(task_vars={"inventory_hostname": "gpu1", "hostvars": Hosts(gpu1=host), **(variables or {})})


def test_the_project_is_written_and_no_secret_told(tmp_path: Path) -> None:
    told = run(Deployment(), dir=str(tmp_path / "fleet"))
    assert told["changed"] and told["gpu_count"] == 2 and told["ssh_user"] == "operator"
    assert told["services"] == ["litellm", "vllm-chat", "db"]
    assert "vllm_api_key" in told["made"] and "litellm_salt_key" not in told["made"]
    assert (tmp_path / "fleet/host_vars/gpu1.yml").read_text().endswith("ansible_port: 2222\n")
    assert [secret for secret in (MASTER, SALT, PASSWORD, "correct-horse-1", "sk-ant-") if secret in repr(told)] == []
    assert run(Deployment(), dir=str(tmp_path / "fleet"))["changed"] is False


def test_faults_end_it_before_anything_is_written(tmp_path: Path) -> None:
    old = Deployment().replace(".env", "UI_USERNAME=boss\n", "")
    with pytest.raises(AnsibleActionFail, match="UI_USERNAME is set nowhere"):
        run(old, dir=str(tmp_path / "fleet"))
    assert not (tmp_path / "fleet").exists()


def of_project(name: str) -> list[dict[str, t.Any]]:
    return [{**one, "project": name, "name": f"{name}-{one['service']}-1", "id": name + one["id"]} for one in BOXES]


def test_another_project_in_the_folder_is_left_alone() -> None:
    """Its services have the same names; the database of the wrong one would be moved."""
    keys = {"litellm_salt_key": SALT, "litellm_master_key": MASTER}
    told = run(Deployment(), keys, boxes=[*of_project("staging"), *of_project("llm")])
    assert {one["name"].partition("-")[0] for one in told["containers"]} == {"llm"}
    assert (told["project"], told["database"]["container"]) == ("llm", "llm-db-1")
    renamed = run(Deployment(), keys, boxes=of_project("other"))
    assert (renamed["project"], renamed["database"]["container"]) == ("other", "other-db-1")
    with pytest.raises(AnsibleActionFail, match="several projects, blue, green, and none of llm"):
        run(Deployment(), keys, boxes=[*of_project("blue"), *of_project("green")])


def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(AnsibleActionFail, match="absolute path"):
        run(Deployment(), compose_dir="llm")


def test_a_move_needs_the_deployments_own_salt() -> None:
    keys = {"litellm_salt_key": SALT, "litellm_master_key": MASTER}
    assert run(Deployment(), keys)["transfer"] == {}
    with pytest.raises(AnsibleActionFail, match="litellm_salt_key of the fleet is not the deployment's"):
        run(Deployment(), {**keys, "litellm_salt_key": "other"})


def test_a_move_needs_a_container_to_dump_by_or_a_dump() -> None:
    instance = {"user": {"identifier": '"u"'}, "database": {"identifier": '"d"'}}
    host = {
        "preflight": {"root": "/opt/llmfleet"},
        "postgres": {"projects": [{"vars": {"postgres_instance": instance}}]},
    }
    keys = {"litellm_salt_key": SALT, "litellm_master_key": MASTER, "llm_fleet": {"hosts": {"gpu1": host}}}
    assert run(Deployment(), keys)["transfer"]["source"]["container"] == "llm-db-1"
    with pytest.raises(AnsibleActionFail, match="docker compose up -d db"):
        run(Deployment(), keys, boxes=[])
    assert run(Deployment(), keys, boxes=[], dump="/srv/x.dump")["transfer"]["dump"] == "/srv/x.dump"
