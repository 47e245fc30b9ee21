# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import threading
import time
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.rotation import RotatingKeyChange
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key, litellm_state

from .scripted import Call, Script, free, key, listed, mappings, named, run_module, sha

RAW = "sk-0123456789abcdef"
Run = t.Callable[..., dict[str, t.Any]]


def owned(alias: str, raw: str = RAW, **more: t.Any) -> dict[str, t.Any]:
    return key(alias, raw, metadata={"llmfleet": {"owner": "llmfleet.gateway"}}, **more)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_one(script: Script, *, check: bool = False, **args: t.Any) -> dict[str, t.Any]:
        result = run_module(litellm_state, script, {"workers": 1, **args}, check=check, monkeypatch=monkeypatch)
        script.assert_done()
        return result

    return run_one


def test_one_plan_in_the_order_of_references(run: Run) -> None:
    desired = {
        "keys": [{"key_alias": "app", "key": RAW, "budget_id": "small"}],
        "budgets": [{"budget_id": "small", "max_budget": 3}],
    }
    budget = {"budget_id": "small", "max_budget": 3.0}
    marked = {"llmfleet": {"owner": "llmfleet.gateway"}}
    script = Script(
        Call("GET", "/budget/list", []),
        named("app"),
        free(RAW),
        Call("POST", "/budget/new", budget, body={"budget_id": "small", "max_budget": 3.0}),
        Call(
            "POST",
            "/key/generate",
            {"token": sha(RAW)},
            body={"key_alias": "app", "key": RAW, "budget_id": "small", "metadata": marked},
        ),
        Call("GET", "/budget/list", [budget]),
        named("app", owned("app", budget_id="small")),
    )
    result = run(script, desired=desired)
    assert result["counts"] == {"create": 2, "update": 0, "delete": 0, "rotate": 0, "none": 0}
    assert RAW not in json.dumps(result)


@pytest.mark.parametrize("check", [True, False])
def test_a_value_in_use_under_another_alias_is_refused_before_anything_is_written(run: Run, check: bool) -> None:
    """Also where the other key was not among those that were read, and in check mode."""
    taken = Call("GET", "/key/list", listed(key("other")), query={"key_hash": sha(RAW), "return_full_object": "true"})
    script = Script(named("app"), taken)
    assert (
        "in use by the key 'other'"
        in run(script, check=check, desired={"keys": [{"key_alias": "app", "key": RAW}]})["msg"]
    )
    read = Script(Call("GET", "/key/list", listed(key("other"))))
    desired = {"keys": [{"key_alias": name, "key": RAW} for name in ("a", "b")]}
    assert len(run(read, check=check, desired=desired)["errors"]) == 2


def test_what_is_not_listed_at_once_is_looked_for_again(run: Run) -> None:
    made = owned("app")
    script = Script(
        named("app"), free(RAW), Call("POST", "/key/generate", {"token": sha(RAW)}), named("app"), named("app", made)
    )
    assert run(script, desired={"keys": [{"key_alias": "app", "key": RAW}]})["counts"]["create"] == 1


