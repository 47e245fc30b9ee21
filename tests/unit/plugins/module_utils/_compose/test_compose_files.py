# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose import files
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    DirectorySpec,
    FileSpec,
    make_directory,
    plan_directories,
    plan_files,
    read_text,
    remove_files,
    write_file,
    write_files,
)

ME, MINE = os.getuid(), os.getgid()


def spec(path: str, content: str = "text\n", mode: int = 0o644, secret: bool = False) -> FileSpec:
    return FileSpec(path, content, mode, ME, MINE, secret, ())


def put(path: Path, content: str, mode: int = 0o644) -> None:
    write_file(str(path), content, mode, ME, MINE)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# ---- plan


def test_absent_file_is_created(tmp_path: Path) -> None:
    (change,) = plan_files(str(tmp_path), [spec("a/b.conf")])
    assert (change.before, change.describe()) == (None, "create")


def test_same_file_is_no_change(tmp_path: Path) -> None:
    put(tmp_path / "a", "text\n")
    assert plan_files(str(tmp_path), [spec("a")]) == []


def test_other_content_is_a_change(tmp_path: Path) -> None:
    put(tmp_path / "a", "old\n")
    (change,) = plan_files(str(tmp_path), [spec("a")])
    assert (change.before, change.describe()) == ("old\n", "content")


def test_other_mode_alone_is_a_change_that_names_both(tmp_path: Path) -> None:
    put(tmp_path / "a", "text\n", 0o600)
    (change,) = plan_files(str(tmp_path), [spec("a")])
    assert change.describe() == "mode 0600 -> 0644"
    assert not change.content_differs


def test_other_owner_alone_is_a_change_that_names_both(tmp_path: Path) -> None:
    put(tmp_path / "a", "text\n")
    (change,) = plan_files(str(tmp_path), [spec("a")._replace(owner=ME + 1)])
    assert change.describe() == f"owner {ME}:{MINE} -> {ME + 1}:{MINE}"


def test_absolute_path_is_not_put_below_the_project(tmp_path: Path) -> None:
    put(tmp_path / "outside", "text\n")
    assert plan_files("/nowhere", [spec(str(tmp_path / "outside"))]) == []


@pytest.mark.parametrize("content", ["a\r\nb\r\n", "a\rb", "no end", "", "\udcff bytes \udcfe", "ünïcode\n"])
def test_what_was_written_is_read_back_alike(tmp_path: Path, content: str) -> None:
    put(tmp_path / "a", content)
    assert plan_files(str(tmp_path), [spec("a", content)]) == []


def test_a_file_in_place_of_a_parent_directory_reads_as_absent(tmp_path: Path) -> None:
    put(tmp_path / "a", "")
    assert read_text(str(tmp_path / "a" / "b")) is None


def test_digest_depends_on_all_that_a_reader_sees() -> None:
    one = spec("a")
    others = [spec("b"), spec("a", "other"), spec("a", mode=0o600), one._replace(owner=7), one._replace(group=7)]
    assert len({found.digest() for found in [one, *others]}) == 6


def test_names_and_numbers_of_users_and_groups() -> None:
    assert [files.user_id(name) for name in ("999", "root")] == [999, 0]
    assert [files.group_id(name) for name in ("70", "root")] == [70, 0]
    with pytest.raises(KeyError, match="no-such-user"):
        files.user_id("no-such-user")


def test_directories_are_created_or_mended_and_their_content_is_left(tmp_path: Path) -> None:
    want = DirectorySpec("data/deep", 0o700, ME, MINE)
    assert plan_directories(str(tmp_path), [want], ()) == [(want, "create")]
    make_directory(str(tmp_path), want)
    put(tmp_path / "data/deep/kept", "kept")
    assert plan_directories(str(tmp_path), [want], ()) == []
    (tmp_path / "data/deep").chmod(0o755)
    assert plan_directories(str(tmp_path), [want], ()) == [(want, "mode 0755 -> 0700")]
    make_directory(str(tmp_path), want)
    assert mode_of(tmp_path / "data/deep") == 0o700
    assert (tmp_path / "data/deep/kept").read_text() == "kept"


# ---- writing


def test_mode_and_owner_are_set_before_content_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    replace = os.replace

    def watch(source: str, target: str) -> None:
        found = os.stat(source)
        seen.append((stat.S_IMODE(found.st_mode), found.st_uid, os.path.exists(target), os.path.dirname(source)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watch)
    put(tmp_path / "s", "secret", 0o640)
    assert seen == [(0o640, ME, False, str(tmp_path))]
    assert (tmp_path / "s").read_text() == "secret"


def test_umask_does_not_narrow_the_mode(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        put(tmp_path / "a", "", 0o644)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "a") == 0o644


def test_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a", "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_full_disk_changes_no_name_before_every_content_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a", "old")
    fsync, left = os.fsync, [1]

    def nearly_full(descriptor: int) -> None:
        if not left:
            raise OSError(28, "No space left on device")
        left.pop()
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", nearly_full)
    with pytest.raises(OSError, match="No space"):
        write_files(str(tmp_path), [spec("a", "new"), spec("b", "new")])
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_folders_that_are_empty_then_go_with_their_files(tmp_path: Path) -> None:
    for name in ("one/deep/a", "two/b", "two/kept"):
        put(tmp_path / name, "x")
    remove_files(str(tmp_path), ["one/deep/a", "two/b", "never/was"])
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["two", "two/kept"]
    assert tmp_path.exists()


def test_empty_directory_that_docker_left_at_a_files_place_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert plan_files(str(tmp_path), [spec("a", "new")])[0].before is None
    write_files(str(tmp_path), [spec("a", "new")])
    assert (tmp_path / "a").read_text() == "new"
    (tmp_path / "b").mkdir()
    remove_files(str(tmp_path), ["b"])
    assert not (tmp_path / "b").exists()


def test_directory_with_something_in_it_is_not_replaced(tmp_path: Path) -> None:
    put(tmp_path / "a" / "of_somebody", "x")
    with pytest.raises(IsADirectoryError):
        write_files(str(tmp_path), [spec("a", "new")])
    assert (tmp_path / "a" / "of_somebody").read_text() == "x"
