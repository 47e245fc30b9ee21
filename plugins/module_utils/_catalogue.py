# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model's description comes from: the catalogue, a directory, or a Hugging Face repository."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote

from ._catalogue_data import CATALOGUE
from ._planner.advise import recommend
from ._planner.model import PlanError, read_model
from ._planner.weights import checkpoint_bytes

INDEX = "model.safetensors.index.json"
# (url, token) -> status, body, headers by lower-case name
Fetch = Callable[[str, str], tuple[int, bytes, dict[str, str]]]


class ModelInfoError(Exception):
    """The description cannot be had; kind is for programs, the message says what to do."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def catalogue_key(model: str) -> str | None:
    """The catalogue's own spelling of a repository, found without regard to case."""
    wanted = model.strip("/").lower()
    for name in CATALOGUE:
        if wanted in {name.lower(), name.lower().rpartition("/")[2]}:
            return name
    return None


def from_catalogue(model: str) -> dict[str, Any]:
    """A model that the collection knows without a network."""
    key = catalogue_key(model)
    if key is None:
        names = ", ".join(sorted(CATALOGUE))
        raise ModelInfoError("unknown", f"The catalogue does not have {model}. It has {names}.")
    entry = CATALOGUE[key]
    size = checkpoint_bytes(read_model(entry["config"]))
    return {
        "source": "catalogue",
        "repository": key,
        "revision": None,
        "config": entry["config"],
        "weight_bytes": size,
        "gated": entry["gated"],
        "license": entry["license"],
    }


def from_directory(path: str) -> dict[str, Any]:
    """A model in a directory, as save_pretrained or a download leaves it."""
    folder = Path(path)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelInfoError("not_found", f"{path} has no readable config.json: {error.strerror}.") from error
    except ValueError as error:
        raise ModelInfoError("invalid", f"{path}/config.json is not valid JSON: {error}.") from error
    return {
        "source": "path",
        "repository": None,
        "revision": None,
        "config": config,
        "weight_bytes": _directory_bytes(folder),
        "gated": False,
        "license": None,
    }


def _directory_bytes(folder: Path) -> int | None:
    index = folder / INDEX
    if index.is_file():
        total = _index_total(index.read_bytes())
        if total:
            return total
    sizes = [file.stat().st_size for file in folder.glob("*.safetensors") if not file.name.startswith("consolidated")]
    return sum(sizes) or None


def _index_total(body: bytes) -> int | None:
    try:
        return int(json.loads(body)["metadata"]["total_size"])
    except (ValueError, KeyError, TypeError):
        return None


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
        total = _index_total(_get(fetch, f"{files}/{INDEX}", model, revision, token, root))
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


class Cache:
    """Descriptions by repository and revision; a commit never changes, a branch is asked again."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).expanduser()

    def _file(self, endpoint: str, model: str, revision: str) -> Path:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{endpoint.split('://')[-1]}_{model}_{revision}")
        return self._folder / f"{name}.json"

    def read(self, endpoint: str, model: str, revision: str) -> dict[str, Any] | None:
        """What is kept for this revision, if anything sound."""
        try:
            kept = json.loads(self._file(endpoint, model, revision).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return kept if isinstance(kept, dict) and isinstance(kept.get("config"), dict) else None

    def write(self, endpoint: str, model: str, revision: str, found: dict[str, Any]) -> None:
        """Keep a description; written aside first, so that a reader never sees half of it."""
        target = self._file(endpoint, model, revision)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=str(target.parent), prefix=".model-")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(found, stream)
        Path(aside).replace(target)


def is_commit(revision: str) -> bool:
    """Whether a revision is a full commit, which can't change."""
    return bool(re.fullmatch(r"[0-9a-f]{40}", revision))


def complete(found: dict[str, Any]) -> dict[str, Any]:
    """Add what the planner makes of it: size on disk, purpose, and settings for each class of GPU."""
    key = catalogue_key(found["repository"]) if found.get("repository") else None
    entry = CATALOGUE[key] if key else {}
    try:
        recommended, unplanned = recommend(found["config"], found["weight_bytes"]), ""
        size = found["weight_bytes"] or checkpoint_bytes(read_model(found["config"]))
    except PlanError as error:
        recommended, unplanned, size = {}, str(error), found["weight_bytes"]
    return {
        **found,
        "disk_gb": round(size / 1e9, 2) if size else None,
        "purpose": entry.get("purpose"),
        "recommended": recommended,
        "planner_note": unplanned,
    }


def catalogue_listing() -> list[dict[str, Any]]:
    """Every model of the catalogue, complete."""
    return [complete(from_catalogue(name)) for name in CATALOGUE]


def http_status(error: HTTPError) -> tuple[int, bytes, dict[str, str]]:
    """A refused request in the shape that Fetch returns."""
    return error.code, b"", {name.lower(): value for name, value in error.headers.items()}
