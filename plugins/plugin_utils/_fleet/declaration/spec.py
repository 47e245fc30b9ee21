# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types, choices and required variables, as the roles' argument specs say and with Ansible's own conversion.

Used by check.py. It is stricter than Ansible in three points, each of which hides a mistake: true or false is no number,
a list or dictionary is no text, and a path is not expanded on the controller.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml
from ansible.module_utils.common.validation import (
    check_type_bool,
    check_type_dict,
    check_type_float,
    check_type_int,
    check_type_list,
    check_type_str,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import shown
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.names import meant

Option = t.Mapping[str, t.Any]
Options = t.Mapping[str, Option]
#: What is wrong, and where inside of the variable.
Fault = tuple[str, str]

NAMES = {
    "bool": "true or false",
    "dict": "a dictionary",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "text",
}
_MISSING = object()
#: No variable means more, and .inf means nothing that could be written down.
LARGEST = 2**63
#: The one in C reads all the roles in a tenth of the time.
_LOADER: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_specs(collection: Path) -> dict[str, Options]:
    """The options of the main entry point of every role of a collection."""
    found = {}
    for path in sorted(collection.glob("roles/*/meta/argument_specs.yml")):
        specs = yaml.load(path.read_text(), Loader=_LOADER)["argument_specs"]
        found[path.parents[1].name] = (specs.get("main") or {}).get("options") or {}
    return found


def judge(option: Option, value: t.Any, where: str = "") -> tuple[t.Any, list[Fault]]:
    """The converted value and what is wrong with it. A null is left to the caller."""
    kind = option.get("type", "str")
    if kind == "str" and option.get("no_log") and isinstance(value, int):
        return value, [(where, _wrong_type(option, value, kind))]
    try:
        converted = _CONVERT[kind](value)
    except (TypeError, ValueError, OverflowError):
        return value, [(where, _wrong_type(option, value, kind))]
    choices = option.get("choices")
    # Those of a list are for its elements.
    if choices and kind != "list" and converted not in choices:
        return value, [(where, f"{_shown(option, value)} is no choice{meant(str(converted), choices)}")]
    if kind == "list":
        return _judge_elements(option, converted, where)
    if kind == "dict" and option.get("options"):
        return _judge_options(option["options"], converted, where)
    return converted, []


def _wrong_type(option: Option, value: t.Any, kind: str) -> str:
    if kind in ("str", "path") and isinstance(value, (bool, int)):
        return f"{_shown(option, value)} is not text to YAML, which may have made it of another; write it in quotes"
    default = option.get("default")
    example = f" such as {default}, the default" if default not in (None, "", {}, []) and kind != "bool" else ""
    return f"{_shown(option, value)} is not {NAMES.get(kind, kind)}; write {NAMES.get(kind, kind)}{example}"


def _shown(option: Option, value: t.Any) -> str:
    """Text in the place of a dictionary may hold anything, so it is not repeated either."""
    if option.get("type") == "dict" and isinstance(value, str):
        return "text"
    return "its value" if option.get("no_log") else shown(value)


def _judge_elements(option: Option, values: list[t.Any], where: str) -> tuple[t.Any, list[Fault]]:
    one = {key: option[key] for key in ("options", "no_log", "choices") if key in option}
    one["type"] = option.get("elements", "raw")
    judged = [judge(one, value, f"{where}[{index}]") for index, value in enumerate(values)]
    return [found for found, _faults in judged], [fault for _found, faults in judged for fault in faults]


def _judge_options(options: Options, value: dict[t.Any, t.Any], where: str) -> tuple[t.Any, list[Fault]]:
    faults = [(where, f"has no option {name}{meant(str(name), options)}") for name in value if name not in options]
    converted = dict(value)
    for name, option in options.items():
        part = value.get(name, _MISSING)
        if part in (_MISSING, None):
            faults += [(where, f"{name} is missing")] if option.get("required") else []
            continue
        converted[name], found = judge(option, part, f"{where}.{name}")
        faults += found
    return converted, faults


# ---- conversion


def _number(convert: t.Callable[[t.Any], t.Any]) -> t.Callable[[t.Any], t.Any]:
    def converted(value: t.Any) -> t.Any:
        if isinstance(value, bool):
            raise TypeError("true or false")
        found = convert(value)
        if not -LARGEST < found < LARGEST:  # .nan is neither
            raise ValueError("no number that a program takes")
        return found

    return converted


def _text(value: t.Any) -> str:
    if isinstance(value, (dict, list, tuple, bool)):  # what was yes or off in YAML is another text by now
        raise TypeError("no text")
    # A text stays the object that it is: whether it is a template still hangs on that.
    return value if isinstance(value, str) else str(check_type_str(value))


_CONVERT: dict[str, t.Callable[[t.Any], t.Any]] = {
    "bool": check_type_bool,
    "dict": check_type_dict,
    "float": _number(check_type_float),
    "int": _number(check_type_int),
    "list": check_type_list,
    "path": _text,
    "raw": lambda value: value,
    "str": _text,
}
