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
#: Where ModelOpt before 0.31 keeps how a checkpoint is quantized; vLLM reads it where config.json says nothing
#: (transformers_utils/config.py, get_config).
QUANTIZED = "hf_quant_config.json"


class ModelInfoError(Exception):
    """The description cannot be had; kind is for programs, the message says what to do."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def sound_config(parsed: Any, model: str) -> dict[str, Any]:
    """A config.json that names its model; a portal's or a proxy's JSON page does not."""
    if not isinstance(parsed, dict):
        raise ModelInfoError("invalid", f"The config.json of {model} is not a JSON object.")
    if not isinstance(parsed.get("model_type"), str) and not isinstance(parsed.get("architectures"), list):
        raise ModelInfoError("invalid", f"The config.json of {model} names neither model_type nor architectures.")
    return parsed


def from_directory(path: str) -> dict[str, Any]:
    """A model in a directory, as save_pretrained or a download leaves it."""
    folder = Path(path)
    try:
        parsed = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelInfoError("not_found", f"{path} has no readable config.json: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelInfoError("invalid", f"{path}/config.json is not valid JSON: {error}.") from error
    return {
        "source": "path",
        "repository": None,
        "revision": None,
        "config": with_own_quantization(sound_config(parsed, path), _quantized(folder)),
        "weight_bytes": _directory_bytes(folder),
        "gated": False,
        "license": None,
    }


def with_own_quantization(config: dict[str, Any], quantized: Any) -> dict[str, Any]:
    """The config.json with what the file beside it says, if it needs that."""
    if config.get("quantization_config") is not None or not isinstance(quantized, dict):
        return config
    return {**config, "quantization_config": quantized}


def _quantized(folder: Path) -> Any:
    try:
        return json.loads((folder / QUANTIZED).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _directory_bytes(folder: Path) -> int | None:
    index = folder / INDEX
    try:
        total = index_total(index.read_bytes()) if index.is_file() else None
        if total:
            return total
        files = [file for file in folder.glob("*.safetensors") if not file.name.startswith("consolidated")]
        return sum(file.stat().st_size for file in files) or None
    except OSError as error:
        raise ModelInfoError("not_found", f"The weights in {folder} cannot be read: {error.strerror}.") from error


def index_total(body: bytes) -> int | None:
    """Bytes of all weights by a safetensors index; none where it does not say."""
    try:
        total = json.loads(body)["metadata"]["total_size"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    # Some tools write it as a float.
    return int(total) if isinstance(total, (int, float)) and 0 < total < 1e18 else None
