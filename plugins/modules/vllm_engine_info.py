#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vllm_engine_info
short_description: What the vLLM of an image says of models and options
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Asks the vLLM in an image whether it takes a model with its options, how long a context it accepts, what each GPU holds of the
    weights, and what each layer keeps in the KV cache. Refusals are vLLM's own words.
  - It takes no memory of a GPU, needs no GPU, no weights and no network. A container of the image runs for as long as vLLM is
    imported, some half a minute, and a second or two for each model; all models of one image take one container.
  - Answers are kept on the host by image, the model's C(config.json) and the options that matter, and are not asked for again.
options:
  questions:
    description: One for each model with its options.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the answer is called, such as the name of an instance.
        type: str
        required: true
      image:
        description: The image, which must be on the host.
        type: str
        required: true
      model:
        description: A folder on the host, or a repository of the hub that was downloaded into O(models_dir).
        type: str
        required: true
      revision:
        description: Branch, tag or commit of the repository.
        type: str
        default: main
      config:
        description: The model's C(config.json), for one that is not on the host.
        type: dict
      options:
        description: Options of C(vllm serve) without dashes before them.
        type: dict
        default: {}
      environment:
        description: Environment variables that the server would have, without secrets; some change what vLLM takes.
        type: dict
        default: {}
      draft:
        description: The model that speculates for this one, whose place in the options the word C(@draft) takes.
        type: dict
        suboptions:
          model:
            description: A folder on the host, or a repository of the hub.
            type: str
            required: true
          revision:
            description: Branch, tag or commit of the repository.
            type: str
            default: main
          config:
            description: Its C(config.json), where it is not on the host.
            type: dict
  models_dir:
    description: Where weights are kept, with the hub's cache in C(hub).
    type: path
    default: /opt/llmfleet/models
  gpu:
    description: The GPU that the answers are for. Without it they are for the platform that vLLM finds in the container, such as the processor.
    type: dict
    suboptions:
      name:
        description: As nvidia-smi calls it.
        type: str
        default: NVIDIA H100 80GB HBM3
      capability:
        description: Its compute capability.
        type: list
        elements: int
        default: [9, 0]
      memory_bytes:
        description: Its memory.
        type: int
        default: 85017493504
  path:
    description: Where answers are kept.
    type: path
    default: /etc/ansible/facts.d/llmfleet_engine.fact
  prune:
    description: Whether kept answers of other questions are forgotten. Without it they stay, such as those of the release that still runs.
    type: bool
    default: true
  memory:
    description: Memory that the container may take, by Docker's notation.
    type: str
    default: 12g
  seconds:
    description: Seconds for each question.
    type: int
    default: 120
  user:
    description: User and group in the container, by numbers.
    type: str
    default: '65534:65534'
attributes:
  check_mode:
    description: Asks in check mode too, since that changes nothing, and keeps nothing.
    support: full
  diff_mode:
    description: Its file holds answers, which are returned.
    support: none
  idempotent:
    description: A second call asks nothing and changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Ask whether vLLM takes a model and its options
  llmfleet.gateway.vllm_engine_info:
    questions:
      - name: qwen
        image: docker.io/vllm/vllm-openai:v0.32.0
        model: Qwen/Qwen2.5-7B-Instruct
        options: {max-model-len: 32768, tensor-parallel-size: 2}
    gpu: {}
  register: engine

- name: Stop where it does not
  ansible.builtin.fail:
    msg: "{{ engine.refused | join(' ') }}"
  when: engine.refused | length > 0
"""

RETURN = r"""
answers:
  description: By the questions' names. One that could not be asked is not among them.
  returned: success
  type: dict
  contains:
    accepted:
      description: Whether vLLM takes the model with these options.
      type: bool
    refusal:
      description: Why not, in its own words.
      returned: when it does not
      type: str
    stage:
      description: Whether V(options) were refused by its parser, or the model with them by its V(config).
      returned: when it does not
      type: str
    max_model_len:
      description: The context that it would serve.
      returned: when it does
      type: int
    tasks:
      description: What the model is for, among V(chat), V(vision), V(transcription), V(embedding) and V(rerank).
      returned: when it does
      type: list
      elements: str
    reasoning_parser:
      description: The parser that vLLM chooses by itself; empty where it chooses none.
      returned: when it does
      type: str
    built:
      description: Whether the model could be made without a GPU. Where not, C(why) says why, and nothing is known of weights and cache.
      returned: when it does
      type: bool
    stages:
      description:
        - For each pipeline stage C(weight_bytes) of one GPU, C(cache) with the layers of each kind (full, sliding, latent, state, cross) and
          their bytes a block, C(groups) as vLLM lays them out, and C(block_bytes) of a block of all groups.
      returned: when it was made
      type: list
      elements: dict
refused:
  description: Of questions that vLLM answers with no, the name and its words.
  returned: success
  type: list
  elements: str
asked:
  description: Names of the questions that were asked now.
  returned: success
  type: list
  elements: str
not_asked:
  description: Names of questions that could not be asked, and why. Such models are planned by formulas.
  returned: success
  type: list
  elements: str
