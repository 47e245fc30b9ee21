# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal of an upgrade: everything but what the programs do, which the scenario full/rehearsal tries."""

from __future__ import annotations

import json
import os
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._backup import cluster, questions, rehearsal
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._backup.postgres import Postgres
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._backup.settings import BackupError, Settings

WANTED: dict[str, t.Any] = {
    "postgres_image": "postgres:17",
    "after": "litellm:2",
    "before": "litellm:1",
    "user": f"{os.getuid()}:{os.getgid()}",
    "folder": "/opt/llmfleet/litellm/1",
    "config": {"model_list": []},
    "environment": {"LITELLM_MODE": "PRODUCTION"},
    "seconds": 900,
}


def settings(directory: Path) -> Settings:
    (directory / "environment").write_text("LITELLM_MASTER_KEY='sk-master key'\nDATABASE_URL=postgresql://real/one\n")
    said: dict[str, t.Any] = {**dict.fromkeys(Settings._fields, ""), "uid": os.getuid(), "gid": os.getgid()}
    said.update(directory=str(directory), container="llmfleet-postgres", database="litellm", user="litellm")
    return Settings(**{**said, "environment": str(directory / "environment"), "min_free_mib": 0})


def proxy(directory: Path, **more: t.Any) -> rehearsal.Proxy:
    want = rehearsal.wanted(json.dumps({**WANTED, **more}))
    return rehearsal.Proxy(settings(directory), want, str(directory / "place"), "copys-password")


def test_what_is_wanted_has_a_bound_of_memory_and_says_what_is_missing() -> None:
    assert rehearsal.wanted(json.dumps(WANTED)).memory_mib == 3072
    assert rehearsal.wanted(json.dumps({**WANTED, "memory_mib": 2000, "more": 1})).memory_mib == 2000
    for text in ("", "[]", json.dumps({"after": "x"})):
        with pytest.raises(BackupError, match="not told what to try"):
            rehearsal.wanted(text)


def test_litellm_gets_its_secrets_by_a_file_of_its_user_and_the_copys_database(tmp_path: Path) -> None:
    one = proxy(tmp_path)
    one._write()
    path = tmp_path / "place" / "secrets" / "environment"
    text = path.read_text()
    assert "LITELLM_MASTER_KEY='sk-master key'" in text and "real/one" not in text
    assert "postgresql://litellm:copys-password@llmfleet-rehearsal-postgres:5432/litellm" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_its_container_is_bounded_has_no_way_out_and_no_secret_in_its_arguments(tmp_path: Path) -> None:
    one = proxy(tmp_path)
    words = one._start("litellm:2", True)
    assert not any(value in " ".join(words) for value in one.secrets.values())
    assert words[words.index("--memory") + 1] == words[words.index("--memory-swap") + 1] == "3072m"
    assert words[words.index("--network") + 1] == rehearsal.NETWORK
    assert "DISABLE_SCHEMA_UPDATE=True" not in words and "DISABLE_SCHEMA_UPDATE=True" in one._start("litellm:1", False)


def test_its_log_shows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "can't log in: postgresql://litellm:copys-password@x sk-master key"
    monkeypatch.setattr(cluster, "log", lambda *_args: said)
    assert proxy(tmp_path).log() == "can't log in: postgresql://litellm:***@x ***"


def test_its_log_does_not_colour_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "command", lambda _said: "\x1b[92m07:00 - INFO\x1b[0m: one\r\ntwo\n")
    assert cluster.log("any") == "07:00 - INFO: one\ntwo"


def test_a_container_that_ended_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "command", lambda *_args, **_more: "")
    monkeypatch.setattr(rehearsal.Proxy, "_alive", lambda _self: False)
    monkeypatch.setattr(cluster, "running", lambda _name: False)
    monkeypatch.setattr(cluster, "log", lambda *_args: "migration failed")
    with pytest.raises(BackupError, match="it ended: migration failed"):
        proxy(tmp_path).start("litellm:2", True)


class Copy:
    """A database by its answers."""

    def __init__(self, rows: t.Any = None, unfinished: t.Sequence[str] = (), version: str = "17.5") -> None:
        self.found, self.unfinished, self.told = dict(rows or {}), list(unfinished), version

    def rows(self, _database: str) -> dict[str, int]:
        return self.found

    def sql(self, _text: str, _database: str = "") -> list[str]:
        return self.unfinished

    def version(self) -> str:
        return self.told

    def value(self, _text: str, _database: str = "") -> str:
        return self.told


