# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered between runs, and that none of it can block a run, however damaged it is."""

from __future__ import annotations

import itertools
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import write_file
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.state import PENDING_SHAPE, Store
from compose_host import Host, Task, own

EMPTY: dict[Any, Any] = {str: "", bool: False}
PENDING: dict[str, Any] = {
    name: {} if isinstance(shape, dict) else [] if isinstance(shape, list) else EMPTY[shape]
    for name, shape in PENDING_SHAPE.items()
}


def put(path: Path, content: str, mode: int = 0o644) -> None:
    write_file(str(path), content, mode, os.getuid(), os.getgid())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path))
    made.ensure()
    return made


def keep(store: Store, *files: str) -> None:
    store.keep_good({**PENDING, "project": "p", "files": list(files)})


# ---- the store


def test_state_is_for_root_only(store: Store) -> None:
    store.save_pending({**PENDING, "project": "p"})
    keep(store)
    for path, mode in ((".", 0o700), ("pending.json", 0o600), ("good", 0o700), ("good/manifest.json", 0o600)):
        assert mode_of(Path(store.file(path))) == mode
    assert store.pending()["project"] == "p"


def test_state_that_is_not_there_is_empty(store: Store) -> None:
    store.end_pending()
    assert (store.pending(), store.good(), store.way_back(), store.written_files()) == ({}, {}, {}, [])


def test_manifest_carries_files_services_and_images(store: Store, tmp_path: Path) -> None:
    put(tmp_path / "a", "x")
    store.keep_good({**PENDING, "project": "p", "files": ["a"], "services": {"web": "d"}, "images": {"web": "web:1"}})
    good = store.good()
    assert (list(good["files"]), good["services"], good["images"]) == (["a"], {"web": "d"}, {"web": "web:1"})


