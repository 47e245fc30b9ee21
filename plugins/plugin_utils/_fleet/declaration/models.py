# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""llm_models and llm_external_models: every fault of every entry, and what deserves a warning. Used by check.py.

`_fleet/models.py` judges what an entry of llm_models holds; here is what could harm: names that are none in YAML, paths,
secrets in options and environment, code of a repository that may change.
"""

from __future__ import annotations

import re
import typing as t

import yaml
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import prices
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, secrets, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import shown
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.rules.vllm import environment
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import label, model_errors
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import config_secrets

#: Slugs that are files and folders of the role beside those of the models, of this layout or the earlier one.
RESERVED_SLUGS = ("cache", "compose", "secrets")
#: Where a gateway is on the same host, a container's name is a host's name, of 63 letters at most with `llmfleet-vllm-`
#: before it and a replica's number after.
LONGEST_SLUG = 45
#: A repository of the hub: an owner and a name.
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?")
COMMIT = re.compile(r"[0-9a-f]{40}")
EXTERNAL_KEYS = ("name", "aliases", "fallbacks", "litellm_params", "model_info")
#: Parameters of a provider's model that say where it is.
ADDRESSES = ("api_base", "base_url")
#: Options of vLLM that hold a token or a password, and where it belongs.
_HUB_TOKEN = "vllm_hf_token"
_ELSEWHERE = "vllm_secret_environment, by the name that the program reads"


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def is_word(text: str) -> bool:
    """Whether it is text to YAML, where 405, null and 1e3 are none."""
    try:
        return isinstance(yaml.safe_load(text), str)
    except (yaml.YAMLError, ValueError):  # such as 2024-13-45, which is a date and none
        return False


class Fleet(t.NamedTuple):
    """What the entries are judged against."""

    vllm_version: str
    allow_unknown_options: bool
    gpu_servers: tuple[str, ...]
    with_gateway: bool  # a gateway is a GPU server too


def model_faults(models: t.Any, fleet: Fleet) -> list[str]:
    if not isinstance(models, list):
        return ["llm_models: is not a list; write one entry for each model, such as {name: ..., model: ...}"]
    faults: list[str] = []
    for index, entry in enumerate(models):
        faults += model_errors(entry, index, fleet.vllm_version, fleet.allow_unknown_options, {})
        if isinstance(entry, dict):
            faults += [f"{label(entry, index)}: {fault}" for fault in _entry_faults(entry, fleet)]
    return list(dict.fromkeys(faults + _twice(models, "llm_models")))


def _entry_faults(entry: dict[str, t.Any], fleet: Fleet) -> t.Iterator[str]:
    if entry.get("name") and isinstance(entry["name"], str):
        yield from _name_faults(entry["name"], fleet)
    if isinstance(entry.get("model"), str):
        yield from _model_faults(entry)
    if isinstance(entry.get("environment"), dict) and (fault := environment(entry["environment"])):
        yield f"environment: {fault}"
    if isinstance(entry.get("engine_args"), dict):
        yield from _argument_faults(entry["engine_args"])
    yield from prices.faults(entry)
    if isinstance(entry.get("servers"), list):
        for name in entry["servers"]:
            if name not in fleet.gpu_servers:
                close = names.suggestion(str(name), fleet.gpu_servers)
                yield f"servers names {shown(name)}, which is not in the group gpu_servers{close}"


def _name_faults(name: str, fleet: Fleet) -> t.Iterator[str]:
    """The name becomes a key in YAML files."""
    if slug(name) in RESERVED_SLUGS:
        yield f"name {shown(name)} is taken by a file or folder of the role; write another, such as {slug(name)}-model"
    if fleet.with_gateway and len(slug(name)) > LONGEST_SLUG:
        yield f"name {shown(name)} is too long for the name of its container in the network; write at most {LONGEST_SLUG} letters"
    if not is_word(slug(name)):
        yield f"name {shown(name)} is no text to YAML; write one with a word in it, such as model-{slug(name) or 'a'}"


def _model_faults(entry: dict[str, t.Any]) -> t.Iterator[str]:
    model, revision = entry["model"], entry.get("revision")
    if model.startswith("/"):
        if fault := values.path(model):
            yield f"model: {fault}"
    elif not REPOSITORY.fullmatch(model):
        yield f"model {shown(model)} is no repository of the hub; write owner/name, or an absolute path on the servers"
    elif entry.get("trust_remote_code") is True and not revision:
        yield (
            "trust_remote_code runs code that its repository may change at any time; write the commit that you have read as"
            " revision, or take trust_remote_code out"
        )
    if isinstance(revision, str) and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", revision):
        yield f"revision {shown(revision)} is no commit, branch or tag; write one, such as main"


def _argument_faults(arguments: dict[t.Any, t.Any]) -> t.Iterator[str]:
    """What stands here gets into a file that all may read, the diff, and vLLM's log."""
    for path in secrets.secrets_in({str(name): value for name, value in arguments.items()}):
        option = path.replace("_", "-")
        if option == "api-key":  # one of the options that the fleet sets, of which models.py tells
            continue
        where = _HUB_TOKEN if option == "hf-token" else _ELSEWHERE
        yield f"engine_args.{path} would be readable in files and logs; take it out, and set {where}"


