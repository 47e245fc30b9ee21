# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user wrote about one object, in one form, and what is wrong with it before any proxy is asked.

Pure. Wanted is made here only, for a module's options and for an entry of a state alike.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
import re
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ansible.module_utils.common.validation import (
    check_type_bool,
    check_type_float,
    check_type_int,
    check_type_list,
    check_type_str,
)

from . import prices, values
from .kinds._table import DIGEST, LIFETIME, Field, Kind
from .transport import HEADER_VALUE

# In these options every number is a limit, however deep it stands.
LIMITS = re.compile(r"(_limits?|_budget|_per_model)$")
# The same in the parameters of models, where every other number may be what it likes.
WHOLE = ("rpm", "tpm")
NUMERIC = (*WHOLE, "timeout", "stream_timeout", "max_retries", "num_retries", "cooldown_time", "order", "weight")
TEXTS = ("model", "api_base", "api_key", "api_version", "base_model", "custom_llm_provider", "litellm_credential_name")
ELSEWHERE = "os.environ/"  # LiteLLM reads such a text from its environment
LIMITED = re.compile(r"(_limit|_budget)$")
NUL = "\0"
DURATIONS = ("budget_duration", "time_period")
CHECKS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "str": check_type_str,
    "int": check_type_int,
    "float": check_type_float,
    "bool": check_type_bool,
    "list": check_type_list,
}
VALUES: dict[str, tuple[str, type]] = {
    "int": ("a whole number", int),
    "str": ("a text", str),
    "list": ("a list of texts", list),
}
NUMBERS: dict[str, t.Any] = {"int": int, "float": (int, float)}


@dataclass(frozen=True)
class Wanted:
    """What the user wrote about one object: only the options that were given, null where null was given."""

    identity: str
    given: t.Mapping[str, t.Any]
    state: str = "present"
    replace_metadata: bool = False
    renew_before: str | None = None
    owner: str | None = None
    rotate: t.Mapping[str, t.Any] | None = None
    previous: str | None = None  # the name that it may still have
    twin: bool = False  # another one of its name is declared, and their ids tell them apart
    cascade: bool = False  # whether what LiteLLM deletes along with it may go, whosever it is
    named: t.Mapping[str, t.Any] = field(default_factory=dict)  # what the user named instead of giving its id
    fingerprint_key: bytes = field(default=b"", repr=False)


def wanted_of(
    kind: Kind,
    params: t.Mapping[str, t.Any],
    given: t.Collection[str],
    *,
    owner: str | None = None,
    fingerprint_key: bytes = b"",
) -> Wanted:
    """The object of options that have passed the argument spec; `given` are those that the user wrote."""
    return Wanted(
        identity=params[kind.identity],
        given={item.name: normal(item, params[item.name]) for item in kind.fields if item.name in given},
        state=params["state"],
        replace_metadata=params.get("metadata_mode") == "replace",
        renew_before=params.get("renew_before"),
        rotate=params.get("rotate"),
        previous=params.get("previous_name"),
        cascade=bool(params.get("cascade")),
        named={ref.option: params[ref.option] for ref in kind.references if ref.option in given},
        owner=owner if kind.annotations else None,
        fingerprint_key=fingerprint_key,
    )


def given_fields(kind: Kind, wanted: Wanted) -> tuple[Field, ...]:
    """The fields that were given, in the order of the table. Thousands of objects have the same few options."""
    shape = (kind.plural, frozenset(wanted.given))
    if shape not in _SHAPES:
        _SHAPES[shape] = tuple(item for item in kind.fields if item.name in wanted.given)
    return _SHAPES[shape]


_SHAPES: dict[tuple[str, frozenset[str]], tuple[Field, ...]] = {}


def normal(item: Field, value: t.Any) -> t.Any:
    """A structure as it comes back from the proxy: names are texts in JSON, prices are numbers, parts have their types."""
    if isinstance(value, dict):
        value = _text_names(value)
        value = {name: _as_value(item, part) for name, part in value.items()} if item.values else value
        return prices.with_numbers(value) if item.parameters else value
    if not isinstance(value, list):
        return value
    if all(isinstance(part, str) for part in value):
        return value if item.ordered else list(dict.fromkeys(value))
    if item.parts:
        return [_typed(item, entry) for entry in value]
    return [normal(item, part) for part in value]


