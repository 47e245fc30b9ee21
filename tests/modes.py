# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries the program of the probe on the real vLLM of the bench, with a tiny model of each mode.

    python -m tests.modes [--packages FOLDER] [--record FOLDER] [NAME …]

The command of each mode in docs/models.md is run too, as it stands there. The models are those of
tests/bench/models. Packages is a folder of Python packages that
the bench's image leaves out: Whisper needs soundfile and av. Records what was answered for tests/unit/data/conformance.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import types
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEY = "sk-probe-0123456789"
CHAT = ("chat", "stream", "json_schema", "tool_call", "tool_call_stream", "reasoning", "vision")
SECONDS = 240


class Case(t.NamedTuple):
    model: str  # a recipe of tests/bench/models
    options: tuple[str, ...]
    checks: tuple[str, ...]


TOOLS = ("--enable-auto-tool-choice", "--tool-call-parser")
CASES: dict[str, Case] = {
    "chat": Case("scripted", (*TOOLS, "hermes", "--reasoning-parser", "qwen3"), CHAT),
    # What a fleet declares by mistake.
    "wrong_parsers": Case("scripted", (*TOOLS, "llama3_json"), CHAT),
    "no_parsers": Case("scripted", (), ("chat", "tool_call", "reasoning", "completion", "completion_stream")),
    "embedding": Case("encoder", (), ("embedding", "chat")),
    "embedding_of_a_generator": Case("scripted", ("--runner", "pooling"), ("embedding",)),
    "rerank": Case("cross_encoder", (), ("rerank",)),
    "transcription": Case("whisper", (), ("transcription",)),
    "vision": Case("eyes", ("--limit-mm-per-prompt", '{"image": 1}'), ("chat", "stream", "vision")),
}


# What docs/models.md calls the model of each mode, and what is in an answer that a client can use.
DOCUMENTED = {
    "chat": ("assistant", "data: [DONE]"),
    "no_parsers": ("base", '"choices":'),
    "embedding": ("search", '"embedding":'),
    "rerank": ("order", '"relevance_score":'),
    "transcription": ("ears", '"text":'),
    "vision": ("eyes", '"choices":'),
}


def documented(name: str) -> str:
    """The command for a mode, with the name of the model that is served here."""
    text = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    block = text.partition("## One request of each mode")[2].partition("```sh")[2].partition("```")[0]
    model = DOCUMENTED[name][0]
    said = (f'"model": "{model}"', f"model={model}")
    (command,) = (one for one in re.split(r"\n(?=curl )", block) if any(words in one for words in said))
    return command.strip().replace(said[0], '"model": "m"').replace(said[1], "model=m")


