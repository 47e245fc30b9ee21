# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts the program in a container of an image, with the small files of the models and nothing else: no network, no weights, no GPU. On hosts."""

from __future__ import annotations

import json
import os
import shutil
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import KILLED, EngineError, Runner
from ansible_collections.llmfleet.gateway.plugins.module_utils._engine_answers import (
    extras,
    made,
    own_process,
    program,
    stand_in,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._engine_answers.keeping import DRAFT

Question = t.Mapping[str, t.Any]
Answers = dict[str, t.Any]

#: What vLLM reads of a model before its weights.
SMALL = (".json", ".jinja", ".model", ".py", ".tiktoken", ".txt")
MOST_BYTES = 32 * 1024 * 1024
IMPORT_SECONDS = 240
PREFIX = "llmfleet-engine-answers"
#: Where an image said nothing that can be read.
REMEDY = (
    "Is it an image of vLLM, with python3 and enough memory? vllm_image names it; vllm_ask_engine: false asks nothing"
)


class Bounds(t.NamedTuple):
    """What a container may take."""

    memory: str
    seconds: int  # for each question
    user: str


def ask(
    run: Runner, image: str, questions: t.Sequence[Question], gpu: Question, folder: str, bounds: Bounds
) -> Answers:
    """What the image says, by the names of the questions. *folder* is empty and the caller's to remove."""
    asked: list[Answers] = []
    request = {"gpu": dict(gpu), "seconds": bounds.seconds, "questions": asked}
    for number, question in enumerate(questions):
        asked.append(_laid_out(folder, str(number), question))
    for name, text in _programs().items():
        _write(os.path.join(folder, name), text)
    _write(os.path.join(folder, "request.json"), json.dumps(request))
    _open_to(folder, bounds.user)
    return _answers(run, image, folder, bounds, len(questions))


def _programs() -> dict[str, str]:
    """The texts of the program, also where the module came as an archive."""
    found = {}
    for module in (program, made, extras, stand_in, own_process):
        loader = t.cast(t.Any, module.__loader__)
        name = module.__name__.rpartition(".")[2]
        found[f"{name}.py"] = str(loader.get_source(module.__name__))
    return found


def _laid_out(folder: str, number: str, question: Question) -> Answers:
    """The question as the program reads it."""
    _lay_out(os.path.join(folder, number), question)
    options = dict(question["options"])
    if question.get("draft"):
        _lay_out(os.path.join(folder, number, "draft"), question["draft"])
        options = {name: _in_place(value, f"/ask/{number}/draft") for name, value in options.items()}
    environment = dict(question.get("environment") or {})
    return {"id": question["name"], "folder": f"/ask/{number}", "options": options, "environment": environment}


def _in_place(value: t.Any, path: str) -> t.Any:
    """An option with the folder of the draft in the place of the word that stands for it."""
    if isinstance(value, dict):
        return {name: _in_place(one, path) for name, one in value.items()}
    return path if value == DRAFT else value


def _lay_out(target: str, question: Question) -> None:
    """The model's small files as they are on the disk, else the config.json that is known of it."""
    os.makedirs(target)
    found = question.get("folder") or ""
    if found and os.path.isfile(os.path.join(found, "config.json")):
        for name in sorted(os.listdir(found)):
            path = os.path.join(found, name)
            if name.endswith(SMALL) and os.path.isfile(path) and os.path.getsize(path) <= MOST_BYTES:
                shutil.copyfile(path, os.path.join(target, name))
            elif name.endswith(".safetensors") and os.path.isfile(path):
                _copy_header(path, os.path.join(target, name))
    else:
        _write(os.path.join(target, "config.json"), json.dumps(question["config"]))


def _copy_header(source: str, target: str) -> None:
    """Names and types of the tensors, by which vLLM knows what a checkpoint has quantized, and none of the values."""
    with open(source, "rb") as stream:
        size = stream.read(8)
        length = int.from_bytes(size, "little")
        if len(size) == 8 and length <= MOST_BYTES:
            with open(target, "wb") as copied:
                copied.write(size + stream.read(length))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def _open_to(folder: str, user: str) -> None:
    uid, _colon, gid = user.partition(":")
    for path, _folders, names in os.walk(folder):
        for one in [path, *(os.path.join(path, name) for name in names)]:
            if os.geteuid() == 0:
                os.chown(one, int(uid), int(gid or uid))


def arguments(image: str, folder: str, name: str, bounds: Bounds) -> list[str]:
    """Of docker."""
    return [
        "docker",
        "run",
        "--rm",
        "--pull=never",
        f"--name={name}",
        "--label=io.llmfleet.step=ask",
        "--network=none",
        "--read-only",
        "--tmpfs=/tmp:exec,mode=1777",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        f"--user={bounds.user}",
        f"--memory={bounds.memory}",
        "--pids-limit=1024",
        # Instances that serve go first.
        "--cpu-shares=128",
        "--env=HOME=/tmp",
        "--env=USER=vllm",
        "--env=LOGNAME=vllm",
        "--env=XDG_CACHE_HOME=/tmp",
        f"--mount=type=bind,source={folder},target=/ask,readonly",
        "--entrypoint=python3",
        image,
        "/ask/program.py",
        "/ask/request.json",
    ]


def _reason(code: int, error: str) -> str:
    """The last thing that it said; Docker's own errors are followed by a hint that says nothing."""
    lines = error.strip().splitlines() or [f"exit code {code}"]
    return next((line for line in lines if line.startswith("docker: ")), lines[-1])


def _answers(run: Runner, image: str, folder: str, bounds: Bounds, count: int) -> Answers:
    name = f"{PREFIX}-{os.path.basename(folder).strip('.')}"
    limit = IMPORT_SECONDS + count * bounds.seconds
    code, out, error = run(arguments(image, folder, name, bounds), timeout=float(limit))
    if code in KILLED:
        # The command ended, its container did not.
        run(["docker", "rm", "--force", name])
    try:
        found = json.loads(out.strip().splitlines()[-1])
        answers = dict(found["answers"])
    except (ValueError, IndexError, KeyError, TypeError) as fault:
        raise EngineError(f"{image} gave no answer: {_reason(code, error)[:400]}. {REMEDY}") from fault
    told = {part: found.get(part) for part in ("vllm", "platform")}
    return {name: {**told, **one} for name, one in answers.items() if isinstance(one, dict)}
