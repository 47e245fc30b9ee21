# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets, keys and the database's release change under load on one server, and no request notices. In this order."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import yaml
from scenario import INVENTORY, SCENARIO, Gateway

from tests.load.changes import Fleet, Load, deploy, nobody_noticed, operated

VAULT = INVENTORY / "group_vars/all/vault.yml"
Shell = t.Callable[[str, str], str]
PSQL = "docker exec -i llmfleet-postgres psql -U postgres -d litellm --no-psqlrc -tA"


def vault() -> dict[str, str]:
    return t.cast("dict[str, str]", yaml.safe_load(VAULT.read_text()))


def rotated(under_load: Load, name: str, *secrets: str) -> tuple[dict[str, str], dict[str, str]]:
    """The secrets before and after."""
    before, result = vault(), SCENARIO / f"{name.replace(' ', '_')}.result.json"
    operated(
        under_load,
        name,
        ["playbooks/rotate_secrets.yml", "-e", f"secrets={','.join(secrets)}", "-e", f"result={result}"],
    )
    after, told = vault(), json.loads(result.read_text())
    assert told["secrets"] == list(secrets) == told["new_values"] and not told["failed"]
    assert {one for one in before if before[one] != after.get(one)} == set(secrets)
    assert not any("previous" in one for one in after)
    assert not any(value in result.read_text() for value in after.values())
    return before, after


def served(gateway: Gateway, key: str) -> int:
    return gateway.call("/v1/models", key=key)[0]


def redis_answers(ssh: Shell, password: str) -> str:
    script = "read -r REDISCLI_AUTH; export REDISCLI_AUTH; redis-cli ping 2>&1"
    return ssh(f"docker exec -i llmfleet-redis sh -c '{script}'", f"{password}\n")


def database_answers(ssh: Shell, user: str, password: str) -> bool:
    script = 'read -r PGPASSWORD; export PGPASSWORD; psql -h "$(hostname -i)" -U "$1" -d litellm -tAc "SELECT 42"'
    return "42" in ssh(f"docker exec -i llmfleet-postgres sh -c '{script}' sh {user}", f"{password}\n")


def logins(ssh: Shell) -> list[str]:
    return ssh(PSQL, "SELECT rolname FROM pg_authid WHERE rolcanlogin AND rolname LIKE 'litellm_%' ORDER BY 1").split()


def test_the_password_of_redis(under_load: Load, ssh: Shell) -> None:
    started = ssh("docker inspect --format '{{.State.StartedAt}}' llmfleet-redis", "")
    before, after = rotated(under_load, "redis_password", "redis_password")
    assert "PONG" in redis_answers(ssh, after["redis_password"])
    assert "PONG" not in redis_answers(ssh, before["redis_password"])
    # What was counted is counted on.
    assert ssh("docker inspect --format '{{.State.StartedAt}}' llmfleet-redis", "") == started


