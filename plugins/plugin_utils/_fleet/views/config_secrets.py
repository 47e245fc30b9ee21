# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps secrets out of LiteLLM's config.yaml: in their place stands the name of an environment variable.

What comes out holds no secret: the environment file is filled from the places that `Moved.environment` names, by the lookup
plugin secret_values. Pure; views/litellm.py uses it, and the check of the declaration may ask for its faults.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import prices, secret_parts

#: Where a value is: the name of a variable, then keys and places of entries.
Place = list[t.Any]
REFERENCE = "os.environ/"


class Moved(t.NamedTuple):
    """A part of config.yaml without its secrets."""

    value: t.Any
    environment: dict[str, Place]  # by name of the variable
    faults: list[str]


def move(value: t.Any, place: Place, prefix: str) -> Moved:
    """The value of the variable (or part of one) at *place*, with os.environ/PREFIX_… for every secret text in it."""
    environment: dict[str, Place] = {}
    faults: list[str] = []

    def replace(path: tuple[str, ...], text: str) -> str:
        if secret_parts.is_reference(text):
            return text
        steps = _steps(value, path)
        if not _resolved_by_litellm(value, steps):
            faults.append(_fault(place, steps))
            return secret_parts.MASK
        name = _free_name(prefix, path, environment)
        environment[name] = [*place, *steps]
        return REFERENCE + name

    return Moved(prices.with_numbers(secret_parts.replaced(value, replace)), environment, faults)


def _steps(value: t.Any, path: tuple[str, ...]) -> Place:
    """The path with places of lists as numbers, and with keys as they are written."""
    steps: Place = []
    for word in path:
        step = int(word) if isinstance(value, list) else next(key for key in value if str(key) == word)
        steps.append(step)
        value = value[step]
    return steps


def _resolved_by_litellm(value: t.Any, steps: Place) -> bool:
    """It looks for os.environ/ in the values of dictionaries and of dictionaries in lists, not in plain entries of lists
    (ProxyConfig._check_for_os_environ_vars)."""
    for step in steps:
        value = value[step]
        if isinstance(step, int) and not isinstance(value, dict):
            return False
    return True


def _free_name(prefix: str, path: tuple[str, ...], taken: t.Mapping[str, Place]) -> str:
    """One that a shell takes for a name; two that only differ in other letters get numbers."""
    plain = re.sub(r"[^A-Z0-9]+", "_", "_".join((prefix, *path)).upper()).strip("_")
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name


def _fault(place: Place, steps: Place) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in [*place, *steps]).lstrip(".")
    return (
        f"{where} looks like a secret, and LiteLLM reads no environment variable in an entry of a list, so it would stand"
        " in config.yaml for everyone to read: write a single text in the place of the list where LiteLLM takes one, or"
        " set it as an environment variable that LiteLLM reads, in litellm_secret_environment"
    )
