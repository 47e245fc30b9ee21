# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One repository of the hub: the requests for its description, and what a refusal means."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote

from ansible_collections.llmfleet.gateway.plugins.module_utils._model_directory import (
    INDEX,
    ModelInfoError,
    index_total,
)

# (url, token) -> status, body, headers by lower-case name
Fetch = Callable[[str, str], tuple[int, bytes, dict[str, str]]]


def from_hub(model: str, revision: str, endpoint: str, token: str, fetch: Fetch) -> dict[str, Any]:
    """A repository of the Hugging Face hub or a mirror of it."""
    root = endpoint.rstrip("/")
    where = f"{quote(model)}/revision/{quote(revision, safe='')}"
    about = _json(_get(fetch, f"{root}/api/models/{where}?blobs=true", model, revision, token, root), model)
    commit = about.get("sha") or revision
    files = f"{root}/{quote(model)}/resolve/{quote(str(commit), safe='')}"
    config = _json(_get(fetch, f"{files}/config.json", model, revision, token, root), model)
    return {
        "source": "hub",
        "repository": model,
        "revision": commit,
        "config": config,
        "weight_bytes": _hub_bytes(about, files, model, revision, token, root, fetch),
        "gated": bool(about.get("gated")),
        "license": (about.get("cardData") or {}).get("license"),
    }


def _hub_bytes(
    about: dict[str, Any], files: str, model: str, revision: str, token: str, root: str, fetch: Fetch
) -> int | None:
    names = {str(item.get("rfilename")): item.get("size") for item in about.get("siblings") or ()}
    if INDEX in names:
        total = index_total(_get(fetch, f"{files}/{INDEX}", model, revision, token, root))
        if total:
            return total
    weights = re.compile(r"model[^/]*\.safetensors$")
    sizes = [int(size) for name, size in names.items() if size and weights.match(name)]
    return sum(sizes) or None


def _json(body: bytes, model: str) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise ModelInfoError("invalid", f"The answer for {model} is not JSON; is the endpoint a model hub?") from error
    if not isinstance(parsed, dict):
        raise ModelInfoError("invalid", f"The answer for {model} is not a JSON object.")
    return parsed


def _get(fetch: Fetch, url: str, model: str, revision: str, token: str, root: str) -> bytes:
    try:
        status, body, headers = fetch(url, token)
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ModelInfoError("unreachable", f"{root} cannot be reached: {reason}. {_OFFLINE}") from error
    if status == 200:
        return body
    raise _refused(status, headers.get("x-error-code", ""), model, revision, bool(token), root)


_OFFLINE = (
    "Set HF_ENDPOINT to a mirror that can be, use a model of the catalogue (source: catalogue), "
    "or a directory with its config.json (source: path)."
)


def _refused(status: int, code: str, model: str, revision: str, has_token: bool, root: str) -> ModelInfoError:
    if code == "RevisionNotFound":
        return ModelInfoError("revision_not_found", f"{model} has no revision {revision}.")
    if code == "EntryNotFound":
        return ModelInfoError("no_config", f"{model} has no config.json at {revision}: vLLM cannot serve it this way.")
    if status == 404 or (code == "RepoNotFound" and has_token):
        return ModelInfoError(
            "not_found", f"{root} has no model {model}, or the token's account may not see it. Check the spelling."
        )
    if status == 401 and not has_token:
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


def http_status(error: HTTPError) -> tuple[int, bytes, dict[str, str]]:
    """A refused request in the shape that Fetch returns."""
    return error.code, b"", {name.lower(): value for name, value in error.headers.items()}
