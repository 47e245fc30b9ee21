# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key is replaced while it is in use."""

from __future__ import annotations

import threading
import time
import typing as t
from pathlib import Path
from unittest import mock

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import rotation

from .harness import change, run, succeed
from .proxy import Proxy

pytestmark = pytest.mark.usefixtures("named")

ALIAS = "rot-key"
OLD, NEW = "sk-rotation-old-0123456789", "sk-rotation-new-0123456789"
OPTIONS: dict[str, t.Any] = {
    "key_alias": ALIAS,
    "models": ["a"],
    "max_budget": 7,
    "soft_budget": 3,
    "budget_duration": "30d",
    "metadata": {"a": 1},
    "model_rpm_limit": {"a": 1000},
    "object_permission": {"vector_stores": ["x"]},
}


def found(proxy: Proxy) -> list[dict[str, t.Any]]:
    keys = succeed(proxy, "litellm_info", kinds=["keys"])["objects"]["keys"]
    return [key for key in keys if str(key["key_alias"]).startswith(ALIAS)]


@pytest.fixture(autouse=True)
def clean(proxy: Proxy) -> t.Iterator[None]:
    def remove() -> None:
        for key in found(proxy):
            proxy.call("POST", "/key/delete", {"keys": [key["token"]]})

    remove()
    yield
    remove()


def works(proxy: Proxy, raw: str) -> bool:
    return proxy.status("/v1/models", raw) == 200


def test_the_successor_inherits_and_the_old_key_lives_for_the_grace_time(proxy: Proxy) -> None:
    succeed(proxy, "litellm_key", **OPTIONS, key=OLD)
    proxy.call("POST", "/key/update", {"key": OLD, "spend": 1.5, "tpm_limit": 9000})
    assert "set at creation" in run(proxy, "litellm_key", key_alias=ALIAS, key=NEW)["msg"]

    foreseen = succeed(proxy, "litellm_key", check=True, key_alias=ALIAS, key=NEW, rotate={"grace": "1h"})
    done = succeed(proxy, "litellm_key", key_alias=ALIAS, key=NEW, rotate={"grace": "1h"})
    assert foreseen["operation"] == done["operation"] == "rotate"
    assert foreseen["diff"] == done["diff"]
    assert works(proxy, OLD)
    assert works(proxy, NEW)
    successor = next(key for key in found(proxy) if key["key_alias"] == ALIAS)
    assert (successor["spend"], successor["max_budget"], successor["tpm_limit"]) == (1.5, 7.0, 9000)
    assert successor["litellm_budget_table"]["soft_budget"] == 3.0
    assert successor["object_permission"]["vector_stores"] == ["x"]
    assert successor["metadata"]["a"] == 1
    assert len(found(proxy)) == 2
    again = succeed(proxy, "litellm_key", **OPTIONS, key=NEW, rotate={"grace": "1h"})
    assert again["changed"] is False, again["diff"]


def test_the_old_key_is_deleted_when_its_time_is_over(proxy: Proxy) -> None:
    succeed(proxy, "litellm_key", **OPTIONS, key=OLD)
    succeed(proxy, "litellm_key", key_alias=ALIAS, key=NEW, rotate={"grace": "2s"})
    assert works(proxy, OLD)
    time.sleep(3)
    ended = change(proxy, "litellm_key", key_alias=ALIAS, key=NEW, rotate={"grace": "2s"})
    assert ended["changed_fields"] == ["predecessor"]
    assert not works(proxy, OLD)
    assert works(proxy, NEW)
    assert len(found(proxy)) == 1


def test_a_new_generation_of_a_stored_key(proxy: Proxy, tmp_path: Path) -> None:
    store = {"file": str(tmp_path / "key")}
    succeed(proxy, "litellm_key", **OPTIONS, store=store)
    first = (tmp_path / "key").read_text().strip()
    same = succeed(proxy, "litellm_key", key_alias=ALIAS, store=store, rotate={"generation": 1})
    assert same["changed"] is False
    succeed(proxy, "litellm_key", key_alias=ALIAS, store=store, rotate={"generation": 2})
    second = (tmp_path / "key").read_text().strip()
    assert first != second
    assert works(proxy, first)
    assert works(proxy, second)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    again = succeed(proxy, "litellm_key", key_alias=ALIAS, store=store, rotate={"generation": 2})
    assert again["changed"] is False


