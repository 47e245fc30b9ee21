# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the upgrade: the data and the keys are those of before, and the old layout is gone. The last test restarts."""

from __future__ import annotations

import json
import typing as t

from conftest import BEFORE, GROWING, TABLES

PROJECTS = ["llmfleet-gate", "llmfleet-litellm-1", "llmfleet-postgres", "llmfleet-vllm-first", "llmfleet-vllm-second"]
DATABASE = "llmfleet-postgres"


def test_what_the_database_held_it_holds(database: t.Any) -> None:
    before, now = json.loads(BEFORE.read_text()), database(DATABASE, {**TABLES, **GROWING})
    for table in TABLES:
        assert now[table] == before[table], table
    for row in before["requests"]:
        assert row in now["requests"]
    spent = {row["key_alias"]: row["spend"] for row in now["spend"]}
    for row in before["spend"]:
        assert spent[row["key_alias"]] >= row["spend"]


def test_the_old_key_opens_every_model(gateway: t.Any) -> None:
    for model in ("first", "second", "priced"):
        status, text = gateway.chat(model=model)
        assert status == 200, text


def test_only_projects_of_this_layout_are_there(host: t.Any) -> None:
    names = (
        'docker ps -a --format \'{{.Names}} {{.Label "com.docker.compose.project"}} {{.Label "io.llmfleet.project"}}\''
    )
    assert sorted(host.check_output(names).splitlines()) == [f"{name} {name} {name}" for name in PROJECTS]


def test_of_the_old_layout_only_data_is_left(host: t.Any) -> None:
    for path in (
        "litellm/compose.yml",
        "litellm/config.yaml",
        "litellm/secrets",
        "vllm/compose.yml",
        "vllm/first.yaml",
        "vllm/second.yaml",
        "vllm/entrypoint.sh",
        "vllm/secrets",
    ):
        assert not host.file(f"/opt/llmfleet/{path}").exists, path
    assert host.file("/opt/llmfleet/postgres/data/pgdata/PG_VERSION").exists
    for project in ("litellm/1", "postgres", "vllm/first", "vllm/second"):
        assert host.file(f"/opt/llmfleet/{project}/compose.yml").exists, project


def test_the_gate_has_the_port_that_litellm_had(host: t.Any) -> None:
    ports = json.loads(host.check_output("docker inspect llmfleet-gate --format '{{json .NetworkSettings.Ports}}'"))
    assert ports["4000/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "4000"}]
    held = host.check_output("docker inspect llmfleet-litellm-1 --format '{{json .HostConfig.PortBindings}}'")
    assert json.loads(held) in ({}, None)


def test_instances_on_one_gpu_come_up_one_after_the_other(host: t.Any, bench: t.Any, gateway: t.Any) -> None:
    """A restart of the server starts every container at once; no person and no run of a playbook helps.

    Debian's engine gives up containers with CDI devices then (moby issue 49989), until the watch starts them.
    """
    bench("docker", "restart", "test-upgrade-demo")
    for model in ("first", "second"):
        gateway.model = model
        gateway.wait(480)
    spans = sorted(start_of(host, f"llmfleet-vllm-{model}") for model in ("first", "second"))
    assert spans[0][1] <= spans[1][0], spans


def start_of(host: t.Any, container: str) -> tuple[str, str]:
    """When vLLM itself wrote its first line since the container's start, and when it said that it is up."""
    since = host.check_output("docker inspect --format '{{.State.StartedAt}}' %s", container)
    log = host.check_output("docker logs --timestamps --since %s %s 2>&1", since, container).splitlines()
    own = [line for line in log if " llmfleet: " not in line]
    up = next(line for line in own if "Application startup complete" in line)
    return own[0].split()[0], up.split()[0]
