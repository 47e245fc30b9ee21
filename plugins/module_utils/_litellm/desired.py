# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .argspec import Spec, object_spec
from .plan import PlanError, Wanted
from .resources import KINDS, Kind

STATE = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}


def read(desired: t.Mapping[str, t.Any], owner: str, fingerprint_key: bytes) -> dict[str, list[Wanted]]:
    """What the user wrote, checked like the options of the single modules; every mistake is named."""
    errors = [f"{name!r} is no kind of object; there are {', '.join(KINDS)}" for name in desired if name not in KINDS]
    result: dict[str, list[Wanted]] = {}
    for plural, kind in KINDS.items():
        items = desired.get(plural)
        if items is None:
            continue
        if not isinstance(items, list):
            errors.append(f"{plural} must be a list")
            continue
        result[plural] = _read_kind(kind, items, owner, fingerprint_key, errors)
    if errors:
        raise PlanError("; ".join(errors))
    return result


def _read_kind(
    kind: Kind, items: t.Sequence[t.Any], owner: str, fingerprint_key: bytes, errors: list[str]
) -> list[Wanted]:
    full = {**STATE, **object_spec(kind)}
    validators: dict[frozenset[str], ArgumentSpecValidator] = {}
    wanted = []
    for index, item in enumerate(items):
        where = f"{kind.plural} #{index}"
        if not isinstance(item, dict):
            errors.append(f"{where}: must be a dictionary")
            continue
        shape = frozenset(item)
        if shape not in validators:
            validators[shape] = _validator(kind, full, shape)
        checked = validators[shape].validate(item)
        if checked.error_messages:
            errors.append(f"{where}: {'; '.join(checked.error_messages)}")
            continue
        params = checked.validated_parameters
        if not params[kind.identity].strip():
            errors.append(f"{where}: {kind.identity} is empty")
            continue
        wanted.append(_wanted(kind, item, params, owner, fingerprint_key))
    return wanted


def _validator(kind: Kind, full: Spec, shape: frozenset[str]) -> ArgumentSpecValidator:
    """Checks objects with these options only: the check of sixty absent options would take most of the time."""
    always = {name for name, spec in full.items() if spec.get("required") or "default" in spec}
    known = shape <= set(full)
    spec = {name: full[name] for name in full if not known or name in shape or name in always}
    together = kind.required_together if not known else [g for g in kind.required_together if shape & set(g)]
    exclusive = kind.mutually_exclusive
    return ArgumentSpecValidator(spec, mutually_exclusive=exclusive, required_together=together)


def _wanted(
    kind: Kind, item: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any], owner: str, fingerprint_key: bytes
) -> Wanted:
    return Wanted(
        identity=params[kind.identity],
        given={field.name: params[field.name] for field in kind.fields if field.name in item},
        state=params["state"],
        replace_metadata=params.get("metadata_mode") == "replace",
        renew_before=params.get("renew_before"),
        rotate=params.get("rotate"),
        named={ref.option: params[ref.option] for ref in kind.references if ref.option in item},
        owner=owner if kind.annotations else None,
        fingerprint_key=fingerprint_key,
    )
