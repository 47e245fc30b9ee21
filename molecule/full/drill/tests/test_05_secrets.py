# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After all of it: where secrets are."""

from __future__ import annotations

import typing as t
from pathlib import Path

from scenario import SCENARIO

from tests.drill.secrets import at_host, in_texts


def outputs() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(SCENARIO / "outputs").iterdir()}


def test_no_secret_in_what_the_runs_said(secrets: dict[str, str], note: t.Any) -> None:
    given = outputs()
    note("outputs at -vvv with --diff that were searched", number=len(given), bytes=sum(map(len, given.values())))
    assert given
    assert in_texts(secrets, given) == []


def test_no_secret_where_others_look(secrets: dict[str, str], ssh: t.Any) -> None:
    assert at_host(secrets, ssh) == []
