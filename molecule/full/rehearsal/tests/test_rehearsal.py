# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LiteLLM goes to another release and back, under load; what can't work changes nothing. In this order."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from scenario import INVENTORY, SCENARIO, Gateway

from tests.load.changes import Fleet, Load, deploy, nobody_noticed

UPGRADE, UNDO = "playbooks/upgrade.yml", "playbooks/upgrade_undo.yml"
Shell = t.Callable[[str, str], str]
PSQL = "docker exec -i llmfleet-postgres psql -U postgres --no-psqlrc -tA"
#: What a release does whose last migration fails, after those before it have been applied.
BROKEN = """FROM {image}
USER root
RUN d=$(find / -type d -path '*litellm_proxy_extras/migrations' 2>/dev/null | head -n 1)/29990101000000_broken && \\
    mkdir "$d" && printf '%s\\n' '{statement}' > "$d/migration.sql"
"""
FAILS = 'ALTER TABLE "NoSuchTable" ADD COLUMN "x" TEXT;'
#: One that no rehearsal finds: the copy is in a PostgreSQL without fsync, and the fleet's own is not.
FAILS_LATER = (
    "DO $x$ BEGIN IF current_setting($y$fsync$y$) = $y$on$y$ THEN RAISE EXCEPTION $y$not here$y$; END IF; END $x$;"
)

#: A PostgreSQL that works on the copy, and ends where it is started as the fleet does it.
ENDS = """FROM {image}
ENTRYPOINT ["/bin/sh", "-c", "case $* in *config_file=*) echo 'FATAL:  {words}' >&2; exit 1;; esac; \\
exec docker-entrypoint.sh \\"$@\\"", "sh"]
"""
#: A vLLM whose parser and configuration answer as before, and whose server ends.
ENDS_TOO = """FROM {image}
USER root
RUN printf '#!/bin/sh\\necho "{words}" >&2\\nexit 1\\n' > "$(command -v vllm)"
"""


def images() -> dict[str, str]:
    found = {**read("images.yml"), "earlier": read("litellm.yml")["litellm_image"]}
    found["postgres_image"] = (SCENARIO / "next_postgres").read_text()
    return {name.removesuffix("_image"): text for name, text in found.items()}


def pin_postgres() -> None:
    """As upgrade_undo says."""
    (INVENTORY / "group_vars/all/zz_pins.yml").write_text(f"postgres_image: {images()['postgres']}\n")


def read(name: str) -> dict[str, str]:
    return t.cast("dict[str, str]", yaml.safe_load((INVENTORY / "group_vars/all" / name).read_text()))


def master() -> str:
    return read("vault.yml")["litellm_master_key"]


def running(ssh: Shell) -> dict[str, str]:
    """Of everything that runs its image and when it was started."""
    lines = ssh("docker inspect --format '{{.Name}} {{.Config.Image}} {{.State.StartedAt}}' $(docker ps -q)", "").split(
        "\n"
    )
    return {name.lstrip("/"): rest for name, _space, rest in (line.partition(" ") for line in lines) if name}


def left(ssh: Shell) -> str:
    """Of a rehearsal."""
    names = ssh(
        "docker ps -a --format '{{.Names}}'; docker network ls --format '{{.Name}}'; ls -A /opt/llmfleet/backup", ""
    )
    return "\n".join(line for line in names.splitlines() if "rehearsal" in line or "partial" in line)


def databases(ssh: Shell) -> list[str]:
    return ssh(
        f"{PSQL} -d postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'litellm%' ORDER BY 1"
    ).split()


def server_version(ssh: Shell) -> str:
    return ssh(f"{PSQL} -d postgres", "SHOW server_version").split()[0]


def made(gateway: Gateway, alias: str) -> str:
    status, text = gateway.call("/key/generate", {"key_alias": alias, "models": ["tiny"]}, master())
    assert status == 200, text
    return t.cast("str", json.loads(text)["key"])


@pytest.fixture(scope="module")
def old_key(gateway: Gateway) -> str:
    """Of before the upgrade, also for a test that is run again alone."""
    path = SCENARIO / "old_key"
    if not path.exists():
        path.write_text(made(gateway, f"made by the earlier release at {time.time():.0f}"))
    return path.read_text()


