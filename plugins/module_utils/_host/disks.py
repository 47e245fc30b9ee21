# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room on disks, and which models lie there."""

from __future__ import annotations

import json
import os
from typing import Any

from .._model_directory import INDEX, QUANTIZED, with_own_quantization
from .read import read_mapping


def room(path: str) -> dict[str, Any]:
    """Free room where a path is, or would be made."""
    place = os.path.realpath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    found = os.statvfs(place)
    return {"path": path, "device": os.stat(place).st_dev, "free_bytes": found.f_bavail * found.f_frsize}


def size_on_disk(path: str) -> int:
    """Bytes of the files in a folder; a link counts as nothing."""
    total = 0
    for folder, _names, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total


def model_bytes(models_dir: str, model: str) -> int:
    """What is there already of a model's repository, in the layout of Hugging Face's cache."""
    return size_on_disk(os.path.join(models_dir, "hub", "models--" + model.replace("/", "--"), "blobs"))


def model_folder(path: str) -> dict[str, Any]:
    """A model in a folder of this host: its config.json and the bytes of its weights, as vLLM would load them."""
    config = read_mapping(os.path.join(path, "config.json"))
    if config is None:
        there = os.path.exists(os.path.join(path, "config.json"))
        return {"config": None, "weight_bytes": None, "error": "damaged" if there else "absent"}
    config = with_own_quantization(config, read_mapping(os.path.join(path, QUANTIZED)))
    return {"config": config, "weight_bytes": weight_bytes(path), "error": ""}


def weight_bytes(path: str) -> int | None:
    """Bytes of a folder's weights by its index, else by its files; None where there are none."""
    metadata = (read_mapping(os.path.join(path, INDEX)) or {}).get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    if isinstance(total, (int, float)) and total > 0:
        return int(total)
    names = [name for name in os.listdir(path) if name.endswith(".safetensors") and not name.startswith("consolidated")]
    return sum(os.stat(os.path.join(path, name)).st_size for name in names) or None


def kept(path: str) -> dict[str, Any] | None:
    """A reading that an earlier run kept on this host; a damaged one is none."""
    found = read_mapping(path)
    return found if found and json.dumps(found) else None