def _as_value(item: Field, value: t.Any) -> t.Any:
    """A number where a text is wanted, as YAML has it in headers, and a text that is a number where one is wanted."""
    if item.values == "str" and isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if item.values == "int" and isinstance(value, str) and re.fullmatch(r"[0-9]+", value):
        return int(value)
    return value


def _typed(item: Field, entry: t.Any) -> t.Any:
    """An entry whose parts have the types that the options of a module have; what fits none stays, to be named."""
    if not isinstance(entry, dict):
        return entry
    types = {part.name: part.type for part in item.parts}
    return {name: _of_type(types.get(str(name)), value) for name, value in _text_names(entry).items()}


def _of_type(type: str | None, value: t.Any) -> t.Any:
    if value is None or type not in CHECKS:
        return value
    try:
        return CHECKS[type](value)
    except (TypeError, ValueError):
        return value


def _text_names(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {_text_name(name): _text_names(part) for name, part in value.items()}
    return [_text_names(part) for part in value] if isinstance(value, list) else value


def _text_name(name: t.Any) -> str:
    return name if isinstance(name, str) else json.dumps(name)


def mistakes(kind: Kind, wanted: Wanted) -> list[str]:
    """Everything that is wrong with an object by itself; who makes a Wanted asks. What is to be absent may say what it likes."""
    if wanted.state == "absent":
        return []
    found = [wrong for item in given_fields(kind, wanted) for wrong in _wrong(item, wanted.given[item.name])]
    if wanted.renew_before is not None:
        found += _wrong_duration("renew_before", wanted.renew_before)
    found += kind.faults(wanted.identity, wanted.given)
    if wanted.rotate is not None:
        found += _wrong_duration("rotate.grace", wanted.rotate["grace"], zero=True)
    return [f"{kind.name} {wanted.identity!r}: {wrong}" for wrong in found]


def has_one_of(characters: t.Collection[str], value: t.Any) -> bool:
    """Whether one of these characters is in a text, however deep that stands."""
    if isinstance(value, str):
        return any(character in value for character in characters)
    if isinstance(value, dict):
        return any(has_one_of(characters, part) for pair in value.items() for part in pair)
    return any(has_one_of(characters, part) for part in value) if isinstance(value, list) else False


def _wrong(item: Field, value: t.Any) -> list[str]:
    if value is None:
        return []
    if has_one_of(NUL, value):
        return [f"{item.name}: LiteLLM keeps no text with a NUL in it"]
    if item.choices and any(one not in item.choices for one in (value if isinstance(value, list) else [value])):
        return [f"{item.name} must be one of {', '.join(item.choices)}, not {value!r}"]
    if item.duration and not (item.compare == LIFETIME and value in values.FOREVER):
        return _wrong_duration(item.name, value)
    if item.compare == DIGEST and not HEADER_VALUE.fullmatch(value):
        return [f"{item.name} is empty, or has white space, a line end or other characters than printable ASCII in it"]
    if isinstance(value, str):
        return []
    if item.parts:
        return _wrong_entries(item, value)
    if item.known_parts and isinstance(value, dict):
        strange = [f"{item.name}: {unknown(name, item.known_parts)}" for name in value if name not in item.known_parts]
        if strange:
            return strange
    wrong = _wrong_values(item, value) + _out_of_range(item, item.name, value)
    wrong = wrong or _wrong_inside(item.name, value, _is_limit(item.type, item.name))
    return wrong or (_wrong_parameters(item.name, value) if item.parameters else [])


def _wrong_values(item: Field, value: t.Any) -> list[str]:
    """Of a dictionary whose values have one type."""
    if not item.values or not isinstance(value, dict):
        return []
    wrong = [
        f"{item.name}.{name} must be {VALUES[item.values][0]}" for name, one in value.items() if not _fits(item, one)
    ]
    return wrong + [said for name, one in value.items() for said in _out_of_range(item, f"{item.name}.{name}", one)]


def _fits(item: Field, value: t.Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, VALUES[str(item.values)][1]):
        return False
    return not isinstance(value, list) or all(isinstance(part, str) for part in value)


def _out_of_range(item: Field, name: str, value: t.Any) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int):
        return []
    if item.least is not None and 0 <= value < item.least:
        return [f"{name} must be {item.least} or more"]
    return [f"{name} must not be above {item.most}"] if value > item.most else []