@pytest.mark.parametrize("check", [True, False])
def test_one_object_is_the_list_of_one(run: Run, check: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module of one object sends what the state of one sends, and says the same of it."""
    found, wanted = key("app", max_budget=1.0), {"key_alias": "app", "max_budget": 5}

    def script() -> Script:
        writes = [] if check else [Call("POST", "/key/update", {}), named("app", key("app", max_budget=5.0))]
        return Script(named("app", found), *writes)

    one, many = script(), script()
    monkeypatch.setattr(litellm_state, "fingerprint_key", lambda api_key: b"")
    alone = run_module(litellm_key, one, wanted, check=check, monkeypatch=monkeypatch)
    listed_one = run(many, check=check, desired={"keys": [wanted]}, owner="")
    assert one.sent == many.sent
    assert alone["diff"] == listed_one["diff"][0]
    assert (alone["operation"], alone["changed_fields"]) == ("update", ["max_budget"])


def test_check_mode_only_reads(run: Run) -> None:
    desired = {"keys": [{"key_alias": "app", "max_budget": 1}, {"key_alias": "new", "key": RAW}]}
    found = [owned("app", "sk-1123456789abcdef"), owned("old", "sk-2123456789abcdef")]
    script = Script(Call("GET", "/key/list", listed(*found)), mappings())
    result = run(script, check=True, desired=desired, prune=True)
    assert result["counts"] == {"create": 1, "update": 1, "delete": 1, "rotate": 0, "none": 0}
    assert {method for method, path in script.sent} == {"GET"}


def test_plans_are_made_once_while_the_pages_come_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the first page before the second one is there; a key twice in the pages is one key."""
    keys = [owned(f"app-{number}", f"{RAW}{number}") for number in range(3)]
    events: list[str] = []
    prepare = RotatingKeyChange.prepare

    def recorded(change: RotatingKeyChange, found: t.Any) -> None:
        events.append(f"plan {change.wanted.identity}")
        prepare(change, found)

    monkeypatch.setattr(RotatingKeyChange, "prepare", recorded)

    def second_page(sent: t.Any) -> t.Any:
        deadline = time.monotonic() + 10
        while len(events) < 2 and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        events.append("second page")
        return listed(keys[1], keys[2], total=101)

    script = Script(
        Call("GET", "/key/list", listed(keys[0], keys[1], total=101)), Call("GET", "/key/list", second_page)
    )
    desired = {"keys": [{"key_alias": f"app-{number}", "key": f"{RAW}{number}"} for number in range(3)]}
    assert run(script, desired=desired)["counts"]["none"] == 3
    assert events[:3] == ["plan app-0", "plan app-1", "second page"]
    assert len([event for event in events if event == "plan app-0"]) == 1


def test_what_was_planned_early_does_not_hide_a_second_key_of_the_name(run: Run) -> None:
    first, second = owned("app"), owned("app", f"{RAW}2")
    script = Script(
        Call("GET", "/key/list", listed(first, total=101)), Call("GET", "/key/list", listed(second, total=101))
    )
    result = run(script, desired={"keys": [{"key_alias": "app"}, {"key_alias": "other"}]}, check=True)
    assert "2 keys have the key_alias 'app'" in result["msg"]


def test_nothing_to_change_reads_the_pages_and_no_more(run: Run) -> None:
    keys = [owned(f"k{number}", f"sk-{number:016}") for number in range(150)]
    desired = {"keys": [{"key_alias": f"k{number}", "key": f"sk-{number:016}"} for number in range(150)]}
    script = Script(
        Call("GET", "/key/list", listed(*keys[:100], total=150)),
        Call("GET", "/key/list", listed(*keys[100:], total=150)),
    )
    assert run(script, desired=desired)["changed"] is False


def test_pruning_spares_the_unmarked_and_keys_in_their_grace_time(run: Run) -> None:
    waiting = owned("gone~retired", "sk-1123456789abcdef")
    waiting["metadata"]["llmfleet"]["retire_at"] = "2999-01-01T00:00:00+00:00"
    found = [key("by-hand", "sk-2123456789abcdef"), waiting, owned("gone", "sk-3123456789abcdef")]
    script = Script(
        Call("GET", "/key/list", listed(*found)),
        mappings(),
        Call("POST", "/key/block", {}, body={"key": sha("sk-3123456789abcdef")}),
        Call("POST", "/key/delete", {}, body={"keys": [sha("sk-3123456789abcdef")]}),
    )
    assert run(script, desired={"keys": []}, prune=True, workers=1)["counts"]["delete"] == 1


def test_one_failure_does_not_keep_the_others_from_their_turn(run: Run) -> None:
    desired = {"keys": [{"key_alias": name, "max_budget": 1} for name in ("a", "b")]}
    found = [owned("a", "sk-1123456789abcdef"), owned("b", "sk-2123456789abcdef")]
    script = Script(
        Call("GET", "/key/list", listed(*found)),
        Call("POST", "/key/update", {"error": {"message": "no"}}, status=400),
        Call("POST", "/key/update", {}),
    )
    result = run(script, desired=desired)
    assert result["failed"] is True
    assert result["errors"] == ["key 'a': POST /key/update answered 400: no"]


def test_a_refused_master_key_stops_everything(run: Run) -> None:
    desired = {"keys": [{"key_alias": name, "max_budget": 1} for name in ("a", "b")]}
    found = [owned("a", "sk-1123456789abcdef"), owned("b", "sk-2123456789abcdef")]
    script = Script(
        Call("GET", "/key/list", listed(*found)),
        Call("POST", "/key/update", {"error": {"message": "bad token"}}, status=401),
    )
    assert len(run(script, desired=desired)["errors"]) == 1


def test_a_wrong_option_is_named_although_the_proxy_is_read_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(Call("GET", "/key/list", listed()))
    desired = {"keys": [{"key_alias": "app", "max_bugdet": 1}]}
    result = run_module(litellm_state, script, {"desired": desired}, monkeypatch=monkeypatch)
    assert result["failed"] is True
    assert "keys #0" in result["msg"]
    assert "max_bugdet" in result["msg"]
    assert all(method == "GET" for method, path in script.sent)


def test_an_error_met_while_reading_ahead_is_reported(run: Run) -> None:
    script = Script(Call("GET", "/budget/list", {"error": {"message": "no such route"}}, status=400))
    result = run(script, desired={"budgets": [{"budget_id": "small", "max_budget": 3}]})
    assert result["error"] == {"method": "GET", "path": "/budget/list", "status": 400, "message": "no such route"}


def retired(raw: str, successor: str, deadline: str, alias: str = "app") -> dict[str, t.Any]:
    old = owned(f"{alias}~retired-{sha(raw)[:8]}", raw)
    old["metadata"]["llmfleet"].update(retire_at=deadline, successor=sha(successor))
    return old


def successor_of(raw: str, successor: str, grace: int, alias: str = "app") -> dict[str, t.Any]:
    new = owned(alias, successor)
    new["metadata"]["llmfleet"]["predecessor"] = {"token": sha(raw), "grace": grace}
    return new


NEW = "sk-1123456789abcdef"
FUTURE, PAST = "2999-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00"
LONG, SHORT = 10**10, 0


def test_a_changed_value_rotates(run: Run) -> None:
    desired = {"keys": [{"key_alias": "app", "key": NEW, "rotate": {"grace": "1h"}}]}

    def carries_over(body: dict[str, t.Any]) -> bool:
        marker = body["metadata"]["llmfleet"]
        return bool(body["key"] == NEW and marker["predecessor"] == {"token": sha(RAW), "grace": 3600})

    def is_retired(body: dict[str, t.Any]) -> bool:
        return bool(body["key_alias"].startswith("app~retired-") and body["metadata"]["llmfleet"]["retire_at"])

    script = Script(
        named("app", owned("app")),
        free(NEW),
        Call("POST", "/key/update", {}, check_body=is_retired),
        Call("POST", "/key/generate", {"token": sha(NEW)}, check_body=carries_over),
        named("app", successor_of(RAW, NEW, 3600)),
    )
    result = run(script, desired=desired)
    assert result["counts"] == {"create": 0, "update": 0, "delete": 0, "rotate": 1, "none": 0}
    assert result["operations"][0]["operation"] == "rotate"
    assert RAW not in json.dumps(result)
    foreseen = run(Script(named("app", owned("app")), free(NEW)), check=True, desired=desired)
    assert foreseen["counts"] == result["counts"]
    assert foreseen["diff"] == result["diff"]


def test_without_rotate_a_changed_value_is_refused(run: Run) -> None:
    result = run(Script(named("app", owned("app"))), desired={"keys": [{"key_alias": "app", "key": NEW}]})
    assert "set at creation" in result["msg"]


def test_a_replaced_key_outlives_pruning_until_its_deadline(run: Run) -> None:
    desired = {"keys": [{"key_alias": "app", "key": NEW}]}
    found = [successor_of(RAW, NEW, LONG), retired(RAW, NEW, FUTURE)]
    assert run(Script(Call("GET", "/key/list", listed(*found))), desired=desired, prune=True)["changed"] is False
    found = [successor_of(RAW, NEW, SHORT), retired(RAW, NEW, PAST)]
    script = Script(
        Call("GET", "/key/list", listed(*found)),
        Call("POST", "/key/update", {}),
        Call("POST", "/key/block", {}, body={"key": sha(RAW)}),
        Call("POST", "/key/delete", {}, body={"keys": [sha(RAW)]}),
        named("app", owned("app", NEW)),
    )
    result = run(script, desired=desired, prune=True)
    assert (result["counts"]["update"], result["counts"]["delete"]) == (1, 0)


def test_with_a_key_goes_the_one_that_it_replaced(run: Run) -> None:
    found = [successor_of(RAW, NEW, LONG), retired(RAW, NEW, FUTURE)]
    script = Script(
        Call("GET", "/key/list", listed(*found)),
        mappings(),
        Call("POST", "/key/block", {}, body={"key": sha(NEW)}),
        Call("POST", "/key/block", {}, body={"key": sha(RAW)}),
        Call("POST", "/key/delete", {}, body={"keys": [sha(NEW), sha(RAW)]}),
    )
    assert run(script, desired={"keys": []}, prune=True, workers=1)["counts"]["delete"] == 1


def test_a_grace_time_that_is_none_is_named(run: Run) -> None:
    desired = {"keys": [{"key_alias": "app", "key": NEW, "rotate": {"grace": "soon"}}]}
    assert "rotate.grace" in run(Script(named("app", owned("app"))), desired=desired)["msg"]
