# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vllm_engine_info: what goes into the container, what is kept, and what is never asked twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.modules import vllm_engine_info

CONFIG = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
YES: dict[str, Any] = {"accepted": True, "max_model_len": 4096, "seconds": 1.0, "built": False, "why": "no"}
NO = {"accepted": False, "stage": "options", "refusal": "unrecognized arguments: --swap-space"}


class Exited(Exception):
    """The module's result."""


class Host:
    """A host whose image answers as it is told, and notes what it was given."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.file = root / "facts.d" / "llmfleet_engine.fact"
        self.answers: dict[str, Any] = {}
        self.images = {"vllm:1": "sha256:one"}
        self.said: str | None = None
        self.runs: list[list[str]] = []
        self.given: list[dict[str, str]] = []
        self.warnings: list[str] = []
        monkeypatch.setattr(basic.AnsibleModule, "run_command", self.command)
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda module, text: self.warnings.append(text))
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", self.exit)

    @staticmethod
    def exit(_module: basic.AnsibleModule, **result: Any) -> None:
        raise Exited(result)

    def command(self, argv: list[str], **_more: Any) -> tuple[int, str, str]:
        argv = argv[4:]
        if argv[1] == "image":
            return 0, self.images.get(argv[-1], "") + "\n", ""
        self.runs.append(argv)
        folder = Path(next(one for one in argv if one.startswith("--mount=")).split("source=")[1].split(",")[0])
        self.given.append({str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()})
        asked = [one["id"] for one in json.loads(self.given[-1]["request.json"])["questions"]]
        answers = {name: self.answers.get(name, YES) for name in asked}
        out = json.dumps({"vllm": "0.32.0", "platform": "CpuPlatform", "answers": answers})
        return 0, out if self.said is None else self.said, "Killed\n"

    def run(self, *questions: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        full = [{"image": "vllm:1", "model": "org/m", "config": CONFIG, **one} for one in questions]
        arguments = {"questions": full, "path": str(self.file), "models_dir": str(self.root / "models"), **more}
        with patch_module_args({**arguments, "_ansible_check_mode": check}), pytest.raises(Exited) as caught:
            vllm_engine_info.main()
        return dict(caught.value.args[0])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_an_answer_is_returned_and_kept_and_not_asked_for_again(host: Host) -> None:
    host.answers["bad"] = NO
    first = host.run({"name": "good"}, {"name": "bad", "options": {"swap-space": 4}})
    assert first["answers"]["good"]["max_model_len"] == 4096 and first["answers"]["good"]["vllm"] == "0.32.0"
    assert first["answers"]["bad"]["refusal"] == "unrecognized arguments: --swap-space"
    assert (first["changed"], first["asked"], len(host.runs)) == (True, ["bad", "good"], 1)
    second = host.run({"name": "good"}, {"name": "bad", "options": {"swap-space": 4}})
    assert (second["changed"], second["asked"], len(host.runs)) == (False, [], 1)
    assert second["answers"]["bad"]["refusal"] == first["answers"]["bad"]["refusal"]
    assert second["refused"] == ["bad: unrecognized arguments: --swap-space"]


def test_a_name_is_nothing_that_an_answer_depends_on(host: Host) -> None:
    host.run({"name": "a", "options": {"served-model-name": "a", "port": 1, "gpu-memory-utilization": 0.9}})
    found = host.run({"name": "b", "options": {"served-model-name": "b", "port": 2, "gpu-memory-utilization": 0.8}})
    assert found["asked"] == [] and found["answers"]["b"]["accepted"]


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"max-model-len": 2}},
        {"options": {"prot": 1}},
        {"config": {**CONFIG, "x": 1}},
        {"image": "vllm:2"},
        {"environment": {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}},
        {"draft": {"model": "org/d", "config": CONFIG}},
    ],
)
def test_what_an_answer_depends_on_is_asked_anew(host: Host, change: dict[str, Any]) -> None:
    host.images["vllm:2"] = "sha256:two"
    host.run({"name": "a"})
    assert host.run({"name": "a", **change})["asked"] == ["a"]


def test_another_gpu_is_another_question(host: Host) -> None:
    host.run({"name": "a"}, gpu={})
    assert host.run({"name": "a"}, gpu={"capability": [8, 0]})["asked"] == ["a"]
    assert json.loads(host.given[-1]["request.json"])["gpu"]["capability"] == [8, 0]
    assert json.loads(host.given[-1]["request.json"])["gpu"]["stand_in"] is True


def test_the_container_has_no_network_no_gpu_and_ends_within_its_bounds(host: Host) -> None:
    host.run({"name": "a"}, memory="3g", user="7:8")
    said = host.runs[0]
    for one in ("--network=none", "--read-only", "--cap-drop=ALL", "--memory=3g", "--user=7:8", "--pull=never", "--rm"):
        assert one in said
    assert not [one for one in said if "gpu" in one or "device" in one]


def test_a_folder_s_small_files_are_seen_and_its_weights_are_not(host: Host) -> None:
    model = host.root / "m"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "own"}')
    (model / "tokenizer.json").write_text("{}")
    header = b'{"w": {"dtype": "I32"}}'
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"weights")
    (model / "damaged.safetensors").write_bytes(b"\xff" * 9)
    (model / "model.bin").write_bytes(b"weights")
    host.run({"name": "a", "model": str(model)})
    seen = host.given[0]
    assert json.loads(seen["0/config.json"]) == {"model_type": "own"}
    assert "0/tokenizer.json" in seen and "0/model.bin" not in seen and "0/damaged.safetensors" not in seen
    # Names and types of its tensors, and no values.
    assert seen["0/model.safetensors"].endswith(header.decode())
    assert "program.py" in seen and "stand_in.py" in seen


def test_what_the_hub_s_cache_holds_comes_before_what_is_known(host: Host) -> None:
    top = host.root / "models" / "hub" / "models--org--m"
    (top / "refs").mkdir(parents=True)
    (top / "refs" / "main").write_text("abc\n")
    (top / "snapshots" / "abc").mkdir(parents=True)
    (top / "snapshots" / "abc" / "config.json").write_text('{"model_type": "cached"}')
    host.run({"name": "a"})
    assert json.loads(host.given[0]["0/config.json"]) == {"model_type": "cached"}


def test_what_cannot_be_asked_is_no_refusal(host: Host) -> None:
    found = host.run({"name": "a", "image": "vllm:none"}, {"name": "b", "config": None})
    assert found["answers"] == {} and host.runs == []
    assert found["not_asked"] == ["a: vllm:none is not on this host", "b: the config.json of org/m is not known yet"]


def test_a_draft_is_laid_out_beside_its_model(host: Host) -> None:
    options = {"speculative-config": {"model": "@draft", "method": "eagle"}}
    found = host.run({"name": "a", "options": options, "draft": {"model": "org/d", "config": {"model_type": "d"}}})
    (asked,) = json.loads(host.given[0]["request.json"])["questions"]
    assert asked["options"]["speculative-config"] == {"model": "/ask/0/draft", "method": "eagle"}
    assert json.loads(host.given[0]["0/draft/config.json"]) == {"model_type": "d"} and found["asked"] == ["a"]
    unknown = host.run({"name": "a", "options": options, "draft": {"model": "org/none"}})
    assert unknown["not_asked"] == ["a: the config.json of org/none is not known yet"]


def test_the_environment_of_the_server_goes_along(host: Host) -> None:
    host.run({"name": "a", "environment": {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}})
    (asked,) = json.loads(host.given[0]["request.json"])["questions"]
    assert asked["environment"] == {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}


@pytest.mark.parametrize(("prune", "asked"), [(True, ["a"]), (False, [])])
def test_answers_of_what_runs_stay_while_an_upgrade_asks(host: Host, prune: bool, asked: list[str]) -> None:
    host.images["vllm:2"] = "sha256:two"
    host.run({"name": "a"})
    host.run({"name": "a", "image": "vllm:2"}, prune=prune)
    assert host.run({"name": "a"})["asked"] == asked


@pytest.mark.parametrize(
    "said",
    [
        "no JSON",
        "",
        "[]",
        "5",
        "{}",
        '{"answers": 5}',
        '{"answers": null}',
        '{"answers": ["a"]}',
        '{"answers": {"a": 1',
    ],
    ids=str,
)
def test_an_image_that_does_not_answer_is_said_and_not_kept(host: Host, said: str) -> None:
    host.said = said
    found = host.run({"name": "a"})
    assert found["answers"] == {} and not found["changed"]
    assert (
        found["not_asked"][0].startswith("a: vllm:1 gave no answer: Killed. Is it an image of vLLM") and host.warnings
    )
    assert not host.file.exists() or json.loads(host.file.read_text())["answers"] == {}


def test_a_question_that_took_too_long_is_asked_again(host: Host) -> None:
    host.answers["a"] = {"failed": "no answer within 120 s"}
    assert host.run({"name": "a"})["not_asked"] == ["a: no answer within 120 s"]
    host.answers.clear()
    assert host.run({"name": "a"})["asked"] == ["a"]


def test_check_mode_asks_and_keeps_nothing(host: Host) -> None:
    assert host.run({"name": "a"}, check=True)["answers"]["a"]["accepted"]
    assert not host.file.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2, "answers": {"k": []}}', '{"format": 99, "answers": {}}']
)
def test_a_damaged_file_is_none(host: Host, text: str) -> None:
    host.file.parent.mkdir()
    host.file.write_text(text)
    assert host.run({"name": "a"})["asked"] == ["a"]
