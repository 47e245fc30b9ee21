# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet with the roles' own defaults, and the roles' templates rendered as compose_project renders them."""

from __future__ import annotations

import importlib.util
import typing as t
from pathlib import Path

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import litellm_instances
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import KNOWN, Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import role_defaults

ROLES = Path(__file__).parents[3] / "roles"
SECRETS = {
    "vllm_api_key": "vllm-key-0123456789",
    "litellm_master_key": "sk-master-0123456789abcdef0123456789",
    "litellm_salt_key": "sk-salt-0123456789",
    "litellm_ui_password": "ui-password-0123",
    "postgres_password": "database-password-01",
    "redis_password": "redis-password-0123456789",
}


def loaded(program: str) -> t.Any:
    """A program that a role brings to its hosts, such as vllm/files/start.py, as a module of its own each time."""
    path = ROLES / program
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def defaults() -> dict[str, t.Any]:
    """Of all roles, as written, so with templates in them."""
    return role_defaults(DataLoader())


def resolved(**given: t.Any) -> dict[str, t.Any]:
    """All variables of a host."""
    laid = {**defaults(), **SECRETS, **given}
    ours = {
        name: value
        for name, value in laid.items()
        if name.startswith(("edge_", "gate_", "llm_", "litellm_", "postgres_", "redis_", "vllm_"))
    }
    return Templar(loader=DataLoader(), variables=laid).template(ours)


def make_instance(**given: t.Any) -> dict[str, t.Any]:
    name = given.get("name", "tiny")
    return {
        "name": name,
        "model_name": name,
        "model": "Qwen/Qwen3-8B",
        "revision": None,
        "gated": False,
        "server": "gpu1",
        "gpus": [0],
        "port": 8001,
        "publish": ["127.0.0.1"],
        "gate": {"backend": f"vllm-{name}", "server": f"gpu1-{name}"},
        "url": f"http://gate:8100/{name}/v1",
        "options": {"model": "Qwen/Qwen3-8B", "served-model-name": [name], "host": "0.0.0.0", "port": 8000},
        "environment": {},
        "image": "docker.io/vllm/vllm-openai:v0.32.0",
        "project": f"llmfleet-vllm-{name}",
        "project_dir": f"/opt/llmfleet/vllm/{name}",
        "container": f"llmfleet-vllm-{name}",
        "health_url": "http://127.0.0.1:8000/health",
        "start_after": [],
        "locked_gpus": [],
        "host_network": False,
        "rank": 0,
        "unit": [],
        "plan": None,
        "note": "",
        "max_parallel_requests": None,
        "model_info": {"mode": "chat", "max_input_tokens": 8192},
        **given,
    }


def make_host(name: str = "gpu1", facts: t.Mapping[str, t.Any] | None = None, **given: t.Any) -> Host:
    return Host(name, frozenset({"gateways", "gpu_servers"}), resolved(**given), facts or {}, "10.0.0.1")


def make_fleet(host: Host, *instances: dict[str, t.Any], gateways: tuple[str, ...] = ("gpu1",)) -> Fleet:
    """Every gateway has as many LiteLLM instances as the host."""
    count = litellm_instances.instances(host, {})
    return Fleet(
        root="/opt/llmfleet",
        gateways=list(gateways),
        gpu_servers=["gpu1"],
        hosts={host.name: host._replace(litellm_processes=count * len(gateways))},
        litellm=dict.fromkeys(gateways, count),
        instances=list(instances),
        stage=KNOWN,
    )


class Rendered(t.NamedTuple):
    """What a project writes, by path."""

    texts: dict[str, str]

    def yaml(self, path: str) -> t.Any:
        return yaml.safe_load(self.texts[path])

    @property
    def compose(self) -> t.Any:
        return self.yaml("compose.yml")


def known_to(role: str, view: dict[str, t.Any], variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the role's templates and variables see."""
    return {
        **defaults(),
        **DataLoader().load_from_file(str(ROLES / role / "vars/main.yml"), trusted_as_template=True),
        **SECRETS,
        **variables,
        "inventory_hostname": "gpu1",
        "llm_fleet": {"hosts": {"gpu1": {role: view}}},
    }


def render(role: str, view: dict[str, t.Any], **variables: t.Any) -> Rendered:
    """The first project of a view."""
    project = view["projects"][0]
    known = {**known_to(role, view, variables), **project["vars"]}
    loader = DataLoader()
    lookup = lookup_loader.get(
        "ansible.builtin.template", loader=loader, templar=Templar(loader=loader, variables=known)
    )
    folder = ROLES / role / "templates"

    def text(entry: dict[str, t.Any]) -> str:
        return entry.get("content") or str(lookup.run([str((folder / entry["src"]).resolve())], variables=known)[0])

    return Rendered({entry["path"]: text(entry) for entry in project["files"]})


def secret_values(role: str, view: dict[str, t.Any], **variables: t.Any) -> list[str]:
    """What the role has masked in everything that its project says."""
    known = known_to(role, view, variables)
    return Templar(loader=DataLoader(), variables=known).template(known[f"__{role}_secret_values"])
