# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values at the edges, of every option of every kind, from the tables: what check mode promises is done, once.

A value is either refused in check mode already, and then nothing is written; or it is kept, and a second run changes
nothing.
"""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import Field, Kind

from .harness import run, succeed
from .proxy import Proxy
from .test_objects import LIVES, Life, Options
from .test_what_is_not_named import KIND_OF, WITH, changeable

pytestmark = pytest.mark.usefixtures("named")
BY_TYPE: dict[str, list[t.Any]] = {
    "int": [0, 1, 2**31 - 1, 2**31, 2**53, -1],
    "float": [0, 0.1, 1e-9, 1e15, 3, -0.5, float("inf")],
    "bool": [True, False],
    "str": ["x", " x ", "", "ü/?#&%"],
    "list": [["b", "a"], ["a", "a"], [], [""]],
    "dict": [{"a": 1}, {"a": None}, {"a": {"b": [1, None, {"c": []}]}}, {}, {"": ""}, {1: 2}],
}
DURATIONS = ["1s", "90m", "24h", "7d", "2w", "1mo", "30days", "1.5h", "0d", ""]
# Their values are something of their own, and tried where that is.
TRIED_ELSEWHERE = {
    "members_with_roles",
    "attachments",
    "object_permission",
    "litellm_params",
    "credential_values",
    "teams",
}


def values_of(field: Field) -> list[t.Any]:
    if field.choices:
        return [*field.choices, "no-such-choice"]
    if field.duration:
        return DURATIONS
    if field.parts:
        return [[], [{}]]
    return BY_TYPE[field.type]


def options_of(life: Life) -> list[Field]:
    return [field for field in changeable(life, KIND_OF[life.module]) if field.name not in TRIED_ELSEWHERE]


CASES = [(life, field.name) for life in LIVES for field in options_of(life)]


@pytest.fixture(scope="module")
def made(proxy: Proxy, named: None) -> t.Iterator[t.Callable[[Life], None]]:
    """One object of a kind, as it is in the life of that kind."""
    there: set[str] = set()

    def make(life: Life) -> None:
        if life.module not in there:
            succeed(proxy, life.module, **life.name, state="absent")
            succeed(proxy, life.module, **life.name, **life.create)
            there.add(life.module)

    yield make
    for life in LIVES:
        succeed(proxy, life.module, **life.name, state="absent")


@pytest.mark.parametrize(("life", "name"), CASES, ids=lambda case: case if isinstance(case, str) else case.module)
def test_a_value_is_refused_before_or_kept(proxy: Proxy, made: t.Callable[[Life], None], life: Life, name: str) -> None:
    made(life)
    kind: Kind = KIND_OF[life.module]
    together = next((group for group in kind.required_together if name in group), ())
    with_it: Options = {**WITH.get(name, {}), **{one: life.create[one] for one in together if one in life.create}}
    wrong = [
        said
        for value in values_of(kind.by_name[name])
        if (said := broken_promise(proxy, life, {**with_it, name: value}))
    ]
    back: Options = {name: life.create.get(name)}
    run(proxy, life.module, **life.name, **back)
    assert not wrong, "\n".join(wrong)


def broken_promise(proxy: Proxy, life: Life, options: Options) -> str:
    foreseen = run(proxy, life.module, **life.name, **options, check=True)
    done = run(proxy, life.module, **life.name, **options)
    if foreseen.failed:
        return "" if done.failed and not done.wrote else f"{options}: refused in check mode only"
    if done.failed:
        return f"{options}: promised, then {done['msg']}"
    if foreseen["changed_fields"] != done["changed_fields"]:
        return f"{options}: {foreseen['changed_fields']} promised, {done['changed_fields']} done"
    again = run(proxy, life.module, **life.name, **options)
    return f"{options}: changed again, {again.data}" if again.failed or again["changed"] else ""
