# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what follows from the kinds of LiteLLM objects: the action group of their modules, a table of the docs.

.venv/bin/python scripts/kinds.py [--check]
"""

from __future__ import annotations

import argparse
import sys
import typing as t
from pathlib import Path

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import BUDGET, KINDS, Field, Kind
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds._table import NEVER, is_limit_of_budget

CHECKOUT = Path(__file__).resolve().parents[1]
RUNTIME, DOCUMENT = CHECKOUT / "meta" / "runtime.yml", CHECKOUT / "docs" / "litellm-objects.md"
GROUP = "  litellm:\n"
BEGIN, END = "<!-- begin: scripts/kinds.py -->\n", "<!-- end -->\n"
RIGHTS_BEGIN = "<!-- begin: rights, scripts/kinds.py -->\n"
RIGHTS_HEAD = (
    "| in `llm_state` | `allowed_routes` | and to see whom it would reach | and what it names |\n|---|---|---|---|\n"
)
REFERENCES_BEGIN = "<!-- begin: references, scripts/kinds.py -->\n"
REFERENCES_HEAD = "| in `llm_state` | names |\n|---|---|\n"
HEAD = "| in `llm_state` | module | found by | marker in | can't be cleared |\n|---|---|---|---|---|\n"


def texts() -> dict[Path, str]:
    """The files as they should be."""
    return {RUNTIME: runtime(RUNTIME.read_text()), DOCUMENT: document(DOCUMENT.read_text())}


def runtime(text: str) -> str:
    modules = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("litellm_*.py"))
    before, _found, after = text.partition(GROUP)
    rest = after.splitlines(keepends=True)
    while rest and rest[0].startswith("    - "):
        rest.pop(0)
    return before + GROUP + "".join(f"    - {name}\n" for name in modules) + "".join(rest)


def document(text: str) -> str:
    text = _table(text, BEGIN, HEAD + "".join(row(kind) for kind in KINDS.values()))
    text = _table(text, REFERENCES_BEGIN, REFERENCES_HEAD + "".join(references(kind) for kind in KINDS.values()))
    return _table(text, RIGHTS_BEGIN, RIGHTS_HEAD + "".join(rights(kind) for kind in KINDS.values()))


def _table(text: str, begin: str, table: str) -> str:
    before, rest = text.split(begin)
    return before + begin + table + END + rest.split(END, 1)[1]


def routes(kind: Kind) -> list[str]:
    """What a key has to be allowed to call for objects of the kind."""
    listing, writes = kind.listing, [kind.create, kind.update, kind.delete]
    writes += [field.own_call for field in kind.fields if field.own_call]
    writes += [call for field in kind.fields if field.rule for call in field.rule.writes]
    paths = [listing.path, listing.detail or "", *(write.path for write in writes), *kind.more_routes]
    # LiteLLM takes a star at the end, and placeholders only by its own names for them.
    return list(dict.fromkeys(_route(path.split("?")[0]) for path in paths if path))


def looked_at(kind: Kind) -> list[str]:
    """What it has to be allowed to read besides: whose objects a deletion, or a limit in a budget, would reach."""
    reached: list[str] = []
    todo = [*kind.cascades, *(BUDGET.cascades if any(is_limit_of_budget(field) for field in kind.fields) else ())]
    while todo:
        cascade = todo.pop(0)
        other = KINDS[cascade.kind]
        reached.append(other.listing.path)
        todo += () if cascade.stays else other.cascades
    return [path for path in dict.fromkeys(reached) if path not in routes(kind)]


def references(kind: Kind) -> str:
    """The options that name other objects, and which."""
    named = [f"`{kind.identity}`: {kind.names}"] if kind.names else []
    named += [one for field in kind.fields for one in _named_by(field, field.name)]
    return f"| `{kind.plural}` | {', '.join(named)} |\n" if named else ""


def _named_by(field: Field, where: str) -> list[str]:
    by = f" by {' or '.join(f'`{name}`' for name in field.refers_by)}" if field.refers_by else ""
    named = [f"`{where}`: {field.refers}{by}"] if field.refers else []
    places = field.refers_in.places if field.refers_in else {}
    named += [f"`{'.'.join((where, place)) if place else where}`: {plural}" for place, plural in places.items()]
    return named + [one for part in field.parts for one in _named_by(part, f"{where}.{part.name}")]


def named(kind: Kind) -> list[str]:
    """What it has to be allowed to read where the object names others of these kinds."""
    kinds = [kind.names] if kind.names else []
    for field in (one for item in kind.fields for one in (item, *item.parts)):
        kinds += [field.refers, field.makes, *(field.refers_in.places.values() if field.refers_in else ())]
    targets = [KINDS[plural] for plural in dict.fromkeys(kinds) if plural and not KINDS[plural].enterprise]
    paths = dict.fromkeys(target.listing.path for target in targets)
    return [path for path in paths if path not in (*routes(kind), *looked_at(kind))]


def _route(path: str) -> str:
    before, placeholder, _after = path.partition("{id}")
    return f"{before}*" if placeholder else path


def rights(kind: Kind) -> str:
    columns = (routes(kind), looked_at(kind), named(kind))
    lists = (", ".join(f"`{path}`" for path in paths) for paths in columns)
    return f"| `{kind.plural}` | {' | '.join(lists)} |\n"


def row(kind: Kind) -> str:
    fixed = [f"`{field.name}`" for field in kind.fields if field.clear == NEVER and not field.create_only]
    marker = f"`{kind.annotations}`" if kind.annotations else "no room: never pruned"
    cells = (
        f"`{kind.plural}`" + (" (licence)" if kind.enterprise else ""),
        f"`litellm_{kind.name}`",
        f"`{kind.identity}`",
        marker,
        ", ".join(fixed) or "",
    )
    return "| " + " | ".join(cells) + " |\n"


def outdated() -> list[str]:
    return [str(path.relative_to(CHECKOUT)) for path, text in texts().items() if path.read_text() != text]


def main(arguments: t.Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Action group and table of the kinds of LiteLLM's objects")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is outdated")
    if parser.parse_args(arguments).check:
        for name in outdated():
            print(f"{name} is outdated: run scripts/kinds.py")
        return 1 if outdated() else 0
    for path, text in texts().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
