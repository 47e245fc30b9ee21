# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role postgres writes."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.filter.database_login import database_login
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import postgres
from rendering import Rendered, make_fleet, make_host, render

SITE = Path(__file__).parents[3] / "playbooks/site.yml"


def view(memory_mb: int = 0, **said: t.Any) -> dict[str, t.Any]:
    host = make_host(facts={"memory_mb": memory_mb}, **said)
    return postgres.view(make_fleet(host), host)


def project(**said: t.Any) -> dict[str, t.Any]:
    return view(**said)["projects"][0]


def rendered(memory_mb: int = 0, **said: t.Any) -> Rendered:
    return render("postgres", view(memory_mb, **said), **said)


def settings(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(t.cast("tuple[str, str]", tuple(line.split(" = ", 1))) for line in lines)


def test_the_project_keeps_the_database_where_it_was() -> None:
    found = project()
    assert (found["name"], found["project_dir"]) == ("llmfleet-postgres", "/opt/llmfleet/postgres")
    data = next(mount for mount in rendered().compose["services"]["postgres"]["volumes"] if not mount["read_only"])
    assert (data["source"], data["target"]) == ("./data", "/var/lib/postgresql/data")
    assert found["replaces"] == [
        {"project": "postgres", "project_dir": "/opt/llmfleet/postgres", "service": "postgres"}
    ]
    assert found["guards"][0]["equals"] == "17" and "{found}" in found["guards"][0]["fail_msg"]


def test_others_on_the_host_with_the_servers_number_get_no_further_than_the_folder() -> None:
    found = {entry["path"]: entry for entry in project()["directories"]}
    assert (found["."]["mode"], found["."]["owner"]) == ("0700", "0")
    assert (found["secrets"]["mode"], found["secrets"]["owner"]) == ("0700", "0")


def test_the_container_is_locked_down_and_publishes_nothing() -> None:
    found = rendered().compose
    service = found["services"]["postgres"]
    assert service["cap_drop"] == ["ALL"] and service["read_only"] and service["user"] == "999:999"
    assert service["security_opt"] == ["no-new-privileges:true"] and service["pids_limit"] == 264
    assert "ports" not in service
    assert found["networks"] == {"database": {"name": "llmfleet-db", "external": True}}
    assert project()["networks"] == [{"name": "llmfleet-db", "internal": True}]


@pytest.mark.parametrize(("address", "port"), [("10.0.0.1", "10.0.0.1:5432:5432"), ("fd00::1", "[fd00::1]:5432:5432")])
def test_a_published_port(address: str, port: str) -> None:
    found = rendered(postgres_publish_address=address).compose
    assert found["services"]["postgres"]["ports"] == [port]
    assert found["services"]["postgres"]["networks"] == ["database", "published"] and "published" in found["networks"]


@pytest.mark.parametrize(
    ("memory_mb", "buffers", "cache"),
    [(0, "'128MB'", "'512MB'"), (16384, "'1024MB'", "'4096MB'"), (1048576, "'2048MB'", "'16384MB'")],
)
def test_memory_follows_the_host(memory_mb: int, buffers: str, cache: str) -> None:
    found = settings(rendered(memory_mb).texts["postgresql.conf"])
    assert (found["shared_buffers"], found["effective_cache_size"]) == (buffers, cache)


def test_settings_that_are_given_win_and_are_quoted() -> None:
    said: dict[str, t.Any] = {
        "postgres_shared_buffers": "64MB",
        "postgres_settings": {"max_connections": 7, "log_line_prefix": "it's %m ", "jit": False},
    }
    found = settings(rendered(**said).texts["postgresql.conf"])
    assert found["shared_buffers"] == "'64MB'" and found["max_connections"] == "'7'"
    assert found["log_line_prefix"] == "'it''s %m '" and found["jit"] == "'off'"


def test_reserved_words_are_names_too() -> None:
    text = rendered(postgres_user="user", postgres_database="order").texts["secrets/roles.sql"]
    assert 'CREATE ROLE "user" LOGIN PASSWORD' in text and 'CREATE DATABASE "order" OWNER "user"' in text
    assert "rolname = 'user'" in text and "datname = 'order'" in text


def test_no_verifier_comes_into_the_servers_log() -> None:
    lines = rendered(postgres_settings={"log_statement": "all"}).texts["secrets/roles.sql"].splitlines()
    silent = lines.index("SET log_statement = 'none';")
    assert silent < min(number for number, line in enumerate(lines) if "SCRAM-SHA-256$" in line)


def test_secrets_are_in_private_files_only() -> None:
    found = project()
    private = {entry["path"] for entry in found["files"] if entry.get("secret")}
    texts = rendered().texts
    assert {path for path, text in texts.items() if "SCRAM-SHA-256$" in text} == {"secrets/roles.sql"}
    assert not any("database-password-01" in text for text in texts.values())
    assert len(texts["secrets/mounted/bootstrap_password"].strip()) == 64
    assert private == {"secrets/roles.sql", "secrets/mounted/bootstrap_password"}
    assert "database-password-01" not in json.dumps(found)


def test_each_password_logs_in_by_a_role_of_its_own_whose_sessions_are_the_owners() -> None:
    texts = [rendered(postgres_password=password).texts["secrets/roles.sql"] for password in ("a" * 16, "b" * 16)]
    logins = [database_login(password, "litellm") for password in ("a" * 16, "b" * 16)]
    assert len(set(logins)) == 2
    for text, login in zip(texts, logins):
        assert f'CREATE ROLE "{login}" LOGIN IN ROLE "litellm";' in text
        assert f'ALTER ROLE "{login}" SET role TO "litellm";' in text


def test_passwords_of_before_go_in_a_run_that_has_all_of_litellm_only() -> None:
    """The SQL itself is tried on a server by the scenario molecule/full/rotation."""
    found = view()
    (early,), (late,) = (found[part][0]["hooks"] for part in ("projects", "settled"))
    assert "settled=off" in early["command"] and "settled=on" in late["command"]
    assert {**early, "command": [], "check_command": []} == {**late, "command": [], "check_command": []}
    play = next(play for play in yaml.safe_load(SITE.read_text()) if "passwords of before" in play["name"])
    conditions = play["tasks"][0]["when"]
    assert "groups.gateways is subset(ansible_play_hosts)" in conditions and "not ansible_check_mode" in conditions
    assert play["tags"] == ["litellm"]