def test_a_rehearsal_alone_changes_nothing(ssh: Shell, old_key: str, tmp_path: Path) -> None:
    before, there, result = running(ssh), databases(ssh), tmp_path / "result.json"
    given = ["-e", f"litellm_image={images()['litellm']}", "-e", "rehearse=only", "-e", f"result={result}"]
    run = deploy(*given, playbook=UPGRADE)
    assert run.returncode == 0, run.stdout[-5000:]
    told = json.loads(result.read_text())
    print(told["rehearsal"])
    assert told["rehearsal"]["migration"]["applied"] > 0 and told["rehearsal"]["answers"]["keys"] >= 2
    assert not told["changed"] and not told["backup"] and not told["back"]
    assert running(ssh) == before and databases(ssh) == there and not left(ssh)


def test_a_release_that_cannot_migrate_changes_nothing(ssh: Shell, under_load: Load, tmp_path: Path) -> None:
    broken, result = "llmfleet-bench/litellm:broken", tmp_path / "result.json"
    ssh(f"docker build --quiet --tag {broken} -", BROKEN.format(image=images()["litellm"], statement=FAILS))
    before, there = running(ssh), databases(ssh)
    with under_load("release that can't migrate") as seen:
        run = deploy("-e", f"litellm_image={broken}", "-e", "confirm=yes", "-e", f"result={result}", playbook=UPGRADE)
    assert run.returncode != 0 and "Nothing was changed" in run.stdout, run.stdout[-5000:]
    told = json.loads(result.read_text())
    print(told["faults"])
    assert told["failed"] and "broken" in "".join(told["faults"])
    assert running(ssh) == before and databases(ssh) == there and not left(ssh)
    nobody_noticed(seen)


def test_vllm_is_asked_whether_it_takes_what_is_declared(ssh: Shell, fleet: Fleet) -> None:
    """As after an option that the new release has no more; the declaration itself knows those of one release."""
    ssh(f"docker tag {images()['vllm']} llmfleet-bench/vllm:another", "")
    before = running(ssh)

    def declare(said: dict[str, t.Any]) -> None:
        said["llm_models"][0]["engine_args"]["option_of_before"] = 1
        said["vllm_allow_unknown_options"] = True

    with fleet.for_a_while(declare):
        run = deploy("-e", "vllm_image=llmfleet-bench/vllm:another", "-e", "confirm=yes", playbook=UPGRADE)
    assert run.returncode != 0 and "unrecognized arguments: --option-of-before" in run.stdout, run.stdout[-5000:]
    assert running(ssh) == before


def test_check_mode_only_says(ssh: Shell, old_key: str) -> None:
    before = running(ssh)
    run = deploy("--check", "-e", f"litellm_image={images()['litellm']}", playbook=UPGRADE)
    assert run.returncode == 0, run.stdout[-5000:]
    assert "upgrade would:" in run.stdout and images()["earlier"] in run.stdout
    assert running(ssh) == before and not left(ssh)


def test_a_postgresql_that_does_not_start_in_the_upgrade_leaves_what_worked(
    ssh: Shell, under_load: Load, gateway: Gateway, old_key: str, tmp_path: Path
) -> None:
    """The rehearsal went well. PostgreSQL is put back, and LiteLLM is not begun."""
    words, before, image = "could not map anonymous shared memory", running(ssh), "llmfleet-bench/postgres:ends"
    ssh(f"docker build --quiet --tag {image} -", ENDS.format(image=images()["postgres"], words=words))
    given = ["-e", f"postgres_image={image}", "-e", f"litellm_image={images()['litellm']}"]
    told = leaves_what_worked(ssh, under_load, "postgresql that does not start in the upgrade", given, tmp_path)
    assert told["faults"][0].startswith("postgres: ") and words in told["faults"][0]
    assert told["rehearsal"]["migration"]["applied"] > 0 and told["as_before"] == ["postgres", "litellm"]
    now = running(ssh)
    assert {name for name in now if now[name] != before[name]} == {"llmfleet-postgres"}
    assert gateway.chat(key=old_key)[0] == 200


