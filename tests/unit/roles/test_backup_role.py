# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role backup writes on the host of the database, and what of it differs."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.modules import host_info
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._backup import settings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.rules import backup as rules
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import backup
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import digest
from rendering import SECRETS, defaults, make_fleet, make_host

RECIPIENT = "age1" + "q" * 58


def gateway(facts: dict[str, t.Any] | None = None, **given: t.Any) -> Host:
    host = make_host(facts={"files": {}, "services": {}, "packages": [], **(facts or {})}, **given)
    laid = {**defaults(), "llm_project_root": "/opt/llmfleet"}
    own = {name: value for name, value in laid.items() if name.startswith("backup_")}
    said = Templar(loader=DataLoader(), variables=laid).template(own)
    more = {name: value for name, value in given.items() if name.startswith("backup_")}
    return host._replace(variables={**host.variables, **said, **more})


def view(host: Host) -> dict[str, t.Any]:
    return backup.view(make_fleet(host), host)


def content(host: Host, path: str) -> str:
    return next(str(one["content"]) for one in view(host)["files"] if one["path"] == path)


def test_a_host_without_it_gets_all_of_it() -> None:
    found = view(gateway())
    assert {one["path"] for one in found["files"]} >= {backup.PROGRAM, backup.CONFIG, backup.DECLARATION}
    assert all(Path(one["source"]).is_file() for one in found["files"] if "source" in one)
    assert {one["mode"] for one in found["files"] if one["path"].startswith("/etc/llmfleet")} == {"0600"}
    assert found["timers"] == ["llmfleet-backup.timer", "llmfleet-backup-test.timer"]
    assert (found["reload"], found["runs"], found["packages"]) == (True, False, [])


def test_a_host_that_has_it_gets_nothing() -> None:
    host = gateway()
    there = {one["path"]: {"sha256": digest(one["text"])} for one in backup._files(make_fleet(host), host)}
    runs = {name: {"active": True, "enabled": True} for name in backup._timer_names()}
    found = view(gateway({"files": there, "services": runs}))
    assert (found["files"], found["packages"], found["runs"], found["stopped"]) == ([], [], True, [])


def test_timers_that_are_not_wanted_are_stopped() -> None:
    runs = {name: {"active": True, "enabled": True} for name in backup._timer_names()}
    found = view(gateway({"services": runs}, backup_test_on_calendar=""))
    assert (found["timers"], found["stopped"]) == (["llmfleet-backup.timer"], ["llmfleet-backup-test.timer"])
    off = view(gateway({"services": runs}, backup_timers=False))
    assert (off["timers"], off["runs"], len(off["stopped"])) == ([], True, 2)


def test_packages_follow_what_is_used() -> None:
    host = gateway(backup_recipients=[RECIPIENT], backup_remote="off:x")
    assert view(host)["packages"] == ["age", "rclone"]
    assert view(gateway(backup_remote="off:x", backup_manage_packages=False))["packages"] == []
    there = {"packages": [{"name": "age", "version": "1.1.1", "held": False}]}
    assert view(gateway(there, backup_recipients=[RECIPIENT]))["packages"] == []


def test_the_look_is_made_of_options_of_host_info() -> None:
    asked = backup.look(gateway())
    assert set(asked) <= set(host_info.ARGUMENTS) and backup.CONFIG in asked["files"]


def test_the_program_reads_the_settings_that_the_view_writes(tmp_path: Path) -> None:
    path = tmp_path / "backup.json"
    path.write_text(content(gateway(backup_keep=7), backup.CONFIG))
    found = settings.read(str(path))
    assert (found.directory, found.keep) == ("/opt/llmfleet/backup", 7)
    assert found.environment == "/opt/llmfleet/litellm/1/secrets/mounted/environment"


def test_the_launcher_runs_the_installed_package(tmp_path: Path) -> None:
    library = tmp_path / "lib"
    library.mkdir()
    (library / "_backup").symlink_to(backup.PACKAGE)
    launcher = content(gateway(), backup.PROGRAM).replace("/usr/local/lib/llmfleet", str(library))
    done = subprocess.run([sys.executable, "-", "--help"], input=launcher, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "create" in done.stdout, done.stderr


def test_what_one_run_alone_is_given_is_no_declaration() -> None:
    """The next run would change it back."""
    texts = [content(gateway(preflight_leaving=folder), backup.DECLARATION) for folder in ("/srv/llm", "")]
    assert texts[0] == texts[1]


def test_the_declaration_has_the_variables_and_no_secret() -> None:
    state = {"keys": [{"key_alias": "demo", "key": "sk-raw-0123456789abcdef"}]}
    host = gateway(
        llm_state=state,
        litellm_secret_environment={"OPENAI": "provider-secret-1"},
        litellm_environment={"NOTE": f"it is {SECRETS['postgres_password']}"},
        backup_rclone_config="[off]\nsecret_access_key = cloud-secret",
    )
    text = content(host, backup.DECLARATION)
    said = json.loads(text)["hosts"]["gpu1"]
    assert said["postgres_version"] == host.variables["postgres_version"]
    assert said["llm_state"]["keys"][0]["key_alias"] == "demo"
    hidden = [*SECRETS.values(), "sk-raw-0123456789abcdef", "provider-secret-1", "cloud-secret"]
    assert [value for value in hidden if value in text] == []


def test_units() -> None:
    host = gateway(backup_on_calendar="*-*-* 03:00:00", backup_test_on_calendar="")
    assert "OnCalendar=*-*-* 03:00:00\n" in content(host, "/etc/systemd/system/llmfleet-backup.timer")
    assert "OnCalendar" not in content(host, "/etc/systemd/system/llmfleet-backup-test.timer")
    assert "ExecStart=/usr/local/libexec/llmfleet-backup create" in content(
        host, "/etc/systemd/system/llmfleet-backup.service"
    )


@pytest.mark.parametrize(
    ("rule", "value", "fault"),
    [
        (rules.recipients, [RECIPIENT, "ssh-ed25519 AAAA me@here"], ""),
        (rules.recipients, ["AGE-SECRET-KEY-1QQ"], "may not be on the host"),
        (rules.recipients, ["me@example.org"], "no recipient"),
        (rules.calendar, "Mon..Fri *-*-* 02:30:00", ""),
        (rules.calendar, "daily\nExecStart=x", "no time of systemd"),
        (rules.remote, "s3:bucket/backups", ""),
        (rules.remote, "", ""),
        (rules.remote, "/srv/backups", "no place of rclone"),
    ],
)
def test_what_is_refused_of_a_declaration(rule: t.Callable[[t.Any], str], value: t.Any, fault: str) -> None:
    found = rule(value)
    assert fault in found if fault else found == ""
