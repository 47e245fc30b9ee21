# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the declared keys get a new value, and where it comes from. Pure. Only the action key_replacement imports it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.rotation import FIRST_GENERATION, marker_of

Key = t.Mapping[str, t.Any]
#: A value that is kept in a file on the controller; what says the file is an expression of the declaration.
FILE = re.compile(
    r"\s*\{\{\s*(?:lookup|query)\(\s*(['\"])llmfleet\.gateway\.virtual_key\1\s*,\s*(?P<path>.+?)\s*\)\s*\}\}\s*", re.S
)
GIVEN = "its value is given in llm_state: write another one there, and rotate: {grace: 24h} beside it, and run site.yml"
COUNTED = "llm_state says rotate.generation: raise it there, and run site.yml"
NO_STORE = "it has no value and no store (gateway_state_key_directory, gateway_state_key_store)"
NEW = "it does not exist yet: site.yml makes it"


class Choice(t.NamedTuple):
    """One declared key. `path`: the expression of its file; `generation`: the next one of a key in a store; `why`: it stays."""

    alias: str
    path: str = ""
    generation: int = 0
    why: str = ""


def choices(declared: t.Sequence[Key], found: t.Iterable[Key], stored: bool) -> list[Choice]:
    """*declared* as it is written, with its templates; *found* are the keys of the proxy."""
    there = {str(key["key_alias"]): key for key in found if key.get("key_alias")}
    return [_choice(entry, there.get(_alias(entry)), stored) for entry in declared if _alias(entry)]


def _alias(entry: Key) -> str:
    return str(entry.get("key_alias") or "") if entry.get("state", "present") == "present" else ""


def _choice(entry: Key, found: Key | None, stored: bool) -> Choice:
    alias, value = _alias(entry), entry.get("key")
    if found is None:
        return Choice(alias, why=NEW)
    kept = FILE.fullmatch(value) if isinstance(value, str) else None
    if kept:
        return Choice(alias, path=kept["path"])
    if value:
        return Choice(alias, why=GIVEN)
    if "generation" in (entry.get("rotate") or {}):
        return Choice(alias, why=COUNTED)
    if not stored:
        return Choice(alias, why=NO_STORE)
    return Choice(alias, generation=int(marker_of(dict(found)).get("generation", FIRST_GENERATION)) + 1)


def named(all_choices: t.Sequence[Choice], aliases: t.Sequence[str]) -> list[Choice]:
    """All that can be replaced, or those that are named. ValueError for one that is named and can't be."""
    if not aliases:
        return [choice for choice in all_choices if not choice.why]
    known = {choice.alias: choice for choice in all_choices}
    faults = [f"{alias} is no key of llm_state" for alias in aliases if alias not in known]
    faults += [f"{alias} stays: {known[alias].why}" for alias in aliases if alias in known and known[alias].why]
    if faults:
        raise ValueError("\n".join(faults))
    return [known[alias] for alias in dict.fromkeys(aliases)]
