# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away containers for benchmarks, on a Docker network of their own on this machine: LiteLLM, PostgreSQL, vLLM's
CPU build with the tiny model, HAProxy, vllm-router. All of them are the bench's images, and gone afterwards.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
MODEL = "tiny"
#: One thread and a small cache: three of them share two cores with everything else.
VLLM_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "130",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
VLLM_OPTIONS = [
    "--enforce-eager", "--dtype", "float32", "--max-model-len", "2048", "--max-num-seqs", "8",
    "--kv-cache-memory-bytes", "64M", "--distributed-executor-backend", "uni", "--shutdown-timeout", "10",
]  # fmt: skip
LITELLM_ENVIRONMENT = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "KEEPALIVE_TIMEOUT": "130"}


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments[:3])} … failed: {done.stderr[-1000:]}")
    return done.stdout.strip()


def images(*names: str) -> dict[str, str]:
    command = [sys.executable, str(REPO / "tests" / "bench" / "bench.py"), "images", *names, "--json"]
    return t.cast("dict[str, str]", json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def tiny_model() -> Path:
    sys.path.insert(0, str(REPO / "tests" / "bench"))
    from llmbench.models import ensure_model

    return ensure_model(MODEL, None)


def larger_model(folder: Path) -> Path:
    """The tiny model's shape grown until a prompt of 1,500 tokens takes a noticeable part of a second; its weights are
    random ones of vLLM, and a replica's cache holds some 13 such prompts."""
    shutil.copytree(tiny_model(), folder)
    path = folder / "config.json"
    shape = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 6}
    config = {**json.loads(path.read_text()), **shape}
    config["layer_types"] = ["full_attention"] * 6
    path.write_text(json.dumps(config))
    return folder


LARGER_OPTIONS = ["--load-format", "dummy", "--kv-cache-memory-bytes", "256M"]


