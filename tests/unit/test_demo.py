# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's own decisions: which model, and how its answer is shown."""

from __future__ import annotations

import importlib.util
import io
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: Any) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("demo", CHECKOUT / "scripts" / "demo.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "THIS_MACHINE", tmp_path / "this_machine.yml")
    return module


def test_the_answer_is_shown_as_text(demo: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    facts = demo.summary("192.0.2.1")
    demo.show(facts, 'Hello.\nI\'m "here".', 3)
    shown = capsys.readouterr().out
    assert '\n  Hello.\n  I\'m "here".\n' in shown
    assert demo.QUESTION in shown


def test_the_small_model_is_the_inventory_s_own(demo: types.ModuleType) -> None:
    declared = yaml.safe_load((CHECKOUT / "inventory/demo/group_vars/all/main.yml").read_text())
    assert declared["demo_model"] == demo.MODEL_PATH
    assert [model["name"] for model in declared["llm_models"]] == [demo.MODEL]
    demo.write_this_machine({"vllm": "vllm:1", "host": "host:1"}, hub=False)
    assert yaml.safe_load(demo.THIS_MACHINE.read_text()) == {"vllm_image": "vllm:1"}


def test_every_service_of_the_demo_has_a_recipe(demo: types.ModuleType) -> None:
    recipes = {path.parent.name for path in (CHECKOUT / "tests/bench/images").glob("*/recipe.json")}
    assert set(demo.SERVICES) <= recipes


def test_the_hub_s_model_is_used_where_the_hub_is(demo: types.ModuleType) -> None:
    demo.write_this_machine({}, hub=True)
    written = yaml.safe_load(demo.THIS_MACHINE.read_text())
    assert written == {"demo_model": "Qwen/Qwen2.5-0.5B-Instruct", "vllm_offline": False}
    # Read after main.yml, so that it counts.
    assert sorted(["main.yml", "this_machine.yml"])[-1] == "this_machine.yml"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'{"architectures": ["Qwen2ForCausalLM"]}', True),
        (b"<html>a portal</html>", False),
        (b"{}", False),
        (None, False),
    ],
)
def test_only_a_hub_that_gives_the_model_counts(
    demo: types.ModuleType, monkeypatch: Any, answer: bytes | None, expected: bool
) -> None:
    def urlopen(url: str, timeout: float) -> io.BytesIO:
        if answer is None:
            raise OSError("no route")
        return io.BytesIO(answer)

    monkeypatch.setattr(demo.urllib.request, "urlopen", urlopen)
    assert demo.hub_answers() is expected
