# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's container toolkit: its version, and the drivers that CDI specifications are of."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from .read import read_text
from .run import Run

SPECIFICATIONS = ("etc/cdi/nvidia.yaml", "var/run/cdi/nvidia.yaml")
LIBRARY = re.compile(r"libcuda\.so\.(\d+\.[\d.]*\d)")


def toolkit(run: Run, root: str = "/") -> dict[str, Any]:
    """Path and version of nvidia-ctk (empty without it), and driver versions by specification."""
    path = shutil.which("nvidia-ctk") or ""
    said = run([path, "--quiet", "--version"]).out if path else ""
    match = re.search(r"\d+(?:\.\d+)+", said)
    texts = {f"/{name}": read_text(os.path.join(root, name)) for name in SPECIFICATIONS}
    return {
        "path": path,
        "version": match.group() if match else "",
        "specifications": {name: sorted(set(LIBRARY.findall(text))) for name, text in texts.items() if text},
    }
