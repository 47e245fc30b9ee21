# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup that keeps a key in a file, as Ansible runs it."""

from __future__ import annotations

import stat
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader


def look_up(path: Path, variables: dict[str, t.Any] | None = None, **options: t.Any) -> str:
    (key,) = lookup_loader.get("llmfleet.gateway.virtual_key").run([str(path)], variables or {}, **options)
    return str(key)


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "app"
    first = look_up(path)
    assert look_up(path) == first
    assert first.startswith("sk-")
    assert len(first) > 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["app"]


@pytest.mark.parametrize("variables", [{"ansible_check_mode": True}, {"virtual_key_make": False}])
def test_check_mode_of_a_run_and_of_a_task_write_no_key(tmp_path: Path, variables: dict[str, t.Any]) -> None:
    path = tmp_path / "app"
    assert look_up(path, variables).startswith("sk-")
    assert look_up(path, make=False).startswith("sk-")
    assert not path.exists()


@pytest.mark.parametrize("content", ["hello\n", "sk-0123456789abcdef more\n"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "app").write_text(content)
    with pytest.raises(AnsibleLookupError, match="must start with sk-") as caught:
        look_up(tmp_path / "app")
    assert content.strip() not in str(caught.value)
