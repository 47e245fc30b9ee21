# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real LiteLLM proxy for tests: one that runs already, or one in containers of our own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
URL_VARIABLE = "LLMFLEET_TEST_LITELLM_URL"
OLD_URL_VARIABLE = "LLMFLEET_TEST_OLD_LITELLM_URL"
IMAGE_VARIABLE = "LLMFLEET_TEST_LITELLM_IMAGE"
KEY_VARIABLE = "LLMFLEET_TEST_LITELLM_MASTER_KEY"
START_SECONDS = 240
CONFIG = """\
model_list: []
general_settings:
  proxy_batch_write_at: 1
  store_model_in_db: true
"""


@dataclass(frozen=True)
class Proxy:
    """Where the proxy is; `database` is the name of its database container, if it is ours to stop."""

    url: str
    master_key: str
    database: str | None = None

    def call(self, method: str, path: str, body: t.Any = None, key: str | None = None) -> t.Any:
        """A request that owes nothing to the code under test."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key or self.master_key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def status(self, path: str, key: str) -> int:
        try:
            self.call("GET", path, key=key)
        except urllib.error.HTTPError as error:
            return error.code
        return 200


def docker(*arguments: str) -> str:
    answer = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def images(*names: str) -> dict[str, str]:
    command = [sys.executable, str(REPO / "tests" / "bench" / "bench.py"), "images", *names, "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {name: answer[name]["tag"] if isinstance(answer[name], dict) else answer[name] for name in answer}


@contextmanager
def running() -> t.Iterator[Proxy]:
    """The proxy of the environment variables, or a new one that is gone afterwards."""
    if os.environ.get(URL_VARIABLE):
        yield Proxy(os.environ[URL_VARIABLE].rstrip("/"), os.environ[KEY_VARIABLE])
        return
    with in_containers(os.environ.get(IMAGE_VARIABLE, "litellm")) as proxy:
        yield proxy


@contextmanager
def running_old() -> t.Iterator[Proxy]:
    """A proxy of an older version, found or made likewise."""
    if os.environ.get(OLD_URL_VARIABLE):
        yield Proxy(os.environ[OLD_URL_VARIABLE].rstrip("/"), os.environ[KEY_VARIABLE])
        return
    with in_containers("litellm-1.90") as proxy:
        yield proxy


@contextmanager
def in_containers(
    image: str, settings: str = "", config: str = CONFIG, environment: t.Mapping[str, str] | None = None
) -> t.Iterator[Proxy]:
    """A proxy of that image; the settings are lines of its general settings."""
    text, more = config + settings, environment or {}
    with tempfile.TemporaryDirectory() as folder, _containers(Path(folder), image, text, more) as proxy:
        wait_until_ready(proxy)
        yield proxy


@contextmanager
def _containers(folder: Path, image: str, config: str, more: t.Mapping[str, str]) -> t.Iterator[Proxy]:
    name = f"llmfleet-it-{secrets.token_hex(4)}"
    tags = images(image, "postgres")
    master, password = f"sk-{secrets.token_hex(20)}", secrets.token_hex(16)
    (folder / "config.yaml").write_text(config)
    folder.chmod(0o755)
    environment = _secret_file(
        folder,
        DATABASE_URL=f"postgresql://litellm:{password}@{name}-db:5432/litellm",
        LITELLM_MASTER_KEY=master,
        LITELLM_SALT_KEY=secrets.token_hex(16),
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        STORE_MODEL_IN_DB="True",
        **more,
    )
    database = _secret_file(folder, POSTGRES_USER="litellm", POSTGRES_PASSWORD=password, POSTGRES_DB="litellm")
    docker("network", "create", name)
    try:
        docker("run", "-d", "--name", f"{name}-db", "--network", name, "--env-file", database, tags["postgres"])
        _wait_for_database(f"{name}-db")
        mount = f"{folder}/config.yaml:/app/config.yaml:ro"
        publish = ["-p", "127.0.0.1::4000", "-v", mount, "--env-file", environment]
        docker("run", "-d", "--name", name, "--network", name, *publish, tags[image], "--config", "/app/config.yaml")
        port = docker("port", name, "4000/tcp").rsplit(":", 1)[1]
        yield Proxy(f"http://127.0.0.1:{port}", master, f"{name}-db")
    finally:
        for container in (name, f"{name}-db"):
            subprocess.run(["docker", "rm", "-f", "-v", container], check=False, capture_output=True)
        docker("network", "rm", name)


def _secret_file(folder: Path, **variables: str) -> str:
    handle, path = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in variables.items())
    return path


def _wait_for_database(container: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        # Over TCP: the server of the first initialisation listens on its socket only.
        command = ["docker", "exec", container, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "litellm"]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return
        time.sleep(1)
    raise TimeoutError(f"{container} is not ready")


def wait_until_ready(proxy: Proxy) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if proxy.call("GET", "/health/readiness").get("db") == "connected":
                return
        except OSError:
            pass
        time.sleep(1)
    raise TimeoutError(f"the proxy at {proxy.url} is not ready after {START_SECONDS} s")
