# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A revoked key is refused by every process, and the seconds are measured."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

KEYS = Path(__file__).resolve().parents[4] / ".cache" / "molecule" / os.environ["MOLECULE_SCENARIO_NAME"] / "keys"


def test_every_process_refuses_it(operate: t.Any, operated: t.Any, gateway: t.Any) -> None:
    lost = (KEYS / "lost").read_text().strip()
    # Both processes know the key from now on.
    assert {gateway.chat(key=lost)[0] for _number in range(6)} == {200}
    refused = operate("revoke", confirm=False, key_alias="lost")
    assert refused.code != 0 and "-e confirm=yes" in refused.output
    assert operate("revoke", "--check", key_alias="lost").code == 0
    assert gateway.chat(key=lost)[0] == 200
    done = operate("revoke", "-vvv", "--diff", key_alias="lost")
    assert done.code == 0, done.output[-3000:]
    assert lost not in done.output and lost not in str(done.result)
    assert [one["accepted_before"] for one in done.result["processes"]] == [True, True]
    print("revoked after", [one["seconds"] for one in done.result["processes"]], "s")
    assert {gateway.chat(key=lost)[0] for _number in range(6)} == {401}
    assert gateway.chat()[0] == 200
    assert operated("revoke", key_file=str(KEYS / "lost"))["changed"] is False


def test_an_alias_that_there_is_not_is_refused(operate: t.Any) -> None:
    done = operate("revoke", key_alias="nobody")
    assert done.code != 0 and "no key has the alias nobody" in done.output
