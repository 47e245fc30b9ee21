# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a config.json, which may be of any type: each is checked as it is read. Used by the readers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .model import MemoryPlanError

# No model comes near; beyond it a value is a mistake that would cost time and memory.
MOST = 2**31


class Fields:
    """One section of a config.json, with the architecture's defaults under it."""

    def __init__(self, values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> None:
        self._values = {str(name): value for name, value in values.items()}
        self._defaults = defaults or {}

    def get(self, name: str) -> Any:
        """The value as it is, else the default; none where there is neither."""
        value = self._values.get(name)
        return self._defaults.get(name) if value is None else value

    def says(self, name: str) -> bool:
        """Whether the file itself says something by this name; false, 0 and the empty say nothing."""
        return bool(self._values.get(name))

    @property
    def values(self) -> dict[str, Any]:
        """What the file itself says."""
        return self._values

    @property
    def names(self) -> list[str]:
        """The names that the file itself has."""
        return list(self._values)

    def whole(self, *names: str, default: int | None = None, least: int = 1, most: int = MOST) -> int:
        """A whole number by the first of these names that is there."""
        for name in names:
            value = self.get(name)
            if value is not None:
                return _whole(name, value, least, most)
        if default is None:
            raise MemoryPlanError(
                f"The model's config.json leaves {names[0]} to the library's default, which the planner does not know; "
                "write it into the file, or set gpu_memory_utilization and max_model_len by hand."
            )
        return default

    def count(self, *names: str, default: int = 0, most: int = MOST) -> int:
        """The same, for what may be 0 or absent."""
        return self.whole(*names, default=default, least=0, most=most)

    def flag(self, name: str, default: bool = False) -> bool:
        """A switch; none is the default."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, (bool, int)):
            raise MemoryPlanError(f"{name} in the model's config.json must be true or false, not {shown(value)}.")
        return bool(value)

    def text(self, *names: str) -> str:
        """A word by the first of these names that is there; empty where none is."""
        for name in names:
            value = self.get(name)
            if isinstance(value, str) and value:
                return value
        return ""

    def section(self, name: str) -> Fields | None:
        """A section within this one; none where there is none, or an empty one."""
        value = self.get(name)
        if value and not isinstance(value, Mapping):
            raise MemoryPlanError(f"{name} in the model's config.json must be a dictionary, not {shown(value)}.")
        return Fields(value) if isinstance(value, Mapping) and value else None

    def words(self, name: str) -> tuple[str, ...]:
        """A list of words; empty where there is none."""
        value = self.get(name)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise MemoryPlanError(f"{name} in the model's config.json must be a list of words, not {shown(value)}.")
        return tuple(value)

    def wholes(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers; empty where there is none."""
        value = self.get(name)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)):
            raise MemoryPlanError(f"{name} in the model's config.json must be a list, not {shown(value)}.")
        return tuple(_whole(name, item, 0, MOST) for item in value)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, (list, tuple)) and len(value) > 1 and all(item == value[0] for item in value):
        # A value for each layer, the same for all.
        value = value[0]
    if isinstance(value, (list, tuple, Mapping)):
        raise MemoryPlanError(
            f"{name} in the model's config.json differs by layer, which the planner does not know for this architecture. "
            "Set gpu_memory_utilization and max_model_len by hand."
        )
    number = _number(value)
    if number is None or number != int(number) or not least <= number <= most:
        raise MemoryPlanError(f"{name} in the model's config.json cannot be {shown(value)}.")
    return int(number)


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            return int(value) if len(value) < 32 else None
        except ValueError:
            return None
    return value if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)) else None


def shown(value: Any) -> str:
    """A value for a message, not longer than a line."""
    return repr(value)[:60]
