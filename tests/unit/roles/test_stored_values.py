# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values of the database a salt key would lose. tests/integration sees that LiteLLM's ciphertexts are read."""

from __future__ import annotations

import base64
import io
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import litellm
from rendering import ROLES, loaded, make_fleet, make_host

program = loaded("litellm/files/stored_values.py")
OLD, NEW = "salt-of-before", "salt-of-now"


def ciphertext(key: str, mark: str = "") -> str:
    """A stand-in: 40 bytes that say whose they are."""
    return mark + base64.urlsafe_b64encode(key.encode().ljust(44, b".")).decode()


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "opens", lambda _scheme, content, key: content.startswith(key.encode()))


@pytest.mark.parametrize(
    ("values", "running", "lost"),
    [
        # A fresh database, or one with nothing encrypted in it.
        ([], OLD, {}),
        (
            [
                ("a.b", "plain text"),
                ("a.b", "gpt-4o"),
                ("a.b", "https://example.com/a/path/that/is/long/enough/for/it"),
            ],
            OLD,
            {},
        ),
        # What the key of before reads would be lost, whatever the new one reads.
        (
            [("a.b", ciphertext(OLD)), ("a.b", ciphertext(NEW)), ("c.d", ciphertext(OLD, "litellm_enc::"))],
            OLD,
            {"a.b": 1, "c.d": 1},
        ),
        # Another text of the alphabet is no reason to refuse where the key of before is known to have made none.
        ([("a.b", "0123456789abcdef" * 4), ("a.b", ciphertext(NEW))], OLD, {}),
        # Restored or adopted: no key ran here before.
        ([("a.b", ciphertext(OLD)), ("a.b", ciphertext(OLD))], "", {"a.b": 2}),
        ([("a.b", ciphertext(OLD)), ("a.b", ciphertext(NEW))], "", {}),
    ],
)
def test_what_would_be_lost(values: list[tuple[str, str]], running: str, lost: dict[str, int]) -> None:
    assert program.judged(values, NEW, running) == lost


def test_texts_at_any_depth_and_in_json() -> None:
    assert sorted(program.texts({"a": ["x", {"b": "y"}], "c": 5, "d": '{"e": ["z"]}', "f": "{no json"})) == [
        "x",
        "y",
        "z",
        "{no json",
    ]


def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, salt: str, running: str, values: t.Any) -> tuple[int, str]:
    folder = tmp_path / "environment"
    if running:
        folder.write_text(f"LITELLM_SALT_KEY='{running}'\n")
    said = io.StringIO()

    async def stored(url: str) -> t.Any:
        assert url == "postgresql://a:b%2Fc@postgres/litellm"
        if isinstance(values, Exception):
            raise values
        return values

    monkeypatch.setattr(program, "RUNNING", str(folder))
    monkeypatch.setattr(program, "stored", stored)
    monkeypatch.setattr(
        "sys.stdin", io.StringIO(f"DATABASE_URL=postgresql://a:b%2Fc@postgres/litellm\nLITELLM_SALT_KEY='{salt}'\n")
    )
    monkeypatch.setattr("sys.stdout", said)
    try:
        program.main()
    except SystemExit as ended:
        return int(str(ended.code)), said.getvalue()
    return 0, said.getvalue()


def test_the_database_is_asked_about_another_key_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = AssertionError("asked")
    assert asked(monkeypatch, tmp_path, "a $one", "", []) == (0, "")
    (tmp_path / "environment").write_text("LITELLM_SALT_KEY=same\n")
    assert asked(monkeypatch, tmp_path, "same", "", broken) == (0, "")


def test_a_refusal_names_columns_and_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status, text = asked(monkeypatch, tmp_path, NEW, OLD, [("LiteLLM_Config.param_value", ciphertext(OLD))])
    assert status == program.LOST and "LiteLLM_Config.param_value: 1" in text and "set litellm_salt_key back" in text
    assert OLD not in text and NEW not in text


def test_a_database_that_does_not_answer_refuses_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status, text = asked(monkeypatch, tmp_path, NEW, OLD, ConnectionError("postgresql://a:b%2Fc@postgres/litellm"))
    assert status == program.UNKNOWN and "b%2Fc" not in text and "ConnectionError" in text


def test_no_secret_is_an_argument() -> None:
    fleet = make_fleet(make_host())
    found = litellm.view(fleet, fleet.hosts["gpu1"])["salt"]
    assert found["command"][-2:] == ["--entrypoint", "python3"] and "llmfleet-db" in found["command"]
    task = yaml.safe_load((ROLES / "litellm/tasks/salt.yml").read_text())[0]
    assert task["no_log"] and "environment.j2" in task["ansible.builtin.command"]["stdin"]


def test_a_database_elsewhere_is_asked_from_litellms_own_network() -> None:
    fleet = make_fleet(make_host(postgres_mode="external", postgres_host="db.example.com"))
    command = litellm.view(fleet, fleet.hosts["gpu1"])["salt"]["command"]
    assert command[command.index("--network") + 1] == "llmfleet"
