# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of backups: everything but what PostgreSQL, age and rclone do, which the scenario full/backup tries."""

from __future__ import annotations

import datetime
import json
import os
import stat
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._backup import (
    archive,
    create,
    fingerprints,
    folder,
    postgres,
    program,
    restore,
    settings,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._backup.settings import BackupError, Settings

NOON = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.timezone.utc)
SECRETS = {
    "LITELLM_SALT_KEY": "salt-of-forty-eight-characters",
    "LITELLM_MASTER_KEY": "sk-master",
    "UI_PASSWORD": "weak",
}


def said(directory: Path, **given: t.Any) -> Settings:
    told = {
        **dict.fromkeys(Settings._fields, ""),
        "directory": str(directory),
        "container": "postgres",
        "database": "litellm",
        "user": "litellm",
        "uid": 999,
        "gid": 999,
        "certificates": [],
        "versions": {},
        "recipients": [],
        "keep": 3,
        "keep_days": 0,
        "min_free_mib": 0,
    }
    return Settings(**{**told, **given})


def make(directory: Path, days: int, bytes_said: int | None = None) -> str:
    name = f"llmfleet-{folder.stamp(NOON - datetime.timedelta(days=days))}.tar"
    (directory / name).write_bytes(b"x" * 10)
    folder.write_json(str(directory / f"{name}.json"), {"bytes": 10 if bytes_said is None else bytes_said, "rows": {}})
    return name


# ---- the folder


def test_only_complete_backups_count(tmp_path: Path) -> None:
    whole = make(tmp_path, 1)
    make(tmp_path, 2, bytes_said=11)
    (tmp_path / f"llmfleet-{folder.stamp(NOON)}.tar").write_bytes(b"no word beside it")
    (tmp_path / "notes.tar").write_bytes(b"")
    assert [one.name for one in folder.backups(str(tmp_path))] == [whole]
    assert folder.backups(str(tmp_path / "missing")) == []


@pytest.mark.parametrize(
    ("ages", "keep", "keep_days", "left"),
    [
        ([0, 1, 2, 3], 2, 0, [0, 1]),
        ([0, 1, 2, 3], 9, 2, [0, 1, 2]),
        ([0, 1, 2, 3], 2, 1, [0, 1]),
        ([40, 50], 9, 7, [40]),
        ([40], 1, 1, [40]),
        ([], 1, 1, []),
    ],
)
def test_retention_by_number_and_age_leaves_the_newest(
    tmp_path: Path, ages: list[int], keep: int, keep_days: int, left: list[int]
) -> None:
    names = {age: make(tmp_path, age) for age in ages}
    gone = folder.prune(said(tmp_path, keep=keep, keep_days=keep_days), NOON)
    assert sorted(gone) == sorted(name for age, name in names.items() if age not in left)
    there = sorted(path.name for path in tmp_path.iterdir())
    assert there == sorted(name + end for age, name in names.items() if age in left for end in ("", ".json"))


def test_a_disk_without_room_is_refused_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "free", lambda path: 300 * folder.MIB)
    folder.need(said(tmp_path, min_free_mib=100), str(tmp_path), 200 * folder.MIB, "A backup")
    with pytest.raises(BackupError, match=r"Make room there, or set backup_dir"):
        folder.need(said(tmp_path, min_free_mib=100), str(tmp_path), 201 * folder.MIB, "A backup")


def test_the_room_follows_the_last_backup_and_never_exceeds_the_database(tmp_path: Path) -> None:
    last = [folder.Backup("a", NOON, {"bytes": 100})]
    assert folder.room_for_backup([], 1000) == 2000
    assert folder.room_for_backup(last, 1000) == 300
    assert folder.room_for_backup(last, 120) == 240


def test_what_is_half_written_is_removed_and_a_full_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="other"), folder.Workplace(str(tmp_path)):
        raise ValueError("other")
    monkeypatch.setattr(folder, "free", lambda path: 0)
    with pytest.raises(BackupError, match="is full: no space"), folder.Workplace(str(tmp_path)) as place:
        Path(place, "half").write_bytes(b"x")
        raise OSError("no space")
    assert list(tmp_path.iterdir()) == []


