# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first changed replica beside the others, by what the gates counted."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.modules.gate_statistics import counted
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.canary import compare, judge

Row = dict[str, t.Any]


def row(server: str, requests: int = 0, errors: int = 0, milliseconds: int = 100, backend: str = "m") -> Row:
    return {
        "backend": backend,
        "server": server,
        "requests": requests,
        "errors": errors,
        "milliseconds": milliseconds,
    }


def faults(mine: Row, other: Row, before: tuple[Row, ...] = ()) -> list[str]:
    return judge([list(before)], [[mine, other, row("x", 500, 400, 9000, "other-model")]], [("m", "a")])[0]


@pytest.mark.parametrize(
    ("mine", "words"),
    [
        (row("a", 100, 0), ""),
        (row("a", 100, 1), ""),
        (row("a", 100, 5), "a failed 5 of 100 requests, the others 0 of 200"),
        (row("a", 100, 0, 390), ""),
        (row("a", 100, 0, 500), "a took 500 ms for a request, the others 100 ms"),
        (row("a", 10, 0, 5000), ""),
        (row("a", 0), ""),
    ],
)
def test_beside_others_that_do_well(mine: Row, words: str) -> None:
    assert faults(mine, row("b", 200)) == [words] * bool(words)


def test_errors_that_all_have_are_not_its_own() -> None:
    assert faults(row("a", 100, 10), row("b", 200, 20)) == []


def test_what_was_before_does_not_count() -> None:
    assert faults(row("a", 150, 60), row("b", 300), (row("a", 100, 60), row("b", 100))) == []


def haproxys_mean(times: t.Sequence[float]) -> int:
    """As HAProxy keeps it: of the last 1,024, without keeping them."""
    mean = 0.0
    for count, one in enumerate(times, 1):
        mean += (one - mean) / min(count, 1024)
    return round(mean)


@pytest.mark.parametrize("before", [0, 100, 1000, 1024, 5000])
@pytest.mark.parametrize("after", [40, 400, 3000])
def test_the_time_is_that_of_the_requests_since_then(before: int, after: int) -> None:
    """A mean of HAProxy's has those of before the change in it."""
    times = [100.0] * before + [900.0] * after
    then, now = (row("a", len(some), 0, haproxys_mean(some)) for some in (times[:before], times))
    others = (row("b", 5000), row("b", 5000 + after))
    (fault,), _seen = judge([[then, others[0]]], [[now, others[1]]], [("m", "a")])
    took = int(fault.split(" took ")[1].split(" ")[0])
    assert abs(took - 900) <= 30 and fault.endswith("the others 100 ms")


def test_a_gate_that_was_reloaded_counts_from_nothing() -> None:
    found, seen = judge([[row("a", 1000, 9)]], [[row("a", 30, 0)]], [("m", "a")])
    assert found == [] and seen == ["a: 30 requests, 0 errors, 100 ms; the others of m: 0 requests, 0 errors, 0 ms"]


def test_gateways_are_added_up() -> None:
    found, _seen = judge([[], []], [[row("a", 50, 1)], [row("a", 50, 2)]], [("m", "a")])
    assert found == ["a failed 3 of 100 requests, the others 0 of 0"]


def test_what_haproxy_says() -> None:
    rows = ["# pxname,svname,type,stot,hrsp_5xx,econ,eresp,ttime,"]
    rows += ["m,a,2,7,1,2,3,44,", "m,BACKEND,1,7,1,2,3,44,", "m,b,2,,,,,,"]
    text = "\n".join(rows)
    assert counted(text) == [row("a", 7, 6, 44), row("b", 0, 0, 0)]


# ---- the same questions to it and to another one


BOTH = ", as questions to both say"


def printed(requests: int = 40, errors: int = 0, each: float = 100.0, flat: int = 0, **answers: str) -> str:
    said = answers or {"a": "1", "b": "2"}
    one = {question: {"same_as": text, "flat": number < flat} for number, (question, text) in enumerate(said.items())}
    faults = ["status 500"] * bool(errors)
    return json.dumps(
        {"requests": requests, "errors": errors, "milliseconds": requests * each, "faults": faults, "answers": one}
    )


@pytest.mark.parametrize(
    ("mine", "other", "words"),
    [
        (printed(), printed(), ""),
        (printed(a="9", b="8"), printed(), ""),
        (printed(errors=3), printed(), f"failed 3 of 40 requests, the others 0 of 40{BOTH} (status 500)"),
        (printed(errors=3), printed(errors=3), ""),
        (printed(each=700), printed(), f"took 700 ms for a request, the others 100 ms{BOTH}"),
        (printed(flat=2), printed(), "answers 2 of 2 questions with one character over and over"),
        (printed(flat=2), printed(flat=2), ""),
        ("Error: no such container", printed(), "gave no result of the questions that it was asked"),
        ('{"requests": []}', printed(), "gave no result of the questions that it was asked"),
        (printed(errors=3), "", "failed 3 of 40 requests, the others 0 of 0"),
        (printed(errors=3), None, f"failed 3 of 40 requests, the others 0 of 0{BOTH} (status 500)"),
        (printed(), None, ""),
    ],
)  # fmt: skip
def test_answers_to_the_same_questions(mine: str, other: str | None, words: str) -> None:
    assert compare(mine, other)[0] == [words] * bool(words)


def test_how_many_answers_are_the_same_is_said() -> None:
    each = "40 requests, 0 errors, 100 ms"
    assert compare(printed(a="1", b="2"), printed(a="1", b="3", c="4"))[1] == (
        f"questions to it: {each}; to another one: {each}; 1 of 2 answers are the same"
    )
