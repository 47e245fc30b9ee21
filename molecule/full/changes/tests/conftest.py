# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each change leaves what is declared ready: one of two, by the default of llm_rollout_min_ready (all but one)."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager

import pytest

from tests.load.changes import Load

#: Its replicas are those of one name and then those of the other, so neither has any at some moment.
RENAMED = ("model renamed, its name an alias", "model renamed back")
LEAST = 1


def fewer(name: str, fewest: t.Mapping[str, int]) -> dict[str, int]:
    """What had too few at some moment. A backend local-… is what other gateways see of the same servers."""
    seen = {backend: count for backend, count in fewest.items() if not backend.startswith("local-")}
    assert "litellm" in seen and any(backend.startswith("vllm-") for backend in seen), fewest
    ours = {backend: count for backend, count in seen.items() if backend == "litellm" or name not in RENAMED}
    return {backend: count for backend, count in ours.items() if count < LEAST}


@pytest.fixture(scope="session")
def under_load(under_load: Load) -> Load:
    @contextmanager
    def watched(name: str, *gateways: str) -> t.Iterator[dict[str, t.Any]]:
        with under_load(name, *gateways) as seen:
            yield seen
        assert not fewer(name, seen["fewest_ready"]), seen

    return watched