def test_a_migration_that_did_not_end_and_people_that_are_gone_are_faults(tmp_path: Path) -> None:
    said = settings(tmp_path)
    before = {"public.LiteLLM_VerificationToken": 3, "public.LiteLLM_SpendLogs": 9}
    good = t.cast("t.Any", Copy({"public.LiteLLM_VerificationToken": 4, "public.LiteLLM_SpendLogs": 0}))
    assert rehearsal._database_faults(said, good, before) == []
    bad = t.cast("t.Any", Copy({"public.LiteLLM_VerificationToken": 2}, ["2026_x"]))
    assert rehearsal._database_faults(said, bad, before) == [
        "public.LiteLLM_VerificationToken has 2 of 3 rows",
        "migration 2026_x did not end",
    ]


def test_another_major_release_is_refused_and_another_order_of_text_told() -> None:
    with pytest.raises(BackupError, match="postgres_upgrade"):
        rehearsal._releases(t.cast("t.Any", Copy()), t.cast("t.Any", Copy(version="18.1")))
    (note,) = rehearsal._releases(t.cast("t.Any", Copy()), t.cast("t.Any", Copy(version="17.6")))
    assert "REINDEX" in note
    assert rehearsal._releases(t.cast("t.Any", Copy()), t.cast("t.Any", Copy())) == []


def test_too_little_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = t.cast("t.Any", type("One", (), {"size": lambda _self, _name: 10})())
    monkeypatch.setattr(rehearsal, "_free_mib", lambda: 2000)
    with pytest.raises(BackupError, match="rehearsal_memory_mib"):
        rehearsal._room(settings(tmp_path), copy, rehearsal.wanted(json.dumps(WANTED)))
    rehearsal._room(settings(tmp_path), copy, rehearsal.wanted(json.dumps({**WANTED, "memory_mib": 1400})))


def test_a_cluster_with_a_network_asks_for_a_password_and_one_without_listens_to_nobody(tmp_path: Path) -> None:
    said = settings(tmp_path)
    for network, listens in (("none", "listen_addresses="), ("own", "listen_addresses=*")):
        place = tmp_path / network
        (place / "password").mkdir(parents=True)
        words = cluster._start(said, cluster.Cluster("c", str(place), "postgres:17", network))
        secret = (place / "password" / "superuser").read_text()
        assert listens in words and "POSTGRES_HOST_AUTH_METHOD=scram-sha-256" in words and secret not in " ".join(words)
        assert stat.S_IMODE((place / "password" / "superuser").stat().st_mode) == 0o600


# ---- what a LiteLLM is asked


def answers(**other: tuple[int, dict[str, t.Any]]) -> questions.Ask:
    good: dict[str, tuple[int, dict[str, t.Any]]] = {
        "/health/readiness": (200, {"db": "connected"}),
        "/v1/models": (200, {"data": [{"id": "tiny"}]}),
        "/key/generate": (200, {"key": "sk-new"}),
        "/v1/chat/completions": (200, {}),
    }

    def ask(path: str, key: str = "", body: t.Any = None) -> tuple[int, dict[str, t.Any]]:
        return other.get(key) or other.get(path) or good[path]

    return ask


def test_all_questions_are_answered() -> None:
    found = questions.questions(answers(), "sk-master", ["sk-old"])
    assert found == {"models": ["tiny"], "keys": 1, "counted": True, "faults": []}


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"/health/readiness": (503, {})}, "readiness: 503"),
        ({"/health/readiness": (200, {"db": "Not connected"})}, "readiness: its database is Not connected"),
        ({"sk-old": (401, {})}, "key 1 of before: 401"),
        ({"sk-old": (0, {"error": "timed out"})}, "key 1 of before: timed out"),
        ({"/key/generate": (500, {})}, "a new key: 500"),
        ({"/v1/chat/completions": (400, {})}, "a request to tiny: 400"),
    ],
)
def test_what_is_not_answered_is_a_fault(other: dict[str, t.Any], fault: str) -> None:
    assert fault in questions.questions(answers(**other), "sk-master", ["sk-old"])["faults"]


def test_a_key_that_may_not_see_the_models_is_known_all_the_same() -> None:
    assert questions.questions(answers(**{"sk-old": (403, {})}), "sk-master", ["sk-old"])["faults"] == []


def test_a_load_that_dies_ends_the_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the rest of it would have to be somewhere: in memory."""
    script = f"""#!/bin/sh
case "$*" in
*pg_restore*) head -c 1000 > /dev/null; echo "pg_restore: error: no room" >&2; exit 1 ;;
*pg_dump*) head -c 20000000 /dev/zero && touch {tmp_path}/whole ;;
esac
"""
    (tmp_path / "docker").write_text(script)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(BackupError, match="can't be copied: pg_restore: error: no room"):
        rehearsal._piped(settings(tmp_path), Postgres("one"), Postgres("other"))
    assert not (tmp_path / "whole").exists()
