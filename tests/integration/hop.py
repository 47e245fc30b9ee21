# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from LiteLLM through the gate to a model, without LiteLLM: pauses on connections, and clients that leave.

    PYTHONPATH=. .venv/bin/python -m tests.integration.hop 4 4.95 5 5.05 6 30 61 119 130

The gate is the role's, the model backend.py with uvicorn's idle time of 5 s, the client LiteLLM's pool of connections.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from . import conftest
from .proxy import docker, images
from .several import BACKEND, LOCAL, rendered, run_options, write

CLIENT = Path(__file__).with_name("hop_client.py")


def measured(pauses: t.Sequence[float]) -> dict[str, t.Any]:
    """`pauses`: what was answered by pause; `left`: seconds until a place was free, five plain and five streams."""
    name = f"llmfleet-it-{secrets.token_hex(4)}"
    folder = Path(tempfile.mkdtemp(prefix="llmfleet-it-"))
    folder.chmod(0o755)
    docker("network", "create", name)
    try:
        return _measured(folder, name, pauses)
    finally:
        parts = [f"{name}-{part}" for part in ("client", "gate", "backend")]
        subprocess.run(["docker", "rm", "-f", "-v", *parts], check=False, capture_output=True)
        docker("network", "rm", name)
        shutil.rmtree(folder, ignore_errors=True)


def _measured(folder: Path, name: str, pauses: t.Sequence[float]) -> dict[str, t.Any]:
    texts, services, secrets_of = rendered({"litellm_instances": 1})
    tags = images("gate", "litellm")
    programs = [shutil.copy(one, folder) for one in (BACKEND, CLIENT)]
    write(folder / "gate", texts["gate"], services["gate"]["user"])
    options, arguments = run_options(folder / "gate", services["gate"])

    def start(part: str, image: str, *command: str, options: t.Sequence[str], mode: str = "-d") -> str:
        return docker("run", mode, "--name", f"{name}-{part}", "--network", name, *options, image, *command)

    aliases = [word for model in LOCAL for word in ("--network-alias", f"llmfleet-vllm-{model}")]
    python = ["--entrypoint", "python", *(word for one in programs for word in ("-v", f"{one}:/{Path(one).name}:ro"))]
    start("backend", tags["litellm"], "/backend.py", options=[*python, *aliases])
    start("gate", tags["gate"], *arguments, options=[*options, "--network-alias", "gate"])
    # The gate sends nothing to a server before its first check.
    time.sleep(15)
    told = ["/hop_client.py", secrets_of["vllm_api_key"], *(str(pause) for pause in pauses)]
    answer = start("client", tags["litellm"], *told, options=python, mode="-i")
    return t.cast("dict[str, t.Any]", json.loads(answer.splitlines()[-1]))


if __name__ == "__main__":
    conftest.collections_path()
    found = measured([float(one) for one in sys.argv[1:]])
    for pause, statuses in found["pauses"].items():
        print(f"| pause of {pause} s | {statuses.count(200)} of {len(statuses)} answered |")
    print(f"| client left | {max(found['left']):.2f} s, longest of {len(found['left'])} |")
