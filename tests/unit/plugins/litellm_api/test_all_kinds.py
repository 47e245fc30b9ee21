# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every kind, so that a new one needs its table, its module and no other file."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import argspec, desired
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Kind

CHECKOUT = Path(__file__).parents[4]
PACKAGE = CHECKOUT / "plugins" / "module_utils" / "_litellm"
MODULES = "ansible_collections.llmfleet.gateway.plugins.modules."
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)


def test_what_follows_from_the_kinds_is_up_to_date() -> None:
    """The action group of the modules and the table of the documentation."""
    command = [sys.executable, str(CHECKOUT / "scripts" / "kinds.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_other_file_knows_a_kind() -> None:
    """What is odd about a kind is said in its own file."""
    for path in PACKAGE.glob("*.py"):
        assert not re.search(r"kind\.(name|plural|identity) (==|!=|in \()", path.read_text()), path.name


@kinds
def test_a_kind_has_a_module_with_its_options(kind: Kind) -> None:
    module = importlib.import_module(f"{MODULES}litellm_{kind.name}")
    documented = set(yaml.safe_load(module.DOCUMENTATION)["options"])
    spec = set(argspec.object_spec(kind))
    shared = {
        "cascade",
        "previous_name",
        "metadata",
        "metadata_mode",
        "soft_budget",
        "budget_duration",
        "tpm_limit",
        "rpm_limit",
    }
    assert documented - {"state", "store"} - spec == set()
    assert spec - documented - shared == set()


@kinds
def test_no_option_has_the_name_of_one_of_the_connection(kind: Kind) -> None:
    assert not set(argspec.object_spec(kind)) & {*argspec.connection_spec(), "state"}


@kinds
def test_a_kind_is_read_as_a_part_of_a_state(kind: Kind) -> None:
    item: dict[str, t.Any] = {kind.identity: "x", "state": "absent"}
    assert desired.read({kind.plural: [item]}, "o", b"k")[kind.plural][0].identity == "x"
    assert desired.mistakes({kind.plural: [{**item, "no_such_option": 1}]})


@kinds
def test_the_words_of_a_table_fit_each_other(kind: Kind) -> None:
    names = [field.name for field in kind.fields]
    assert len(names) == len(set(names))
    assert kind.annotations is None or kind.annotations in names
    for reference in kind.references:
        assert reference.field in names
        assert reference.kind in KINDS
    for field in kind.fields:
        assert not (field.rule and field.own_call), field.name
        assert bool(field.update or kind.restored) >= bool(field.also_written), field.name
    order = list(KINDS)
    assert all(order.index(reference.kind) < order.index(kind.plural) for reference in kind.references)


def test_the_documentation_of_many_kinds_lists_none() -> None:
    """A list of kinds in there would have to be kept by hand."""
    for name in ("litellm_state", "litellm_info"):
        documentation = importlib.import_module(MODULES + name).DOCUMENTATION
        assert sum(f"C({plural})" in documentation for plural in KINDS) < 4
