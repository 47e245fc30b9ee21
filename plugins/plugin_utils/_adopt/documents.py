# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML as its readers take it, with the line of every key: Docker Compose reads YAML 1.2, LiteLLM YAML 1.1.

compose.py and proxy.py use it.
"""

from __future__ import annotations

import re
import typing as t

import yaml

Path = tuple[t.Any, ...]
#: Anchors may multiply; nothing that people write comes near.
MOST_NODES = 100_000


#: What PyYAML raises beside its own for a text that is none of its kind, such as 2024-13-45, or !!bool with a word.
_NO_VALUE = (ValueError, KeyError, AttributeError)
#: Of Compose. Another text behind a ! may be a secret that should have been in quotes.
_TAGS = ("!reset", "!override")


class DocumentError(ValueError):
    """Not read; where, and why."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(f"{where}: {text}")
        self.where, self.text = where, text


class Document(t.NamedTuple):
    """What a file holds, and the line of each of its keys and entries."""

    name: str
    data: dict[str, t.Any]
    lines: dict[Path, int]

    def where(self, *path: t.Any) -> str:
        """FILE:LINE and the key; the line of what is around it where it has none of its own."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        return f"{self.name}:{line} {key}".rstrip()


#: YAML 1.2's core schema: yes and 22:22 are texts.
_Core: type[yaml.SafeLoader] = type("_Core", (yaml.SafeLoader,), {"yaml_implicit_resolvers": {}})

for _tag, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):
    _Core.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_form})\Z"), [*_first.replace("\0", ""), ""]
    )


def read(text: str, name: str, core: bool) -> Document:
    try:
        data, lines = _loaded((_Core if core else yaml.SafeLoader)(text), name)
    except yaml.YAMLError as error:
        raise DocumentError(*_told(error, name)) from error
    except RecursionError:
        raise DocumentError(f"{name}:1", "is nested too deep to be read; is it the right file?") from None
    if not isinstance(data, dict):
        raise DocumentError(f"{name}:1", "is no mapping of keys; is it the right file?")
    return Document(name, data, lines)


def _loaded(loader: yaml.SafeLoader, name: str) -> tuple[t.Any, dict[Path, int]]:
    reader = _Reader(loader, name)
    try:
        node = loader.get_single_node()
        return (reader.built(node, ()) if node else {}), reader.lines
    finally:
        loader.dispose()


def scalar(text: str) -> t.Any:
    """A value of a command line as YAML has it; what is like a date and none is text, as all that YAML can't make a value of."""
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, *_NO_VALUE):
        return text
    return found if isinstance(found, (int, float, bool)) else text


def _told(error: yaml.YAMLError, name: str) -> tuple[str, str]:
    """Without the line itself, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    where = f"{name}:{mark.line + 1}" if mark else name
    problem = getattr(error, "problem", None) or "it has a character that YAML does not allow"
    if "alias" in problem or "anchor" in problem:
        problem = "a * or & at the beginning of a value that is no alias or anchor; put the value in quotes"
    return where, f"is no YAML ({problem}); mend it"


class _Reader:
    def __init__(self, loader: yaml.SafeLoader, name: str) -> None:
        self.loader, self.name = loader, name
        self.lines: dict[Path, int] = {}
        self.open: list[int] = []
        self.count = 0

    def built(self, node: yaml.Node, path: Path) -> t.Any:
        self._check(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self.open.append(id(node))
        found = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self.open.pop()
        return found

    def _check(self, node: yaml.Node) -> None:
        line = node.start_mark.line + 1
        self.count += 1
        if id(node) in self.open:
            raise DocumentError(f"{self.name}:{line}", "an anchor holds itself; take it out")
        if self.count > MOST_NODES:
            raise DocumentError(
                f"{self.name}:{line}", f"its anchors make more than {MOST_NODES} entries; is it the right file?"
            )
        if not node.tag.startswith("tag:yaml.org,2002:"):
            raise DocumentError(
                f"{self.name}:{line}",
                f"{node.tag if node.tag in _TAGS else 'a tag (a value that begins with !)'} is not read; put a value in quotes, or write the"
                " file out (docker compose config > flat.yml) and give that one",
            )

    def _scalar(self, node: yaml.ScalarNode) -> t.Any:
        try:
            return self.loader.construct_object(node, deep=True)
        except _NO_VALUE as error:
            raise DocumentError(
                f"{self.name}:{node.start_mark.line + 1}", "a value is none of its kind; put it in quotes"
            ) from error

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, t.Any]:
        own = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        twice = next((key for place, key in enumerate(own) if key in own[:place]), None)
        if twice is not None:
            line = node.start_mark.line + 1
            raise DocumentError(
                f"{self.name}:{line}", f"the key {twice} stands twice in the mapping that begins here; keep one"
            )
        self.loader.flatten_mapping(node)
        found = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise DocumentError(f"{self.name}:{key.start_mark.line + 1}", "a key is no text; write it as one")
            place = (*path, key.value)
            self.lines[place] = key.start_mark.line + 1
            found[key.value] = self.built(value, place)
        return found

    def _sequence(self, node: yaml.Node, path: Path) -> list[t.Any]:
        found = []
        for index, entry in enumerate(node.value):
            self.lines[(*path, index)] = entry.start_mark.line + 1
            found.append(self.built(entry, (*path, index)))
        return found
