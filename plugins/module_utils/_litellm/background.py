# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads objects in the background, while the desired state is still being checked. Used by litellm_state only."""

from __future__ import annotations

import functools
import queue
import sys
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

from . import reader
from .client import Client
from .kinds import KINDS, Kind

# Seconds after which a thread that computes makes way for one that has an answer to read: the proxy waits for that.
MAKE_WAY = 0.001
Pages = queue.SimpleQueue  # of Objects, and of a None after the last


class BackgroundReading:
    """Reads the objects in the background, while the desired state is still being checked.

    Only what needs no decision is read ahead; everything else is read when it is asked for.
    """

    def __init__(self, client: Client, desired: t.Mapping[str, t.Any], prune: bool, workers: int) -> None:
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(MAKE_WAY)
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._lists: dict[str, Future[reader.Reading]] = {}
        self._pages: dict[str, Pages] = {}
        for plural, kind in KINDS.items():
            names = _raw_names(kind, desired.get(plural))
            if names:
                pages: Pages = queue.SimpleQueue()
                wanted = None if prune else names
                future = self._pool.submit(reader.read_enough, client, kind, wanted, workers, pages.put)
                future.add_done_callback(functools.partial(_end, pages))
                self._lists[plural], self._pages[plural] = future, pages

    def pages(self, kind: Kind) -> t.Iterator[reader.Objects]:
        """The pages of a long list as they come in, until the last one is there or the reading has failed."""
        pages = self._pages.pop(kind.plural, None)
        while pages is not None and (page := pages.get()) is not None:
            yield page

    def take(self, kind: Kind) -> reader.Reading | None:
        """What was read of the kind, or None where nothing was read ahead."""
        future = self._lists.pop(kind.plural, None)
        return future.result() if future else None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        sys.setswitchinterval(self._interval)


def _raw_names(kind: Kind, items: t.Any) -> list[str]:
    if kind.enterprise or not isinstance(items, list):
        return []
    named = [item for item in items if isinstance(item, dict) and kind.identity in item]
    former = [str(item["previous_name"]) for item in named if item.get("previous_name")]
    return [*(str(item[kind.identity]) for item in named), *former]


def _end(pages: Pages, reading: t.Any) -> None:
    pages.put(None)
