# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main() of the modules for one object: a state of one object, and a report on it."""

from __future__ import annotations

import typing as t

from . import showing, values
from .argspec import module_spec, secret_strings
from .change import Change
from .client import Client
from .errors import PlanError, StateError
from .key_change import Store
from .kinds import Kind
from .module import LiteLLMModule, module_class
from .state import State, nowhere, run
from .wanted import Wanted


def main_of(kind: Kind) -> None:
    """The main() of every module whose object is just an object."""
    module = object_module(kind, {})
    run_one(module, kind)


def object_module(kind: Kind, extra: dict[str, t.Any]) -> LiteLLMModule:
    hiding = module_class(lambda params: secret_strings(kind, params), lambda params: shown_options(kind, params))
    return hiding(
        argument_spec=module_spec(kind, extra),
        mutually_exclusive=kind.mutually_exclusive,
        required_together=kind.required_together,
        supports_check_mode=True,
    )


def shown_options(kind: Kind, params: dict[str, t.Any]) -> dict[str, t.Any]:
    """The options as -vvv shows them. Ansible itself hides those that are secret as a whole, and long texts anywhere."""
    known = kind.by_name
    return {name: showing.masked(known[name], value) if name in known else value for name, value in params.items()}


def run_one(module: LiteLLMModule, kind: Kind, store_of: t.Callable[[Wanted], Store | None] = nowhere) -> t.NoReturn:
    client = module.client()
    wanted = module.wanted(kind)
    module.run(lambda: bring_about(client, kind, wanted, store_of, module.plans_only, module._diff))


def bring_about(
    client: Client,
    kind: Kind,
    wanted: Wanted,
    store_of: t.Callable[[Wanted], Store | None],
    check_mode: bool,
    diff: bool,
) -> dict[str, t.Any]:
    try:
        outcome = run(client, State({kind.plural: [wanted]}, store_of=store_of), check_mode)
    except StateError as exc:
        # What is wrong with one object needs no summary.
        if len(exc.errors) > 1:
            raise PlanError("; ".join(exc.errors)) from exc
        raise exc.causes[0].error from exc.causes[0].error.__cause__
    return report(outcome.changes[0], diff)


def report(change: Change, diff: bool) -> dict[str, t.Any]:
    kind, operation, shown = change.kind, change.operation, change.shown or {}
    result: dict[str, t.Any] = {
        "changed": change.changes,
        "operation": operation.action,
        "changed_fields": operation.changed_fields,
        kind.identity: operation.identity,
        kind.id: shown.get(kind.id) or operation.id,
        "object": values.without_nulls(showing.visible(kind, shown)) or None,
        **{name: shown.get(name) for name in kind.shown},
        **({"along": list(operation.along)} if kind.cascades else {}),
    }
    return {**result, "diff": operation.diff()} if diff else result
