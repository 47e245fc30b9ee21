# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many objects in one call, on the real proxy."""

from __future__ import annotations

import hashlib
import stat
import typing as t
from pathlib import Path

import pytest

from .harness import change, run, succeed
from .proxy import Proxy
from .states import RAW, everything, gone


@pytest.fixture(autouse=True)
def clean(proxy: Proxy) -> t.Iterator[None]:
    succeed(proxy, "litellm_state", desired=gone(everything(6)))
    yield
    succeed(proxy, "litellm_state", desired=gone(everything(6)))


def test_everything_in_one_call(proxy: Proxy) -> None:
    made = change(proxy, "litellm_state", desired=everything())
    assert made["counts"] == {"create": 11, "update": 0, "delete": 0, "rotate": 0, "none": 0}
    kinds = [operation["kind"] for operation in made["operations"]]
    assert kinds.index("team") < kinds.index("key")
    assert "secret-value" not in str(made.data)
    assert proxy.status("/v1/models", f"{RAW}0") == 200

    state = everything()
    state["keys"][1]["max_budget"] = 7
    state["teams"][0]["models"] = None
    changed = change(proxy, "litellm_state", desired=state)
    assert changed["counts"] == {"create": 0, "update": 2, "delete": 0, "rotate": 0, "none": 9}
    assert {item["name"] for item in changed["operations"]} == {"st-key-1", "st-team"}

    removed = change(proxy, "litellm_state", desired=gone(everything()))
    assert removed["counts"]["delete"] == 11
    assert removed["operations"][0]["kind"] == "budget"


def test_prune_removes_only_what_carries_our_marker(proxy: Proxy) -> None:
    proxy.call("POST", "/key/generate", {"key_alias": "st-key-5", "metadata": {"by": "hand"}})
    succeed(proxy, "litellm_state", desired=everything(), owner="st")
    state = everything(1)
    assert succeed(proxy, "litellm_state", desired=state, owner="st")["changed"] is False
    assert (
        succeed(proxy, "litellm_state", desired=state, owner="another", prune=True, check=True)["counts"]["delete"] == 0
    )
    pruned = change(proxy, "litellm_state", desired=state, owner="st", prune=True)
    assert {item["name"] for item in pruned["operations"]} == {"st-key-1", "st-key-2"}
    only_keys = change(proxy, "litellm_state", desired={"keys": []}, owner="st", prune=True)
    assert only_keys["counts"]["delete"] == 1
    aliases = {key["key_alias"] for key in proxy.call("GET", "/key/list?return_full_object=true&size=100")["keys"]}
    assert "st-key-5" in aliases
    assert proxy.call("GET", "/team/info?team_id=st-team-id")["team_id"] == "st-team-id"


def test_objects_made_by_hand_are_adopted(proxy: Proxy) -> None:
    proxy.call("POST", "/key/generate", {"key_alias": "st-key-0", "key": f"{RAW}0", "metadata": {"by": "hand"}})
    adopted = change(proxy, "litellm_state", desired={"keys": [{"key_alias": "st-key-0"}]}, owner="st")
    assert adopted["operations"][0]["changed_fields"] == ["owner"]
    key = proxy.call("GET", "/key/list?key_alias=st-key-0&return_full_object=true")["keys"][0]
    assert key["metadata"] == {"by": "hand", "llmfleet": {"owner": "st"}}


def test_every_mistake_is_named_and_nothing_is_changed(proxy: Proxy) -> None:
    twice = run(proxy, "litellm_state", desired={"teams": [{"team_alias": "st-team"}, {"team_alias": "st-team"}]})
    assert twice["errors"] == ["teams: 'st-team' is at #0 and again at #1"]
    desired = {
        "keys": [
            {"key_alias": "st-key-0"},
            {"key_alias": "st-key-1", "key": f"{RAW}1"},
            {"key_alias": "st-key-2", "key": f"{RAW}1"},
        ],
    }
    result = run(proxy, "litellm_state", desired=desired)
    assert result.failed
    assert not result.wrote
    assert len(result["errors"]) == 2
    wrong = run(proxy, "litellm_state", desired={"kees": [], "keys": [{"key_alias": "x", "max_bugdet": 1}, {}]})
    for part in ("'kees' is no kind", "keys #0: there is no option 'max_bugdet'", "keys #1: missing required"):
        assert part in wrong["msg"]


def test_licensed_options_are_refused_before_anything_is_written(proxy: Proxy) -> None:
    state = everything()
    state["keys"][2]["tags"] = ["a"]
    result = run(proxy, "litellm_state", desired=state)
    assert "key 'st-key-2': tags: this needs a LiteLLM Enterprise licence" in result["msg"]
    assert not result.wrote


def test_minted_keys_are_stored_and_work(proxy: Proxy, tmp_path: Path) -> None:
    desired = {"keys": [{"key_alias": "st-key-0"}, {"key_alias": "st-key-1"}]}
    made = change(proxy, "litellm_state", desired=desired, key_directory=str(tmp_path))
    assert made["counts"]["create"] == 2
    for number in (0, 1):
        file = tmp_path / f"st-key-{number}.key"
        raw = file.read_text().strip()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert proxy.status("/v1/models", raw) == 200
        assert raw not in str(made.data)
    removed = change(proxy, "litellm_state", desired=gone(desired), key_directory=str(tmp_path))
    assert removed["counts"]["delete"] == 2
    assert not list(tmp_path.iterdir())


def test_more_than_a_page_of_keys(proxy: Proxy) -> None:
    keys = [{"key_alias": f"st-many-{number}", "key": f"{RAW}-many-{number}"} for number in range(230)]
    assert change(proxy, "litellm_state", desired={"keys": keys})["counts"]["create"] == 230
    last = {"key_alias": "st-many-0", "max_budget": 1}
    assert change(proxy, "litellm_state", desired={"keys": [last]})["counts"]["update"] == 1
    assert change(proxy, "litellm_state", desired=gone({"keys": keys}))["counts"]["delete"] == 230
    token = hashlib.sha256(keys[0]["key"].encode()).hexdigest()
    assert not proxy.call("GET", f"/key/list?key_hash={token}")["keys"]
