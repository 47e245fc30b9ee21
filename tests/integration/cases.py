# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases by kind of object, and how many of them pass: a table from what pytest reports.

    .venv/bin/pytest --junitxml=report.xml tests/integration/…
    .venv/bin/python -m tests.integration.cases report.xml [report.xml …]

A case belongs to the kind whose module or plural name it is given; what concerns several kinds is counted by itself.
"""

from __future__ import annotations

import re
import sys
import typing as t
import xml.etree.ElementTree as ET
from collections import Counter

from . import conftest

SEVERAL = "several kinds at once"


def kind_of(name: str, kinds: t.Mapping[str, str]) -> str:
    """The kind that stands in a case's name: in its brackets by its module or plural, or in words."""
    head, _bracket, parameters = name.partition("[")
    module = re.search(r"litellm_([a-z_]+)", parameters)
    if module and module.group(1) in kinds:
        return kinds[module.group(1)]
    for words in (parameters, head):
        found = [plural for word, plural in kinds.items() if re.search(rf"(^|[^a-z]){word}s?([^a-z]|$)", words)]
        if found:
            return max(found, key=len)
    return SEVERAL


def table(reports: t.Sequence[str], kinds: t.Mapping[str, str]) -> str:
    cases, passing = Counter[str](), Counter[str]()
    for report in reports:
        for case in ET.parse(report).getroot().iter("testcase"):
            kind = kind_of(str(case.get("name")), kinds)
            cases[kind] += 1
            passing[kind] += not any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
    rows = [f"| {kind} | {cases[kind]} | {passing[kind]} |" for kind in sorted(cases, key=lambda k: (k == SEVERAL, k))]
    total = f"| all | {cases.total()} | {passing.total()} |"
    return "\n".join(["| kind | cases | passing |", "|---|---|---|", *rows, total])


def main(reports: t.Sequence[str]) -> None:
    conftest.collections_path()
    from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS

    names = {kind.name: plural for plural, kind in KINDS.items()}
    print(table(reports, {**names, **{plural: plural for plural in KINDS}}))


if __name__ == "__main__":
    main(sys.argv[1:])
