# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two ways to ask the engine of containers and images: Docker's SDK for Python where the host has one that works, else the command.

Which one it was changes nothing of what is told: both hand on what the engine says, and `containers` describes it.
"""

from __future__ import annotations

import os
import typing as t

from .._host.run import Run
from .by_command import ByCommand, engine_of
from .by_sdk import SdkUnusable, by_sdk

Found = dict[str, t.Any]


class Reader(t.Protocol):
    """What can be asked. EngineMissing or EngineError where the engine can't."""

    #: How it asks: sdk or command.
    read_by: str
    #: Why Docker's SDK is not used; empty where it is.
    sdk_fault: str

    def containers(self) -> list[Found]:
        """All of ours, running or not, each as the engine inspects it. One that goes meanwhile is left out."""

    def images(self, ids: t.Iterable[str]) -> list[Found]:
        """Those of the images that there are, each as the engine inspects it."""


def reader(run: Run, environment: t.Mapping[str, str] | None = None) -> Reader:
    """The way that this host has."""
    try:
        return by_sdk(os.environ if environment is None else environment)
    except SdkUnusable as fault:
        return ByCommand(engine_of(run), str(fault))
