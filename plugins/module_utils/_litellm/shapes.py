# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that Ansible's conversion would take for something else: it makes a text of a dictionary, of yes and of nothing. Pure; desired.py
uses it. No fault repeats the value, in which a secret may be.
"""

from __future__ import annotations

import math
import typing as t

from ansible.module_utils.common.validation import check_type_bool, check_type_float, check_type_int

_CONVERT: dict[str, t.Callable[[t.Any], t.Any]] = {
    "int": check_type_int,
    "float": check_type_float,
    "bool": check_type_bool,
}
_NAMES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}


def fault(option: t.Mapping[str, t.Any], value: t.Any) -> str:
    """What stands behind the option's name in a message; empty where the conversion can be left to Ansible."""
    kind = option.get("type", "str")
    if value is None:
        return ""
    if kind in _NAMES:
        return _of_one(kind, value)
    if kind == "list" and isinstance(value, (list, tuple)) and option.get("elements") in _NAMES:
        return next(
            (f"[{place}]{found}" for place, one in enumerate(value) if (found := _of_one(option["elements"], one))), ""
        )
    if kind == "dict" and option.get("options"):
        if not isinstance(value, dict):
            return " must be a dictionary"
        return "" if all(isinstance(name, str) for name in value) else " has a name that is no text"
    return ""


def _of_one(kind: str, value: t.Any) -> str:
    if value is None:
        return f" is empty; write {_NAMES[kind]}, or take it out"
    if isinstance(value, (dict, list, tuple)):
        return f" must be {_NAMES[kind]}, not {'a dictionary' if isinstance(value, dict) else 'a list'}"
    if kind == "str":
        # 1.10 is 1.1 by now.
        said = "true or false" if isinstance(value, bool) else "a number"
        return f" is {said} to YAML; write it in quotes" if isinstance(value, (bool, float)) else ""
    return "" if _converts(kind, value) else f" must be {_NAMES[kind]}"


def _converts(kind: str, value: t.Any) -> bool:
    try:
        return math.isfinite(_CONVERT[kind](value))  # .inf and .nan are in no JSON
    except (TypeError, ValueError, OverflowError):
        return False