def until(what: str, ready: t.Callable[[], t.Any], seconds: float = 400) -> float:
    """The seconds that it took."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        try:
            if ready():
                return time.monotonic() - begin
        except (OSError, ValueError):
            pass
        time.sleep(0.3)
    raise TimeoutError(f"{what} after {seconds:.0f} s")


class Containers:
    """Use it as a context; a container's name is its name in the network as well."""

    #: Whether LiteLLM is left out.
    alone = False

    def __init__(self, prefix: str) -> None:
        self.network = f"llmfleet-{prefix}-{secrets.token_hex(3)}"
        self.master_key = f"sk-{secrets.token_hex(16)}"
        self.password = secrets.token_hex(16)
        self.running: list[str] = []

    def __enter__(self) -> Containers:
        self.scratch = tempfile.TemporaryDirectory(prefix="benchmark-")
        self.folder = Path(self.scratch.name)
        self.folder.chmod(0o755)
        self.images = images("postgres", "litellm", "vllm", "gate")
        docker("network", "create", self.network)
        return self

    def __exit__(self, *_error: object) -> None:
        for name in reversed(self.running):
            docker("rm", "-f", "-v", self.full(name), check=False)
        docker("network", "rm", self.network, check=False)
        self.scratch.cleanup()

    def full(self, name: str) -> str:
        return f"{self.network}-{name}"

    def label(self, name: str) -> str:
        return name

    def start(self, name: str, image: str, *command: str, options: t.Sequence[str] = (), **environment: str) -> None:
        """Environment by a file: values are secrets here and there."""
        self.remove(name)
        handle, path = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(handle, "w") as stream:
            stream.writelines(f"{variable}={value}\n" for variable, value in environment.items())
        place = ["--network", self.network, "--network-alias", name, "--env-file", path]
        self.running.append(name)
        docker("run", "-d", "--name", self.full(name), *place, *options, image, *command)

    def remove(self, name: str) -> None:
        docker("rm", "-f", "-v", self.full(name), check=False)
        if name in self.running:
            self.running.remove(name)

    def address(self, name: str) -> str:
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return docker("inspect", "-f", form, self.full(name))

    def get(self, name: str, port: int, path: str, body: t.Any = None, timeout: float = 10) -> str:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.master_key}", "Content-Type": "application/json"}
        url = f"http://{self.address(name)}:{port}{path}"
        method = "GET" if body is None else "POST"
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=timeout) as got:
            return str(got.read().decode())

    def answers(self, name: str, port: int, path: str) -> bool:
        try:
            self.get(name, port, path)
        except urllib.error.HTTPError:
            return False
        return True

    # ---- the programs

    def postgres(self) -> None:
        said = {"POSTGRES_USER": "litellm", "POSTGRES_PASSWORD": self.password, "POSTGRES_DB": "litellm"}
        self.start("db", self.images["postgres"], **said)
        ask = ["exec", self.full("db"), "psql", "-h", "127.0.0.1", "-U", "litellm", "-c", "select 1"]
        until("no PostgreSQL", lambda: "1 row" in docker(*ask, check=False), 120)

    def litellm(
        self, config: dict[str, t.Any], name: str = "litellm", workers: int = 1, wait: bool = True,
        environment: t.Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        path = self.litellm_config(config, name)
        command = ["--config", "/app/config.yaml", "--port", "4000", "--num_workers", str(workers)]
        self.start(
            name, self.images["litellm"], *command, options=["-v", f"{path}:/app/config.yaml:ro"],
            DATABASE_URL=f"postgresql://litellm:{self.password}@db:5432/litellm", LITELLM_MASTER_KEY=self.master_key,
            LITELLM_SALT_KEY="sk-of-a-throw-away-database", STORE_MODEL_IN_DB="True",
            **{**LITELLM_ENVIRONMENT, **(environment or {})},
        )  # fmt: skip
        if wait:
            self.wait_for_litellm(name)

    def litellm_config(self, config: dict[str, t.Any], name: str = "litellm") -> Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(config))
        return path

    def wait_for_litellm(self, name: str = "litellm") -> float:
        return until(f"{name} is not ready", lambda: "connected" in self.get(name, 4000, "/health/readiness"))

    def replica(self, name: str, model: Path | None = None, *more: str) -> None:
        mount = ["-v", f"{model or tiny_model()}:/models/{MODEL}:ro", "--shm-size", "256m"]
        command = [f"/models/{MODEL}", "--served-model-name", MODEL, "--port", "8000", *VLLM_OPTIONS, *more]
        self.start(name, self.images["vllm"], *command, options=mount, **VLLM_ENVIRONMENT)

    def stand_in(self, name: str) -> None:
        """In a replica's place, where what stands before replicas is looked at by itself."""
        options = ["-v", f"{REPO}/tests:/code/tests:ro", "--entrypoint", "python", "--init"]
        command = ["-m", "tests.load.backend", "--host", "0.0.0.0", "--port", "8000", "--latency", "0.5"]
        self.start(name, self.images["litellm"], *command, options=options, PYTHONPATH="/code")

    def wait_for_replica(self, name: str) -> float:
        return until(f"{name} is not ready", lambda: self.answers(name, 8000, "/v1/models"))

    def gate(self, config: str) -> None:
        """HAProxy as the role gate starts it, with its runtime socket in a folder of this machine."""
        places = {"config": "/etc/llmfleet", "run": "/run/llmfleet", "state": "/var/lib/llmfleet"}
        places["secrets"] = "/run/secrets/llmfleet"
        for name in places:
            (self.folder / "gate" / name).mkdir(parents=True, exist_ok=True)
            (self.folder / "gate" / name).chmod(0o777)
        (self.folder / "gate" / "secrets" / "keys").write_text(f"Bearer {self.master_key}\n")
        self.gate_config(config)
        mounts = [part for name, path in places.items() for part in ("-v", f"{self.folder}/gate/{name}:{path}")]
        command = ["haproxy", "-f", "/etc/llmfleet/haproxy.cfg"]
        self.start("gate", self.images["gate"], *command, options=["--user", "0", *mounts])

    def gate_config(self, config: str) -> None:
        (self.folder / "gate" / "config" / "haproxy.cfg").write_text(config)

    def reload_gate(self) -> None:
        docker("kill", "-s", "USR2", self.full("gate"))

    @property
    def gate_socket(self) -> str:
        return str(self.folder / "gate" / "run" / "admin.sock")

    def router(self, packages: Path, *arguments: str) -> None:
        """PyPI's vllm-router, installed into a folder, with the Python of LiteLLM's image."""
        options = ["-v", f"{packages}:/packages:ro", "--entrypoint", "python"]
        command = ["-m", "vllm_router.launch_router", "--host", "0.0.0.0", "--port", "8200", *arguments]
        self.start("router", self.images["litellm"], *command, options=options, PYTHONPATH="/packages")


def router_packages() -> Path:
    """The machine's own pip installs it, once."""
    folder = REPO / ".cache" / "benchmark" / "vllm-router"
    if not (folder / "vllm_router").exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--only-binary=:all:", "--python-version", "3.13"]
        subprocess.run([*pip, "--target", str(folder), "vllm-router"], check=True)
    return folder
