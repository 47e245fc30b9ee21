# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No pause on a connection loses a request between LiteLLM and a model, and who leaves frees a place at once."""

from __future__ import annotations

import pytest

from . import hop


@pytest.mark.parametrize("pauses", [[4, 5, 6], pytest.param([30, 61, 119, 130], marks=pytest.mark.long)])
def test_pauses_and_clients_that_leave(pauses: list[float]) -> None:
    found = hop.measured(pauses)
    assert {status for answers in found["pauses"].values() for status in answers} == {200}, found["pauses"]
    assert max(found["left"]) < 1
