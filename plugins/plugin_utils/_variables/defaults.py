# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads roles/*/defaults/main.yml, the only place of every default."""

from __future__ import annotations

import typing as t
from functools import lru_cache
from pathlib import Path

from ansible.parsing.dataloader import DataLoader

COLLECTION = Path(__file__).resolve().parents[3]


@lru_cache(maxsize=1)
def default_vllm_version() -> str:
    """The release of vLLM that the roles install unless told otherwise."""
    return str(
        DataLoader().load_from_file(str(COLLECTION / "roles" / "vllm" / "defaults" / "main.yml"))["vllm_version"]
    )


def role_defaults(loader: DataLoader, collection: Path = COLLECTION) -> dict[str, t.Any]:
    """Every variable of every role with its default, still to be templated."""
    found: dict[str, t.Any] = {}
    for path in sorted(collection.glob("roles/*/defaults/main.yml")):
        found.update(loader.load_from_file(str(path), trusted_as_template=True) or {})
    return found
