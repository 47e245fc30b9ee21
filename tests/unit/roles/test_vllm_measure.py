# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What measure.py makes of vLLM's benchmark, which is a stand-in here: it writes down how it was called."""

from __future__ import annotations

import json
import types
from pathlib import Path

import pytest
from rendering import loaded

STAND_IN = """#!/usr/bin/env python3
import json, os, sys
said = dict(zip(sys.argv, sys.argv[1:]))
assert os.environ["OPENAI_API_KEY"] == "the-key" and "the-key" not in sys.argv
read, written = int(said["--random-input-len"]), int(said["--random-output-len"])
requests = int(said["--num-prompts"])
with open(os.path.join(said["--result-dir"], said["--result-filename"]), "w") as handle:
    json.dump({"completed": requests - int(os.environ.get("LOST", 0)), "duration": 4.0,
               "total_input_tokens": read * requests, "total_output_tokens": written * requests}, handle)
"""
ARGUMENTS = ["http://127.0.0.1:8000", "assistant", "/srv/model", "2", "100", "50", "8"]


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    (tmp_path / "vllm").write_text(STAND_IN)
    (tmp_path / "vllm").chmod(0o755)
    (tmp_path / "environment.json").write_text(json.dumps({"VLLM_API_KEY": "the-key"}))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    module = loaded("vllm/files/measure.py")
    monkeypatch.setattr(module, "SECRETS", str(tmp_path / "environment.json"))
    return module


def test_reading_and_writing_are_measured_alone(measure: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    measure.main(ARGUMENTS)
    assert json.loads(capsys.readouterr().out) == {"input": 100 * 8 / 4, "output": 50 * 8 / 4}


def test_answers_that_are_missing_make_no_figure(measure: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOST", "1")
    with pytest.raises(SystemExit, match="only 7 of 8 requests"):
        measure.main(ARGUMENTS)


def test_a_benchmark_that_fails_says_why(measure: types.ModuleType, tmp_path: Path) -> None:
    (tmp_path / "vllm").write_text("#!/bin/sh\necho no tokenizer >&2\nexit 3\n")
    with pytest.raises(SystemExit, match="no tokenizer"):
        measure.main(ARGUMENTS)
