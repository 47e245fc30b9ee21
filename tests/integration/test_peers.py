# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users of other tools declare, led through our modules, llm_state and the export on the real proxy."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds._table import SECRETS, SUBSET

from . import named
from .harness import Result, change, succeed
from .peers import CASES, Case, Options, around
from .proxy import Proxy
from .states import gone

NAMES = {"fallbacks": "px-large", "mcp_servers": "px_case", "pass_through_endpoints": "/px-case"}
RAW = "sk-peers-0123456789abcdef"
#: What another option says, so that it is not in what a run says it changed.
MEANT = {"access_group_names": "access_group_ids", "key_alias": "token"}
NOT_EXPORTED = {"teams"}  # of a user: the team says it
NOT_SHOWN: dict[str, Options] = {"jwt_key_mappings": {"key_alias": "px-key-1"}}  # and so to be filled in


@pytest.fixture(scope="module")
def there(proxy: Proxy) -> t.Iterator[None]:
    made = around()
    succeed(proxy, "litellm_state", desired=made)
    yield
    left = {plural: [{**item, **named.cascade(plural)} for item in items] for plural, items in gone(made).items()}
    succeed(proxy, "litellm_state", desired=left)


class Object:
    """The object of one case: what was said of it until now."""

    def __init__(self, proxy: Proxy, case: Case) -> None:
        self.proxy, self.case, self.kind = proxy, case, KINDS[case.kind]
        self.module = f"litellm_{self.kind.name}"
        self.name: Options = {self.kind.identity: NAMES.get(case.kind, "px-case")}
        self.said: Options = {}

    def say(self, step: Options) -> Result:
        done = change(self.proxy, self.module, **self.name, **step)
        for option, value in step.items():
            self.said[option] = self._with(option, value)
        return done

    def _with(self, option: str, value: t.Any) -> t.Any:
        """The parts of some options stay where they are not named."""
        field, before = self.kind.by_name.get(option), self.said.get(option)
        merged = field and (field.compare in (SUBSET, SECRETS) or option in ("metadata", self.kind.annotations))
        return {**before, **value} if merged and isinstance(before, dict) and isinstance(value, dict) else value

    def adopted(self) -> None:
        """llm_state makes a mark of its own on it, and nothing else."""
        done = succeed(self.proxy, "litellm_state", desired={self.case.kind: [{**self.name, **self.said}]})
        assert all(one["changed_fields"] == ["owner"] for one in done["operations"]), done["diff"]

    def stands(self, **said: t.Any) -> None:
        """By the module and by llm_state nothing is left to do."""
        options = {**self.name, **(said or self.said)}
        by_module = succeed(self.proxy, self.module, **options)
        assert not by_module["changed"], by_module["diff"]
        by_state = succeed(self.proxy, "litellm_state", desired={self.case.kind: [options]}, check=True)
        assert not by_state["changed"], by_state["diff"]

    def exported(self) -> Options:
        name = next(iter(self.name.values()))
        answer = succeed(self.proxy, "litellm_info", kinds=[self.case.kind], names=[name])
        (found,) = answer["desired"][self.case.kind]
        assert "secret-value" not in json.dumps(answer.data)
        return {option: filled(value, self.said.get(option)) for option, value in found.items()}

    def gone(self) -> None:
        change(self.proxy, self.module, **self.name, state="absent", **named.cascade(self.case.kind))


def filled(value: t.Any, said: t.Any) -> t.Any:
    """An exported value with what was said in the places of its secrets."""
    if isinstance(value, dict):
        return {k: filled(v, said.get(k) if isinstance(said, dict) else None) for k, v in value.items()}
    if isinstance(value, list):
        return [
            filled(one, said[i] if isinstance(said, list) and i < len(said) else None) for i, one in enumerate(value)
        ]
    return said if isinstance(value, str) and value.startswith("{{ vault_") else value


def shown(done: Result, step: Options) -> None:
    """What changed is named, and no secret is told."""
    assert "secret-value" not in json.dumps(done.data)
    assert set(done["changed_fields"]) == {MEANT.get(option, option) for option in step}
    assert done["diff"]["before"] != done["diff"]["after"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(proxy: Proxy, there: None, case: Case) -> None:
    one = Object(proxy, case)
    succeed(proxy, one.module, **one.name, state="absent", **named.cascade(case.kind))
    first = {**case.steps[0], **({"key": RAW} if case.kind == "keys" else {})}
    assert one.say(first)["operation"] == "create"
    one.adopted()
    one.stands()
    for step in case.steps[1:]:
        shown(one.say(step), step)
        one.stands()
    found = one.exported()
    one.stands(**found)
    one.gone()
    change(proxy, "litellm_state", desired={case.kind: [{**found, **NOT_SHOWN.get(case.kind, {})}]})
    one.stands(**{option: value for option, value in one.said.items() if option not in NOT_EXPORTED})
    one.gone()