def test_the_password_of_the_database(under_load: Load, ssh: Shell) -> None:
    (login,) = logins(ssh)
    before, after = rotated(under_load, "postgres_password", "postgres_password")
    (other,) = logins(ssh)
    assert other != login
    assert database_answers(ssh, other, after["postgres_password"])
    assert database_answers(ssh, "litellm", after["postgres_password"])
    assert not database_answers(ssh, login, before["postgres_password"])
    assert not database_answers(ssh, "litellm", before["postgres_password"])
    owners = ssh(PSQL, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").split()
    assert owners == ["litellm"]


def test_the_key_between_gateway_and_vllm(under_load: Load, ssh: Shell) -> None:
    before, after = rotated(under_load, "vllm_api_key", "vllm_api_key")
    ask = (
        'docker exec -i llmfleet-litellm-1 python3 -c "import sys, urllib.request as r;'
        " print(r.urlopen(r.Request('http://gate:8100/tiny/v1/models',"
        " headers={'Authorization': 'Bearer ' + sys.stdin.read().strip()})).status)\" 2>&1"
    )
    assert ssh(ask, after["vllm_api_key"]).strip() == "200"
    assert "401" in ssh(ask, before["vllm_api_key"])


def test_the_master_key_and_the_password_of_the_ui(
    under_load: Load, gateway: Gateway, secrets: dict[str, str], ssh: Shell
) -> None:
    # Of this go of the test: it may be run anew on the same hosts.
    wanted = {"key_alias": f"scoped at {time.time():.0f}", "models": ["tiny"]}
    scoped = json.loads(gateway.call("/key/generate", wanted, vault()["litellm_master_key"])[1])["key"]
    before, after = rotated(under_load, "master key", "litellm_master_key", "litellm_ui_password")
    for _process in range(6):
        assert served(gateway, after["litellm_master_key"]) == 200
        assert served(gateway, before["litellm_master_key"]) == 401
        assert served(gateway, scoped) == served(gateway, secrets["demo_key"]) == 200
    # What the salt key encrypts does not hang on it.
    found = gateway.call("/credentials", key=after["litellm_master_key"])[1]
    assert "elsewhere" in found
    assert readable(ssh)


def test_the_password_of_the_ui_alone(under_load: Load, gateway: Gateway) -> None:
    before, after = rotated(under_load, "password of the ui", "litellm_ui_password")
    assert logged_in(gateway, after["litellm_ui_password"]) and not logged_in(gateway, before["litellm_ui_password"])


def logged_in(gateway: Gateway, password: str) -> bool:
    return gateway.call("/v2/login", {"username": "admin", "password": password}, key="")[0] == 200


def readable(ssh: Shell) -> bool:
    """Whether LiteLLM's own program reads the credential that the scenario declared."""
    script = (
        'set -a; . /run/llmfleet/environment; exec python3 -c "import sys;'
        " from litellm.proxy.common_utils.encrypt_decrypt_utils import decrypt_value_helper as d;"
        ' print(d(sys.stdin.read().strip(), str()))"'
    )
    value = ssh(
        PSQL,
        "SELECT credential_values->>'api_key' FROM \"LiteLLM_CredentialsTable\" WHERE credential_name = 'elsewhere'",
    )
    return "a-key-of-another-provider" in ssh(f"docker exec -i llmfleet-litellm-1 sh -c '{script}'", value)


def test_virtual_keys(under_load: Load, gateway: Gateway, secrets: dict[str, str]) -> None:
    """The load goes on with the value before, which works for the grace time."""
    result = SCENARIO / "keys.result.json"
    operated(under_load, "virtual keys", ["playbooks/rotate_keys.yml", "-e", f"result={result}"])
    old, new = secrets["demo_key"], (SCENARIO / "keys" / "demo").read_text().strip()
    assert old != new and served(gateway, old) == served(gateway, new) == 200
    assert json.loads(result.read_text())["keys"] == ["demo"] and new not in result.read_text()
    assert [path.name for path in (SCENARIO / "keys").iterdir()] == ["demo"]


def test_another_salt_key_is_refused_as_long_as_something_is_encrypted(under_load: Load, fleet: Fleet) -> None:
    with (
        under_load("another salt") as seen,
        fleet.for_a_while(lambda said: said.update(litellm_salt_key="sk-another-salt-key-0123456789")),
    ):
        run = deploy()
        foreseen = deploy("--check")
    for one in (run, foreseen):
        assert one.returncode != 0 and "LiteLLM_CredentialsTable.credential_values: 1" in one.stdout, one.stdout[-3000:]
        assert "sk-another-salt-key" not in one.stdout
    nobody_noticed(seen)


def test_the_salt_is_never_replaced_by_the_operation() -> None:
    before = vault()
    run = deploy("-e", "secrets=litellm_salt_key", playbook="playbooks/rotate_secrets.yml")
    assert run.returncode != 0 and "could never be read again" in run.stdout and vault() == before


def cluster(ssh: Shell) -> dict[str, str]:
    rows = """SELECT (SELECT count(*) FROM "LiteLLM_VerificationToken"), (SELECT count(*) FROM "LiteLLM_SpendLogs")"""
    return {
        "release": ssh(PSQL, "SHOW server_version_num")[:2],
        "rows": ssh(PSQL, rows).strip(),
        "folders": ssh("ls /opt/llmfleet/postgres", ""),
    }


def declare_the_newer_postgresql() -> None:
    (INVENTORY / "group_vars/all/postgres.yml").unlink(missing_ok=True)


def test_another_major_release_is_refused_with_the_playbooks_name(ssh: Shell) -> None:
    before = cluster(ssh)
    assert before["release"] == "15"
    declare_the_newer_postgresql()
    run = deploy()
    assert run.returncode != 0 and "llmfleet.gateway.postgres_upgrade" in run.stdout
    assert cluster(ssh) == before


def test_a_failure_leaves_the_old_release_serving(under_load: Load, fleet: Fleet, ssh: Shell) -> None:
    """The copy succeeds, and the new release then can't start with what is declared for it."""
    before = cluster(ssh)
    with (
        under_load("failing postgresql upgrade") as seen,
        fleet.for_a_while(lambda said: said.update(postgres_settings={"shared_preload_libraries": "nonsense"})),
    ):
        run = deploy("-e", "confirm=yes", playbook="playbooks/postgres_upgrade.yml")
    assert run.returncode != 0 and "The old release serves again" in run.stdout, run.stdout[-5000:]
    after = cluster(ssh)
    assert (after["release"], after["folders"]) == ("15", before["folders"])
    nobody_noticed(seen)


def test_the_major_release_of_the_database(under_load: Load, gateway: Gateway, ssh: Shell, tmp_path: Path) -> None:
    before, result = cluster(ssh), tmp_path / "result.json"
    asked = deploy(playbook="playbooks/postgres_upgrade.yml")
    assert asked.returncode != 0 and "confirm=yes" in asked.stdout and cluster(ssh)["release"] == "15"
    operated(
        under_load,
        "postgresql 15 to 17",
        ["playbooks/postgres_upgrade.yml", "-e", "confirm=yes", "-e", f"result={result}"],
    )
    told, after = json.loads(result.read_text()), cluster(ssh)
    print({name: told[name] for name in ("rehearsal", "copy")})
    assert told["changed"] and told["kept"].startswith("/opt/llmfleet/postgres/data-15-")
    assert after["release"] == "17" and "data-15-" in after["folders"]
    assert int(after["rows"].split("|")[0]) == int(before["rows"].split("|")[0])
    assert int(after["rows"].split("|")[1]) >= int(before["rows"].split("|")[1])
    assert served(gateway, vault()["litellm_master_key"]) == 200 and readable(ssh)
    again = deploy("-e", "confirm=yes", playbook="playbooks/postgres_upgrade.yml")
    assert again.returncode == 0 and cluster(ssh)["folders"] == after["folders"]
    settled = deploy()
    assert settled.returncode == 0, settled.stdout[-4000:]
