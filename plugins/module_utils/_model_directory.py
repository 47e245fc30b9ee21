# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model's description as a directory holds it, read where the directory is.

Imported by the module vllm_model_info on hosts, and on the controller by the packages that describe models from elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

INDEX = "model.safetensors.index.json"


class ModelInfoError(Exception):
    """The description cannot be had; kind is for programs, the message says what to do."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


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
        total = index_total(index.read_bytes())
        if total:
            return total
    sizes = [file.stat().st_size for file in folder.glob("*.safetensors") if not file.name.startswith("consolidated")]
    return sum(sizes) or None


def index_total(body: bytes) -> int | None:
    try:
        return int(json.loads(body)["metadata"]["total_size"])
    except (ValueError, KeyError, TypeError):
        return None
