# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that asks an image of vLLM whether it takes what is declared, with a parser that stands for vLLM's."""

from __future__ import annotations

import argparse
import importlib.util
import json
import typing as t
from pathlib import Path

PATH = Path(__file__).resolve().parents[3] / "roles" / "vllm" / "files" / "accepts.py"
SPEC = importlib.util.spec_from_file_location("accepts", PATH)
assert SPEC and SPEC.loader
accepts = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(accepts)


class Parser(argparse.ArgumentParser):
    """Reads the file as vLLM's does."""

    def parse_args(self, args: t.Any = None, namespace: t.Any = None) -> t.Any:
        options = json.loads(Path(args[2]).read_text())
        return super().parse_args([word for name, value in options.items() for word in (f"--{name}", str(value))])


def parser() -> Parser:
    found = Parser()
    found.add_argument("--model")
    found.add_argument("--max-model-len", type=int)
    return found


def model(folder: Path, architecture: str) -> str:
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    return str(folder)


def test_what_is_declared_is_taken(tmp_path: Path) -> None:
    said = {"tiny": {"model": model(tmp_path, "Known"), "max-model-len": 10}}
    assert accepts.judged(said, parser(), ["Known"]) == {"faults": [], "notes": []}


def test_an_option_that_is_gone_and_a_value_of_another_type_are_told_by_the_parsers_words(tmp_path: Path) -> None:
    path = model(tmp_path, "Known")
    said = {"a": {"model": path, "gone": 1}, "b": {"model": path, "max-model-len": "many"}}
    first, second = accepts.judged(said, parser(), ["Known"])["faults"]
    assert first == "a: unrecognized arguments: --gone 1" and second.startswith("b: argument --max-model-len: invalid")


def test_an_architecture_that_is_unknown_is_a_fault_and_one_that_can_not_be_read_a_note(tmp_path: Path) -> None:
    said = {"a": {"model": model(tmp_path, "New")}, "b": {"model": "someone/somewhere"}}
    found = accepts.judged(said, parser(), ["Known"])
    assert found["faults"] == ["a: its architecture New is none that this release knows"]
    assert found["notes"][0].startswith("b: config.json of someone/somewhere is not here")


def test_a_configuration_that_is_no_configuration_has_no_architecture(tmp_path: Path) -> None:
    for text in ("", "[]", '{"architectures": 3}', '{"architectures": [1]}'):
        (tmp_path / "config.json").write_text(text)
        assert accepts.architectures(str(tmp_path)) == []
