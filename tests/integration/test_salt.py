# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What LiteLLM has encrypted in its database is found, and another salt key is refused as long as there is any."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from contextlib import suppress

import pytest

from .proxy import REPO, Proxy

PROGRAM = (REPO / "roles/litellm/files/stored_values.py").read_text()
SECRET = "a-secret-of-somebody-0123456789"
OTHER = "sk-another-salt-key-0123456789"


def inside(proxy: Proxy, *command: str, told: str = "") -> subprocess.CompletedProcess[str]:
    container = str(proxy.database).removesuffix("-db")
    words = ["docker", "exec", "-i", container, *command]
    return subprocess.run(words, input=told, check=False, capture_output=True, text=True)


def variable(proxy: Proxy, name: str) -> str:
    return inside(proxy, "printenv", name).stdout.strip()


def asked(proxy: Proxy, salt: str, url: str = "") -> subprocess.CompletedProcess[str]:
    told = f"DATABASE_URL='{url or variable(proxy, 'DATABASE_URL')}'\nLITELLM_SALT_KEY='{salt}'\n"
    return inside(proxy, "python3", "-c", PROGRAM, told=told)


@pytest.fixture(scope="module")
def filled(proxy: Proxy, request: pytest.FixtureRequest) -> Proxy:
    if not proxy.database:
        pytest.fail("a proxy whose container is known is needed: unset LLMFLEET_TEST_LITELLM_URL")
    credential = {"credential_name": "salted", "credential_values": {"api_key": SECRET}, "credential_info": {}}
    proxy.call("POST", "/credentials", credential)
    params = {"model": "openai/gpt-4o", "api_key": SECRET}
    proxy.call("POST", "/model/new", {"model_name": "salted", "litellm_params": params, "model_info": {"id": "salted"}})
    server = {"server_name": "salted", "url": "http://127.0.0.1:9/mcp", "transport": "http", "auth_type": "api_key"}
    proxy.call("POST", "/v1/mcp/server", {**server, "server_id": "salted", "credentials": {"auth_value": SECRET}})
    variables = {"langfuse_secret_key": SECRET, "langfuse_public_key": SECRET}
    logging = [{"callback_name": "langfuse", "callback_type": "success", "callback_vars": variables}]
    team = {"team_id": "salted", "team_alias": "salted", "metadata": {"logging": logging}}
    proxy.call("POST", "/team/new", team)

    def remove() -> None:
        for method, path, body in (
            ("DELETE", "/credentials/salted", None),
            ("POST", "/model/delete", {"id": "salted"}),
            ("DELETE", "/v1/mcp/server/salted", None),
            ("POST", "/team/delete", {"team_ids": ["salted"]}),
        ):
            with suppress(OSError):
                proxy.call(method, path, body)

    request.addfinalizer(remove)
    return proxy


def test_the_list_of_columns_is_that_of_the_release(proxy: Proxy) -> None:
    """A release that encrypts more makes this fail."""
    script = (
        "import json; from litellm.proxy.db.master_key_migration import _SECRET_COLUMNS as c;"
        " print(json.dumps([[x.table, x.column, x.only_rows_with_marked_ciphertexts] for x in c]))"
    )
    said = inside(proxy, "python3", "-c", script)
    known: dict[str, t.Any] = {"__name__": "stored_values"}
    exec(compile(PROGRAM, "stored_values", "exec"), known)  # the file is a program, in no package
    assert [tuple(one) for one in json.loads(said.stdout.splitlines()[-1])] == known["COLUMNS"]


def test_another_key_is_refused_with_what_it_would_lose(filled: Proxy) -> None:
    said = asked(filled, OTHER)
    assert said.returncode == 3, said.stdout + said.stderr
    for column in (
        "LiteLLM_CredentialsTable.credential_values",
        "LiteLLM_ProxyModelTable.litellm_params",
        "LiteLLM_MCPServerTable.credentials",
        "LiteLLM_TeamTable.metadata",
    ):
        assert re.search(rf"{column}: [1-9]", said.stdout), said.stdout
    assert OTHER not in said.stdout and SECRET not in said.stdout


def test_the_key_that_encrypted_it_all_passes(filled: Proxy) -> None:
    said = asked(filled, variable(filled, "LITELLM_SALT_KEY"))
    assert (said.returncode, said.stdout) == (0, ""), said.stdout + said.stderr


def test_a_fresh_database_lets_it_change(proxy: Proxy) -> None:
    create = ["docker", "exec", str(proxy.database), "createdb", "-U", "litellm", "fresh"]
    subprocess.run(create, check=True, capture_output=True)
    url = re.sub(r"/litellm$", "/fresh", variable(proxy, "DATABASE_URL"))
    said = asked(proxy, OTHER, url)
    assert (said.returncode, said.stdout) == (0, ""), said.stdout + said.stderr


def test_a_database_that_is_away_is_a_refusal_without_its_address(proxy: Proxy) -> None:
    said = asked(proxy, OTHER, "postgresql://litellm:a-password-of-it@127.0.0.1:9/litellm")
    assert said.returncode == 4 and "can't be asked" in said.stdout
    assert "a-password-of-it" not in said.stdout + said.stderr
