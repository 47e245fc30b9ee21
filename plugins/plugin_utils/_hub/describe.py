# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub says of many models at once; what it can't say now is answered from what it said before.

A run in which the hub is out of reach, or refuses, must plan every instance as the run before did. So any failure of a
look-up, of whatever kind, is answered from the last good reading (kept on the GPU servers), else from this
controller's cache; the answer says so. Used by the action plugins fleet and vllm_model_info.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from ansible_collections.llmfleet.gateway.plugins.module_utils._model_directory import ModelInfoError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.cache import Cache, sound
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.fetch import Fetch, fetcher
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.names import model_and_revision
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.repository import Hub, from_hub, hub_at

DEFAULT_ENDPOINT = "https://huggingface.co"
# Seconds for one page of the hub, and for all the models together.
PAGE_TIMEOUT = 10.0
ALL_TIMEOUT = 60.0
AT_ONCE = 8

Description = dict[str, Any]


def describe(
    models: Iterable[str],
    endpoint: str,
    token: str,
    kept: Mapping[str, Any],
    cache_dir: str,
    *,
    ask: bool = True,
    fetch: Fetch | None = None,
    within: float = ALL_TIMEOUT,
) -> dict[str, Description]:
    """A description of every model (by model_key), in the order given.

    Each has C(source): hub, kept, or cache; one that did not come from the hub although it was asked has C(hub_error).
    Where nobody knows the model there are only C(error) and C(error_kind). Without ask, the hub is left alone.
    """
    wanted = list(dict.fromkeys(models))
    endpoint = endpoint or DEFAULT_ENDPOINT
    cache = Cache(cache_dir, endpoint)
    answers = {model: _unchanging(model, kept.get(model), cache) for model in wanted}
    asked = [model for model in wanted if answers[model] is None]
    try:
        if not ask:
            raise ModelInfoError("unreachable", "The hub was not asked: offline.")
        heard = _ask_all(hub_at(endpoint, token, fetch or fetcher(PAGE_TIMEOUT)), asked, within)
    except ModelInfoError as error:
        heard = dict.fromkeys(asked, error)
    for model in asked:
        answers[model] = _settle(model, heard[model], kept.get(model), cache)
    return {model: answer or {} for model, answer in answers.items()}


def _unchanging(key: str, kept: Any, cache: Cache) -> Description | None:
    """An answer that no request could change: a full commit stays as it is."""
    model, revision = model_and_revision(key)
    return _before(key, kept, cache) if model and re.fullmatch(r"[0-9a-f]{40}", revision) else None


def _before(key: str, kept: Any, cache: Cache) -> Description | None:
    """The last good answer. The servers' comes first: by it the instances that run were planned."""
    reading, cached = sound(kept), cache.read(*model_and_revision(key))
    if reading:
        return {**reading, "source": "kept"}
    return {**cached, "source": "cache"} if cached else None


def _heard(hub: Hub, key: str) -> Description | ModelInfoError:
    try:
        return from_hub(hub, *model_and_revision(key))
    except ModelInfoError as error:
        return error
    except Exception as error:
        # What else an answer may do: the thread must live, and the text could repeat what was sent.
        return ModelInfoError("invalid", f"The answer for {key} cannot be read ({type(error).__name__}).")


def _settle(key: str, heard: Description | ModelInfoError, kept: Any, cache: Cache) -> Description:
    """The hub's answer, which is kept from now on; else the last good one; else the error."""
    if not isinstance(heard, ModelInfoError):
        cache.write(*model_and_revision(key), heard)
        return heard
    before = _before(key, kept, cache)
    if before:
        return {**before, "hub_error": str(heard)}
    return {"error": str(heard), "error_kind": heard.kind}


def _ask_all(hub: Hub, keys: list[str], within: float) -> dict[str, Description | ModelInfoError]:
    """Ask for all, a few at once; after the time is up the rest count as out of reach.

    The threads are daemons: one that hangs in a name server must not hold up the end of the run.
    """
    todo: SimpleQueue[str] = SimpleQueue()
    done: SimpleQueue[tuple[str, Description | ModelInfoError]] = SimpleQueue()
    for key in keys:
        todo.put(key)
    for _number in range(min(AT_ONCE, len(keys))):
        Thread(target=_work, args=(hub, todo, done), daemon=True).start()
    late = ModelInfoError("unreachable", f"{hub.endpoint} gave no answer within {within:.0f} seconds.")
    heard: dict[str, Description | ModelInfoError] = dict.fromkeys(keys, late)
    end = time.monotonic() + within
    for _answer in keys:
        try:
            key, answer = done.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            break
        heard[key] = answer
    return heard


def _work(hub: Hub, todo: SimpleQueue[str], done: SimpleQueue[tuple[str, Description | ModelInfoError]]) -> None:
    while True:
        try:
            key = todo.get_nowait()
        except Empty:
            return
        done.put((key, _heard(hub, key)))
