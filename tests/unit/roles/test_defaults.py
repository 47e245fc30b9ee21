# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role accepts its own defaults: Ansible validates them like anything that a user writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

CHECKOUT = Path(__file__).parents[3]
ROLES = sorted(path.parents[1] for path in CHECKOUT.glob("roles/*/meta/argument_specs.yml"))
KEYS = ("type", "elements", "choices", "options")


def spec_of(options: dict[str, Any]) -> dict[str, Any]:
    """The part of a role's specification that judges a value."""
    found = {}
    for name, option in options.items():
        found[name] = {key: value for key, value in option.items() if key in KEYS}
        if "options" in option:
            found[name]["options"] = spec_of(option["options"])
    return found


def is_template(value: Any) -> bool:
    return "{{" in str(value)


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_the_defaults_pass_the_roles_own_specification(role: Path) -> None:
    options = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text()) or {}
    assert set(defaults) <= set(options), "a default that the specification does not know"
    plain = {name: value for name, value in defaults.items() if not is_template(value)}
    assert not ArgumentSpecValidator(spec_of(options)).validate(plain).error_messages


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_the_specification_tells_the_defaults_as_they_are(role: Path) -> None:
    """The file of defaults is their one home; the specification shows them, and a required variable has none."""
    options = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text()) or {}
    told = {name: option["default"] for name, option in options.items() if "default" in option}
    plain = {name: value for name, value in defaults.items() if value is not None and not is_template(value)}
    assert told == plain
    assert [name for name, option in options.items() if option.get("required") and name in defaults] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_every_entry_point_has_a_specification(role: Path) -> None:
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
    called = {
        found
        for path in [*CHECKOUT.glob("playbooks/**/*.yml"), *CHECKOUT.glob("roles/*/tasks/*.yml")]
        for found in re.findall(rf"name: llmfleet[.]gateway[.]{role.name}\n +tasks_from: (\w+)", path.read_text())
    }
    assert called - set(specs) == set()


def test_a_role_that_reads_the_fleet_requires_it() -> None:
    """Applied alone, it ends with the name of what is missing, before any task on a host."""
    for role in ROLES:
        read = any("llm_fleet.hosts[inventory_hostname]" in path.read_text() for path in role.rglob("*.yml"))
        options = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
        if read and role.name not in ("llm", "gateway_state"):
            assert options["llm_fleet"]["required"], role.name
            assert "llmfleet.gateway.llm" in options["llm_fleet"]["description"]


def test_templates_use_no_default_of_another_role() -> None:
    """Each has a play of its own, in which others' defaults are unknown. Where llm_ca_key is used, it is required."""
    owner = {
        name: path.parts[-3]
        for path in (CHECKOUT / "roles").glob("*/defaults/main.yml")
        for name in yaml.safe_load(path.read_text()) or {}
        if name != "llm_ca_key"
    }
    strange = []
    for path in [*CHECKOUT.glob("roles/*/templates/*"), *CHECKOUT.glob("roles/*/vars/*.yml")]:
        used = set(re.findall(r"(?<![\w.])([a-z]\w+)\b(?!\s*\|\s*default)(?!\s*:)", path.read_text()))
        strange += [f"{path}: {name}" for name in used if owner.get(name, path.parts[-3]) != path.parts[-3]]
    assert strange == []
