# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files and the environment of the LiteLLM service: config.yaml, and what os.environ/NAME stands for. Pure; translate.py uses it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import forms
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment, Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.documents import Document, DocumentError, read
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.paths import Paths

REFERENCE = "os.environ/"
PORT = 4000
#: Options of its command that are taken over or that the role sets itself.
_OPTIONS = (
    "--config",
    "-c",
    "--port",
    "--host",
    "--num_workers",
    "--run_gunicorn",
    "--use_prisma_migrate",
    "--detailed_debug",
    "--debug",
)
_SWITCHES = ("--run_gunicorn", "--use_prisma_migrate", "--detailed_debug", "--debug")


class Proxy(t.NamedTuple):
    """The service of LiteLLM with what it reads."""

    service: Service
    config: Document
    environment: dict[str, str]
    port: int  # inside the container

    def value(self, value: t.Any) -> t.Any:
        """A value of config.yaml; a reference as what it stands for, empty where nobody sets it."""
        if isinstance(value, str) and secret_parts.is_reference(value):
            return self.environment.get(value.removeprefix(REFERENCE), "")
        return value

    def section(self, name: str) -> dict[str, t.Any]:
        found = self.config.data.get(name)
        return found if isinstance(found, dict) else {}


def proxy(service: Service, paths: Paths, deployment: Deployment, notes: Notes) -> Proxy | None:
    """None where its configuration can't be read: among the faults, or still wanted."""
    options = _options(service, notes)
    path = options.get("--config") or options.get("-c") or service.environment.get("CONFIG_FILE_PATH", "")
    config = _config(service, path, paths, deployment, notes) if path else Document("config.yaml", {}, {})
    if config is None:
        return None
    for name in config.data:
        if name == "include":
            notes.fault(config.where(name), "takes further files in; write them into this one")
    said = config.data.get("environment_variables")
    environment = {**service.environment, **_texts(said)}
    port = options.get("--port", service.environment.get("PORT", ""))
    return Proxy(service, config, environment, int(port) if port.isdigit() else PORT)


def _texts(said: t.Any) -> dict[str, str]:
    return (
        {name: forms.text_of(value) for name, value in said.items() if value is not None}
        if isinstance(said, dict)
        else {}
    )


def _options(service: Service, notes: Notes) -> dict[str, str]:
    words = list(service.command) or list(service.entrypoint)
    found: dict[str, str] = {}
    place = 0
    while place < len(words):
        name, sign, value = words[place].partition("=")
        place += 1
        if not name.startswith("-"):
            continue
        if name not in _SWITCHES and not sign and place < len(words):
            value, place = words[place], place + 1
        found[name] = value
        if name not in _OPTIONS:
            notes.leave(
                f"{service.at('command')} {name}",
                "the role starts LiteLLM without it; see the variables of the role litellm",
            )
        elif name == "--num_workers" and value not in ("", "1"):
            notes.change(
                f"{service.at('command')} {name}",
                "is litellm_instances now, containers of one worker each, by the host's size",
            )
    return found


def _config(service: Service, path: str, paths: Paths, deployment: Deployment, notes: Notes) -> Document | None:
    text, name = _by_compose(service, path, paths, deployment)
    if text is None:
        on_server = paths.on_server(path if path.startswith("/") else f"/app/{path}")
        if not on_server:
            notes.fault(
                service.at("command"),
                f"reads {path}, which is no file of the server but a part of the image; copy it out and mount it",
            )
            return None
        text, name = paths.source.text(on_server), paths.source.short(on_server)
    if text is None:
        notes.fault(service.at("volumes"), f"{name}, LiteLLM's configuration, can't be read; put it there")
        return None
    try:
        return read(text, name, core=False)
    except DocumentError as error:
        notes.fault("YAML", str(error))
        return None


def _by_compose(service: Service, path: str, paths: Paths, deployment: Deployment) -> tuple[str | None, str]:
    """A file that Compose gives the service as one of its `configs`."""
    for entry in service.data.get("configs") or []:
        one = entry if isinstance(entry, dict) else {"source": str(entry)}
        if one.get("target", f"/{one.get('source')}") != path:
            continue
        declared = (deployment.data.get("configs") or {}).get(one.get("source")) or {}
        if isinstance(declared.get("content"), str):
            return declared["content"], f"configs.{one['source']}"
        if isinstance(declared.get("file"), str):
            return paths.source.text(declared["file"]), paths.source.short(declared["file"])
    return None, path
