# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each operation may be told by its command (`-e name=value`), and what is wrong with what it was told.

Ansible takes any name and any value: a misspelt one would pass for one that was not given, and `uninstall -e server=gpu2` would
remove the fleet from every host. So a command is judged before any host is asked.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.acts import SERVICES
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._operation.argument_values import (
    ABSOLUTE,
    BACKUP,
    DURATION,
    FILE,
    FLAG,
    HOSTS,
    INSTANCES,
    LOAD,
    TEXT,
    WORDS,
    Rule,
    choice,
    least,
    some_of,
    words_of,
)

Arguments = t.Mapping[str, Rule]

#: Of every operation.
COMMON: Arguments = {"confirm": FLAG, "result": TEXT}
#: Of those that change what runs in batches: whether too few replicas may be left.
_ROLLS: Arguments = {"force": FLAG}
_REQUESTS: Arguments = {"server": HOSTS, "instance": INSTANCES}
_SERVICES: Arguments = {**_REQUESTS, "service": words_of(SERVICES)}
_COMPOSE: Arguments = {"compose_dir": ABSOLUTE, "compose_file": WORDS, "new_salt": FLAG}

OPERATIONS: t.Mapping[str, Arguments] = {
    "adopt": {**_COMPOSE, "dir": TEXT},
    "adopt_move": {**_COMPOSE, **_ROLLS, "dump": ABSOLUTE},
    "adopt_undo": _COMPOSE,
    "backup": {"trial": FLAG},
    "cleanup": {},
    "decommission": {**_ROLLS, "server": HOSTS},
    "digests": {"pin": FLAG, "cosign_key": FILE, "signed": words_of(SERVICES), "path": TEXT},
    "drain": {**_REQUESTS, **_ROLLS},
    "drift": {},
    "driver": _ROLLS,
    "export": {},
    "gpu_test": {},
    "logs": {
        "service": WORDS, "server": HOSTS, "since": TEXT, "before": TEXT, "lines": least(1), "checks": FLAG, "follow": least(0),
    },
    "measure": {"instance": INSTANCES, "load": LOAD},
    "move_models": {**_ROLLS, "from_dir": ABSOLUTE, "remove": FLAG},
    "network_check": {},
    "plan": {},
    "postgres_upgrade": {},
    "preflight": {},
    "probe": {"model": WORDS, "seconds": least(1)},
    "reset_database": {"drop": TEXT},
    "restart": _SERVICES,
    "restore": {"backup": BACKUP, "identity": FILE, "kept": TEXT, "other_salt_key": FLAG},
    "revoke": {"key_alias": TEXT, "key_file": FILE},
    "rollback": {**_REQUESTS, **_ROLLS},
    "rotate_ca": {"llm_ca_last_step": choice("trust", "issue", "drop")},
    "rotate_keys": {"keys": WORDS, "grace": DURATION},
    "rotate_secrets": {**_ROLLS, "secrets": some_of({"all", *(one.variable for one in secrets(authority=True))})},
    "secrets": {},
    "start": _SERVICES,
    "status": {"page": TEXT, "fail_on": choice("error", "warning")},
    "stop": _SERVICES,
    "switch_model": {**_ROLLS, "from_model": TEXT, "to_model": TEXT, "path": TEXT},
    "undrain": _REQUESTS,
    "uninstall": {"data": FLAG},
    "upgrade": {**_ROLLS, "rehearse": choice("only"), "rehearsal_memory_mib": least(256)},
    "upgrade_undo": {**_ROLLS, "identity": FILE, "with_postgres": FLAG},
}  # fmt: skip

#: One of each group has to be given.
REQUIRED: t.Mapping[str, t.Sequence[tuple[str, ...]]] = {
    "adopt": [("compose_dir",), ("dir",)],
    "adopt_move": [("compose_dir",)],
    "adopt_undo": [("compose_dir",)],
    "decommission": [("server",)],
    "drain": [("server", "instance")],
    "measure": [("instance",)],
    "move_models": [("from_dir",)],
    "restart": [("service", "instance", "server")],
    "revoke": [("key_alias", "key_file")],
    "rollback": [("server", "instance")],
    "rotate_secrets": [("secrets",)],
    "start": [("service", "instance", "server")],
    "stop": [("service", "instance", "server")],
    "switch_model": [("from_model", "to_model")],
    "undrain": [("server", "instance")],
}
#: An argument that does nothing without another one.
WITH = {"digests": {"cosign_key": "signed", "signed": "cosign_key"}, "upgrade": {"rehearsal_memory_mib": ""}}
#: Above it a name is taken for a misspelling: of four letters one differs, or two have changed places.
ALIKE = 0.75


def faults(
    operation: str,
    said: t.Mapping[str, t.Any],
    known: t.Collection[str],
    hosts: t.Sequence[str],
    given: t.Collection[str],
) -> list[str]:
    """Of the command's variables: those that are *known* have another reader. Those that are *given* may come from the inventory."""
    own = {**OPERATIONS[operation], **COMMON}
    found = [_stray(operation, name, own) for name in said if name not in own and name not in known]
    found += [
        f"{name} {fault}"
        for name, rule in own.items()
        if name in said and not _is_template(said[name]) and (fault := rule(said[name], hosts))
    ]
    missing = [group for group in REQUIRED.get(operation, ()) if not set(group) & {*given, *said}]
    found += [f"{operation} needs {' or '.join(f'-e {name}=…' for name in group)}" for group in missing]
    alone = [
        (name, other) for name, other in WITH.get(operation, {}).items() if name in said and other and other not in said
    ]
    found += [f"{name} does nothing without -e {other}=…" for name, other in alone]
    return [fault for fault in found if fault]


def _stray(operation: str, name: str, own: Arguments) -> str:
    """A variable that nothing reads may be one that the inventory's own expressions do, unless it looks like an argument."""
    meant = difflib.get_close_matches(name, own, 1, ALIKE)
    if meant:
        return f"{name} is no argument of {operation}; did you mean {meant[0]}?"
    if any(name in arguments for arguments in OPERATIONS.values()):
        return f"{operation} takes no {name}; it takes {', '.join(own)}" + _part(name)
    return ""


def _part(name: str) -> str:
    return ". For a part of the fleet write --limit" if name == "server" else ""


def _is_template(value: t.Any) -> bool:
    return isinstance(value, str) and "{{" in value
