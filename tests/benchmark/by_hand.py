# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The peer of a roll: a compose project of LiteLLM, PostgreSQL and vLLM, edited and brought up by hand, under load.

    PYTHONPATH=. python -m tests.benchmark.by_hand

Prints the rows of docs/rolling-figures.md. LLMFLEET_COMPOSE names the program where Docker has no compose.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from tests.load.changes import table

from .containers import LITELLM_ENVIRONMENT, MODEL, REPO, VLLM_ENVIRONMENT, VLLM_OPTIONS, Containers, tiny_model, until

RATE, TOKENS = 5, 16
COMPOSE = os.environ.get("LLMFLEET_COMPOSE", "docker compose").split()


class Project:
    """A folder with compose.yml and config.yaml, as people keep them."""

    def __init__(self, stage: Containers) -> None:
        self.stage, self.folder = stage, stage.folder
        self.vllm = {"image": stage.images["vllm"], "options": list(VLLM_OPTIONS)}
        self.litellm = {"image": stage.images["litellm"], "timeout": 600}

    def write(self) -> None:
        options = [f"/models/{MODEL}", "--served-model-name", MODEL, "--port", "8000", *self.vllm["options"]]
        network = {"default": {"name": self.stage.network, "external": True}}
        services = {
            "vllm": {
                "image": self.vllm["image"], "command": options, "environment": VLLM_ENVIRONMENT, "shm_size": "256m",
                "volumes": [f"{tiny_model()}:/models/{MODEL}:ro"], "restart": "unless-stopped",
            },
            "litellm": {
                "image": self.litellm["image"], "command": ["--config", "/app/config.yaml", "--port", "4000"],
                "environment": self.environment(), "volumes": ["./config.yaml:/app/config.yaml:ro"],
                "ports": ["127.0.0.1:14000:4000"], "restart": "unless-stopped",
            },
        }  # fmt: skip
        said = {"name": self.stage.full("hand"), "services": services, "networks": network}
        (self.folder / "compose.yml").write_text(json.dumps(said))
        parameters = {"model": f"hosted_vllm/{MODEL}", "api_base": "http://vllm:8000/v1", "api_key": "none"}
        config = {
            "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
            "router_settings": {"num_retries": 2, "timeout": self.litellm["timeout"]},
        }
        (self.folder / "config.yaml").write_text(json.dumps(config))

    def environment(self) -> dict[str, str]:
        database = f"postgresql://litellm:{self.stage.password}@db:5432/litellm"
        keys = {"LITELLM_MASTER_KEY": self.stage.master_key, "LITELLM_SALT_KEY": "sk-of-a-throw-away-database"}
        return {"DATABASE_URL": database, **keys, **LITELLM_ENVIRONMENT}

    def compose(self, *arguments: str) -> None:
        command = [*COMPOSE, "-f", str(self.folder / "compose.yml"), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def answers(self) -> bool:
        """A completion comes back."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}
        head = ["-H", f"Authorization: Bearer {self.stage.master_key}", "-H", "Content-Type: application/json"]
        ask = ["curl", "-sf", "-m", "20", *head, "-d", json.dumps(body), "http://127.0.0.1:14000/v1/chat/completions"]
        return subprocess.run(ask, check=False, capture_output=True).returncode == 0


def option(project: Project) -> None:
    project.vllm["options"] = [*VLLM_OPTIONS, "--max-num-batched-tokens", "2048"]
    project.write()
    project.compose("up", "-d")


def configuration(project: Project) -> None:
    """Compose doesn't see that a mounted file has changed, so people restart it."""
    project.litellm["timeout"] = 601
    project.write()
    project.compose("restart", "litellm")


def failing(project: Project) -> None:
    """Seen in the log a minute later, and edited back."""
    project.vllm["options"] = [*VLLM_OPTIONS, "--load-format", "nonsense"]
    project.write()
    project.compose("up", "-d")
    time.sleep(60)
    option(project)


CHANGES: dict[str, t.Callable[[Project], None]] = {
    "vllm option": option,
    "litellm config": configuration,
    "failing vllm option": failing,
}


def changed(project: Project, name: str) -> dict[str, t.Any]:
    stage = project.stage
    end, key, summary = (stage.folder / part for part in ("end", "key", "summary"))
    end.unlink(missing_ok=True)
    key.write_text(stage.master_key)
    where = ["--url", "http://127.0.0.1:14000", "--key-file", str(key), "--model", MODEL, "--tokens", str(TOKENS)]
    pace = ["--rate", str(RATE), "--concurrency", "64", "--timeout", "600", "--seconds", "600"]
    files = ["--until", str(end), "--at-least", "100", "--summary", str(summary)]
    load = subprocess.Popen([sys.executable, "-m", "tests.load", *where, *pace, *files], cwd=REPO, stdout=-3)
    time.sleep(4)
    begin = time.monotonic()
    CHANGES[name](project)
    until("no answer", project.answers, 300)
    seconds = time.monotonic() - begin
    time.sleep(4)
    end.touch()
    load.wait(timeout=600)
    found = {"change": f"{name}, by hand", "change_seconds": seconds, "load_average": round(os.getloadavg()[1], 1)}
    return {**json.loads(summary.read_text()), **found}


def main() -> None:
    seen = Path(REPO / ".cache" / "benchmark" / "by_hand.jsonl")
    seen.parent.mkdir(parents=True, exist_ok=True)
    with Containers("hand") as stage:
        stage.postgres()
        project = Project(stage)
        project.write()
        try:
            project.compose("up", "-d")
            until("no answer", project.answers, 300)
            for name in CHANGES:
                with seen.open("a") as stream:
                    print(json.dumps(changed(project, name)), file=stream)
        finally:
            project.compose("down", "-t", "5")
    print(table(seen.read_text().splitlines()))


if __name__ == "__main__":
    main()
