# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One gateway: its backups, and every way of bringing one back. The tests change the server, in their order."""

from __future__ import annotations

import datetime
import json
import shlex
import subprocess
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[4]
SCENARIO = CHECKOUT / ".cache" / "molecule" / "backup"
INVENTORY = SCENARIO / "inventory"
FOLDER = "/opt/llmfleet/backup"
ENVIRONMENT = "/opt/llmfleet/litellm/1/secrets/mounted/environment"
IDENTITY = ("-e", f"identity={SCENARIO / 'id_ed25519'}")


def on_host(command: str) -> str:
    line = ["ssh", "-F", str(SCENARIO / "ssh_config"), "vaulted", command]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def play(name: str, *args: str, fails: bool = False) -> str:
    line = ["ansible-playbook", name, "-i", str(INVENTORY), *args]
    done = subprocess.run(line, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    assert (done.returncode != 0) is fails, text[-6000:]
    assert [value for value in secrets().values() if value in text] == []
    return " ".join(text.split())


def operate(name: str, *args: str) -> dict[str, t.Any]:
    """What it gives to automation."""
    path = SCENARIO / "result.json"
    play(f"playbooks/{name}.yml", "-e", "confirm=yes", "-e", f"result={path}", *args)
    found: dict[str, t.Any] = json.loads(path.read_text())
    assert found["operation"] == name and path.stat().st_mode & 0o777 == 0o600
    return found


def secrets() -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load((INVENTORY / "group_vars/all/vault.yml").read_text())
    return found


def call(path: str, key: str, body: dict[str, t.Any] | None = None) -> tuple[int, dict[str, t.Any]]:
    address = json.loads((SCENARIO / "hosts.json").read_text())["vaulted"]["address"]
    request = urllib.request.Request(
        f"http://{address}:4000{path}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, {}


def chat(key: str) -> int:
    return call("/v1/chat/completions", key, {"model": "parrot", "messages": [{"role": "user", "content": "Hi"}]})[0]


def spend(key: str) -> float:
    status, found = call(f"/key/info?key={key}", secrets()["litellm_master_key"])
    assert status == 200
    return float(found["info"]["spend"])


def last() -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads(on_host(f"cat {FOLDER}/last.json"))
    return found


class Story:
    """What one test leaves to the next."""

    key = ""
    spent = 0.0
    archive = Path()
    kept = ""


@pytest.fixture(scope="session")
def story() -> Story:
    found = Story()
    status, made = call(
        "/key/generate", secrets()["litellm_master_key"], {"key_alias": "by hand", "models": ["parrot"]}
    )
    assert status == 200
    found.key = made["key"]
    assert chat(found.key) == 200
    deadline = time.monotonic() + 90
    while not found.spent and time.monotonic() < deadline:
        time.sleep(2)
        found.spent = spend(found.key)
    assert found.spent > 0
    return found


def works(story: Story) -> None:
    """The key that no declaration has is taken, and what it had spent is known."""
    assert spend(story.key) >= story.spent
    assert chat(story.key) == 200


def test_a_run_that_changes_nothing_changes_nothing() -> None:
    assert "changed=0" in play("site.yml")


def fired(timer: str) -> bool:
    return on_host(f"systemctl show --property=LastTriggerUSec --value {timer}").strip() not in ("", "n/a")


def test_the_timer_makes_one_and_copies_it(story: Story) -> None:
    """The restore test has its own timer, whose turn comes later."""
    now = datetime.datetime.fromisoformat(on_host("date -Iseconds").strip())
    backup, trial = (f"{now + datetime.timedelta(seconds=later):%Y-%m-%d %H:%M:%S}" for later in (90, 200))
    calendars = {"backup_on_calendar": backup, "backup_test_on_calendar": trial}
    play("site.yml", "--tags", "backup", "-e", json.dumps(calendars))
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and on_host(f"ls {FOLDER} | grep -c age.json || true").strip() != "1":
        time.sleep(5)
    time.sleep(5)
    said = last()
    assert said["ok"] and said["kind"] == "backup" and said["bytes"] > 0 and said["last_good"], said
    assert fired("llmfleet-backup.timer")
    assert on_host("systemctl is-failed llmfleet-backup.service || true").strip() in ("inactive", "activating")
    assert on_host(f"sha256sum < {said['file']}") == on_host(f"sha256sum < /srv/offsite/{Path(said['file']).name}")
    modes = on_host(f"stat -c '%a %n' {FOLDER} {FOLDER}/llmfleet-*").splitlines()
    assert [line.split()[0] for line in modes] == ["700", "600", "600"]


def test_the_restore_test_restores_by_its_timer() -> None:
    """Encrypted, so the unit makes one and tries that."""
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline and last()["kind"] != "restore test":
        time.sleep(5)
    said = last()
    assert said["ok"] and said["kind"] == "restore test" and said["restore_tested"], said
    print("the timers fired:", {name: said[name] for name in ("seconds", "restore_tested", "last_good")})
    assert fired("llmfleet-backup-test.timer")
    assert "llmfleet-backup-trial" not in on_host("docker ps -a")
    assert on_host(f"ls -A {FOLDER} | grep -E 'partial|trial' || true") == ""
    play("site.yml", "--tags", "backup")


def test_a_backup_by_its_playbook_holds_no_secret(story: Story) -> None:
    made = operate("backup")
    assert made["rows"] > 0 and made["offsite"] == "offsite:/srv/offsite"
    story.archive = SCENARIO / Path(made["file"]).name
    command = ["ssh", "-F", str(SCENARIO / "ssh_config"), "vaulted", f"cat {made['file']}"]
    story.archive.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    told = on_host(f"cat /etc/llmfleet/declaration.json /etc/llmfleet/backup.json {made['file']}.json")
    assert "parrot" in told and [value for value in secrets().values() if value in told] == []


def test_what_can_not_be_restored_is_refused_and_nothing_stops(story: Story) -> None:
    started = on_host("docker inspect -f '{{.State.StartedAt}}' llmfleet-litellm-1")
    damaged = SCENARIO / "damaged.tar.age"
    data = bytearray(story.archive.read_bytes())
    data[len(data) // 2] ^= 0xFF
    damaged.write_bytes(data)
    yes = ("-e", "confirm=yes")
    assert "It is damaged" in play("playbooks/restore.yml", *yes, *IDENTITY, "-e", f"backup={damaged}", fails=True)
    assert "-e identity=FILE" in play("playbooks/restore.yml", *yes, fails=True)
    assert "-e confirm=yes" in play("playbooks/restore.yml", *IDENTITY, fails=True)
    on_host(
        f"cp -p {ENVIRONMENT} /root/environment"
        f" && sed -i 's/^LITELLM_SALT_KEY=.*/LITELLM_SALT_KEY=sk-other/' {ENVIRONMENT}"
    )
    refused = play("playbooks/restore.yml", *yes, *IDENTITY, "-e", f"backup={story.archive}", fails=True)
    on_host(f"cp -p /root/environment {ENVIRONMENT} && rm /root/environment")
    assert "Set litellm_salt_key to what it was then" in refused
    assert on_host("docker inspect -f '{{.State.StartedAt}}' llmfleet-litellm-1") == started
    works(story)


def test_a_full_disk_is_refused_before_and_is_seen() -> None:
    config = json.loads(on_host("cat /etc/llmfleet/backup.json"))
    told = json.dumps({**config, "min_free_mib": 10**9})
    on_host(f"echo {shlex.quote(told)} > /root/full.json")
    said = on_host("/usr/local/libexec/llmfleet-backup --config /root/full.json create || true; rm /root/full.json")
    assert "Make room there" in said and last()["ok"] is False and "Make room there" in last()["message"]


def test_an_empty_database_and_the_way_back(story: Story) -> None:
    reset = operate("reset_database")
    story.kept = reset["kept"]
    assert chat(story.key) == 401
    assert chat((SCENARIO / "keys" / "declared").read_text().strip()) == 200
    restored = operate("restore", "-e", f"kept={story.kept}")
    works(story)
    gone = operate("reset_database", "-e", f"drop={restored['kept']}")
    assert gone["dropped"] == restored["kept"] and gone["kept"] == ""


def test_a_restore_into_the_running_fleet(story: Story) -> None:
    operate("reset_database")
    assert chat(story.key) == 401
    restored = operate("restore", *IDENTITY, "-e", f"backup={story.archive}")
    assert restored["loaded"]["rows"] > 0 and restored["kept"]
    print("restore into the running fleet:", restored["loaded"])
    works(story)
    assert on_host(f"ls {FOLDER} | grep -c uploaded || true").strip() == "0"


def test_retention(story: Story) -> None:
    """The backup before a restore removes no older one, which may be the one to bring back; the next one does."""
    operate("backup")
    names = on_host(f"ls {FOLDER} | grep 'age$'").split()
    assert len(names) == 4 and len(on_host("ls /srv/offsite | grep 'age$'").split()) > 4


def test_a_restore_onto_a_new_host(story: Story) -> None:
    """From the same inventory: of the old one nothing is left but what is elsewhere."""
    on_host(
        "systemctl stop 'llmfleet-*' && docker rm -f $(docker ps -aq)"
        " && rm -rf /opt/llmfleet /etc/llmfleet /usr/local/lib/llmfleet"
    )
    play("site.yml")
    assert chat(story.key) == 401
    began = time.monotonic()
    operate("restore", *IDENTITY, "-e", f"backup=offsite:{story.archive.name}")
    print(f"restore onto a new host: {time.monotonic() - began:.0f} s")
    works(story)
    play("site.yml")
    works(story)
