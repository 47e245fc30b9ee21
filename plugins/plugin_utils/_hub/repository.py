# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One repository of the hub: the requests for its description, and what a refusal means. Used by describe."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import quote, urlsplit

from ansible_collections.llmfleet.gateway.plugins.module_utils._model_directory import (
    INDEX,
    ModelInfoError,
    index_total,
    sound_config,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.fetch import Fetch

_SHARD = re.compile(r"model[^/]*\.safetensors$")


class Hub(NamedTuple):
    """A hub as it is asked: its address without a slash at the end, the token or nothing, the way to it."""

    endpoint: str
    token: str
    fetch: Fetch


def hub_at(endpoint: str, token: str, fetch: Fetch) -> Hub:
    """A hub whose address and token are fit to be sent and to stand in messages."""
    if not _is_address(endpoint):
        raise ModelInfoError(
            "invalid", "The hub's endpoint must be http(s)://HOST[:PORT][/PATH], without a user in it."
        )
    if token and not re.fullmatch(r"[!-~]+", token):
        raise ModelInfoError("token_invalid", "The hub's token has white space or characters that no token has.")
    return Hub(endpoint.rstrip("/"), token, fetch)


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        )
    except ValueError:
        return False


def from_hub(hub: Hub, model: str, revision: str) -> dict[str, Any]:
    """The description of a repository; ModelInfoError where it can't be had, whatever the hub answered."""
    try:
        return _described(hub, model, revision)
    except RecursionError as error:
        raise ModelInfoError("invalid", f"The answer for {model} is nested too deeply.") from error


def _described(hub: Hub, model: str, revision: str) -> dict[str, Any]:
    where = f"{quote(model)}/revision/{quote(revision, safe='')}"
    about = _object(_get(hub, f"api/models/{where}?blobs=true", model, revision), model)
    commit = about.get("sha") if isinstance(about.get("sha"), str) else revision
    files = f"{quote(model)}/resolve/{quote(str(commit), safe='')}"
    config = sound_config(_object(_get(hub, f"{files}/config.json", model, revision), model), model)
    card = about.get("cardData")
    licence = card.get("license") if isinstance(card, Mapping) else None
    return {
        "source": "hub",
        "repository": model,
        "revision": commit,
        "config": config,
        "weight_bytes": _weight_bytes(hub, about, files, model, revision),
        "gated": bool(about.get("gated")),
        "license": licence if isinstance(licence, str) else None,
    }


def _weight_bytes(hub: Hub, about: Mapping[str, Any], files: str, model: str, revision: str) -> int | None:
    names = _sizes(about)
    if INDEX in names:
        index = _get(hub, f"{files}/{INDEX}", model, revision)
        # A page that is no index must not pass for an index without a total: the plan would change.
        _object(index, model)
        total = index_total(index)
        if total:
            return total
    return sum(size for name, size in names.items() if _SHARD.match(name)) or None


def _sizes(about: Mapping[str, Any]) -> dict[str, int]:
    """Bytes of each file by its name, as far as the hub's list is sound."""
    listed = about.get("siblings")
    files = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    sizes = {str(item.get("rfilename")): item.get("size") for item in files}
    return {name: size if isinstance(size, int) and size > 0 else 0 for name, size in sizes.items()}


def _object(body: bytes, model: str) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise ModelInfoError("invalid", f"The answer for {model} is not JSON; is the endpoint a model hub?") from error
    if not isinstance(parsed, dict):
        raise ModelInfoError("invalid", f"The answer for {model} is not a JSON object.")
    return parsed


def _get(hub: Hub, path: str, model: str, revision: str) -> bytes:
    try:
        status, body, headers = hub.fetch(f"{hub.endpoint}/{path}", hub.token)
    except (OSError, HTTPException, ValueError) as error:
        raise ModelInfoError("unreachable", f"{hub.endpoint} cannot be reached: {_reason(error)}. {_OFFLINE}") from None
    if status == 200:
        return body
    raise _refused(hub, status, headers.get("x-error-code", ""), model, revision)


def _reason(error: Exception) -> str:
    """Words of the system; those of http.client may repeat a header, so only their class is named."""
    if isinstance(error, URLError):
        return str(error.reason)
    return str(error) if isinstance(error, OSError) else type(error).__name__


_OFFLINE = (
    "Set HF_ENDPOINT to a mirror that can be, use a model of the catalogue (source: catalogue), "
    "or a directory with its config.json (source: path)."
)


def _refused(hub: Hub, status: int, code: str, model: str, revision: str) -> ModelInfoError:
    root = hub.endpoint
    if code == "RevisionNotFound":
        return ModelInfoError("revision_not_found", f"{model} has no revision {revision}.")
    if code == "EntryNotFound":
        return ModelInfoError("no_config", f"{model} has no config.json at {revision}: vLLM cannot serve it this way.")
    if status == 404 or (code == "RepoNotFound" and hub.token):
        return ModelInfoError(
            "not_found", f"{root} has no model {model}, or the token's account may not see it. Check the spelling."
        )
    if status == 401 and not hub.token:
        return ModelInfoError("token_missing", _TOKEN_MISSING.format(model=model, root=root))
    if status == 401:
        return ModelInfoError("token_invalid", _TOKEN_INVALID.format(model=model, root=root))
    if status == 403:
        return ModelInfoError("license_not_accepted", _NOT_ACCEPTED.format(model=model, root=root))
    return ModelInfoError("http", f"{root} answered {status} for {model}. Try again later, or use HF_ENDPOINT.")


_TOKEN_MISSING = (
    "{model} is gated or private, or does not exist, and no token was given. 1. Register at {root}/join. "
    "2. Open {root}/{model} and accept its licence. 3. Make a token of type Read at {root}/settings/tokens. "
    "4. Give it in the environment variable HF_TOKEN or in the option token, from a vault."
)
_TOKEN_INVALID = (
    "The token for {model} is not valid: it may be mistyped, revoked or expired. Make a new one of type Read at "
    "{root}/settings/tokens and give it in HF_TOKEN or in the option token."
)
_NOT_ACCEPTED = (
    "The token is valid, but its account may not read {model}: the licence is not accepted yet, the request waits "
    "for its owner, or the token lacks the right. 1. Open {root}/{model} with the token's account and accept the "
    "licence. 2. With a fine-grained token, allow reading gated repositories at {root}/settings/tokens. 3. Run again."
)
