# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move to another major release: what is refused; and at every moment the old cluster is in its place or beside it.

The real programs do it in the scenario molecule/full/rotation.
"""

from __future__ import annotations

import json
import os
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import postgres
from rendering import loaded, make_fleet, make_host

program = loaded("postgres/files/upgrade.py")


def cluster(folder: Path, major: str) -> Path:
    (folder / "pgdata").mkdir(parents=True)
    (folder / "pgdata" / "PG_VERSION").write_text(f"{major}\n")
    return folder


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Remembers what Docker is told; a database of 100 MiB."""
    told: list[list[str]] = []

    def run(arguments: list[str], *_args: t.Any, **_more: t.Any) -> str:
        told.append(arguments)
        return str(100 << 20)

    monkeypatch.setattr(program, "run", run)
    monkeypatch.setattr(program.subprocess, "run", lambda arguments, **_more: told.append(arguments))
    return told


def said(folder: Path, **more: t.Any) -> dict[str, t.Any]:
    return {"folder": str(folder), "major": "17", "found": "15", **more}


def test_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(program.Impossible, match="no database"):
        program.look(said(tmp_path))
    cluster(tmp_path / "data", "15")
    assert program.look(said(tmp_path)) == {"found": "15", "same": False, "mib": 100}
    assert program.look(said(tmp_path, major="15"))["same"]
    with pytest.raises(program.Impossible, match="no way to an earlier release"):
        program.look(said(tmp_path, major="14"))


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(tmp_path / "data", "15")
    monkeypatch.setattr(program.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 150 << 20}))
    with pytest.raises(program.Impossible, match="150 MiB free"):
        program.look(said(tmp_path))


def test_the_new_one_takes_the_place_of_the_old_one_which_is_kept(tmp_path: Path) -> None:
    cluster(tmp_path / "data", "15")
    cluster(tmp_path / "upgrade/data", "17")
    kept = program.switch(said(tmp_path))["kept"]
    assert program.release(str(tmp_path / "data")) == "17" and program.release(kept) == "15"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", Path(kept).name]


def test_back_from_every_moment(tmp_path: Path) -> None:
    # Before the switch, after it, and between the exchange and its end.
    for moment in ("before", "after", "between"):
        folder = tmp_path / moment
        cluster(folder / "data", "15")
        cluster(folder / "upgrade/data", "17")
        if moment == "after":
            program.switch(said(folder))
        if moment == "between":
            program.exchange(str(folder / "data"), str(folder / "upgrade/data"))
        assert program.back(said(folder)) == {"found": "15"}
        assert [path.name for path in folder.iterdir()] == ["data"]


def test_a_failed_copy_leaves_nothing_and_the_old_one_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(tmp_path / "data", "15")

    def fails(_said: t.Any, target: str) -> None:
        Path(target, "data").mkdir(parents=True)
        raise program.Impossible("no")

    monkeypatch.setattr(program, "start_new", fails)
    with pytest.raises(program.Impossible):
        program.copy(said(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_copy_differs() -> None:
    there = {"litellm": {"public.a": "2", "public.b": "1"}}
    assert program.differences(there, there, True) == []
    assert program.differences(there, {}, False) == ["database litellm is missing"]
    fewer = {"litellm": {"public.a": "1"}}
    assert program.differences(there, fewer, False) == ["litellm.public.b has 1 rows, the copy no such table"]
    assert program.differences(there, fewer, True)[0] == "litellm.public.a has 2 rows, the copy 1"


def test_the_superuser_is_the_new_clusters_own() -> None:
    others = "CREATE ROLE litellm;\nALTER ROLE litellm WITH LOGIN;\n"
    assert program.others_roles(f"CREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER;\n{others}") == others


def test_the_password_is_in_no_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[t.Any, t.Any]] = []
    monkeypatch.setattr(program, "run", lambda arguments, given=None: told.append((arguments, given)))
    program.log_in({"user": "litellm", "database": "litellm", "password": "a-password-of-it"})
    ((arguments, given),) = told
    assert "a-password-of-it" not in json.dumps(arguments) and given == "a-password-of-it\n"
    fleet = make_fleet(make_host())
    assert "database-password-01" not in json.dumps(postgres.view(fleet, fleet.hosts["gpu1"])["upgrade"])


def test_what_it_is_told() -> None:
    fleet = make_fleet(make_host(postgres_version="18.1"))
    found = postgres.view(fleet, fleet.hosts["gpu1"])
    assert (found["upgrade"]["major"], found["upgrade"]["folder"]) == ("18", "/opt/llmfleet/postgres")
    assert "llmfleet.gateway.postgres_upgrade" in found["projects"][0]["guards"][0]["fail_msg"]


def test_an_error_shows_no_row_and_no_statement() -> None:
    shown = "DETAIL:  Key (name)=(sk-a)\nCONTEXT:  COPY x, line 1: sk-b\nLINE 1: ALTER ROLE x 'SCRAM-1'\n"
    assert program.last_words("ERROR:  duplicate key\n" + shown) == "ERROR:  duplicate key"


def test_a_load_that_dies_ends_the_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker by a stand-in: a dump that is larger than a pipe, and a load that gives up at its beginning."""
    script = """#!/bin/sh
case "$*" in
*pg_restore*) head -c 1000 > /dev/null; echo "pg_restore: error: no room" >&2; exit 1 ;;
*pg_dump*) head -c 20000000 /dev/zero ;;
esac
"""
    (tmp_path / "docker").write_text(script)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    failures: list[str] = []

    def restore() -> None:
        try:
            program.restore("litellm")
        except program.Impossible as error:
            failures.append(str(error))

    thread = threading.Thread(target=restore, daemon=True)
    thread.start()
    thread.join(20)
    assert failures == ["Database litellm can't be copied: pg_restore: error: no room"]
