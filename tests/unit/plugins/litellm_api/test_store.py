# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import FileStore, StoreError, mint

from .scripted import sha


def mode(path: Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_minted_key_is_new_and_long_enough() -> None:
    assert mint() != mint()
    assert mint().startswith("sk-")
    assert len(mint()) >= 40


def test_the_file_is_private_and_read_back(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path / "key"))
    assert store.read() is None
    store.write("sk-0123456789abcdef")
    assert mode(tmp_path / "key") == 0o600
    assert store.holds(sha("sk-0123456789abcdef"))
    assert os.listdir(tmp_path) == ["key"]
    assert store.remove() is True
    assert store.remove() is False


def test_a_file_that_another_run_has_just_made_is_waited_for(tmp_path: Path) -> None:
    """It makes the file first and writes then. A value of one's own in between would be a second key."""
    path = tmp_path / "key"
    path.touch()
    other = threading.Timer(0.3, path.write_text, ["sk-first-0123456789\n"])
    other.start()
    assert FileStore(str(path)).claim("sk-second-0123456789") == "sk-first-0123456789"
    other.join()
    assert path.read_text() == "sk-first-0123456789\n"


def test_the_first_of_two_runs_claims_the_file(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path / "key"))
    assert store.claim("sk-first-0123456789") == "sk-first-0123456789"
    assert store.claim("sk-second-0123456789") == "sk-first-0123456789"
    assert mode(tmp_path / "key") == 0o600


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    assert FileStore(str(tmp_path / "key")).claim("sk-0123456789abcdef") == "sk-0123456789abcdef"


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("root:x:0:0\n")
    for action in ("read", "remove"):
        with pytest.raises(StoreError, match="no LiteLLM key"):
            getattr(FileStore(str(tmp_path / "key")), action)()
    assert (tmp_path / "key").read_text() == "root:x:0:0\n"


def test_a_store_that_cannot_be_written_is_found_out_beforehand(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no directory"):
        FileStore(str(tmp_path / "missing" / "key")).check_writable()
    with pytest.raises(StoreError, match="it is a directory"):
        FileStore(str(tmp_path)).check_writable()
    FileStore(str(tmp_path / "key")).check_writable()


def test_a_directory_is_made_when_only_it_is_missing(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path / "keys" / "app.key"), make_directory=True)
    store.check_writable()
    assert not (tmp_path / "keys").exists()
    store.claim("sk-0123456789abcdef")
    assert mode(tmp_path / "keys") == 0o700
