# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dump and restore, with a stand-in for docker that keeps what it was asked and told."""

from __future__ import annotations

import gzip
import json
import os
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._adopt import transfer

SERVER = transfer.Server("old-db", "llm", "very-secret-password")
STAND_IN = """\
#!/bin/sh
echo "$*" >> {folder}/argv
case "$*" in
  *pg_restore*) cat > /dev/null; echo 'CREATE TABLE t ();'; exit ${{PG_RESTORE_RC:-0}} ;;
  *pg_dump*) echo "PGDMP of $PGPASSWORD"; exit ${{PG_DUMP_RC:-0}} ;;
  *psql*) cat >> {folder}/sql; cat {folder}/answer; echo 'ERROR: no' >&2; exit ${{PSQL_RC:-0}} ;;
esac
"""


class Docker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answer = ""

    @property
    def sql(self) -> str:
        return (self.folder / "sql").read_text()

    @property
    def argv(self) -> str:
        return (self.folder / "argv").read_text()


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    (tmp_path / "bin").mkdir()
    path = tmp_path / "bin" / "docker"
    path.write_text(STAND_IN.format(folder=tmp_path))
    path.chmod(0o755)
    (tmp_path / "answer").write_text("")
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    return Docker(tmp_path)


def dumped(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "given.dump"
    path.write_bytes(content)
    return str(path)


def test_a_dump_is_private_and_the_password_in_no_argument(docker: Docker, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "proxy.dump"
    assert transfer.dump(SERVER, "proxy", str(path)) == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "very-secret-password" in path.read_text()
    assert "very-secret" not in docker.argv and "--env PGPASSWORD old-db pg_dump" in docker.argv


def test_a_dump_that_fails_leaves_the_one_before(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "proxy.dump"
    path.write_text("before")
    monkeypatch.setenv("PG_DUMP_RC", "1")
    with pytest.raises(transfer.TransferError, match="The dump of proxy failed"):
        transfer.dump(SERVER, "proxy", str(path))
    assert path.read_text() == "before" and not (tmp_path / "proxy.dump.new").exists()


@pytest.mark.parametrize(
    ("content", "fed"),
    [
        (b"PGDMP...", "CREATE TABLE t ();"),
        (b"CREATE TABLE plain ();", "CREATE TABLE plain ();"),
        (gzip.compress(b"CREATE TABLE packed ();"), "CREATE TABLE packed ();"),
    ],
    ids=["custom", "plain", "packed"],
)
def test_a_restore_is_one_transaction_of_the_owner(docker: Docker, tmp_path: Path, content: bytes, fed: str) -> None:
    transfer.restore(SERVER, "proxy", 'ow"ner', dumped(tmp_path, content), "it's moved")
    lines = [line for line in docker.sql.splitlines() if line]
    assert lines[:2] == ["BEGIN;", 'SET ROLE "ow""ner";'] and lines[2] == fed
    assert lines[-2:] == ["COMMENT ON DATABASE \"proxy\" IS 'it''s moved';", "COMMIT;"]


@pytest.mark.parametrize(
    "content", [gzip.compress(b"CREATE TABLE packed ();" * 99)[:-9], gzip.compress(b"PGDMP")], ids=["short", "twice"]
)
def test_what_is_no_whole_dump_is_not_committed(
    docker: Docker, tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSQL_RC", "3")
    with pytest.raises(transfer.TransferError, match=r"ends early|packed twice|can't be restored"):
        transfer.restore(SERVER, "proxy", "llm", dumped(tmp_path, content), "")
    assert not (docker.folder / "sql").exists() or "COMMIT" not in docker.sql


def test_a_dump_that_pg_restore_does_not_read_is_not_committed(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_RESTORE_RC", "1")
    monkeypatch.setenv("PSQL_RC", "3")
    with pytest.raises(transfer.TransferError, match="can't be restored"):
        transfer.restore(SERVER, "proxy", "llm", dumped(tmp_path, b"PGDMP"), "")
    assert "COMMIT" not in docker.sql and "RAISE 'the dump can not be read" in docker.sql


def test_an_error_of_the_database_is_told(docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSQL_RC", "3")
    with pytest.raises(transfer.TransferError, match="can't be restored into proxy: ERROR: no"):
        transfer.restore(SERVER, "proxy", "llm", dumped(tmp_path, b"SELECT 1;"), "")


def test_rows_are_counted_and_compared(docker: Docker) -> None:
    (docker.folder / "answer").write_text(json.dumps({"public.a": 3, "public.b": 0}))
    found = transfer.counts(SERVER, "proxy")
    assert transfer.summary(found) == {"tables": 2, "rows": 3}
    assert transfer.differing(found, {"public.a": 2, "public.b": 0, "public.c": 1}) == ["public.a", "public.c"]


def test_names_are_quoted(docker: Docker) -> None:
    transfer.set_aside(SERVER, "a'b", 'c"d')
    assert "datname = 'a''b'" in docker.sql and 'ALTER DATABASE "a\'b" RENAME TO "c""d"' in docker.sql
    assert t.cast(str, docker.argv).count("--dbname postgres") == 1
