# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can reach what, and where secrets are."""

from __future__ import annotations

import json
import re
import typing as t

from scenario import SCENARIO

from tests.drill.ports import open_ports
from tests.drill.secrets import at_host

LOOPBACK = ("127.", "[::1]", "::1")


def inspected(host: t.Any, container: str, what: str) -> str:
    return str(host.check_output("docker inspect %s --format %s", container, "{{json " + what + "}}"))


def test_only_sshd_and_the_gateway_listen_publicly(host: t.Any) -> None:
    listening = host.check_output("ss -Hltn").splitlines()
    public = {line.split()[3] for line in listening if not line.split()[3].startswith(LOOPBACK)}
    assert {address.rsplit(":", 1)[1] for address in public} == {"22", "4000"}, public
    address = json.loads((SCENARIO / "hosts.json").read_text())["demo"]["address"]
    # One look misses what answers late on a busy machine; the drill looks three times.
    assert set(open_ports(address, rounds=1)) <= {22, 4000}


def test_replica_and_database_are_closed_to_others(gateway: t.Any, host: t.Any) -> None:
    ports = json.loads(inspected(host, "llmfleet-vllm-tiny", ".NetworkSettings.Ports"))
    assert ports["8000/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "8001"}]
    assert json.loads(inspected(host, "llmfleet-postgres", ".HostConfig.PortBindings")) in ({}, None)
    assert host.check_output("docker network inspect llmfleet-db --format '{{.Internal}}'") == "true"
    metrics = json.loads(inspected(host, "llmfleet-gate", ".NetworkSettings.Ports"))["8405/tcp"]
    assert metrics == [{"HostIp": "127.0.0.1", "HostPort": "8405"}]


def test_the_gates_figures_are_for_the_host_and_none_of_its_containers(host: t.Any) -> None:
    ask = "import urllib.request as r; print(r.urlopen('http://gate:8405/metrics').status)"
    refused = host.run(f'docker exec llmfleet-litellm-1 python3 -c "{ask}"')
    assert refused.rc != 0 and "403" in refused.stderr
    assert "haproxy_process_" in host.check_output("curl --silent --fail http://127.0.0.1:8405/metrics")


def test_only_the_gate_is_beside_an_instance(host: t.Any) -> None:
    found = host.check_output(
        "docker network inspect llmfleet-vllm-tiny-offline --format '{{range .Containers}}{{.Name}} {{end}}'"
    )
    assert sorted(found.split()) == ["llmfleet-gate", "llmfleet-vllm-tiny"]


def test_every_file_with_a_secret_is_private(host: t.Any, secrets: dict[str, str], ssh: t.Any) -> None:
    """The patterns go by standard input: in an argument list they would be the leak that this looks for."""
    where = "/opt/llmfleet /etc /root /tmp /var/log --exclude-dir=pgdata"
    found = ssh(f"grep -rlFf - {where} 2>/dev/null", "\n".join(secrets.values())).split()
    assert "/opt/llmfleet/litellm/1/secrets/mounted/environment" in found
    assert "/opt/llmfleet/vllm/tiny/secrets/api_key" in found
    for path in found:
        assert host.file(path).mode == 0o600, path


def test_secret_files_belong_to_their_readers(host: t.Any) -> None:
    assert host.file("/opt/llmfleet/litellm/1/secrets/mounted/environment").uid == 60802
    assert host.file("/opt/llmfleet/gate/secrets/mounted/keys").uid == 60803
    assert host.file("/opt/llmfleet/postgres/secrets/roles.sql").uid == 0
    assert host.file("/opt/llmfleet/vllm/tiny/secrets/api_key").uid == 0
    assert host.file("/opt/llmfleet/vllm/tiny/secrets/serve/environment.json").uid == 60801


def test_no_secret_where_others_look(ssh: t.Any, secrets: dict[str, str], gateway: t.Any) -> None:
    """Arguments, docker inspect, logs, the journal, what every user can read, and what lies in temporary folders."""
    gateway.chat()
    assert at_host(secrets, ssh) == []


def test_the_plain_password_is_not_in_the_database(host: t.Any) -> None:
    columns = "rolname || ' ' || coalesce(left(rolpassword, 14), 'none')"
    query = f"select {columns} from pg_authid where rolcanlogin order by 1"
    found = host.check_output(f'docker exec llmfleet-postgres psql -U postgres -tAc "{query}"')
    owner, login, superuser = found.splitlines()
    assert (owner, superuser) == ("litellm SCRAM-SHA-256$", "postgres none")
    assert re.fullmatch(r"litellm_[0-9a-f]{8} SCRAM-SHA-256\$", login), "each password has a login of its own"
