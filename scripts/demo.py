# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: one host in a container of this machine's Docker engine, the whole stack on it, and a first answer.

`up` is what `make demo` runs, `down` what `make demo-down` runs. What the demo writes lies in .demo/ and in two
ignored files of inventory/demo.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import typing as t
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
BENCH = ROOT / "tests" / "bench" / "bench.py"
INVENTORY = ROOT / "inventory" / "demo"
THIS_MACHINE = INVENTORY / "group_vars" / "all" / "this_machine.yml"
VAULT = INVENTORY / "group_vars" / "all" / "vault.yml"
KEY = DEMO / "keys" / "demo"
MASTER_KEY = DEMO / "keys" / "master"
HOST = "demo"
PREFIX = "llmfleet-demo"
MODEL = "assistant"
MODEL_PATH = "/srv/models/smollm2-135m-instruct"
MODEL_OF_THE_HUB = "Qwen/Qwen2.5-0.5B-Instruct"
HUB = f"https://huggingface.co/{MODEL_OF_THE_HUB}/resolve/main/config.json"
PORT = 4000
SERVICES = ("postgres", "redis", "litellm", "gate", "edge", "vllm")
QUESTION = "Say hello to the world."


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def bench(*args: str, capture: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, str(BENCH), *args],
        cwd=ROOT,
        check=False,
        text=True,
        stdout=subprocess.PIPE if capture else None,
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout or ""


def playbook(name: str) -> None:
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "1" if sys.stdout.isatty() else "0"}
    command = [str(ROOT / ".venv/bin/ansible-playbook"), name, "-i", str(INVENTORY.relative_to(ROOT))]
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        sys.exit(f"{name} failed, see above. Mend the cause and run make demo again: it goes on where it stopped.")


# ---- up


def start_host() -> None:
    """The host, its images and the model; where registries are in reach, its own engine pulls the official images."""
    bench("engine")
    built = bench("source", capture=True).strip() == "built"
    images = list(SERVICES) if built else []
    say("No container registry is in reach: the images are built here" if built else "The official images are used")
    tags = json.loads(bench("images", "--json", "host", *images, capture=True)) if built else {}
    bench(
        "up", "--dir", str(DEMO), "--name", PREFIX, "--hosts", HOST, *(["--images", ",".join(images)] if built else [])
    )
    hub = hub_answers()
    write_this_machine(tags, hub)
    if hub:
        say(f"The model is {MODEL_OF_THE_HUB}, from the hub")
        return
    extra = [] if built else ["--image", "docker.io/vllm/vllm-openai-cpu:v0.32.0"]
    bench("model", "--dir", str(DEMO), "--host", HOST, "--name", "smollm2", "--path", MODEL_PATH, *extra)


def hub_answers() -> bool:
    """Whether the hub gives this machine the model's files; one that only answers is of no use."""
    try:
        with urllib.request.urlopen(HUB, timeout=5) as answer:
            return "architectures" in json.load(answer)
    except (OSError, ValueError):
        return False


def write_this_machine(tags: dict[str, str], hub: bool) -> None:
    lines = ["---", "# Written by make demo."]
    lines += [f"{name}_image: {tags[name]}" for name in SERVICES if name in tags]
    lines += [f"demo_model: {MODEL_OF_THE_HUB}", "vllm_offline: false"] if hub else []
    text = "\n".join(lines) + "\n"
    if not THIS_MACHINE.exists() or THIS_MACHINE.read_text() != text:
        THIS_MACHINE.write_text(text)


def keep_master_key() -> None:
    """One file a key, for people and for scripts; the vault of the demo is a plain file of mode 0600 as well."""
    for line in VAULT.read_text().splitlines():
        name, _colon, value = line.partition(": ")
        if name == "litellm_master_key":
            write_private(MASTER_KEY, value.strip() + "\n")


def write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        os.fchmod(handle.fileno(), 0o600)
        handle.write(text)


def ask(url: str, key: str) -> str:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 80,
        "temperature": 0,
    }
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def summary(address: str) -> dict[str, str]:
    url = f"http://{address}:{PORT}"
    return {
        "gateway_url": url,
        "ui_url": f"{url}/ui",
        "swagger_url": f"{url}/docs",
        "model": MODEL,
        "key_file": str(KEY),
        "master_key_file": str(MASTER_KEY),
        "host_address": address,
    }


def as_text(answer: str) -> str:
    """The model's lines, folded and set in."""
    return "\n".join(
        textwrap.fill(line, 100, initial_indent="  ", subsequent_indent="  ") for line in answer.splitlines()
    )


def show(facts: dict[str, str], answer: str, seconds: float) -> None:
    print(f"""
Asked: {QUESTION}

{as_text(answer)}

API      {facts["gateway_url"]}/v1     (OpenAI-compatible)
Web UI   {facts["ui_url"]}     user admin, password: litellm_ui_password in {VAULT.relative_to(ROOT)}
Swagger  {facts["swagger_url"]}
Key      {facts["key_file"]}     (master key: {facts["master_key_file"]})
Host     ssh -F {DEMO / "ssh_config"} {HOST}

  curl {facts["gateway_url"]}/v1/chat/completions -H "Authorization: Bearer $(cat {facts["key_file"]})" \\
    -H 'Content-Type: application/json' \\
    -d '{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Hello"}}]}}'

Done in {seconds:.0f} s. make demo-down removes it.""")


def up() -> None:
    begin = time.monotonic()
    DEMO.mkdir(mode=0o700, exist_ok=True)
    start_host()
    say("Making the secrets that are missing")
    playbook("playbooks/secrets.yml")
    keep_master_key()
    say("ansible-playbook site.yml -i inventory/demo")
    playbook("site.yml")
    facts = summary(json.loads((DEMO / "hosts.json").read_text())[HOST]["address"])
    say("Asking the model through the gateway, with the issued key")
    answer = ask(facts["gateway_url"], KEY.read_text().strip())
    (DEMO / "summary.json").write_text(json.dumps(facts, indent=2) + "\n")
    show(facts, answer, time.monotonic() - begin)


# ---- down


def down() -> None:
    bench("down", "--dir", str(DEMO))
    for path in (THIS_MACHINE, VAULT):
        path.unlink(missing_ok=True)
    shutil.rmtree(DEMO, ignore_errors=True)
    say("The demo is gone")


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo of llmfleet.gateway on this machine.")
    actions: dict[str, t.Callable[[], None]] = {"up": up, "down": down}
    parser.add_argument("action", choices=sorted(actions))
    actions[parser.parse_args().action]()


if __name__ == "__main__":
    main()
