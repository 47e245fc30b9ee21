# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that takes no values from outside mints each key itself, and shows it once."""

from __future__ import annotations

import typing as t
from contextlib import ExitStack
from pathlib import Path

import pytest

from . import openbao
from . import proxy as proxies
from .harness import run, succeed
from .proxy import Proxy
from .test_stores import ALIAS, decrypted, keys, play, works


@pytest.fixture(scope="module")
def minting() -> t.Iterator[Proxy]:
    with ExitStack() as stack:
        yield stack.enter_context(proxies.in_containers("litellm", "  disable_custom_api_keys: true\n"))


def test_it_refuses_values_from_outside(minting: Proxy) -> None:
    assert "403" in run(minting, "litellm_key", key_alias=ALIAS, key="sk-minting-0123456789")["msg"]
    assert not keys(minting)


def test_the_value_goes_into_a_file_on_the_host_and_rotates(minting: Proxy, tmp_path: Path) -> None:
    options: dict[str, t.Any] = {"key_alias": ALIAS, "store": {"file": str(tmp_path / "key")}}
    succeed(minting, "litellm_key", **options)
    first = (tmp_path / "key").read_text().strip()
    assert works(minting, first)
    assert succeed(minting, "litellm_key", **options, rotate={"generation": 2})["operation"] == "rotate"
    second = (tmp_path / "key").read_text().strip()
    assert first != second
    assert works(minting, first)
    assert works(minting, second)
    assert succeed(minting, "litellm_key", **options, rotate={"generation": 2})["changed"] is False
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    succeed(minting, "litellm_key", **options, state="absent")


@pytest.mark.parametrize("kind", ["file", "vault"])
def test_the_value_arrives_on_the_controller_and_is_never_shown(
    minting: Proxy, bao: openbao.Bao, tmp_path: Path, kind: str
) -> None:
    vault = {"hashicorp_vault": {"url": bao.url, "token": bao.token, "path": "minted"}}
    store = vault if kind == "vault" else {"controller_file": str(tmp_path / "key"), "vault_id": "prod"}

    def stored() -> str:
        if kind == "file":
            return decrypted(tmp_path / "key")
        return str(bao.call("GET", "secret/data/minted")["data"]["data"]["key"])

    fine, result, shown = play(minting, tmp_path, "litellm_key", key_alias=ALIAS, store=store)
    assert fine, result
    raw = stored()
    assert works(minting, raw)
    assert raw not in shown
    assert play(minting, tmp_path, "litellm_key", key_alias=ALIAS, store=store)[1]["changed"] is False
    rotated = play(minting, tmp_path, "litellm_key", key_alias=ALIAS, store=store, rotate={"generation": 2})
    assert rotated[1]["operation"] == "rotate"
    successor = stored()
    assert successor != raw
    assert works(minting, successor)
    assert successor not in rotated[2]
    assert play(minting, tmp_path, "litellm_key", key_alias=ALIAS, store=store, state="absent")[1]["changed"] is True
    assert not keys(minting)


def test_many_values_arrive_on_the_controller(minting: Proxy, tmp_path: Path) -> None:
    aliases = [f"{ALIAS}-{number}" for number in range(3)]
    store = {"controller_directory": str(tmp_path / "keys"), "vault_id": "prod"}
    desired = {"keys": [{"key_alias": alias} for alias in aliases]}
    fine, result, shown = play(minting, tmp_path, "litellm_state", desired=desired, key_store=store)
    assert fine, result
    raws = [decrypted(tmp_path / "keys" / f"{alias}.key") for alias in aliases]
    assert len(set(raws)) == 3
    assert all(works(minting, raw) for raw in raws)
    assert not any(raw in shown for raw in raws)
