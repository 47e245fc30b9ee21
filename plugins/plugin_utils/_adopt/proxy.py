# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files and the environment of the LiteLLM service: config.yaml, and what os.environ/NAME stands for. Pure; translate.py uses it."""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import documents, forms
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment, Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.documents import Document, DocumentError, read
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.paths import Paths
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.shell import SHELLS, shell_command

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
_FLAGS = """
run_gunicorn run_hypercorn run_granian use_prisma_migrate use_prisma_db_push enforce_prisma_migration_check detailed_debug debug
drop_params add_function_to_prompt iam_token_db_auth local reload save use_queue skip_server_startup
"""
_SWITCHES = frozenset(f"--{name}" for name in _FLAGS.split())
#: Options that are settings, by their names there.
_SETTINGS = {
    "--drop_params": ("drop_params", lambda text: True),
    "--add_function_to_prompt": ("add_function_to_prompt", lambda text: True),
    "--request_timeout": ("request_timeout", documents.scalar),
    "--max_budget": ("max_budget", documents.scalar),
}


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
    if "include" in config.data:
        notes.fault(config.where("include"), "takes further files in; write them into this one")
    environment = {**service.environment, **_texts(config.data.get("environment_variables"), service.environment)}
    port = options.get("--port", service.environment.get("PORT", ""))
    return Proxy(service, _with(config, options), environment, int(port) if port.isdigit() else PORT)


def _with(config: Document, options: t.Mapping[str, str]) -> Document:
    """Settings of the command, which those of the file are laid over."""
    said = {name: read_as(options[option]) for option, (name, read_as) in _SETTINGS.items() if option in options}
    own = config.data.get("litellm_settings") or {}
    if not said or not isinstance(own, dict):
        return config
    return config._replace(data={**config.data, "litellm_settings": {**said, **own}})


def _texts(said: t.Any, environment: t.Mapping[str, str]) -> dict[str, str]:
    """References among them stand for what the container has."""
    found = {}
    for name, value in said.items() if isinstance(said, dict) else ():
        text = "" if value is None else forms.text_of(value)
        if secret_parts.is_reference(text):
            text = environment.get(text.removeprefix(REFERENCE), "")
        if text:
            found[name] = text
    return found


def _options(service: Service, notes: Notes) -> dict[str, str]:
    words = _words(service, notes)
    found: dict[str, str] = {}
    place = 0
    while place < len(words):
        name, sign, value = words[place].partition("=")
        place += 1
        if not name.startswith("-"):
            continue
        if name not in _SWITCHES and not sign and place < len(words) and not words[place].startswith("-"):
            value, place = words[place], place + 1
        found[name] = value
        _told(service, name, value, notes)
    return found


def _told(service: Service, name: str, value: str, notes: Notes) -> None:
    where = f"{service.at('command')} {name}"
    if name not in (*_OPTIONS, *_SETTINGS):
        notes.leave(where, "the role starts LiteLLM without it; see the variables of the role litellm")
    elif name == "--num_workers" and value not in ("", "1"):
        notes.change(where, "is litellm_instances now, containers of one worker each, by the host's size")
    elif name in ("--debug", "--detailed_debug"):
        notes.change(
            where, "is not set any more: it writes requests into the log; litellm_log_level: DEBUG does the same"
        )


def _words(service: Service, notes: Notes) -> list[str]:
    """The options of LiteLLM, also where a shell starts it; a script of one's own may read any configuration."""
    words = [*service.entrypoint, *service.command]
    if words and words[0].rpartition("/")[2] in SHELLS:
        found = shell_command(words, "litellm", service.environment)
        if found is None and not any(word.partition("=")[0] == "--config" for word in words):
            notes.fault(
                service.at("entrypoint" if service.entrypoint else "command"),
                "starts LiteLLM by a script, so that its configuration can't be told; write its command as"
                " [--config, /app/config.yaml], with that file mounted, and take the script out",
            )
        return words if found is None else found
    return words


def _config(service: Service, path: str, paths: Paths, deployment: Deployment, notes: Notes) -> Document | None:
    text, name = _by_compose(service, path, paths, deployment)
    if text is None:
        folder = str(service.data.get("working_dir") or "/app")
        on_server = paths.on_server(posixpath.join(folder, path))
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
        notes.fault(error.where, error.text)
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
