# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that are written, what they never overwrite, and what a move does."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.template import is_trusted_as_template
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import moving, project
from deployed import FOLDER, MASTER, Deployment

KEYS = [("default", VaultSecret(b"open"))]


def written(folder: Path, old: Deployment, keys: project.Keys = (), check_mode: bool = False) -> dict[str, list[str]]:
    found = old.translated()
    return project.write(folder, project.texts_of(found, FOLDER, ""), found, keys, check_mode)


def test_secrets_are_private_and_nowhere_else(tmp_path: Path) -> None:
    told = written(tmp_path, Deployment())
    assert told == {"written": [project.SECRETS, project.DECLARATION, project.REPORT], "kept": []}
    assert (tmp_path / project.SECRETS).stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load((tmp_path / project.SECRETS).read_text())["litellm_master_key"] == MASTER
    assert MASTER not in (tmp_path / project.DECLARATION).read_text() + (tmp_path / project.REPORT).read_text()


def test_with_a_vault_password_they_are_encrypted(tmp_path: Path) -> None:
    written(tmp_path, Deployment(), KEYS)
    text = (tmp_path / project.SECRETS).read_text()
    assert text.startswith("$ANSIBLE_VAULT") and MASTER in VaultLib(KEYS).decrypt(text).decode()
    assert written(tmp_path, Deployment(), KEYS)["kept"] == [project.SECRETS, project.DECLARATION]


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    assert written(tmp_path / "new", Deployment(), check_mode=True)["written"]
    assert not (tmp_path / "new").exists()


def test_what_the_user_changed_stays(tmp_path: Path) -> None:
    written(tmp_path, Deployment())
    (tmp_path / project.DECLARATION).write_text("llm_models: []\n")
    assert project.DECLARATION in written(tmp_path, Deployment())["kept"]
    assert (tmp_path / project.DECLARATION).read_text() == "llm_models: []\n"


def test_a_project_of_other_secrets_is_refused_without_a_word_of_them(tmp_path: Path) -> None:
    written(tmp_path, Deployment())
    other = Deployment().replace(".env", MASTER, "sk-" + "n" * 40)
    with pytest.raises(project.ProjectError, match="other values of litellm_master_key") as refused:
        written(tmp_path, other)
    assert "nnn" not in str(refused.value)


def test_an_encrypted_file_needs_its_password(tmp_path: Path) -> None:
    written(tmp_path, Deployment(), KEYS)
    with pytest.raises(project.ProjectError, match="give its vault password"):
        written(tmp_path, Deployment())


OTHER_SIGNS = "#jinja2:variable_start_string:'[[',variable_end_string:']]'\n[[ lookup('pipe', 'id') ]]"


@pytest.mark.parametrize("text", ["{{ lookup('pipe', 'id') }}", "{% raw %}", "a{#b", "two\n{{ lines }}", OTHER_SIGNS])
def test_what_looks_like_a_template_is_none(tmp_path: Path, text: str) -> None:
    old = Deployment().replace("config.yaml", "drop_params: true", "drop_params: PLACE")
    found = old.translated()
    found.variables["litellm_settings"]["drop_params"] = text
    path = tmp_path / "main.yml"
    path.write_text(project.declaration(found, FOLDER))
    held = DataLoader().load_from_file(str(path), trusted_as_template=True)["litellm_settings"]["drop_params"]
    assert held == text and not is_trusted_as_template(held)


def test_how_the_server_is_reached_comes_along() -> None:
    text = project.connection({"ansible_port": 2222, "ansible_password": "secret", "ansible_host": "x"})
    assert yaml.safe_load(text) == {"ansible_port": 2222}
    assert project.connection({"ansible_host": "x"}) == ""


# ---- the move

HOST = {
    "preflight": {"root": "/opt/llmfleet"},
    "postgres": {
        "projects": [
            {
                "vars": {
                    "postgres_instance": {
                        "compose": {"services": {"postgres": {"image": "postgres:17"}}},
                        "user": {"identifier": '"lite""llm"'},
                        "database": {"identifier": '"proxy"'},
                    }
                }
            }
        ]
    },
    "vllm": {"projects": [{"vars": {"vllm_instance": {"compose": {"services": {"vllm": {"image": "vllm:1"}}}}}}]},
}
TOLD: dict[str, t.Any] = {
    "containers": [{"name": "llm-db-1"}, {"name": "llm-litellm-1"}],
    "database": {"service": "db", "name": "old", "user": "llm", "container": "llm-db-1"},
}


def test_a_move_says_from_where_to_where() -> None:
    plan = moving.planned(TOLD, HOST, "", FOLDER)
    assert plan["transfer"] == {
        "source": {"container": "llm-db-1", "user": "llm", "database": "old"},
        "target": {"container": "llmfleet-postgres", "owner": 'lite"llm', "database": "proxy"},
        "path": "/opt/llmfleet/adopted/proxy.dump",
    }
    assert plan["images"] == ["postgres:17", "vllm:1"]
    assert plan["memory"] == "/opt/llmfleet/adopted/containers.json"
    assert "Stop llm-db-1, llm-litellm-1; they stay" in " ".join(plan["will"])


def test_a_dump_stands_for_the_database() -> None:
    plan = moving.planned(TOLD, HOST, "/srv/x.dump", FOLDER)
    assert plan["transfer"]["dump"] == "/srv/x.dump" and "source" not in plan["transfer"]


def test_a_database_elsewhere_is_not_moved() -> None:
    told = {**TOLD, "database": {"service": "", "name": "x", "user": "y", "container": ""}}
    assert moving.planned(told, {"preflight": {"root": "/x"}}, "", FOLDER)["transfer"] == {}
