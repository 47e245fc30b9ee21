# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role redis writes, and where it runs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES, on_host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import redis
from rendering import SECRETS, Rendered, make_fleet, make_host, render, secret_values

ROW = next(row for row in SERVICES if row.name == "redis")


def view(**said: t.Any) -> dict[str, t.Any]:
    fleet = make_fleet(make_host(**said))
    return redis.view(fleet, fleet.hosts["gpu1"])


def rendered(**said: t.Any) -> Rendered:
    return render("redis", view(**said), **said)


def test_the_password_is_in_its_files_only_and_redis_has_its_hash() -> None:
    found = rendered()
    password = SECRETS["redis_password"]
    assert [path for path, text in found.texts.items() if password in text] == ["secrets/mounted/passwords"]
    assert found.texts["secrets/mounted/passwords"] == f"{password}\n"
    assert hashlib.sha256(password.encode()).hexdigest() in found.texts["secrets/mounted/users.acl"]
    assert password not in json.dumps(view())
    files = {entry["path"]: entry for entry in view()["projects"][0]["files"] if entry.get("secret")}
    assert {(entry["mode"], entry["owner"]) for entry in files.values()} == {("0600", "60805")}
    folders = {entry["path"]: entry for entry in view()["projects"][0]["directories"]}
    assert (folders["secrets"]["mode"], folders["secrets"]["owner"]) == ("0700", "0")


def test_the_health_check_takes_the_password_from_the_file() -> None:
    (kind, command) = rendered().compose["services"]["redis"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL" and command.startswith(
        'REDISCLI_AUTH="$$(head -n 1 /run/llmfleet/passwords)" redis-cli ping'
    )


def test_two_passwords_are_let_in_and_another_one_makes_no_new_container() -> None:
    old = "the-password-before-01"
    found = rendered(redis_previous_password=old)
    (rule,) = found.texts["secrets/mounted/users.acl"].splitlines()
    hashes = [hashlib.sha256(one.encode()).hexdigest() for one in (SECRETS["redis_password"], old)]
    assert rule.startswith(f"user default on #{hashes[0]} #{hashes[1]} ~* ")
    assert found.texts["secrets/mounted/passwords"].splitlines() == [SECRETS["redis_password"], old]
    assert found.compose == rendered().compose
    project = view()["projects"][0]
    assert all(entry["reload"] == ["redis"] for entry in project["files"] if entry.get("secret"))
    assert set(secret_values("redis", view(), redis_previous_password=old)) == {SECRETS["redis_password"], old}


def test_the_users_are_read_again_with_whichever_password_the_server_still_has(tmp_path: Path) -> None:
    """The file is there already, the server has the users of the file before."""
    for known, expected in (("old-one", 0), ("new-one", 0), ("another", 1)):
        stand_in = tmp_path / "redis-cli"
        stand_in.write_text(f'#!/bin/sh\n[ "$REDISCLI_AUTH" = {known} ] && [ "$*" = "acl load" ] && echo OK\n')
        stand_in.chmod(0o755)
        (tmp_path / "passwords").write_text("new-one\nold-one\n")
        (kind, flag, program) = view()["projects"][0]["reload"]["redis"]["command"]
        script = program.replace("/run/llmfleet/passwords", str(tmp_path / "passwords"))
        done = subprocess.run(
            [kind, flag, script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False, capture_output=True
        )
        assert done.returncode == expected
        assert (b"redis_previous_password" in done.stderr) == bool(expected)


def test_the_container_is_locked_down_bounded_and_publishes_nothing() -> None:
    found = rendered().compose
    service = found["services"]["redis"]
    assert service["cap_drop"] == ["ALL"] and service["read_only"] and service["user"] == "60805:60805"
    assert service["security_opt"] == ["no-new-privileges:true"] and service["mem_limit"] == "512m"
    assert "ports" not in service and found["networks"] == {"redis": {"name": "llmfleet-redis", "external": True}}
    assert view()["projects"][0]["networks"] == [{"name": "llmfleet-redis", "internal": True}]


def test_no_volume_without_a_name_is_left_behind() -> None:
    """The official image declares /data one, and what is mounted there takes its place."""
    assert any(one.startswith("/data:") for one in rendered().compose["services"]["redis"]["tmpfs"])


def test_a_published_port_needs_a_network_that_is_not_internal() -> None:
    found = rendered(redis_publish_address="fd00::1", redis_port=6390).compose
    assert found["services"]["redis"]["ports"] == ["[fd00::1]:6390:6379"]
    assert found["services"]["redis"]["networks"] == ["redis", "published"] and "published" in found["networks"]


def test_nothing_is_evicted_and_nothing_kept() -> None:
    lines = rendered(redis_settings={"maxclients": 500, "lazyfree-lazy-expire": True}).texts["redis.conf"].splitlines()
    assert {"maxmemory 256mb", "maxmemory-policy noeviction", 'save ""', "appendonly no"} <= set(lines)
    assert {"maxclients 500", "lazyfree-lazy-expire yes", "aclfile /run/llmfleet/users.acl"} <= set(lines)


def test_it_runs_on_the_first_gateway_as_soon_as_two_processes_are_there() -> None:
    groups = {"gateways": ["gpu1", "gw2"], "gpu_servers": []}
    host = make_host()
    assert not on_host(ROW, host._replace(litellm_processes=1), groups)
    assert on_host(ROW, host._replace(litellm_processes=2), groups)
    assert not on_host(ROW, host._replace(name="gw2", litellm_processes=2), groups)
    external = make_host(redis_mode="external", redis_host="redis.example.com")._replace(litellm_processes=2)
    assert not on_host(ROW, external, groups)


def test_it_goes_when_nothing_needs_it_any_more() -> None:
    groups = {"gateways": ["gpu1"], "gpu_servers": []}
    fleet = make_fleet(make_host(litellm_instances=1)._replace(redis_before=True))
    host = fleet.hosts["gpu1"]
    assert on_host(ROW, host, groups)
    (project,) = redis.view(fleet, host)["projects"]
    assert project == {"name": "llmfleet-redis", "project_dir": "/opt/llmfleet/redis", "state": "absent"}
