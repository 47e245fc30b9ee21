# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images that no registry knows can't be pinned, and that is said; what a registry knows is in tests/unit."""

from __future__ import annotations

import typing as t


def test_images_in_use_and_why_they_have_no_digest(operate: t.Any, operated: t.Any) -> None:
    unpinned = operated("digests")["unpinned"]
    assert [line.split()[0] for line in unpinned] == [
        "gate_image",
        "litellm_image",
        "postgres_image",
        "redis_image",
        "vllm_image",
    ]
    done = operate("digests", pin=True)
    assert done.code != 0 and done.result["failed"] is True
    assert done.result["remedy"] in " ".join(done.output.split())
