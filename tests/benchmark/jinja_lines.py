# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the lines of Jinja that decide something, in roles/ and playbooks/: what is not tested as Python is.

    python tests/benchmark/jinja_lines.py [CHECKOUT]

A line counts when it belongs to an expression or statement that is more than the name of a value: a filter, a test, an
operator, a call, a literal. In tasks the conditions (when, that, until, failed_when, changed_when) are expressions too.
tests/unit/test_house.py uses the same reader.
"""

from __future__ import annotations

import re
import sys
import typing as t
from collections import Counter
from pathlib import Path

import yaml

CONDITIONS = frozenset(("when", "that", "until", "failed_when", "changed_when"))
BLOCK = re.compile(r"\{\{-?\+?(.*?)-?\+?\}\}|\{%-?\+?(.*?)-?\+?%\}", re.DOTALL)
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
NAME = re.compile(r"[\w.]+(\[\s*[\w.]+\s*\])*$")
#: Statements that only end or part what another began.
BARE = re.compile(r"(end\w+|else)$")
PLACES = ("vars", "defaults", "tasks", "handlers", "templates")


class Loader(yaml.SafeLoader):
    """Reads tags such as !unsafe as if they weren't there: what they mark is no Jinja."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def blocks(text: str) -> t.Iterator[str]:
    """The expressions and statements in a text, without their braces."""
    for found in BLOCK.finditer(COMMENT.sub("", text)):
        yield "".join(group for group in found.groups() if group is not None).strip()


def decides(expression: str) -> bool:
    return not NAME.match(expression) and not BARE.match(expression)


def lines_of(expression: str) -> int:
    return len([line for line in expression.splitlines() if line.strip()])


def expressions(path: Path) -> t.Iterator[str]:
    """Every expression of a file of YAML or of a template."""
    if path.suffix == ".j2":
        yield from blocks(path.read_text())
    else:
        # A folded text is one line to YAML, so the lines are those of the file.
        node = yaml.compose(path.read_text(), Loader=Loader)
        yield from of_node(node, "", path.read_text().splitlines())


def of_node(node: yaml.Node | None, key: str, source: list[str]) -> t.Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from of_node(value, str(name.value), source)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from of_node(value, key, source)
    elif isinstance(node, yaml.ScalarNode) and not node.tag.startswith("!"):
        text = written(node, source)
        if key in CONDITIONS and "{{" not in text:
            yield text
        else:
            yield from blocks(text)


def written(node: yaml.ScalarNode, source: list[str]) -> str:
    """A scalar as it stands in the file, over as many lines as there."""
    begin, end = node.start_mark, node.end_mark
    if node.style in (">", "|"):
        return "\n".join(source[begin.line + 1 : end.line])
    if begin.line == end.line:
        return source[begin.line][begin.column : end.column]
    return "\n".join(
        [source[begin.line][begin.column :], *source[begin.line + 1 : end.line], source[end.line][: end.column]]
    )


def files(root: Path) -> t.Iterator[Path]:
    for place in PLACES:
        for pattern in ("*.yml", "*.j2"):
            yield from sorted(root.glob(f"roles/*/{place}/**/{pattern}"))
    yield from sorted(root.glob("playbooks/**/*.yml"))


def place_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).parts
    return parts[2] if parts[0] == "roles" else parts[0]


def count(root: Path) -> tuple[Counter[str], Counter[str]]:
    """Lines by place (vars, tasks, …) and by role."""
    by_place: Counter[str] = Counter()
    by_role: Counter[str] = Counter()
    for path in files(root):
        lines = sum(lines_of(found) for found in expressions(path) if decides(found))
        parts = path.relative_to(root).parts
        by_place[place_of(path, root)] += lines
        by_role[parts[1] if parts[0] == "roles" else "playbooks"] += lines
    return by_place, by_role


def main(root: Path) -> None:
    by_place, by_role = count(root)
    for table in (by_place, by_role):
        print("  ".join(f"{name} {lines}" for name, lines in table.most_common() if lines))
    print(f"lines of Jinja logic: {by_place.total()}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
