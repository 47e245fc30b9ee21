# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment is a fleet: keys, spend and models are those of before, and nothing of the old one is lost."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from conftest import BEFORE, FOLDER, GROWING, PROJECT, TABLES
from scenario import SCENARIO


@pytest.fixture
def before() -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads(BEFORE.read_text())
    return found


def test_every_old_key_answers_with_every_old_name(before: dict[str, t.Any], answers: t.Any) -> None:
    for key in before["keys"].values():
        for model in ("assistant", "old-assistant", "priced"):
            answers(key, model)


def test_a_model_of_the_ui_is_decrypted_by_the_same_salt(before: dict[str, t.Any], answers: t.Any) -> None:
    answers(before["keys"]["research"], "by-hand")


def test_what_the_database_held_it_holds(before: dict[str, t.Any], new: t.Any, host: t.Any) -> None:
    now = new.rows({**TABLES, **GROWING})
    for table in TABLES:
        assert now[table] == before["rows"][table], table
    for row in before["rows"]["requests"]:
        assert row in now["requests"]
    spent = {row["key_alias"]: row["spend"] for row in now["spend"]}
    for row in before["rows"]["spend"]:
        assert spent[row["key_alias"]] >= row["spend"] > 0
    major = "docker exec %s psql -U %s -d postgres -tAc 'show server_version_num'"
    assert host.check_output(major, "llmfleet-postgres", "postgres").startswith("17")


def test_secrets_are_those_of_before_and_private() -> None:
    path = PROJECT / "group_vars/all/vault.yml"
    held = yaml.safe_load(path.read_text())
    assert held["litellm_salt_key"] == "sk-old-salt-0123456789abcdefghijklmnop"
    assert held["postgres_password"] == "old-database-password-1"
    assert held["litellm_ui_password"] == "correct-horse-battery"
    assert path.stat().st_mode & 0o777 == 0o600
    plain = "".join(one.read_text() for one in PROJECT.rglob("*") if one.is_file() and one != path)
    assert not any(value in plain for value in held.values() if isinstance(value, str))


def test_what_was_left_behind_is_listed_by_line() -> None:
    left = json.loads((SCENARIO / "adopt.json").read_text())["left"]
    assert any(line.startswith("config.yaml:11 model_list[1].litellm_params.rpm") for line in left), left
    assert any(line.startswith("docker-compose.yml:22 services.vllm-tiny.extra_hosts") for line in left), left
    assert all(line in (PROJECT / "adopted.txt").read_text() for line in left)


def test_the_old_deployment_is_stopped_and_all_there(before: dict[str, t.Any], host: t.Any) -> None:
    listed = "docker ps -a --filter label=com.docker.compose.project=llm --format '{{.Names}} {{.State}}'"
    assert sorted(host.check_output(listed).splitlines()) == [
        "llm-db-1 exited",
        "llm-litellm-1 exited",
        "llm-vllm-tiny-1 exited",
    ]
    policy = "docker inspect --format '{{.HostConfig.RestartPolicy.Name}}' llm-db-1 llm-litellm-1"
    assert host.check_output(policy).split() == ["no", "no"]
    now = host.check_output(f"cd {FOLDER} && sha256sum .env docker-compose.yml config.yaml provider.env")
    assert now == before["files"]


def test_a_second_run_changes_nothing(site_of_project: t.Callable[[], dict[str, t.Any]]) -> None:
    assert site_of_project() == {"gpu1": []}
