# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets by their places, templated at the moment they are asked for."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.llmfleet.gateway.plugins.lookup.secret_values import LookupModule

VARIABLES = {
    "llm_external_models": [
        {"litellm_params": {"api_key": trust_as_template("{{ vault_key }}"), "raw": "{{ not_trusted }}"}}
    ],
    "vault_key": "sk-0123",
}


def values(term: dict[str, list[t.Any]]) -> dict[str, t.Any]:
    lookup = LookupModule(loader=DataLoader(), templar=Templar(loader=DataLoader(), variables=VARIABLES))
    return lookup.run([term], variables=VARIABLES)[0]


def test_values_by_their_places() -> None:
    place = ["llm_external_models", 0, "litellm_params"]
    assert values({"A": [*place, "api_key"], "B": [*place, "raw"]}) == {"A": "sk-0123", "B": "{{ not_trusted }}"}


@pytest.mark.parametrize("place", [["missing"], ["llm_external_models", 1], ["llm_external_models", 0, "x", "y"]])
def test_a_place_that_is_gone_is_named_without_a_value(place: list[t.Any]) -> None:
    with pytest.raises(AnsibleLookupError, match="is gone since the fleet was computed"):
        values({"A": place})
