# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What later runs do, and what survives restarts. The tests of this file change the server, in their order."""

from __future__ import annotations

import json
import random
import re
import typing as t

import pytest

#: A change of every kind: a file that a container reads, a secret, a definition, a database role.
CHANGE = json.dumps(
    {"litellm_request_timeout": 601, "postgres_password": "another-password-0123456789", "postgres_max_connections": 90}
)


def test_a_second_run_changes_nothing_and_shows_no_secret(
    site: t.Any, secrets: dict[str, str], record_property: t.Any
) -> None:
    run = site()
    assert run.changed == {}
    record_property("remote_tasks", run.remote_tasks)
    print(f"a run that changes nothing: {run.remote_tasks} remote tasks, {run.seconds:.0f} s")
    wordy = site("-vvv", "--diff", json_output=False)
    assert [name for name, value in secrets.items() if value in wordy.output] == []


@pytest.mark.parametrize("name", ["preflight", "plan", "status", "probe", "drift", "logs"])
def test_an_operation_that_only_looks_changes_nothing(site: t.Any, secrets: dict[str, str], name: str) -> None:
    run = site(name=f"playbooks/{name}.yml", json_output=False)
    recap = re.findall(r"changed=(\d+)[^\n]*unreachable=", run.output)
    assert recap and set(recap) == {"0"}
    assert [secret for secret, value in secrets.items() if value in run.output] == []


def test_check_mode_says_what_a_run_does(
    site: t.Any, killed_site: t.Any, secrets: dict[str, str], gateway: t.Any
) -> None:
    """And a run that is killed somewhere is made good by the next one; make drill does that twenty times."""
    foreseen = site("--check", "--diff", "-e", CHANGE)
    assert gateway.chat()[0] == 200
    done = site("--diff", "-vvv", "-e", CHANGE)
    assert foreseen.changed == done.changed
    assert "recreate" in json.dumps(done.changed)
    everything = [*secrets.values(), "another-password-0123456789"]
    for output in (foreseen.output, done.output):
        assert [value for value in everything if value in output] == []
    gateway.wait()
    after = done.seconds * random.SystemRandom().uniform(0.2, 0.8)
    print(f"the way back was killed after {after:.1f} s:", killed_site(after))
    site("--diff")
    gateway.wait()
    assert site().changed == {}


def test_keys_survive_a_restart_of_every_container(gateway: t.Any, host: t.Any) -> None:
    host.check_output("docker restart $(docker ps -q)")
    gateway.wait()


def test_keys_survive_a_restart_of_the_server(gateway: t.Any, bench: t.Any, site: t.Any) -> None:
    bench("docker", "restart", "test-default-demo")
    gateway.wait()
    assert site().changed == {}
