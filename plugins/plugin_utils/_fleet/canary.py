# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the first changed replica of a model does as well as the others, by what the gates counted of clients' requests meanwhile, and
by the same questions to it and to another one. Pure; the action plugin fleet calls it.
"""

from __future__ import annotations

import json
import typing as t

#: Fewer requests than these say nothing of a share or a mean.
FEW = 20
#: What may be chance: errors at all, and how much more of them, or of time, than the others have.
ERRORS, SHARE = 2, 0.02
FACTOR, MILLISECONDS = 1.5, 250.0
#: HAProxy's times are means of a server's last requests, so many at most (TIME_STATS_SAMPLES).
SAMPLES = 1024

#: The share of answers of one repeated character that another replica does not give.
FLAT = 0.5

#: Of a server that was not there before.
NONE: t.Mapping[str, t.Any] = {"requests": 0, "errors": 0, "milliseconds": 0}

Rows = t.Sequence[t.Mapping[str, t.Any]]
Target = tuple[str, str]


class Counts(t.NamedTuple):
    requests: int = 0
    errors: int = 0
    time: float = 0.0  # of all the requests together

    def plus(self, other: Counts) -> Counts:
        return Counts(self.requests + other.requests, self.errors + other.errors, self.time + other.time)

    @property
    def share(self) -> float:
        return self.errors / self.requests if self.requests else 0.0

    @property
    def mean(self) -> float:
        return self.time / self.requests if self.requests else 0.0


def judge(
    before: t.Sequence[Rows], after: t.Sequence[Rows], canaries: t.Iterable[Target]
) -> tuple[list[str], list[str]]:
    """Faults, and what was seen; one entry of before and after for each gateway."""
    counts: dict[Target, Counts] = {}
    for old, new in zip(before, after):
        for target, one in _between(old, new).items():
            counts[target] = counts.get(target, Counts()).plus(one)
    faults, seen = [], []
    for backend, server in canaries:
        mine = counts.get((backend, server), Counts())
        others = Counts()
        for target, one in counts.items():
            others = others.plus(one) if target[0] == backend and target[1] != server else others
        seen.append(f"{server}: {_words(mine)}; the others of {backend}: {_words(others)}")
        faults += [f"{server} {fault}" for fault in _faults(mine, others)]
    return faults, seen


def _between(old: Rows, new: Rows) -> dict[Target, Counts]:
    """A gate that was reloaded in between began to count anew."""
    then = {(row["backend"], row["server"]): row for row in old}
    found = {}
    for row in new:
        target = (row["backend"], row["server"])
        former = then.get(target, NONE)
        former = NONE if row["requests"] < former["requests"] else former
        requests = row["requests"] - former["requests"]
        found[target] = Counts(requests, max(0, row["errors"] - former["errors"]), requests * _mean(former, row))
    return found


def _mean(former: t.Mapping[str, t.Any], row: t.Mapping[str, t.Any]) -> float:
    """Milliseconds of the requests in between: what HAProxy says has those of before in it, of the former container too."""
    before, after = former["requests"], row["requests"]
    if after <= before:
        return 0.0
    old = min(before, SAMPLES) / min(after, SAMPLES) * (1 - 1 / SAMPLES) ** max(0, after - max(before, SAMPLES))
    return max(0.0, (row["milliseconds"] - former["milliseconds"] * old) / (1 - old))


def _faults(mine: Counts, others: Counts) -> t.Iterator[str]:
    if mine.errors >= ERRORS and mine.share > others.share + SHARE:
        yield f"failed {mine.errors} of {mine.requests} requests, the others {others.errors} of {others.requests}"
    if min(mine.requests, others.requests) >= FEW and mine.mean > others.mean * FACTOR + MILLISECONDS:
        yield f"took {mine.mean:.0f} ms for a request, the others {others.mean:.0f} ms"


class Probes(t.NamedTuple):
    """What the program ask.py said of a replica."""

    counts: Counts
    answers: dict[str, str]
    flat: int
    fault: str = ""


def compare(mine: str, other: str | None) -> tuple[list[str], str]:
    """Faults, and what was seen; each is what the program printed. Without another replica only whether it answers is judged."""
    own, beside = printed(mine), printed(other) if other is not None else Probes(Counts(), {}, 0)
    if own is None:
        return ["gave no result of the questions that it was asked"], "questions to it: no result"
    if beside is None:
        return list(
            _faults(own.counts, Counts())
        ), f"questions to it: {_words(own.counts)}; the other one gave no result"
    faults = [f"{fault}, as questions to both say" for fault in _faults(own.counts, beside.counts)]
    faults = [f"{fault} ({own.fault})" if own.fault else fault for fault in faults]
    if own.answers and own.flat / len(own.answers) >= FLAT > beside.flat / max(1, len(beside.answers)):
        faults.append(f"answers {own.flat} of {len(own.answers)} questions with one character over and over")
    both = own.answers.keys() & beside.answers.keys()
    same = sum(own.answers[question] == beside.answers[question] for question in both)
    words = f"questions to it: {_words(own.counts)}; to another one: {_words(beside.counts)}"
    return faults, f"{words}; {same} of {len(both)} answers are the same"


def printed(text: str) -> Probes | None:
    """None of what is no such line: the program was cut off, or its container is gone."""
    try:
        read = json.loads(text)
        counts = Counts(int(read["requests"]), int(read["errors"]), float(read["milliseconds"]))
        answers = {str(question): str(said["same_as"]) for question, said in read["answers"].items()}
        flat = sum(bool(said["flat"]) for said in read["answers"].values())
        return Probes(counts, answers, flat, "; ".join(map(str, read["faults"]))[:300])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _words(counts: Counts) -> str:
    return f"{counts.requests} requests, {counts.errors} errors, {counts.mean:.0f} ms"