def by_hand(name: str, port: int) -> None:
    """Runs it where a picture and a sound lie, and says what came."""
    if name not in DOCUMENTED:
        return
    probe = program()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "picture.png").write_bytes(base64.b64decode(probe.picture().partition(",")[2]))
        Path(folder, "speech.wav").write_bytes(probe.sound())
        environment = {**os.environ, "URL": f"http://127.0.0.1:{port}", "KEY": KEY}
        command = ["bash", "-c", documented(name).replace("curl ", "curl --silent --show-error ", 1)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if DOCUMENTED[name][1] not in done.stdout:
        raise SystemExit(f"{name}: the command of docs/models.md gave {done.stdout[-600:]}{done.stderr[-300:]}")
    print(f"  {'as documented':18}works    {len(done.stdout)} bytes", flush=True)


def program() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("conformance", ROOT / "roles/vllm/files/conformance.py")
    if not spec or not spec.loader:
        raise SystemExit("roles/vllm/files/conformance.py is missing")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def bench(name: str, tag: str) -> tuple[str, Path]:
    """The image of vLLM, made where none is given, and a model that it made."""
    sys.path.insert(0, str(ROOT / "tests/bench"))
    from llmbench import images, models

    tag = tag or images.ensure_image(images.recipe("vllm"))
    return tag, models.ensure_model(name, tag)


def start(case: Case, model: Path, packages: str, tag: str, port: int, secrets: str) -> str:
    """The container's id. It has its key where the role's containers have it."""
    environment = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_API_KEY": KEY,
        **({"PYTHONPATH": "/packages"} if packages else {}),
    }
    words = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    words += [
        "--volume",
        f"{secrets}:/run/llmfleet/secrets:ro",
        "--volume",
        f"{model}:/model:ro",
        *(["--volume", f"{packages}:/packages:ro"] if packages else []),
    ]
    serve = ["vllm", "serve", "/model", "--served-model-name", "m", "--enforce-eager", "--dtype", "float32"]
    serve += ["--max-num-seqs", "4", "--kv-cache-memory-bytes", "64M", "--distributed-executor-backend", "uni"]
    command = ["docker", "run", "--detach", "--publish", f"127.0.0.1:{port}:8000", *words, "--entrypoint", serve[0]]
    done = subprocess.run([*command, tag, *serve[1:], *case.options], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def wait(container: str, port: int) -> float:
    """Seconds until it serves."""
    begin = time.monotonic()
    while time.monotonic() - begin < SECONDS:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return time.monotonic() - begin
        state = ["docker", "inspect", "--format", "{{.State.Running}}", container]
        if subprocess.run(state, capture_output=True, text=True, check=True).stdout.strip() != "true":
            break
        time.sleep(3)
    log = subprocess.run(["docker", "logs", "--tail", "40", container], capture_output=True, text=True, check=True)
    raise SystemExit(f"it did not start:\n{log.stdout[-4000:]}{log.stderr[-4000:]}")


def recorded(probe: types.ModuleType, answers: list[t.Any]) -> None:
    """Has the program keep what it read."""
    post = probe.post

    def keeping(*arguments: t.Any) -> t.Any:
        try:
            answer, stream = post(*arguments)
        except urllib.error.HTTPError as error:
            answers.append({"status": error.code})
            raise
        answers.append({"status": 200, "answer": answer.splitlines() if stream else json.loads(answer)})
        return answer, stream

    probe.post = keeping  # type: ignore[attr-defined]


def tried(case: Case, port: int) -> dict[str, t.Any]:
    answers: list[t.Any] = []
    probe = program()
    recorded(probe, answers)
    found: dict[str, t.Any] = {}
    for name in case.checks:
        answers.clear()
        one = probe.conform(f"http://127.0.0.1:{port}/v1", KEY, "m", 60, [name])[name]
        found[name] = {**one, **(answers[0] if answers else {"status": 0})}
    return found


def inside(container: str, case: Case) -> dict[str, str]:
    """States by the program as the module model_probe runs it."""
    text = (ROOT / "roles/vllm/files/conformance.py").read_text()
    command = ["docker", "exec", "--interactive", container, "python3", "-", "http://127.0.0.1:8000/v1", "m", "60"]
    done = subprocess.run([*command, *case.checks], input=text, capture_output=True, text=True, check=True)
    return {check: one["state"] for check, one in json.loads(done.stdout).items()}


def run(name: str, given: argparse.Namespace) -> None:
    case, port = CASES[name], given.port
    tag, model = bench(case.model, given.image)
    with tempfile.TemporaryDirectory() as secrets:
        Path(secrets, "environment.json").write_text(json.dumps({"VLLM_API_KEY": KEY}))
        container = start(case, model, given.packages, tag, port, secrets)
        try:
            seconds = wait(container, port)
            found = tried(case, port)
            by_hand(name, port)
            same = inside(container, case) == {check: one["state"] for check, one in found.items()}
        finally:
            subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=True)
    if not same:
        raise SystemExit(f"{name}: from inside of the container the same was judged otherwise")
    report(name, case, seconds, found, given.record)


def report(name: str, case: Case, seconds: float, found: dict[str, t.Any], folder: str) -> None:
    print(f"{name}: serves after {seconds:.0f} s", flush=True)
    for check, one in found.items():
        print(f"  {check:18}{one['state']:9}{one['seconds']:5.1f} s  {one['said']}", flush=True)
    if folder:
        kept = {"model": case.model, "options": list(case.options), "checks": found}
        Path(folder, f"{name}.json").write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", default="")
    parser.add_argument("--record", default="")
    parser.add_argument("--image", default="")
    parser.add_argument("--port", type=int, default=18713)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    for name in given.names or CASES:
        run(name, given)


if __name__ == "__main__":
    main()