def _wrong_parameters(name: str, value: t.Mapping[str, t.Any]) -> list[str]:
    """Prices and limits by their names, also those that are written as text."""
    found = []
    for part, one in value.items():
        number = values.as_number(one)
        if wrong := _wrong_kind(part, one, number):
            found.append(f"{name}.{part} must be {wrong}")
        elif part in DURATIONS and one is not None:
            found += _wrong_duration(f"{name}.{part}", one)
        elif number is not None and not math.isfinite(number):
            found.append(f"{name}.{part} must be a number, not {one}; leave it out for none")
        elif part in WHOLE and number is not None and not str(one).isdigit():
            found.append(f"{name}.{part} must be a whole number")
        elif number is not None and number < 0 and (prices.is_price(part) or LIMITED.search(part)):
            found.append(f"{name}.{part} must not be below zero")
    return found


def _wrong_kind(part: str, value: t.Any, number: float | None) -> str:
    """What the value must be, where it is something else: LiteLLM refuses it, or makes a model that it then can't load."""
    if value is None or (isinstance(value, str) and value.startswith(ELSEWHERE)):
        return ""
    if part in TEXTS and not isinstance(value, str):
        return "a text"
    if part == "tags" and not isinstance(value, list):
        return "a list"
    return (
        "a number" if number is None and (part in NUMERIC or prices.is_price(part)) and not _is_structure(value) else ""
    )


def _is_structure(value: t.Any) -> bool:
    return isinstance(value, (dict, list))


@functools.cache
def _is_limit(type: str, name: str) -> bool:
    return type in ("int", "float") or bool(LIMITS.search(name))


def _wrong_duration(name: str, value: t.Any, zero: bool = False) -> list[str]:
    try:
        length = values.seconds(value)
    except (ValueError, AttributeError, TypeError):
        return [f"{name}: {value!r} is no duration: write a number and s, m, h, d, w or mo, such as 30d"]
    return [] if length or zero else [f"{name}: {value!r} is no time at all"]


def _wrong_entries(item: Field, value: t.Any) -> list[str]:
    """Of a list of entries: names that no entry has, and values that are wrong by themselves."""
    known = {part.name: part for part in item.parts}
    found = []
    for number, entry in enumerate(value):
        where = f"{item.name} #{number}"
        if not isinstance(entry, dict):
            found.append(f"{where}: must be a dictionary")
            continue
        strange = [f"{where}: {unknown(name, known)}" for name in entry if name not in known]
        lacking = [part.name for part in item.parts if part.needed and entry.get(part.name) is None]
        found += strange or [f"{where}: needs {name}" for name in lacking]
        if item.one_of and not any(entry.get(name) for name in item.one_of):
            found.append(f"{where}: needs {' or '.join(item.one_of)}")
        found += [
            f"{where}: {wrong}" for name in entry if name in known for wrong in _wrong_of(known[name], entry[name])
        ]
    return found + _twice(item, value)


def _wrong_of(part: Field, value: t.Any) -> list[str]:
    """What is wrong with a part of an entry; its type is looked at here, as Ansible does it for options."""
    if value is not None and part.type in NUMBERS and not isinstance(value, NUMBERS[part.type]):
        return [f"{part.name} must be a number"]
    return _wrong(part, value)


def _twice(item: Field, entries: t.Sequence[t.Any]) -> list[str]:
    found = []
    for name in item.once:
        named = Counter(str(entry[name]) for entry in entries if isinstance(entry, dict) and entry.get(name))
        found += [f"{item.name}: {one!r} is in there twice" for one, count in named.items() if count > 1]
    return found


def unknown(name: str, known: t.Collection[str]) -> str:
    close = difflib.get_close_matches(str(name), known, 1)
    return f"there is no option {name!r}" + (f"; did you mean {close[0]}?" if close else "")


def _wrong_inside(name: str, value: t.Any, is_limit: bool) -> list[str]:
    """Numbers that JSON does not have, anywhere; below limits also those that no limit can be."""
    if isinstance(value, (dict, list)):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        looked_at = ((part, inner) for part, inner in parts if is_limit or not isinstance(inner, str))
        return [wrong for part, inner in looked_at for wrong in _wrong_part(f"{name}.{part}", part, inner, is_limit)]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return []
    if not math.isfinite(value):
        return [f"{name} must be a number, not {value}; leave it out, or give null, for none"]
    return [f"{name} must not be below zero"] if is_limit and value < 0 else []


def _wrong_part(name: str, part: t.Any, value: t.Any, is_limit: bool) -> list[str]:
    if is_limit and part in DURATIONS and value is not None:
        return _wrong_duration(name, value)
    return _wrong_inside(name, value, is_limit)
