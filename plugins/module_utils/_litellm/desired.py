# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a declaration of many objects, `llm_state`: checked like the options of the single modules, every mistake named.

Pure. `read` is for litellm_state, `mistakes` for code on the controller that looks before any host is touched.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import shapes
from . import wanted as wanted_module
from .argspec import Spec, object_spec
from .errors import Failure, PlanError, StateError
from .kinds import KINDS, Kind
from .sides import contradictions
from .wanted import Wanted, unknown, wanted_of

STATE = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
Declared = dict[str, list[Wanted]]


def read(desired: t.Any, owner: str, fingerprint_key: bytes) -> Declared:
    """What the user wants, by kind. Raises StateError with every mistake."""
    reading = _Reading(owner, fingerprint_key)
    declared = reading.read(desired)
    if reading.mistakes:
        raise StateError("nothing was changed", [Failure(PlanError(mistake)) for mistake in reading.mistakes])
    return declared


def mistakes(llm_state: t.Any) -> list[str]:
    """Everything that is wrong with a declaration by itself. No text of it is the value of a secret."""
    reading = _Reading("", b"")
    reading.read(llm_state)
    return reading.mistakes


class _Reading:
    """One pass over a declaration, which goes on after a mistake."""

    def __init__(self, owner: str, fingerprint_key: bytes) -> None:
        self.mistakes: list[str] = []
        self._owner = owner
        self._fingerprint_key = fingerprint_key
        self._validators: dict[tuple[str, frozenset[str]], ArgumentSpecValidator] = {}
        self._specs: dict[str, Spec] = {}

    def read(self, desired: t.Any) -> Declared:
        if desired is None:
            return {}
        if not isinstance(desired, t.Mapping):
            self.mistakes.append(f"must be a dictionary with lists of objects by kind: {', '.join(KINDS)}")
            return {}
        self.mistakes += [_no_kind(name) for name in desired if name not in KINDS]
        declared: Declared = {}
        for plural, kind in KINDS.items():
            items = desired.get(plural)
            if isinstance(items, list):
                declared[plural] = self._read_kind(kind, items)
            elif items is not None:
                self.mistakes.append(f"{plural} must be a list")
        self.mistakes += contradictions(
            [(KINDS[plural], one, _chosen_id(KINDS[plural], one)) for plural, all in declared.items() for one in all]
        )
        return declared

    def _read_kind(self, kind: Kind, items: t.Sequence[t.Any]) -> list[Wanted]:
        read = [(number, self._read_one(kind, f"{kind.plural} #{number}", item)) for number, item in enumerate(items)]
        first: dict[str, int] = {}
        twins = _twins(kind, [wanted for number, wanted in read if wanted])
        for number, wanted in read:
            if wanted and wanted.identity in first and wanted.identity not in twins:
                known = first[wanted.identity]
                self.mistakes.append(f"{kind.plural}: {wanted.identity!r} is at #{known} and again at #{number}")
            elif wanted:
                first[wanted.identity] = number
        found = [replace(one, twin=one.identity in twins) if twins else one for number, one in read if one]
        self.mistakes += _one_id_twice(kind, found) + _names_left(kind, found) + _one_value_twice(kind, found)
        return found

    def _read_one(self, kind: Kind, where: str, item: t.Any) -> Wanted | None:
        if not isinstance(item, dict):
            self.mistakes.append(f"{where}: must be a dictionary")
            return None
        spec = self._spec(kind)
        strange = [f"{where}: {unknown(name, spec)}" for name in item if name not in spec]
        known = {name: value for name, value in item.items() if name in spec}
        misshapen = {name: fault for name, value in known.items() if (fault := shapes.fault(spec[name], value))}
        if misshapen:
            self.mistakes += strange + [f"{where}: {name}{fault}" for name, fault in misshapen.items()]
            self.mistakes += self._of_the_rest(kind, {name: known[name] for name in known if name not in misshapen})
            return None
        checked = self._validator(kind, frozenset(known)).validate(known)
        wrong = [f"{where}: {message}" for message in checked.error_messages]
        identity = checked.validated_parameters.get(kind.identity)
        if not wrong and not (isinstance(identity, str) and identity.strip()):
            wrong.append(f"{where}: {kind.identity} is empty")
        self.mistakes += strange + wrong
        if wrong:
            self.mistakes += self._of_the_rest(kind, known)
            return None
        wanted = self._wanted(kind, checked.validated_parameters, known)
        self.mistakes += wanted_module.mistakes(kind, wanted)
        return wanted

    def _of_the_rest(self, kind: Kind, known: t.Mapping[str, t.Any]) -> list[str]:
        """What is wrong with those options whose types are right, beside others whose types are not."""
        spec = self._spec(kind)
        fitting: dict[str, t.Any] = {}
        for name, value in known.items():
            checked = ArgumentSpecValidator({name: {**spec[name], "required": False}}).validate({name: value})
            if not checked.error_messages:
                fitting[name] = checked.validated_parameters[name]
        params = {**{name: one.get("default") for name, one in spec.items()}, **fitting}
        return wanted_module.mistakes(kind, self._wanted(kind, {**params, kind.identity: _name(known, kind)}, fitting))

    def _wanted(self, kind: Kind, params: t.Mapping[str, t.Any], given: t.Collection[str]) -> Wanted:
        return wanted_of(kind, params, given, owner=self._owner, fingerprint_key=self._fingerprint_key)

    def _spec(self, kind: Kind) -> Spec:
        if kind.plural not in self._specs:
            self._specs[kind.plural] = {**STATE, **object_spec(kind)}
        return self._specs[kind.plural]

    def _validator(self, kind: Kind, shape: frozenset[str]) -> ArgumentSpecValidator:
        """Checks objects with these options only: the check of sixty absent options would take most of the time."""
        if (kind.plural, shape) not in self._validators:
            full = self._spec(kind)
            always = {name for name, spec in full.items() if spec.get("required") or "default" in spec}
            self._validators[kind.plural, shape] = ArgumentSpecValidator(
                {name: full[name] for name in full if name in shape or name in always},
                mutually_exclusive=kind.mutually_exclusive,
                required_together=[group for group in kind.required_together if shape & set(group)],
            )
        return self._validators[kind.plural, shape]


