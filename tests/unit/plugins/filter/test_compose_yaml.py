# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Compose file reads back as what it was made from, with every dollar sign doubled."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.filter.compose_yaml import compose_yaml


@pytest.mark.parametrize(
    "value",
    [
        "1e-05",
        "null",
        "yes",
        "0644",
        "a: b #c",
        "line\nend",
        "ж😀",
        "- x",
        "{x}",
        "'\"\\",
        "",
        5,
        True,
        None,
        [],
        {},
        ["a", 1],
        [{"a": ["b"]}],
        {"yes": {"5": "x", "a b": []}},
    ],
)
def test_what_goes_in_comes_out(value: t.Any) -> None:
    assert yaml.safe_load(compose_yaml({"services": {"x": value, "on": value}})) == {
        "services": {"x": value, "on": value}
    }


def test_texts_are_quoted_so_that_no_reader_of_yaml_takes_them_for_anything_else() -> None:
    """YAML 1.2 takes 1e5 for a number, YAML 1.1 doesn't: the quotes are what both go by."""
    assert (
        compose_yaml({"a": {"b": "1e5", "c": 5}, "d": [{"e": "no"}]}) == 'a:\n  b: "1e5"\n  c: 5\nd:\n  - {"e": "no"}\n'
    )


def test_dollar_signs_stay() -> None:
    assert yaml.safe_load(compose_yaml({"a": "$X ${Y} $$"}))["a"] == "$$X $${Y} $$$$"