def test_a_vllm_that_does_not_start_in_the_upgrade_leaves_what_worked(
    ssh: Shell, under_load: Load, gateway: Gateway, old_key: str, tmp_path: Path
) -> None:
    """It takes every option and the model, and is the only replica: requests wait for the one of before."""
    words, before, image = "no kernel image is available", running(ssh), "llmfleet-bench/vllm:ends"
    ssh(f"docker build --quiet --tag {image} -", ENDS_TOO.format(image=images()["vllm"], words=words))
    given = ["-e", f"vllm_image={image}"]
    told = leaves_what_worked(ssh, under_load, "vllm that does not start in the upgrade", given, tmp_path)
    assert told["faults"][0].startswith("vllm: ") and words in told["faults"][0]
    assert told["as_before"] == ["vllm"] and not told["unasked"]
    now = running(ssh)
    assert {name for name in now if now[name] != before[name]} == {"llmfleet-vllm-tiny"}
    assert gateway.chat(key=old_key)[0] == 200


def leaves_what_worked(ssh: Shell, under_load: Load, name: str, given: list[str], directory: Path) -> dict[str, t.Any]:
    """The upgrade fails, every container has its image of before, and site.yml has nothing to do. Its result."""
    before, result = running(ssh), directory / "result.json"
    with under_load(name) as seen:
        run = deploy(*given, "-e", "confirm=yes", "-e", f"result={result}", playbook=UPGRADE)
    assert run.returncode != 0 and "nothing has to be undone" in run.stdout, run.stdout[-5000:]
    told, now = t.cast("dict[str, t.Any]", json.loads(result.read_text())), running(ssh)
    print(told["faults"], told["remedy"], seen["requests"], seen["longest_wait"], seen["change_seconds"])
    assert {one: now[one].split()[0] for one in now} == {one: before[one].split()[0] for one in before}
    assert told["failed"] and told["back"] == told["next"] == "" and not left(ssh)
    nobody_noticed(seen)
    settled = deploy()
    assert settled.returncode == 0 and running(ssh) == now, settled.stdout[-5000:]
    return told


def test_litellm_and_postgresql(ssh: Shell, under_load: Load, gateway: Gateway, old_key: str, tmp_path: Path) -> None:
    """PostgreSQL to the next minor release, where Debian's archives have two."""
    result, minor = tmp_path / "result.json", [server_version(ssh)]
    given = ["-e", f"litellm_image={images()['litellm']}", "-e", f"postgres_image={images()['postgres']}"]
    with under_load("litellm 1.90 to 1.104, postgresql to the next minor release") as seen:
        run = deploy(*given, "-e", "confirm=yes", "-e", f"result={result}", playbook=UPGRADE)
    assert run.returncode == 0, run.stdout[-8000:]
    told = json.loads(result.read_text())
    print(told["rehearsal"], seen["requests"], seen["failed"], seen["longest_wait"], seen["change_seconds"])
    assert told["rehearsal"]["migration"]["applied"] > 0 and told["rehearsal"]["answers"]["keys"] >= 2
    assert told["backup"].startswith("/opt/llmfleet/backup/") and "upgrade_undo" in told["back"]
    assert "litellm_image" in told["next"] and not left(ssh)
    now = running(ssh)
    for name, image in (
        ("litellm-1", images()["litellm"]),
        ("litellm-2", images()["litellm"]),
        ("postgres", images()["postgres"]),
    ):
        assert image in now[f"llmfleet-{name}"]
    minor.append(server_version(ssh))
    print("PostgreSQL from", *minor)
    assert gateway.chat(key=old_key)[0] == gateway.call("/v1/models", key=old_key)[0] == 200
    nobody_noticed(seen)


def test_the_declaration_of_before_is_refused_until_the_release_is_in_it(ssh: Shell) -> None:
    before = running(ssh)
    run = deploy()
    assert run.returncode != 0 and "litellm was upgraded" in run.stdout and "upgrade_undo" in run.stdout
    assert f"litellm_image: {images()['litellm']}" in run.stdout and running(ssh) == before
    pins = f"litellm_image: {images()['litellm']}\npostgres_image: {images()['postgres']}\n"
    (INVENTORY / "group_vars/all/zz_pins.yml").write_text(pins)
    settled = deploy()
    assert settled.returncode == 0, settled.stdout[-5000:]
    assert running(ssh) == before