def test_one_run_at_a_time_in_a_folder_for_root_which_begins_without_leftovers(tmp_path: Path) -> None:
    directory = tmp_path / "backup"
    (directory / ".llmfleet-partial-1").mkdir(parents=True)
    orphan = directory / "llmfleet-20260101T000000Z.tar.json"
    orphan.write_text("{}")
    with folder.Lock(str(directory), 0):
        assert [path.name for path in directory.iterdir()] == [folder.LOCK]
        with pytest.raises(BackupError, match="when it is through"), folder.Lock(str(directory), 0):
            pass
    with folder.Lock(str(directory), 0):
        pass


def test_a_folder_for_all_backups_keeps_its_mode_and_what_others_have_in_it(tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    (directory / ".partial").mkdir(parents=True)
    directory.chmod(0o2775)
    with folder.Lock(str(directory), 0):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o2775
    assert (directory / ".partial").is_dir()


def test_last_json_says_what_came_of_it_and_remembers_the_restore_test(tmp_path: Path) -> None:
    def fails() -> dict[str, t.Any]:
        raise BackupError("No room. Make room.")

    good = {"file": "/b/x.tar", "bytes": 7, "restore_test": {"at": "2026-11-26T12:00:00+00:00"}}
    make(tmp_path, 0)
    program.noted(said(tmp_path), "restore test", lambda: good)
    with pytest.raises(BackupError):
        program.noted(said(tmp_path), "backup", fails)
    told = folder.read_json(str(tmp_path / "last.json"))
    assert told["ok"] is False and told["message"] == "No room. Make room." and told["kind"] == "backup"
    assert told["restore_tested"] == "2026-11-26T12:00:00+00:00"
    assert told["last_good"] == "2026-11-26T12:00:00+00:00"
    assert stat.S_IMODE((tmp_path / "last.json").stat().st_mode) == 0o600


# ---- fingerprints


def test_fingerprints_differ_by_salt_and_hold_no_secret() -> None:
    first, second = fingerprints.fingerprints(SECRETS), fingerprints.fingerprints(SECRETS)
    assert all(first[name] != second[name] for name in first)
    assert [value for value in SECRETS.values() if value in json.dumps(first)] == []
    assert fingerprints.differing(first, SECRETS) == []


def test_a_changed_secret_is_named_and_a_changed_salt_key_changes_all() -> None:
    kept = fingerprints.fingerprints(SECRETS)
    assert fingerprints.differing(kept, {**SECRETS, "LITELLM_MASTER_KEY": "sk-next"}) == ["LITELLM_MASTER_KEY"]
    assert "LITELLM_SALT_KEY" in fingerprints.differing(kept, {**SECRETS, "LITELLM_SALT_KEY": "another"})
    assert fingerprints.differing({}, SECRETS) == []
    assert fingerprints.fingerprints({"UI_PASSWORD": "weak"}) == {}


def test_litellm_s_environment_is_read_as_its_shell_does(tmp_path: Path) -> None:
    path = tmp_path / "environment"
    path.write_text("# of a role\nLITELLM_SALT_KEY='a b'\nDATABASE_URL=postgresql://x\nGOOGLE='{\"a\":\n 1}'\n")
    assert fingerprints.read_environment(str(path)) == {"LITELLM_SALT_KEY": "a b", "GOOGLE": '{"a":\n 1}'}
    path.write_text("LITELLM_SALT_KEY='broken\n")
    assert fingerprints.read_environment(str(path)) == {}
    assert fingerprints.read_environment(str(tmp_path / "missing")) == {}


# ---- archives


def packed(tmp_path: Path) -> tuple[str, dict[str, t.Any]]:
    place = tmp_path / "parts"
    place.mkdir()
    (place / archive.DUMP).write_bytes(os.urandom(300_000))
    (place / archive.DECLARATION).write_text("{}")
    parts = {name: archive.part(str(place / name)) for name in (archive.DECLARATION, archive.DUMP)}
    manifest = {"format": archive.FORMAT, "parts": parts}
    target = str(tmp_path / "a.tar")
    archive.write(str(place), manifest, [], target)
    return target, manifest


def test_an_archive_is_read_as_it_was_written(tmp_path: Path) -> None:
    target, manifest = packed(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    assert archive.unpack(target, "", str(out)) == manifest
    assert (out / archive.DUMP).read_bytes() == (tmp_path / "parts" / archive.DUMP).read_bytes()


@pytest.mark.parametrize("place", [20, 1540, 200_000])
def test_a_damaged_archive_is_refused(tmp_path: Path, place: int) -> None:
    target, _manifest = packed(tmp_path)
    data = bytearray(Path(target).read_bytes())
    data[place] ^= 0xFF
    Path(target).write_bytes(data)
    with pytest.raises(BackupError, match="is damaged"):
        archive.unpack(target, "", None)


@pytest.mark.parametrize("size", [0, 100, 1500, 150_000])
def test_a_cut_archive_is_refused(tmp_path: Path, size: int) -> None:
    target, _manifest = packed(tmp_path)
    os.truncate(target, size)
    with pytest.raises(BackupError, match="is damaged"):
        archive.unpack(target, "", None)


@pytest.mark.parametrize(
    "manifest",
    [{"format": 2, "parts": {}}, {"format": 1, "parts": {"../../etc/passwd": {}}}, {"format": 1, "parts": {}}, [], "x"],
)
def test_what_is_no_manifest_of_ours_is_refused(tmp_path: Path, manifest: t.Any) -> None:
    (tmp_path / archive.MANIFEST).write_text(json.dumps(manifest))
    with open(tmp_path / "x.tar", "wb") as out:
        archive._tar(str(tmp_path), {"parts": {}}, out)
    with pytest.raises(BackupError, match="is damaged"):
        archive.unpack(str(tmp_path / "x.tar"), "", None)


def test_an_encrypted_archive_asks_for_its_identity(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.age"
    path.write_bytes(archive.AGE_SIGN + b"v1\n")
    with pytest.raises(BackupError, match=r"-e identity=FILE"):
        archive.unpack(str(path), "", None)


def test_certificates_come_back_where_none_are(tmp_path: Path) -> None:
    data = tmp_path / "edge" / "data"
    (data / "acme").mkdir(parents=True)
    (data / "acme" / "key.pem").write_text("old")
    (data / "kept.pem").write_text("old")
    target = str(tmp_path / "c.tar")
    assert archive.pack_certificates([str(data), str(tmp_path / "missing")], target) == 2
    (data / "acme" / "key.pem").unlink()
    (data / "acme").rmdir()
    (data / "kept.pem").write_text("new")
    assert archive.restore_certificates(target, [str(tmp_path / "elsewhere")]) == []
    assert archive.restore_certificates(target, [str(data)]) == [str(data / "acme" / "key.pem")]
    assert (data / "kept.pem").read_text() == "new"


# ---- what a restore refuses


def manifest(**given: t.Any) -> dict[str, t.Any]:
    told = {"fingerprints": fingerprints.fingerprints(SECRETS), "migrations": ["1", "2"]}
    return {**told, "versions": {"postgres": "17.2", "litellm": "1.104.5"}, **given}


def now(**given: t.Any) -> dict[str, t.Any]:
    return {"secrets": SECRETS, "postgres": "17.11", "migrations": ["1", "2", "3"], **given}


@pytest.mark.parametrize(
    ("archived", "there", "remedy"),
    [
        ({}, {"secrets": {**SECRETS, "LITELLM_SALT_KEY": "another"}}, "Set litellm_salt_key to what it was then"),
        ({}, {"secrets": {}}, "Run site.yml first"),
        ({"versions": {"postgres": "18.1"}}, {}, "Set postgres_version to 18 or newer"),
        ({"migrations": ["1", "9"]}, {}, "Set litellm_version to that release"),
    ],
)
def test_what_can_not_be_read_here_is_refused(archived: t.Any, there: t.Any, remedy: str) -> None:
    found = restore.refusals(manifest(**archived), now(**there), False)
    assert len(found) == 1 and remedy in found[0]


def test_what_can_be_read_is_not_refused() -> None:
    assert restore.refusals(manifest(), now(), False) == []
    assert restore.refusals(manifest(), now(migrations=[]), False) == []
    assert restore.refusals(manifest(), now(secrets={**SECRETS, "LITELLM_SALT_KEY": "another"}), True) == []
    assert restore.refusals(manifest(fingerprints={}), now(), False) == []


def test_names_of_databases_beside_the_running_one_are_not_cut() -> None:
    name = restore.beside("ж" * 40, "kept")
    assert len(name.encode()) <= 63 and name.endswith("z") and "_kept_" in name


def test_only_kept_databases_are_found() -> None:
    class Server:
        def databases(self) -> list[str]:
            return ["litellm", "litellm_kept_20261126t101500z", "litellm_new_20261126t101500z", "other_kept_x"]

    found = restore.kept(said(Path("/x")), t.cast(postgres.Postgres, Server()))
    assert found == ["litellm_kept_20261126t101500z"]
    loaded = restore.kept(said(Path("/x")), t.cast(postgres.Postgres, Server()), "new")
    assert loaded == ["litellm_new_20261126t101500z"]


@pytest.mark.parametrize("name", ["postgres", "template1", "litellm", "payroll", "other_kept_20261126t101500z"])
def test_no_other_database_is_put_in_the_place_of_the_running_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Server:
        def databases(self) -> list[str]:
            return ["postgres", "template1", "litellm", "payroll", "other_kept_20261126t101500z"]

    monkeypatch.setattr(restore, "Postgres", lambda container: Server())
    with pytest.raises(BackupError, match="no database that was kept, or loaded"):
        restore.switch(said(tmp_path), name)


def test_rows_that_differ_are_told() -> None:
    postgres.compare({"public.a": 1}, {"public.a": 1, "public.b": 2})
    with pytest.raises(BackupError, match=r"public\.a: 0 of 1"):
        postgres.compare({"public.a": 1}, {})


def test_counts_of_tables_with_any_name() -> None:
    assert postgres.counts(["public.LiteLLM_Keys|3", "public.a|b|4", ""]) == {"public.LiteLLM_Keys": 3, "public.a|b": 4}


# ---- the program


def test_a_failure_is_json_and_ends_with_its_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--config", str(tmp_path / "missing"), "list"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False and told["message"].endswith("Run site.yml, which writes it.")


def test_settings_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**said(tmp_path)._asdict(), "more": 1}))
    assert settings.read(str(path)) == said(tmp_path)