def model_warnings(models: t.Any) -> list[str]:
    found = []
    for index, entry in enumerate(models if isinstance(models, list) else []):
        if not isinstance(entry, dict) or entry.get("trust_remote_code") is not True:
            continue
        revision = entry.get("revision")
        if isinstance(revision, str) and revision and not COMMIT.fullmatch(revision):
            found.append(
                f"{label(entry, index)}: trust_remote_code with revision {shown(revision)}, which can be moved; a commit of 40"
                " hexadecimal digits can't"
            )
    return found


# ---- models of other providers


def external_faults(models: t.Any) -> list[str]:
    """A name may be that of a model in llm_models too: a further deployment of it."""
    if not isinstance(models, list):
        return [
            "llm_external_models: is not a list; write one entry for each model, such as {name: ..., litellm_params: ...}"
        ]
    faults: list[str] = []
    for index, entry in enumerate(models):
        name = entry.get("name") if isinstance(entry, dict) else None
        where = f"llm_external_models[{index}]" + (f" ({name})" if isinstance(name, str) and name else "")
        faults += [f"{where}: {fault}" for fault in _external_faults(entry)]
        faults += config_secrets.move(entry, ["llm_external_models", index], "").faults
    return faults


def _external_faults(entry: t.Any) -> list[str]:
    if not isinstance(entry, dict):
        return ["is not a dictionary; write it as {name: ..., litellm_params: {model: ...}}"]
    faults = [
        f"unknown key {shown(str(key))}{names.suggestion(str(key), EXTERNAL_KEYS)}"
        for key in entry
        if key not in EXTERNAL_KEYS
    ]
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip() or values.one_line(name):
        faults.append("name must be text; write the model's name in the API, in quotes where it is a number")
    if not isinstance(entry.get("model_info", {}), dict):
        faults.append("model_info must be a dictionary")
    params = entry.get("litellm_params")
    if not isinstance(params, dict):
        return [*faults, "litellm_params must be a dictionary; write at least model: provider/name"]
    return faults + _parameter_faults(params)


def _parameter_faults(params: dict[t.Any, t.Any]) -> list[str]:
    faults = []
    if not isinstance(params.get("model"), str) or not params["model"].strip():
        faults.append("litellm_params.model is missing; write provider/name, such as openai/gpt-4o")
    wrong = [key for key in params if not isinstance(key, str) or not names.ENVIRONMENT_NAME.fullmatch(key)]
    if wrong:
        be = "are no names" if len(wrong) > 1 else "is no name"
        faults.append(f"litellm_params: {names.listed(wrong)} {be} of parameters; write letters, digits and _ only")
    faults += [f"litellm_params.{key} {fault}" for key in ADDRESSES if (fault := _address_fault(params.get(key)))]
    if isinstance(params.get("api_key"), (int, float)):
        faults.append("litellm_params.api_key must be text; write it in quotes")
    for key, value in params.items():
        if (
            key not in wrong
            and secret_parts.is_secret_name(key)
            and isinstance(value, str)
            and (fault := _secret_fault(value))
        ):
            faults.append(f"litellm_params.{key} {fault}")
        if isinstance(value, str) and secret_parts.is_reference(value):
            name = value.partition("/")[2]
            if not names.ENVIRONMENT_NAME.fullmatch(name):
                faults.append(
                    f"litellm_params.{key} names no environment variable after os.environ/; write letters, digits and _"
                )
    return faults


def _address_fault(value: t.Any) -> str:
    if value in (None, "") or (isinstance(value, str) and re.match(r"(?:https?|wss?)://[^/\s]|os\.environ/", value)):
        return ""
    return "is no address; write one such as https://api.example.com/v1"


def _secret_fault(value: str) -> str:
    """A service account's JSON is a document, all else goes into headers."""
    return "" if value.lstrip().startswith("{") else secrets.header(value)


def _twice(models: list[t.Any], variable: str) -> list[str]:
    """Two entries of one name, or two names that become one container."""
    faults, seen, slugs = [], dict[str, int](), dict[str, str]()
    for index, entry in enumerate(models):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            faults.append(
                f"{label(entry, index)}: the name {name} is also that of {variable}[{seen[name]}]; give each model its own"
                " name, or raise replicas"
            )
        elif slug(name) in slugs:
            faults.append(
                f"{label(entry, index)}: its instances would be called {slug(name)}, as those of {slugs[slug(name)]}; rename one"
            )
        seen.setdefault(name, index)
        slugs.setdefault(slug(name), name)
    return faults
