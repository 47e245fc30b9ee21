# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the tests against the real proxy."""

from __future__ import annotations

import importlib.util
import typing as t
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[1] / "unit" / "conftest.py"


def _make_collection_importable() -> None:
    spec = importlib.util.spec_from_file_location("llmfleet_unit_conftest", UNIT)
    assert spec and spec.loader
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


_make_collection_importable()


@pytest.fixture(scope="session")
def proxy() -> t.Iterator[t.Any]:
    from .proxy import running

    with running() as started:
        yield started
