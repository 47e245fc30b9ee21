# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role redis writes, and where it runs."""

from __future__ import annotations

import hashlib
import json
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES, on_host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import redis
from rendering import SECRETS, Rendered, make_fleet, make_host, render

ROW = next(row for row in SERVICES if row.name == "redis")


def view(**said: t.Any) -> dict[str, t.Any]:
    fleet = make_fleet(make_host(**said))
    return redis.view(fleet, fleet.hosts["gpu1"])


def rendered(**said: t.Any) -> Rendered:
    return render("redis", view(**said), **said)


def test_the_password_is_in_its_files_only_and_redis_has_its_hash() -> None:
    found = rendered()
    password = SECRETS["redis_password"]
    assert [path for path, text in found.texts.items() if password in text] == ["secrets/mounted/password"]
    assert found.texts["secrets/mounted/password"].strip() == password
    assert hashlib.sha256(password.encode()).hexdigest() in found.texts["secrets/mounted/users.acl"]
    assert password not in json.dumps(view())
    files = {entry["path"]: entry for entry in view()["projects"][0]["files"] if entry.get("secret")}
    assert {(entry["mode"], entry["owner"]) for entry in files.values()} == {("0600", "60805")}
    folders = {entry["path"]: entry for entry in view()["projects"][0]["directories"]}
    assert (folders["secrets"]["mode"], folders["secrets"]["owner"]) == ("0700", "0")


def test_the_health_check_takes_the_password_from_the_file() -> None:
    (kind, command) = rendered().compose["services"]["redis"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL" and command.startswith('REDISCLI_AUTH="$$(cat /run/llmfleet/password)" redis-cli ping')


def test_the_container_is_locked_down_bounded_and_publishes_nothing() -> None:
    found = rendered().compose
    service = found["services"]["redis"]
    assert service["cap_drop"] == ["ALL"] and service["read_only"] and service["user"] == "60805:60805"
    assert service["security_opt"] == ["no-new-privileges:true"] and service["mem_limit"] == "512m"
    assert "ports" not in service and found["networks"] == {"redis": {"name": "llmfleet-redis", "external": True}}
    assert view()["projects"][0]["networks"] == [{"name": "llmfleet-redis", "internal": True}]


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
