# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several LiteLLM instances with one database and one Redis, from what the roles render, in containers of our own.

A test may choose the instance, or come in through the gate; behind the gate is backend.py in place of vLLM.
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
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .proxy import REPO, Proxy, docker, images, wait_until_ready

sys.path.append(str(REPO / "tests" / "unit" / "roles"))

#: Served here, so through the gate. Names for tests that must not meet others' requests.
LOCAL = ["main", *(f"idle{number}" for number in range(12))]
#: LiteLLM goes there directly, as to a provider.
EXTERNAL = ["priced", *(f"far{number}" for number in range(6))]
PRICE = {"input_cost_per_token": 0.01, "output_cost_per_token": 0.01}
BACKEND = Path(__file__).with_name("backend.py")


@dataclass
class Several:
    """The instances, the gate before them, and all containers by their names in the network."""

    proxies: list[Proxy]
    backend: str
    entrance: Proxy | None = None
    containers: dict[str, str] = field(default_factory=dict)

    def running(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.backend}/running", timeout=10) as answer:
            return t.cast("dict[str, int]", json.load(answer))

    def key(self, **options: t.Any) -> str:
        """A new key that every instance knows of, since the first request to each is still to come."""
        return str(self.proxies[0].call("POST", "/key/generate", {"models": [], **options})["key"])


@contextmanager
def running(count: int, **said: t.Any) -> t.Iterator[Several]:
    """So many instances; *said* are variables as an inventory has them."""
    name = f"llmfleet-it-{secrets.token_hex(4)}"
    folder = Path(tempfile.mkdtemp(prefix="llmfleet-it-"))
    folder.chmod(0o755)
    containers: dict[str, str] = {}
    docker("network", "create", name)
    try:
        yield _start(folder, name, containers, {"litellm_instances": count, **said})
    finally:
        if containers:
            subprocess.run(["docker", "rm", "-f", "-v", *containers.values()], check=False, capture_output=True)
        docker("network", "rm", name)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, name: str, containers: dict[str, str], said: dict[str, t.Any]) -> Several:
    from ansible_collections.llmfleet.gateway.plugins.filter.database_login import database_login

    texts_of, services, secrets_of = rendered(said)
    tags = images("gate", "litellm", "postgres", "redis")
    shutil.copy(BACKEND, folder / "backend.py")

    def start(short: str, image: str, *arguments: str, options: t.Sequence[str] = ()) -> str:
        containers[short] = f"{name}-{short}"
        network = ["--network", name, "--network-alias", short, "--network-alias", f"llmfleet-{short}"]
        return docker("run", "-d", "--name", containers[short], *network, *options, image, *arguments)

    environment, password = folder / "database", secrets_of["postgres_password"]
    # Each password has a login of its own, which the role postgres makes.
    login = database_login(password, "litellm")
    environment.write_text(f"POSTGRES_USER={login}\nPOSTGRES_DB=litellm\nPOSTGRES_PASSWORD={password}\n")
    start("postgres", tags["postgres"], options=["--env-file", str(environment)])
    names = [f"llmfleet-vllm-{model}" for model in LOCAL] + EXTERNAL
    aliases = [part for one in names for part in ("--network-alias", one)]
    mount = ["-v", f"{folder}/backend.py:/backend.py:ro", "--entrypoint", "python", "-p", "127.0.0.1::8000"]
    start("backend", tags["litellm"], "/backend.py", options=[*mount, *aliases])
    for short, texts in texts_of.items():
        write(folder / short, texts, services[short]["user"])
        image = tags.get(short, tags["litellm"])
        options, arguments = run_options(folder / short, services[short])
        if short == "litellm-2":
            wait_until_ready(_proxy(containers["litellm-1"], secrets_of))
        start(short, image, *arguments, options=options)
    proxies = [_proxy(containers[short], secrets_of) for short in texts_of if short.startswith("litellm")]
    entrance = _proxy(containers["gate"], secrets_of)
    for proxy in (*proxies, entrance):
        wait_until_ready(proxy)
    return Several(proxies, f"http://127.0.0.1:{_port(containers['backend'], 8000)}", entrance, containers)


def _port(container: str, inside: int) -> str:
    return docker("port", container, f"{inside}/tcp").rsplit(":", 1)[1]


def _proxy(container: str, secrets_of: dict[str, str]) -> Proxy:
    return Proxy(f"http://127.0.0.1:{_port(container, 4000)}", secrets_of["litellm_master_key"])


def rendered(said: dict[str, t.Any]) -> tuple[dict[str, dict[str, str]], dict[str, t.Any], dict[str, str]]:
    """By container: the roles' files and the service of the compose file; and the secrets."""
    import rendering
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate, litellm, redis

    models = [_model(name) for name in EXTERNAL]
    given = {"litellm_batch_write_at": 1, "llm_external_models": models, **said}
    instances = [rendering.make_instance(name=name) for name in LOCAL]
    fleet = rendering.make_fleet(rendering.make_host(**given), *instances)
    host = next(iter(fleet.hosts.values()))
    view = litellm.view(fleet, host)
    found, services = {}, {}
    if host.litellm_processes > 1:
        found["redis"] = rendering.render("redis", redis.view(fleet, host), **given)
    for number, project in enumerate(view["projects"], 1):
        found[f"litellm-{number}"] = rendering.render("litellm", {**view, "projects": [project]}, **given)
    found["gate"] = rendering.render("gate", gate.view(fleet, host), **given)
    for short, one in found.items():
        services[short] = next(iter(one.compose["services"].values()))
    return {short: one.texts for short, one in found.items()}, services, rendering.SECRETS


def _model(name: str) -> dict[str, t.Any]:
    params = {"model": f"hosted_vllm/{name}", "api_base": f"http://{name}:8000/v1", "api_key": "unused"}
    return {"name": name, "litellm_params": {**params, **(PRICE if name == "priced" else {})}}


def write(folder: Path, texts: dict[str, str], user: str) -> None:
    owner, group = (int(part) for part in user.split(":"))
    for path, text in texts.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        if "secrets/" in path or "run/" in path:
            target.chmod(0o600)
            shutil.chown(target, owner, group)


def run_options(folder: Path, service: dict[str, t.Any]) -> tuple[list[str], list[str]]:
    """What `docker compose` would make of the service, without its networks and its published port."""
    entrypoint, *before = service["entrypoint"]
    options = ["--user", service["user"], "--read-only", "--cap-drop", "ALL", "--entrypoint", entrypoint]
    for place in service.get("tmpfs", []):
        options += ["--tmpfs", place]
    for one in service["volumes"]:
        source = (folder / one["source"]).resolve()
        if not source.exists():
            source.mkdir(parents=True)
            shutil.chown(source, *(int(part) for part in service["user"].split(":")))
        options += ["-v", f"{source}:{one['target']}:{'ro' if one['read_only'] else 'rw'}"]
    for name, value in service.get("environment", {}).items():
        options += ["-e", f"{name}={value.replace('$$', '$')}"]
    if "ulimits" in service:
        options += ["--ulimit", f"nofile={service['ulimits']['nofile']['soft']}"]
    if "command" in service:
        options += ["-p", "127.0.0.1::4000"]
    return options, [*before, *service.get("command", [])]


def until(seconds: float, question: t.Callable[[], bool], each: float = 0.05) -> float:
    """Seconds until it is so; a TimeoutError where it isn't in time."""
    began = time.monotonic()
    while not question():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not so within {seconds} s")
        time.sleep(each)
    return time.monotonic() - began
