# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of many models: whatever the hub does, what it said before still answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.client import BadStatusLine, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.cache import Cache
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.describe import AT_ONCE, describe
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.names import model_key

HUB = "https://hub.example"
TOKEN = "hf_secretsecret"
COMMIT = "a09a35458c702b33eeacc393d103063234e8bc28"
CONFIG = {"model_type": "qwen2", "hidden_size": 64}
KEPT = {"source": "hub", "repository": "org/m", "revision": COMMIT, "config": {"model_type": "kept"}, "weight_bytes": 5}
Answer = tuple[int, bytes, dict[str, str]]


def page(value: Any) -> Answer:
    return 200, json.dumps(value).encode(), {}


def good(url: str, _token: str) -> Answer:
    if "/api/models/" in url:
        return page({"sha": COMMIT, "siblings": [{"rfilename": "model.safetensors", "size": 100}]})
    return page(CONFIG)


def raising(error: Exception) -> Callable[[str, str], Answer]:
    def fetch(_url: str, _token: str) -> Answer:
        raise error

    return fetch


def status(code: int, error_code: str = "") -> Callable[[str, str], Answer]:
    return lambda _url, _token: (code, b"", {"x-error-code": error_code})


def about(value: Any) -> Callable[[str, str], Answer]:
    """A hub whose page about a model is this."""
    return lambda url, token: page(value) if "/api/models/" in url else good(url, token)


def config(value: Any) -> Callable[[str, str], Answer]:
    """A hub whose config.json is this."""
    return lambda url, token: good(url, token) if "/api/models/" in url else page(value)


def broken_index(url: str, token: str) -> Answer:
    if "/api/models/" in url:
        shards = [{"rfilename": name, "size": 9} for name in ("model.safetensors.index.json", "model-1.safetensors")]
        return page({"sha": COMMIT, "siblings": shards})
    return (200, b"<html>", {}) if url.endswith("index.json") else good(url, token)


FAILURES = {
    **{str(code): status(code) for code in (400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504, 302, 204)},
    "no such revision": status(404, "RevisionNotFound"),
    "no config": status(404, "EntryNotFound"),
    "timeout": raising(TimeoutError("timed out")),
    "no route": raising(URLError("no route to host")),
    "reset": raising(ConnectionResetError(104, "reset")),
    "cut": raising(IncompleteRead(b"")),
    "no http": raising(BadStatusLine("x")),
    "header": raising(ValueError(f"Invalid header value b'Bearer {TOKEN}'")),
    "surprise": raising(KeyError(TOKEN)),
    "html": lambda _url, _token: (200, b"<html>log in</html>", {}),
    "deep": lambda _url, _token: (200, b"[" * 100000, {}),
    "list": about([]),
    "null": about(None),
    "portal": config({"error": "log in"}),
    "config list": config([1]),
    "config text": config("x"),
    "broken index": broken_index,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_is_answered_from_what_is_kept(tmp_path: Path, failure: str) -> None:
    found = describe(["org/m"], HUB, TOKEN, {"org/m": KEPT}, str(tmp_path), fetch=FAILURES[failure])["org/m"]
    assert {**found, "source": "hub", "hub_error": ""} == {**KEPT, "hub_error": ""}
    assert found["source"] == "kept"
    assert found["hub_error"] and TOKEN not in str(found)


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_is_answered_from_the_cache(tmp_path: Path, failure: str) -> None:
    first = describe(["org/m"], HUB, TOKEN, {}, str(tmp_path), fetch=good)["org/m"]
    second = describe(["org/m"], HUB, TOKEN, {}, str(tmp_path), fetch=FAILURES[failure])["org/m"]
    assert first["source"] == "hub" and first["weight_bytes"] == 100
    assert second["source"] == "cache"
    assert (second["config"], second["weight_bytes"]) == (first["config"], first["weight_bytes"])


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_that_nothing_answers_is_an_error_without_secrets(tmp_path: Path, failure: str) -> None:
    found = describe(["org/m"], HUB, TOKEN, {}, str(tmp_path), fetch=FAILURES[failure])["org/m"]
    assert set(found) == {"error", "error_kind"}
    assert TOKEN not in str(found)


def test_the_servers_reading_comes_before_the_cache(tmp_path: Path) -> None:
    describe(["org/m"], HUB, "", {}, str(tmp_path), fetch=good)
    found = describe(["org/m"], HUB, "", {"org/m": KEPT}, str(tmp_path), fetch=status(503))["org/m"]
    assert (found["source"], found["config"]) == ("kept", KEPT["config"])


@pytest.mark.parametrize("kept", [None, [], "x", {}, {"config": None}, {"config": "x"}])
def test_a_damaged_reading_counts_as_none(tmp_path: Path, kept: Any) -> None:
    found = describe(["org/m"], HUB, "", {"org/m": kept}, str(tmp_path), fetch=status(503))["org/m"]
    assert found["error_kind"] == "http"


def test_offline_asks_nobody(tmp_path: Path) -> None:
    def fetch(_url: str, _token: str) -> Answer:
        raise AssertionError("asked")

    kept = {"org/m": KEPT}
    found = describe(["org/m", "org/n"], HUB, "", kept, str(tmp_path), ask=False, fetch=fetch)
    assert found["org/m"]["source"] == "kept"
    assert found["org/n"]["error_kind"] == "unreachable"


def test_a_commit_is_not_asked_for_again(tmp_path: Path) -> None:
    key = model_key("org/m", COMMIT)
    describe([key], HUB, "", {}, str(tmp_path), fetch=good)
    found = describe([key], HUB, "", {}, str(tmp_path), fetch=raising(AssertionError("asked")))[key]
    assert found["source"] == "cache" and "hub_error" not in found


def test_revisions_of_one_model_are_told_apart(tmp_path: Path) -> None:
    def fetch(url: str, token: str) -> Answer:
        return status(404)(url, token) if "/revision/old" in url else good(url, token)

    keys = [model_key("org/m", "main"), model_key("org/m", "old")]
    found = describe(keys, HUB, "", {}, str(tmp_path), fetch=fetch)
    assert keys == ["org/m", "org/m@old"]
    assert (found[keys[0]]["source"], found[keys[1]]["error_kind"]) == ("hub", "not_found")


def test_names_that_look_alike_do_not_share_a_file(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path), HUB)
    cache.write("a/b_c", "main", {"config": {"model_type": "one"}})
    assert cache.read("a_b/c", "main") is None
    assert cache.read("a/b", "c_main") is None