def test_restore_brings_back_content_and_mode_and_removes_what_was_added(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "o"
    put(tmp_path / "conf/a", "good\r\n", 0o600)
    put(tmp_path / "gone", "good too")
    put(outside, "outside", 0o640)
    keep(store, "conf/a", "gone", str(outside))

    put(tmp_path / "conf/a", "bad")
    put(outside, "bad", 0o600)
    put(tmp_path / "added", "bad")
    (tmp_path / "gone").unlink()
    store.restore(store.way_back(), ["conf/a", "added", "never-written", str(outside)])

    assert (tmp_path / "conf/a").read_bytes() == b"good\r\n"
    assert (tmp_path / "gone").read_text() == "good too"
    assert outside.read_text() == "outside"
    assert [mode_of(path) for path in (tmp_path / "conf/a", tmp_path / "gone", outside)] == [0o600, 0o644, 0o640]
    assert not (tmp_path / "added").exists()


def test_good_copy_is_replaced_whole(store: Store, tmp_path: Path) -> None:
    put(Path(store.file("good.new/7")), "half of an earlier copy")
    for name in ("one", "two"):
        put(tmp_path / name, name)
    keep(store, "one", "two")
    keep(store, "two")
    assert sorted(os.listdir(store.file("good"))) == ["0", "manifest.json"]


def test_copy_that_was_cut_is_no_way_back(store: Store, tmp_path: Path) -> None:
    put(tmp_path / "a", "whole")
    keep(store, "a")
    Path(store.file("good/0")).write_text("who")
    assert store.good()
    assert store.way_back() == {}


# ---- damage


def damaged(text: str) -> list[str]:
    """Cut at several points, of other types, short of a part."""
    cuts = [text[: len(text) * part // 7] for part in range(7)]
    whole = json.loads(text)
    short = [json.dumps({key: item for key, item in whole.items() if key != name}) for name in whole]
    others: list[Any] = [7, [7], {"a": []}, None]
    wrong = [json.dumps({**whole, name: other}) for name in whole for other in others]
    return [*cuts, *short, *wrong, "null", "[]", "7", '"text"', "\0\0\0", "[" * 100000]


def test_every_damage_of_every_state_file_counts_as_none(host: Host, task: Task) -> None:
    task(host.project())
    task(host.project(conf="new"), step="apply")
    store = Store(str(host.root / "p"))
    for name, read in (("good/manifest.json", store.good), ("pending.json", store.pending)):
        path = Path(store.file(name))
        whole = path.read_text()
        assert read()
        for text in damaged(whole):
            path.write_text(text)
            assert read() == {} or text.startswith('{"'), text[:200]
            store.way_back()
            store.written_files()
        path.write_text(whole)


HALF, SHORT = "half", "short"
DAMAGE = [HALF, SHORT, "", "null", "[]", '{"services": 7}', "\0\0\0"]


def spoil(path: Path, how: str) -> None:
    whole = path.read_text()
    short = {key: value for key, value in json.loads(whole).items() if key not in ("images", "services")}
    path.write_text({HALF: whole[: len(whole) // 2], SHORT: json.dumps(short)}.get(how, how))


@pytest.mark.parametrize("then", ["present", "failing", "absent"])
@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_manifest_blocks_nothing(host: Host, task: Task, how: str, then: str) -> None:
    task(host.project())
    spoil(host.root / "p/.llmfleet/good/manifest.json", how)
    if then == "failing":
        assert task(host.project(conf="crash"))["failed"]
    elif then == "absent":
        assert "failed" not in task(host.project(state="absent"))
    result = task(host.project())
    assert result.get("failed") is None, result["msg"]
    assert not task(host.project())["changed"]


@pytest.mark.parametrize("then", ["present", "failing", "absent"])
@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_pending_blocks_nothing(host: Host, task: Task, how: str, then: str) -> None:
    task(host.project())
    task(host.project(conf="new"), step="apply")
    spoil(host.root / "p/.llmfleet/pending.json", how)
    if then == "failing":
        assert task(host.project(conf="crash"))["projects"]["p"]["rollback"] == "restored"
    elif then == "absent":
        assert "failed" not in task(host.project(state="absent"))
    result = task(host.project())
    assert result.get("failed") is None, result["msg"]
    assert not task(host.project())["changed"]


def test_copies_that_were_cut_leave_the_failed_state_stopped(host: Host, task: Task) -> None:
    task(host.project())
    for copy in (host.root / "p/.llmfleet/good").glob("[0-9]"):
        copy.write_text("")
    assert task(host.project(conf="crash"))["projects"]["p"]["rollback"] == "stopped"
    assert task(host.project()).get("failed") is None


# ---- absence


def test_absence_removes_containers_files_and_what_is_remembered_but_no_data(host: Host, task: Task) -> None:
    directory = {key: value for key, value in own("data", "").items() if key != "content"}
    want = host.project(files=[own("secrets/key", "k", secret=True)], directories=[directory])
    task(want)
    (host.root / "p/data/rows").write_text("rows")
    result = task({**want, "state": "absent"})["projects"]["p"]
    assert result["removed_files"] == ["compose.yml", "secrets/key", "web.conf"]
    assert result["actions"] == {"web": "remove"}
    assert (host.listing(), host.text("p/data/rows")) == (["data"], "rows")
    assert not task({**want, "state": "absent"})["changed"]


def test_networks_go_with_the_last_project_that_is_in_them(host: Host, task: Task) -> None:
    """Removing one that somebody else is still in is no failure; those of a project that is declared stay."""
    task(host.project())
    host.engine.networks_of = {"gone": ["gone-net"], "p": ["p-net"]}
    task(host.project())
    assert host.engine.networks_removed == []
    task(host.project(files=[own("secrets/key", "k", secret=True)]))
    assert host.engine.networks_removed == ["gone-net"]
    host.engine.networks_of = {"p": ["p-net"]}
    assert "failed" not in task(host.project(state="absent"))
    assert host.engine.networks_removed == ["gone-net", "p-net"]


def test_nothing_is_left_of_a_project_without_data(host: Host, task: Task) -> None:
    task(host.project())
    task(host.project(state="absent"))
    assert os.listdir(host.root) == []


def test_absence_of_what_was_never_there_changes_nothing(host: Host, task: Task) -> None:
    assert not task(host.project(state="absent"))["changed"]
    assert os.listdir(host.root) == []


def test_absence_without_an_engine_removes_the_files(host: Host, task: Task) -> None:
    task(host.project())
    host.engine.missing = "no daemon"
    assert task(host.project(state="absent"))["changed"]
    assert os.listdir(host.root) == []


def test_present_that_fails_after_absence_does_not_bring_the_old_secret_back(host: Host, task: Task) -> None:
    task(host.project(files=[own("key", "old", secret=True)]))
    task(host.project(state="absent"))
    failed = task(host.project(conf="crash", files=[own("key", "new", secret=True)]))["projects"]["p"]
    assert (failed["rollback"], host.text("p/key")) == ("stopped", "new")
    for _attempt in range(2):
        assert task(host.project(conf="crash"))["projects"]["p"]["rollback"] == "stopped"
    task(host.project(state="absent"))
    assert os.listdir(host.root) == []
    assert task(host.project()).get("failed") is None


def test_absence_that_was_cut_off_is_ended_by_the_next_run(host: Host, task: Task) -> None:
    task(host.project())
    host.engine.hold_jobs = True
    host.ask(host.project(state="absent"))
    assert (host.root / "p/.llmfleet/pending.json").exists()
    host.engine.hold_jobs = False
    host.job("p").work()
    assert task(host.project(state="absent"))["changed"]
    assert os.listdir(host.root) == []


def test_removal_that_nobody_wants_any_more_leaves_no_mark(host: Host, task: Task) -> None:
    task(host.project())
    (host.root / "p/.llmfleet/pending.json").write_text('{"absent": true}')
    assert not task(host.project())["changed"]
    assert not (host.root / "p/.llmfleet/pending.json").exists()


# ---- who comes too late


def test_the_later_run_wins(store: Store) -> None:
    assert store.newest(20, 25)
    assert not store.newest(10, 30)
    assert store.newest(20, 30)
    assert store.newest(21, 30)


@pytest.mark.parametrize("found", ["", "later", "9" * 4400, "-5", "40"])
def test_what_is_no_time_of_before_keeps_nobody_out(store: Store, found: str) -> None:
    """Of a damaged file, and of a clock that was put back."""
    Path(store.lock).write_text(found)
    assert store.newest(10, 30)
    assert not store.newest(9, 30)


def test_a_module_that_a_killed_run_left_waiting_changes_nothing(
    host: Host, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(host.project())
    now = time.time_ns()
    times = itertools.chain([1], itertools.repeat(now))
    monkeypatch.setattr("time.time_ns", lambda: next(times))
    result = task(host.project(conf="of before"))
    assert result["failed"]
    assert "began later" in result["msg"]
    assert result["projects"]["p"]["rollback"] == "untouched"
    assert host.text("p/web.conf") == "good"