"""

import os
import shutil
import typing as t
from itertools import groupby

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._compose.engine import EngineError, Runner, limited
from ..module_utils._engine_answers import keeping
from ..module_utils._engine_answers.asking import Bounds, ask

MODEL: dict[str, dict[str, t.Any]] = {
    "model": {"type": "str", "required": True},
    "revision": {"type": "str", "default": "main"},
    "config": {"type": "dict"},
}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "questions": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
            **MODEL,
            "options": {"type": "dict", "default": {}},
            "environment": {"type": "dict", "default": {}},
            "draft": {"type": "dict", "options": MODEL},
        },
    },
    "models_dir": {"type": "path", "default": "/opt/llmfleet/models"},
    "gpu": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "default": "NVIDIA H100 80GB HBM3"},
            "capability": {"type": "list", "elements": "int", "default": [9, 0]},
            "memory_bytes": {"type": "int", "default": 85017493504},
        },
    },
    "path": {"type": "path", "default": "/etc/ansible/facts.d/llmfleet_engine.fact"},
    "prune": {"type": "bool", "default": True},
    "memory": {"type": "str", "default": "12g"},
    "seconds": {"type": "int", "default": 120},
    "user": {"type": "str", "default": "65534:65534"},
}


def with_keys(
    params: dict[str, t.Any], run: Runner, gpu: dict[str, t.Any]
) -> tuple[list[dict[str, t.Any]], dict[str, str]]:
    """The questions with where their model is and the key of their answer, and why others can't be asked."""
    found, missing, ids = [], {}, {}
    for question in params["questions"]:
        image = question["image"]
        if image not in ids:
            _rc, out, _err = run(["docker", "image", "inspect", "--format", "{{.Id}}", image])
            ids[image] = out.strip()
        one = with_folder(question, params["models_dir"])
        if question["draft"]:
            one["draft"] = with_folder(question["draft"], params["models_dir"])
        unknown = [part["model"] for part in (one, one["draft"]) if part and not keeping.config_text(part)]
        if not ids[image]:
            missing[one["name"]] = f"{image} is not on this host"
        elif unknown:
            missing[one["name"]] = f"the config.json of {unknown[0]} is not known yet"
        else:
            found.append({**one, "key": keeping.key(one, ids[image], gpu)})
    return found, missing


def with_folder(model: dict[str, t.Any], models_dir: str) -> dict[str, t.Any]:
    """With where its files are on this host; empty where they are not."""
    return {**model, "folder": keeping.snapshot(models_dir, model["model"], model["revision"])}


def asked(
    module: AnsibleModule,
    run: Runner,
    questions: list[dict[str, t.Any]],
    gpu: dict[str, t.Any],
    missing: dict[str, str],
) -> dict[str, t.Any]:
    """Answers of those that are not kept, by name; why an image gave none goes to *missing*."""
    params, found = module.params, {}
    bounds = Bounds(params["memory"], params["seconds"], params["user"])
    ordered = sorted(questions, key=lambda one: str(one["image"]))
    for number, (image, group) in enumerate(groupby(ordered, key=lambda one: str(one["image"]))):
        folder, members = os.path.join(module.tmpdir, f"ask-{os.getpid()}-{number}"), list(group)
        os.makedirs(folder, mode=0o700)
        try:
            found.update(ask(run, image, members, gpu, folder, bounds))
        except EngineError as error:
            # What can't be asked is no refusal.
            module.warn(str(error))
            missing.update({str(one["name"]): str(error) for one in members})
        finally:
            shutil.rmtree(folder)
    return found


def read_file(path: str) -> str:
    """The kept answers' text; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return ""


def write_file(module: AnsibleModule, path: str, text: str) -> None:
    """Replaces the file at once, readable by all: it holds no secret."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    staged = os.path.join(module.tmpdir, "llmfleet_engine.fact")
    with open(staged, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(staged, 0o644)
    module.atomic_move(staged, path)


def answered(module: AnsibleModule, run: Runner) -> dict[str, t.Any]:
    """What the module returns."""
    params = module.params
    gpu = {**params["gpu"], "stand_in": True} if params["gpu"] is not None else {}
    questions, missing = with_keys(params, run, gpu)
    before = read_file(params["path"])
    kept = keeping.sound(before)
    new = asked(module, run, [one for one in questions if one["key"] not in kept], gpu, missing)
    found, keep = {}, {} if params["prune"] else dict(kept)
    for one in questions:
        answer = kept.get(one["key"]) or new.get(one["name"])
        if answer and "accepted" in answer:
            found[one["name"]] = keep[one["key"]] = {**answer, "asked": keeping.asked(one)}
        elif answer:
            missing[one["name"]] = str(answer.get("failed"))
    after = keeping.written(keep)
    if new and after != before and not module.check_mode:
        write_file(module, params["path"], after)
    return {
        "changed": bool(new) and after != before,
        "answers": found,
        "asked": sorted(new),
        "refused": [f"{name}: {one['refusal']}" for name, one in sorted(found.items()) if not one["accepted"]],
        "not_asked": [f"{name}: {why}" for name, why in sorted(missing.items())],
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(**answered(module, limited(module.run_command)))


if __name__ == "__main__":
    main()
