# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a program on this host over HTTP, without a proxy that the environment may name."""

from __future__ import annotations

import http.client
import json
import typing as t
import urllib.error
import urllib.request

SECONDS = 5.0
#: A page of metrics has some 200 KB. What is longer comes from no program of ours.
LARGEST = 4 * 1024 * 1024


class Answer(t.NamedTuple):
    """Status 0: there was no answer, and the text says why."""

    status: int
    text: str

    def mapping(self) -> dict[str, t.Any]:
        """What a JSON object holds; nothing where it is none."""
        try:
            found = json.loads(self.text) if self.status else None
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def get(url: str, seconds: float = SECONDS) -> Answer:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=seconds) as answer:
            return Answer(answer.status, answer.read(LARGEST).decode(errors="replace"))
    except urllib.error.HTTPError as error:
        return Answer(error.code, "")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(0, str(error) or type(error).__name__)
