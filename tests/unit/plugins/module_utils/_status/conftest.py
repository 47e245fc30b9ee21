# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine without Docker's SDK for Python, whatever the tests run on: nothing here asks a real engine."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def no_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    # An import of it then says that there is no such module.
    monkeypatch.setitem(sys.modules, "docker", None)
