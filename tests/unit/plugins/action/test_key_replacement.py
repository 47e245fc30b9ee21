# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which declared keys get a new value, and that the new one is beside the old one until LiteLLM knows it."""

from __future__ import annotations

import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.llmfleet.gateway.plugins.action.key_replacement import ActionModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.annotations import MARKER
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.replacing import (
    COUNTED,
    GIVEN,
    NEW,
    NO_STORE,
    Choice,
    choices,
    named,
)

FOUND = [
    *({"key_alias": alias, "metadata": {}} for alias in ("file", "given", "counted")),
    {"key_alias": "stored", "metadata": {MARKER: {"generation": 3}}},
]
LOOKUP = "{{ lookup('llmfleet.gateway.virtual_key', folder ~ '/one') }}"


def chosen(entry: dict[str, t.Any], stored: bool = True) -> Choice:
    (found,) = choices([entry], FOUND, stored)
    return found


def test_where_a_new_value_comes_from() -> None:
    assert chosen({"key_alias": "file", "key": LOOKUP}).path == "folder ~ '/one'"
    assert chosen({"key_alias": "file"}).generation == 2
    assert chosen({"key_alias": "stored"}).generation == 4


@pytest.mark.parametrize(
    ("entry", "stored", "why"),
    [
        ({"key_alias": "given", "key": "sk-given-by-hand-0001"}, True, GIVEN),
        ({"key_alias": "given", "key": "{{ vault_key }}"}, True, GIVEN),
        ({"key_alias": "counted", "rotate": {"generation": 2}}, True, COUNTED),
        ({"key_alias": "stored"}, False, NO_STORE),
        ({"key_alias": "to-come", "key": LOOKUP}, True, NEW),
    ],
)
def test_what_stays_and_why(entry: dict[str, t.Any], stored: bool, why: str) -> None:
    assert chosen(entry, stored).why == why
    with pytest.raises(ValueError, match="stays"):
        named([chosen(entry, stored)], [entry["key_alias"]])
    assert named([chosen(entry, stored)], []) == []


def test_a_key_that_nobody_declared_is_refused_and_one_that_goes_is_left_alone() -> None:
    with pytest.raises(ValueError, match="other is no key of llm_state"):
        named([chosen({"key_alias": "stored"})], ["other"])
    assert choices([{"key_alias": "stored", "state": "absent"}, {"models": []}], FOUND, True) == []


def action(folder: Path, args: dict[str, t.Any], check: bool = False) -> dict[str, t.Any]:
    keys: list[dict[str, t.Any]] = [
        {"key_alias": "file", "models": ["{{ model }}"], "key": LOOKUP},
        {"key_alias": "given", "key": "sk-by-hand"},
    ]
    variables = {"folder": str(folder), "model": "tiny", "inventory_hostname": "gw"}
    raw = {"llm_state": {"keys": [{**one, "models": [trust_as_template("{{ model }}")]} for one in keys]}}
    hostvars = SimpleNamespace(raw_get=lambda _host: raw)
    module: t.Any = ActionModule.__new__(ActionModule)
    module._task = SimpleNamespace(args=args, check_mode=check, async_val=0)
    module._templar = Templar(loader=DataLoader(), variables=variables)
    module._vars = {**variables, "hostvars": hostvars}
    if "files" in args:
        return t.cast("dict[str, t.Any]", module._put(args["files"]))
    return t.cast("dict[str, t.Any]", module._begun({"aliases": [], "grace": "2h", "found": FOUND, **args}))


def test_the_new_value_waits_beside_the_old_one_and_a_run_that_was_cut_off_goes_on_with_it(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("sk-old\n")
    begun = action(tmp_path, {})
    (key,) = begun["desired"]["keys"]
    assert key["rotate"] == {"grace": "2h"} and key["models"] == ["tiny"] and key["key"].startswith("sk-")
    assert begun["files"] == [str(tmp_path / "one")] and begun["stays"] == {"given": GIVEN}
    assert (tmp_path / "one").read_text() == "sk-old\n"
    assert (tmp_path / "one.next").stat().st_mode & 0o777 == 0o600
    assert action(tmp_path, {})["desired"] == begun["desired"]
    assert action(tmp_path, {"files": begun["files"]})["changed"]
    assert (tmp_path / "one").read_text().strip() == key["key"] and not (tmp_path / "one.next").exists()
    assert not action(tmp_path, {"files": begun["files"]})["changed"]


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("sk-old\n")
    assert action(tmp_path, {}, check=True)["aliases"] == ["file"]
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_what_is_refused_is_returned_since_the_task_hides_what_is_raised(tmp_path: Path, monkeypatch: t.Any) -> None:
    module: t.Any = ActionModule.__new__(ActionModule)
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda _self, _tmp, _vars: {})
    monkeypatch.setattr(
        module, "validate_argument_spec", lambda *_args, **_more: (None, {"files": None}), raising=False
    )
    monkeypatch.setattr(ActionModule, "_begun", lambda _self, _args: named([], ["other"]))
    said = module.run(task_vars={})
    assert said["failed"]
    assert "other is no key of llm_state" in said["msg"]
