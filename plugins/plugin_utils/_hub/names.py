# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a repository at a revision is written as one word. Pure; the fleet may import it."""

from __future__ import annotations

DEFAULT_REVISION = "main"


def model_key(model: str, revision: str = "") -> str:
    """ORG/NAME, or ORG/NAME@REVISION where it is not the usual one."""
    return f"{model}@{revision}" if revision and revision != DEFAULT_REVISION else model


def model_and_revision(key: str) -> tuple[str, str]:
    """The two parts of a key."""
    model, _at, revision = key.partition("@")
    return model, revision or DEFAULT_REVISION
