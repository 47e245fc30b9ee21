# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""roles/vllm/files/download.py, with a hub that is a dictionary."""

from __future__ import annotations

import fnmatch
import json
import os
import sys
import types
from pathlib import Path

import pytest
from rendering import loaded

download = loaded("vllm/files/download.py")
COMMIT = "a" * 40


class Hub(types.ModuleType):
    """The two calls of huggingface_hub that are used."""

    def __init__(self, cache: Path, content: dict[str, dict[str, str]]) -> None:
        super().__init__("huggingface_hub")
        self.cache, self.content, self.away = cache, content, False
        self.asked: list[tuple[str, str | None]] = []

    def HfApi(self) -> Hub:
        return self

    def list_repo_files(self, repository: str, revision: str | None = None) -> list[str]:
        self.asked.append((repository, revision))
        if self.away:
            raise ConnectionError("no route to the hub")
        return sorted(self.content[repository])

    def snapshot_download(self, repository: str, revision: str | None, allow_patterns: list[str]) -> str:
        if self.away:
            raise ConnectionError("no route to the hub")
        folder = self.folder(repository)
        for name, text in self.content[repository].items():
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in allow_patterns):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
                (folder / name).chmod(0o600)
        (folder.parents[1] / "refs").mkdir(exist_ok=True)
        (folder.parents[1] / "refs/main").write_text(COMMIT)
        return str(folder)

    def folder(self, repository: str) -> Path:
        return self.cache / f"models--{repository.replace('/', '--')}" / "snapshots" / COMMIT


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    found = Hub(
        tmp_path / "cache", {"org/m": {"config.json": "{}", "model.safetensors": "w", "pytorch_model.bin": "w"}}
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", found)
    monkeypatch.setattr(download, "SECRETS", str(tmp_path / "environment.json"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    return found


def run(*repositories: str, revision: str | None = None) -> None:
    download.main([json.dumps([{"repository": name, "revision": revision} for name in repositories])])


def files(hub: Hub, repository: str) -> set[str]:
    folder = hub.folder(repository)
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("names", "left_out"),
    [
        (
            ["config.json", "a.safetensors", "b.bin", "original/x.pth", "onnx/m.onnx"],
            {"b.bin", "original/x.pth", "onnx/m.onnx"},
        ),
        (["config.json", "a.bin", "a.pt", "merges.txt"], {"a.pt"}),
        (["config.json", "a.pt"], set()),
        (["tokenizer.json", "template[1].jinja"], set()),
    ],
)
def test_one_form_of_the_weights_is_needed(names: list[str], left_out: set[str]) -> None:
    assert set(names) - set(download.needed(names)) == left_out


def test_what_is_needed_is_fetched(hub: Hub) -> None:
    run("org/m", revision="abc")
    assert files(hub, "org/m") == {"config.json", "model.safetensors"}
    assert hub.asked == [("org/m", "abc")]


def test_a_name_with_a_pattern_in_it_fits_itself(hub: Hub) -> None:
    hub.content["org/m"]["template[1]*.jinja"] = "x"
    run("org/m")
    assert "template[1]*.jinja" in files(hub, "org/m")


def test_repositories_of_the_models_code_are_fetched_too(hub: Hub) -> None:
    hub.content["org/m"]["config.json"] = json.dumps(
        {"auto_map": {"AutoModel": "org/code--modeling.Model", "AutoConfig": "own.Config"}}
    )
    hub.content["org/code"] = {"modeling.py": "x"}
    run("org/m")
    assert files(hub, "org/code") == {"modeling.py"}


def test_a_hub_that_is_away_is_no_failure_while_the_files_are_here(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    run("org/m")
    hub.away = True
    run("org/m")
    assert "the hub can't be used (ConnectionError)" in capsys.readouterr().err


def test_a_hub_that_is_away_fails_where_nothing_is_here(hub: Hub) -> None:
    hub.away = True
    with pytest.raises(ConnectionError):
        run("org/m")


def test_a_download_that_broke_off_is_a_failure_while_the_hub_is_away(hub: Hub) -> None:
    hub.content["org/m"]["model.safetensors.index.json"] = json.dumps(
        {"weight_map": {"a": "model.safetensors", "b": "model-00002.safetensors"}}
    )
    run("org/m")
    hub.away = True
    with pytest.raises(ConnectionError):
        run("org/m")


def test_a_link_to_a_file_that_is_gone_is_no_download(hub: Hub) -> None:
    run("org/m")
    (hub.folder("org/m") / "model.safetensors").unlink()
    (hub.folder("org/m") / "model.safetensors").symlink_to("../../blobs/gone")
    hub.away = True
    with pytest.raises(ConnectionError):
        run("org/m", revision=COMMIT)


def test_a_commit_is_found_without_a_name(hub: Hub) -> None:
    run("org/m")
    hub.away = True
    run("org/m", revision=COMMIT)
    with pytest.raises(ConnectionError):
        run("org/m", revision="b" * 40)


def test_the_server_who_is_another_user_may_read_the_files(hub: Hub) -> None:
    run("org/m")
    modes = {path.stat().st_mode & 0o777 for path in hub.folder("org/m").iterdir()}
    assert modes == {0o644}


def test_the_token_comes_from_the_private_file(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "")
    Path(download.SECRETS).write_text(json.dumps({"HF_TOKEN": "hf_x"}))
    run("org/m")
    assert os.environ["HF_TOKEN"] == "hf_x"