def _one_id_twice(kind: Kind, declared: t.Sequence[Wanted]) -> list[str]:
    if kind.id == kind.identity or kind.raw_value:
        return []
    chosen: dict[t.Any, list[str]] = {}
    for wanted in declared:
        if wanted.state == "present" and wanted.given.get(kind.id):
            chosen.setdefault(wanted.given[kind.id], []).append(repr(wanted.identity))
    return [f"{kind.plural}: {' and '.join(names)} have one {kind.id}" for names in chosen.values() if len(names) > 1]


def _twins(kind: Kind, declared: t.Sequence[Wanted]) -> set[str]:
    """Names that several have whose ids tell them apart."""
    if kind.id not in kind.by_name:
        return set()
    ids: dict[str, list[t.Any]] = {}
    for wanted in declared:
        ids.setdefault(wanted.identity, []).append(wanted.given.get(kind.id))
    return {name for name, chosen in ids.items() if len(chosen) > 1 and all(chosen) and len({*chosen}) == len(chosen)}


def _one_value_twice(kind: Kind, declared: t.Sequence[Wanted]) -> list[str]:
    said = []
    for item in (item for item in kind.fields if item.unique):
        having: dict[str, list[str]] = {}
        for wanted in declared:
            if wanted.state == "present" and wanted.given.get(item.name):
                having.setdefault(str(wanted.given[item.name]).lower(), []).append(repr(wanted.identity))
        said += [
            f"{kind.plural}: {' and '.join(names)} have one {item.name}" for names in having.values() if len(names) > 1
        ]
    return said


def _names_left(kind: Kind, declared: t.Sequence[Wanted]) -> list[str]:
    named = {wanted.identity for wanted in declared}
    both = (wanted for wanted in declared if wanted.previous in named)
    return [f"{kind.name} {w.identity!r}: its previous_name {w.previous!r} is declared as well" for w in both]


def _chosen_id(kind: Kind, wanted: Wanted) -> str | None:
    id = wanted.identity if kind.id == kind.identity else wanted.given.get(kind.id)
    return None if id is None else str(id)


def _name(known: t.Mapping[str, t.Any], kind: Kind) -> str:
    return str(known.get(kind.identity) or "(without a name)")


def _no_kind(name: t.Any) -> str:
    return f"{name!r} is no kind of object; there are {', '.join(KINDS)}"