def test_the_backup_before_a_restore_removes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is to be brought back may be the oldest."""

    def packed(_settings: t.Any, place: str, name: str, *_more: t.Any) -> dict[str, t.Any]:
        Path(place, name).touch()
        return {"bytes": 1, "rows": {}}

    monkeypatch.setattr(create, "_parts", lambda *_args: {})
    monkeypatch.setattr(create, "_packed", packed)
    monkeypatch.setattr(create, "Postgres", lambda _name: Stub())
    names = [make(tmp_path, age) for age in (1, 2, 3, 4)]
    assert create.create(said(tmp_path, keep=2), "before a restore", keep_all=True)["removed"] == []
    assert [one for one in names if not (tmp_path / one).exists()] == []
    time.sleep(1)
    assert sorted(create.create(said(tmp_path, keep=2), "timer")["removed"])[0] == names[-1]


class Stub:
    """A server that is there and empty."""

    def state(self) -> dict[str, str]:
        return {}

    def size(self, _database: str) -> int:
        return 0


FAILURE = """\
pg_restore: error: COPY failed for table "LiteLLM_CredentialsTable": ERROR:  duplicate key value
DETAIL:  Key (credential_name)=(prod) already exists.
CONTEXT:  COPY LiteLLM_CredentialsTable, line 1: "prod sk-a-row"
"""


def test_an_error_shows_no_row_and_no_statement() -> None:
    said = postgres.told(
        FAILURE + "psql:<stdin>:3: ERROR:  no\nLINE 1: ALTER ROLE x PASSWORD 'SCRAM-1'\nCommand was: COPY\nsk-b"
    )
    assert said.startswith("pg_restore: error: COPY failed")
    assert "psql:<stdin>:3: ERROR:  no" in said
    assert not any(secret in said for secret in ("sk-a-row", "SCRAM-1", "sk-b", "prod"))
    assert postgres.told("CONTEXT: all") == "failed without a word"