@pytest.mark.parametrize("step", ["_create_with_value", "_retire"])
def test_a_run_that_breaks_off_is_finished_by_the_next(proxy: Proxy, tmp_path: Path, step: str) -> None:
    store = {"file": str(tmp_path / "key")}
    succeed(proxy, "litellm_key", **OPTIONS, store=store)
    first = (tmp_path / "key").read_text().strip()
    rotate = {"generation": 2}
    with mock.patch.object(rotation.RotatingKeyChange, step, side_effect=SystemExit(1)), pytest.raises(IndexError):
        run(proxy, "litellm_key", key_alias=ALIAS, store=store, rotate=rotate)
    assert works(proxy, first)
    finished = succeed(proxy, "litellm_key", key_alias=ALIAS, store=store, rotate=rotate)
    assert finished["operation"] == "rotate"
    second = (tmp_path / "key").read_text().strip()
    assert works(proxy, first)
    assert works(proxy, second)
    assert len(found(proxy)) == 2
    assert succeed(proxy, "litellm_key", key_alias=ALIAS, store=store, rotate=rotate)["changed"] is False


def test_under_load_there_is_no_moment_without_a_working_key(proxy: Proxy, tmp_path: Path) -> None:
    """Callers that read the stored value before each request never meet a refusal."""
    file = tmp_path / "key"
    store = {"file": str(file)}
    succeed(proxy, "litellm_key", key_alias=ALIAS, store=store)
    stop, refused, served = threading.Event(), [0], [0]

    def load() -> None:
        while not stop.is_set():
            if works(proxy, file.read_text().strip()):
                served[0] += 1
            else:
                refused[0] += 1

    callers = [threading.Thread(target=load) for caller in range(3)]
    for caller in callers:
        caller.start()
    try:
        for generation in (2, 3, 4):
            rotate = {"generation": generation, "grace": "1h"}
            succeed(proxy, "litellm_key", key_alias=ALIAS, store=store, rotate=rotate)
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert served[0] > 10
    assert refused[0] == 0


def test_many_keys_rotate_in_one_call_and_are_spared_by_pruning(proxy: Proxy, tmp_path: Path) -> None:
    aliases = [f"{ALIAS}-{number}" for number in range(3)]

    def state(generation: int, grace: str = "1h") -> dict[str, t.Any]:
        rotate = {"generation": generation, "grace": grace}
        keys = [{"key_alias": alias, "max_budget": 3, "rotate": rotate} for alias in aliases]
        options = {"owner": ALIAS, "prune": True, "key_directory": str(tmp_path)}
        return {"desired": {"keys": keys}, **options}

    def stored() -> list[str]:
        return [(tmp_path / f"{alias}.key").read_text().strip() for alias in aliases]

    assert change(proxy, "litellm_state", **state(1))["counts"]["create"] == 3
    first = stored()
    rotated = change(proxy, "litellm_state", **state(2))
    assert rotated["counts"] == {"create": 0, "update": 0, "delete": 0, "rotate": 3, "none": 0}
    second = stored()
    assert not set(first) & set(second)
    assert all(works(proxy, raw) for raw in (*first, *second))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{alias}.key" for alias in aliases)

    succeed(proxy, "litellm_state", **state(3, grace="1s"))
    time.sleep(2)
    ended = change(proxy, "litellm_state", **state(3, grace="1s"))
    assert ended["counts"]["update"] == 3
    assert not any(works(proxy, raw) for raw in second)
    assert all(works(proxy, raw) for raw in stored())
    # The keys of the first rotation still have their hour, and their successors' successors know of them.
    assert all(works(proxy, raw) for raw in first)
    succeed(proxy, "litellm_state", desired={"keys": [{"key_alias": a, "state": "absent"} for a in aliases]})
    assert not any(works(proxy, raw) for raw in (*first, *second))
    assert not found(proxy)