def test_the_way_back(ssh: Shell, gateway: Gateway, old_key: str, tmp_path: Path) -> None:
    """A key of after the upgrade is in the database that is kept, and PostgreSQL stays at its newer minor release."""
    late, result = made(gateway, f"made by the new release at {time.time():.0f}"), tmp_path / "result.json"
    refused = deploy("-e", "confirm=yes", playbook=UNDO)
    assert refused.returncode != 0 and "was llmfleet-bench/litellm" in refused.stdout
    (INVENTORY / "group_vars/all/zz_pins.yml").unlink()
    asked = deploy(playbook=UNDO)
    assert asked.returncode != 0 and "confirm=yes" in asked.stdout
    run = deploy("-e", "confirm=yes", "-e", f"result={result}", playbook=UNDO)
    assert run.returncode == 0, run.stdout[-8000:]
    now, told = running(ssh), json.loads(result.read_text())
    assert images()["earlier"] in now["llmfleet-litellm-1"] and images()["earlier"] in now["llmfleet-litellm-2"]
    assert images()["postgres"] in now["llmfleet-postgres"] and "postgres: stays at" in run.stdout
    assert f"postgres_image: {images()['postgres']}" in told["next"]
    assert gateway.chat(key=old_key)[0] == 200 and gateway.call("/v1/models", key=late)[0] == 401
    assert told["kept"] in databases(ssh)
    older = deploy()
    assert older.returncode != 0 and "postgres was upgraded" in older.stdout and running(ssh) == now
    pin_postgres()
    settled = deploy()
    assert settled.returncode == 0, settled.stdout[-5000:]
    assert (SCENARIO / "keys" / "demo").exists() and running(ssh) == now


def test_a_migration_that_fails_in_the_upgrade_leaves_what_worked(
    ssh: Shell, under_load: Load, gateway: Gateway, old_key: str, tmp_path: Path
) -> None:
    """The rehearsal went well. The process that migrates fails, the other one serves, and all of it goes back."""
    late, result = "llmfleet-bench/litellm:fails-later", tmp_path / "result.json"
    ssh(f"docker build --quiet --tag {late} -", BROKEN.format(image=images()["litellm"], statement=FAILS_LATER))
    with under_load("migration that fails in the upgrade") as seen:
        run = deploy("-e", f"litellm_image={late}", "-e", "confirm=yes", "-e", f"result={result}", playbook=UPGRADE)
    assert run.returncode != 0 and "upgrade_undo" in run.stdout, run.stdout[-5000:]
    told = json.loads(result.read_text())
    print(told["faults"], told["remedy"])
    assert told["failed"] and told["backup"] and told["faults"][0].startswith("litellm: llmfleet-litellm-1 on demo: ")
    assert images()["earlier"] in running(ssh)["llmfleet-litellm-2"]
    assert gateway.chat(key=old_key)[0] == 200
    nobody_noticed(seen)
    goes_back_with_postgresql(ssh, under_load)
    assert gateway.chat(key=old_key)[0] == 200


def goes_back_with_postgresql(ssh: Shell, under_load: Load) -> None:
    """To the minor release where everything began. It has loaded its tables itself, and restores what it dumps."""
    (INVENTORY / "group_vars/all/zz_pins.yml").unlink()
    newer = server_version(ssh)
    with under_load("the way back, with postgresql") as seen:
        back = deploy("-e", "confirm=yes", "-e", "with_postgres=yes", playbook=UNDO)
    assert back.returncode == 0, back.stdout[-8000:]
    now = running(ssh)
    assert images()["earlier"] in now["llmfleet-litellm-1"] and images()["earlier"] in now["llmfleet-litellm-2"]
    assert ":earlier" in now["llmfleet-postgres"]
    print("PostgreSQL from", newer, "to", server_version(ssh))
    nobody_noticed(seen)
    settled = deploy()
    assert settled.returncode == 0 and running(ssh) == now, settled.stdout[-5000:]
    tried = deploy("-e", "trial=yes", playbook="playbooks/backup.yml")
    assert tried.returncode == 0, tried.stdout[-5000:]