def test_a_cache_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert describe(["org/m"], HUB, "", {}, str(blocked / "x"), fetch=good)["org/m"]["source"] == "hub"


@pytest.mark.parametrize(
    "endpoint", ["ftp://hub", "hub", "https://", "https://me:pass@hub", "http://h:port", "http://[::1"]
)
def test_an_endpoint_that_cannot_be_asked(tmp_path: Path, endpoint: str) -> None:
    found = describe(["org/m"], endpoint, "", {}, str(tmp_path), fetch=good)["org/m"]
    assert found["error_kind"] == "invalid" and "pass" not in found["error"]


@pytest.mark.parametrize("token", ["hf_x\n", "hf x", "hf_\u00e9"])
def test_a_token_that_cannot_be_sent_is_not_shown(tmp_path: Path, token: str) -> None:
    found = describe(["org/m"], HUB, token, {}, str(tmp_path), fetch=good)["org/m"]
    assert found["error_kind"] == "token_invalid" and token.strip() not in found["error"]


def test_a_few_are_asked_at_once_and_all_are_answered(tmp_path: Path) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def fetch(url: str, token: str) -> Answer:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return good(url, token)

    found = describe([f"org/m{number}" for number in range(40)], HUB, "", {}, str(tmp_path), fetch=fetch)
    assert all(answer["source"] == "hub" for answer in found.values()) and len(found) == 40
    assert 1 < most <= AT_ONCE


def test_a_hub_that_never_answers_costs_bounded_time(tmp_path: Path) -> None:
    never = threading.Event()

    def fetch(url: str, token: str) -> Answer:
        if "slow" in url:
            never.wait(30)
        return good(url, token)

    began = time.monotonic()
    keys = ["org/slow", "org/m"]
    found = describe(keys, HUB, "", {"org/slow": KEPT}, str(tmp_path), fetch=fetch, within=0.5)
    assert time.monotonic() - began < 5
    assert (found["org/slow"]["source"], found["org/m"]["source"]) == ("kept", "hub")
    never.set()


@pytest.mark.parametrize(
    "odd",
    [
        {"sha": 5, "siblings": "x", "cardData": [], "gated": None},
        {"siblings": [None, 3, {"rfilename": None, "size": "big"}, {"rfilename": "model.safetensors", "size": -4}]},
        {"cardData": {"license": ["mit"]}, "siblings": {}},
    ],
)
def test_odd_pages_about_a_model_are_read_as_far_as_they_go(tmp_path: Path, odd: Any) -> None:
    found = describe(["org/m"], HUB, "", {}, str(tmp_path), fetch=about(odd))["org/m"]
    assert (found["source"], found["weight_bytes"], found["license"]) == ("hub", None, None)
