# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by the tests against the real proxy."""

from __future__ import annotations

import importlib.util
import os
import sys
import typing as t
from contextlib import ExitStack
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[1] / "unit" / "conftest.py"


def collections_path() -> Path:
    """Where Ansible finds this checkout as a collection; loading the units' conftest makes it importable."""
    spec = importlib.util.spec_from_file_location("llmfleet_unit_conftest", UNIT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Path(module.collection_root())


collections_path()
# What the units make fleets from, and the load generator as `python -m tests.load` has it.
sys.path[:0] = [str(UNIT.parents[2]), str(UNIT.parent / "plugins/fleet"), str(UNIT.parent / "roles")]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes of waiting; `make test-full` runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The database of somebody's running proxy isn't ours to stop."""
    if not os.environ.get("LLMFLEET_TEST_LITELLM_URL"):
        return
    ours = [item for item in items if "own_database" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=ours)
    items[:] = [item for item in items if item not in ours]


@pytest.fixture
def own_database(proxy: t.Any) -> str:
    return str(proxy.database)


@pytest.fixture(scope="session")
def proxy() -> t.Iterator[t.Any]:
    from .proxy import running

    with ExitStack() as stack:
        yield stack.enter_context(running())


@pytest.fixture(scope="module")
def named(proxy: t.Any) -> t.Iterator[None]:
    """What the options of many tests' objects name."""
    from . import named
    from .harness import succeed

    succeed(proxy, "litellm_state", desired=named.objects())
    yield
    succeed(proxy, "litellm_state", desired=named.gone())


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Any]:
    from . import openbao

    with openbao.running(tmp_path_factory.mktemp("bao")) as server:
        yield server


@pytest.fixture
def gates(tmp_path: Path) -> t.Iterator[t.Callable[..., t.Any]]:
    """Makes gates of hosts, by a name of their own."""
    from .gates import Gate

    # The gates' user has to get through.
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    made: list[Gate] = []

    def make(name: str, *given: t.Any) -> Gate:
        made.append(Gate(tmp_path / name, *given))
        return made[-1]

    yield make
    for one in made:
        one.stop()
