# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
import socket
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key

from .scripted import MASTER, Call, Script, free, key, listed, mappings, named, run_module, sha

RAW = "sk-0123456789abcdef"
CREATED = {"token": sha(RAW), "key": RAW, "key_alias": "app"}
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_one(script: Script, *, check: bool = False, **args: t.Any) -> dict[str, t.Any]:
        result = run_module(litellm_key, script, args, check=check, monkeypatch=monkeypatch)
        script.assert_done()
        shown = json.dumps({name: value for name, value in result.items() if name != "invocation"})
        assert MASTER not in json.dumps(result)
        assert not re.search(r"sk-[A-Za-z0-9]", shown.replace("sk-...", "")), shown
        return result

    return run_one


def test_a_key_of_a_given_value_is_created(run: Run) -> None:
    body = {"key_alias": "app", "key": RAW, "max_budget": 5.0}
    script = Script(
        named("app"),
        free(RAW),
        Call("POST", "/key/generate", CREATED, body=body),
        named("app", key("app", RAW, max_budget=5.0)),
    )
    result = run(script, key_alias="app", key=RAW, max_budget=5)
    assert result["changed"] is True
    assert result["operation"] == "create"
    assert result["token"] == sha(RAW)
    assert result["diff"]["after"] == {"key_alias": "app", "key": "********", "max_budget": 5}


def test_nothing_to_change_is_one_request(run: Run) -> None:
    result = run(Script(named("app", key("app", max_budget=5.0))), key_alias="app", key=RAW, max_budget=5)
    assert result["changed"] is False
    assert result["diff"]["before"] == result["diff"]["after"]


def test_an_omitted_option_is_left_and_a_null_clears(run: Run) -> None:
    script = Script(
        named("app", key("app", max_budget=5.0, tpm_limit=7)),
        Call("POST", "/key/update", {}, body={"key": sha(RAW), "max_budget": None}),
        named("app", key("app", tpm_limit=7)),
    )
    result = run(script, key_alias="app", max_budget=None)
    assert result["changed"] is True
    assert result["diff"]["before"]["max_budget"] == 5
    assert result["diff"]["after"]["max_budget"] is None


def test_a_key_is_deleted_by_its_hash_and_its_file_goes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(RAW)
    script = Script(
        named("app", key("app")),
        mappings(),
        Call("POST", "/key/block", {}, body={"key": sha(RAW)}),  # other processes are told of this only
        Call("POST", "/key/delete", {}, body={"keys": [sha(RAW)]}),
    )
    result = run(script, key_alias="app", state="absent", store={"file": str(tmp_path / "key")})
    assert result["operation"] == "delete"
    assert not (tmp_path / "key").exists()
    again = run(Script(named("app")), key_alias="app", state="absent", store={"file": str(tmp_path / "key")})
    assert again["changed"] is False


@pytest.mark.parametrize("found", [[], [key("app", max_budget=1.0, metadata={"a": 1})]])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_only_reads(run: Run, tmp_path: Path, found: list[dict[str, t.Any]], state: str) -> None:
    store = tmp_path / "key"
    if found:
        store.write_text(RAW)
        store.chmod(0o600)
    taken = [Call("GET", "/key/list", listed())] if state == "present" and not found else []
    gone = [mappings()] if state == "absent" and found else []
    script = Script(named("app", *found), *taken, *gone)
    result = run(script, check=True, key_alias="app", state=state, max_budget=5, store={"file": str(store)})
    assert {method for method, path in script.sent} == {"GET"}
    assert result["changed"] is (state == "present" or bool(found))
    assert store.exists() is bool(found)


def test_a_minted_key_goes_into_the_store_before_it_is_created(run: Run, tmp_path: Path) -> None:
    store = tmp_path / "key"
    made: dict[str, t.Any] = {}

    def stored_first(body: dict[str, t.Any]) -> bool:
        made.update(body)
        return store.read_text().strip() == body["key"]

    def answer(body: dict[str, t.Any]) -> dict[str, t.Any]:
        return {"token": sha(body["key"]), "key": body["key"]}

    script = Script(
        named("app"),
        Call("GET", "/key/list", listed()),
        Call("POST", "/key/generate", answer, check_body=stored_first),
        Call("GET", "/key/list", lambda sent: listed(key("app", made["key"]))),
    )
    result = run(script, key_alias="app", store={"file": str(store)})
    assert result["token"] == sha(store.read_text().strip())


def test_an_interrupted_run_is_finished_with_the_stored_value(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(RAW)
    script = Script(
        named("app"),
        free(RAW),
        Call("POST", "/key/generate", CREATED, body={"key_alias": "app", "key": RAW}),
        named("app", key("app")),
    )
    assert run(script, key_alias="app", store={"file": str(tmp_path / "key")})["changed"] is True


@pytest.mark.parametrize("check", [True, False])
def test_a_key_without_a_home_is_not_created(run: Run, check: bool) -> None:
    result = run(Script(named("app")), check=check, key_alias="app")
    assert result["failed"] is True
    assert "nowhere to go" in result["msg"]


@pytest.mark.parametrize("check", [True, False])
def test_a_store_that_cannot_be_written_stops_before_anything_is_made(run: Run, tmp_path: Path, check: bool) -> None:
    result = run(Script(named("app")), check=check, key_alias="app", store={"file": str(tmp_path / "no" / "key")})
    assert "cannot write the store" in result["msg"]


def test_a_lost_value_is_said(run: Run, tmp_path: Path) -> None:
    result = run(Script(named("app", key("app"))), key_alias="app", store={"file": str(tmp_path / "key")})
    assert "does not hold its raw value" in result["msg"]


def test_a_value_in_use_under_another_alias_is_refused(run: Run) -> None:
    taken = Call("GET", "/key/list", listed(key("other")))
    result = run(Script(named("app"), taken), key_alias="app", key=RAW)
    assert "in use by the key 'other'" in result["msg"]


def test_duplicates_fail_with_their_hashes(run: Run) -> None:
    result = run(Script(named("app", key("app", RAW), key("app", "sk-1123456789abcdef"))), key_alias="app")
    assert sha(RAW) in result["msg"]
    assert sha("sk-1123456789abcdef") in result["msg"]


def test_the_newer_of_twins_is_removed(run: Run) -> None:
    older = key("app", "sk-1123456789abcdef", created_at="2026-11-22T19:59:59.000000Z")
    script = Script(
        named("app"),
        free(RAW),
        Call("POST", "/key/generate", CREATED),
        named("app", key("app"), older),
        Call("POST", "/key/delete", {}, body={"keys": [sha(RAW)]}),
    )
    result = run(script, key_alias="app", key=RAW)
    assert result["failed"] is True
    assert older["token"] in result["msg"]


def test_the_older_of_twins_stays(run: Run) -> None:
    newer = key("app", "sk-1123456789abcdef", created_at="2026-11-22T20:00:01.000000Z")
    script = Script(named("app"), free(RAW), Call("POST", "/key/generate", CREATED), named("app", key("app"), newer))
    assert run(script, key_alias="app", key=RAW)["token"] == sha(RAW)


def test_a_timeout_after_the_work_was_done_is_a_success(run: Run) -> None:
    script = Script(
        named("app"),
        free(RAW),
        Call("POST", "/key/generate", error=socket.timeout()),
        named("app", key("app")),
        named("app", key("app")),
    )
    assert run(script, key_alias="app", key=RAW)["changed"] is True


def test_what_the_proxy_did_not_keep_is_an_error(run: Run) -> None:
    script = Script(named("app"), free(RAW), Call("POST", "/key/generate", CREATED), named("app", key("app")))
    result = run(script, key_alias="app", key=RAW, tpm_limit=5)
    assert "did not keep: tpm_limit" in result["msg"]


def test_licensed_options_are_refused_by_name_before_anything_is_written(run: Run) -> None:
    licence = Call("GET", "/health/license", {"license_type": "community"})
    script = Script(named("app", key("app")), licence, Call("GET", "/v2/guardrails/list", {"guardrails": []}))
    result = run(script, key_alias="app", tags=["a"], guardrails=["g"])
    assert "there is no guardrail with the guardrail_name 'g'" in result["msg"]
    assert "key 'app': guardrails; key 'app': tags: this needs a LiteLLM Enterprise licence" in result["msg"]


def test_a_proxy_that_takes_no_values_mints_the_key_itself(run: Run, tmp_path: Path) -> None:
    store = tmp_path / "key"
    refusal = {"error": {"message": "{'error': 'Custom API key values are disabled'}"}}
    script = Script(
        named("app"),
        Call("GET", "/key/list", listed()),
        Call("POST", "/key/generate", refusal, status=403),
        Call("POST", "/key/generate", CREATED, body={"key_alias": "app"}),
        named("app", key("app")),
    )
    run(script, key_alias="app", store={"file": str(store)})
    assert store.read_text() == f"{RAW}\n"


def test_a_key_of_the_proxy_is_deleted_again_when_it_cannot_be_stored(run: Run, tmp_path: Path) -> None:
    store = tmp_path / "dir" / "key"
    store.parent.mkdir()

    def lose_directory(body: dict[str, t.Any]) -> dict[str, t.Any]:
        store.unlink()
        store.parent.rmdir()
        return CREATED

    script = Script(
        named("app"),
        Call("GET", "/key/list", listed()),
        Call("POST", "/key/generate", {"detail": {"error": "Custom API key values are disabled"}}, status=403),
        Call("POST", "/key/generate", lose_directory),
        Call("POST", "/key/delete", {}, body={"keys": [sha(RAW)]}),
    )
    result = run(script, key_alias="app", store={"file": str(store)})
    assert "was deleted again" in result["msg"]


def test_errors_carry_the_request(run: Run) -> None:
    script = Script(Call("GET", "/key/list", {"error": {"message": "bad token"}}, status=401))
    result = run(script, key_alias="app")
    assert result["error"] == {
        "method": "GET",
        "path": "/key/list?return_full_object=true&page=1&size=100&key_alias=app",
        "status": 401,
        "message": "bad token",
    }


def test_an_empty_alias_is_refused(run: Run) -> None:
    assert "key_alias is empty" in run(Script(), key_alias=" ")["msg"]


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_PROXY_URL", "http://elsewhere:4000")
    monkeypatch.setenv("LITELLM_MASTER_KEY", MASTER)
    from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import connection_spec

    for name, variable in (("api_url", "LITELLM_PROXY_URL"), ("api_key", "LITELLM_MASTER_KEY")):
        fallback, names = connection_spec()[name]["fallback"]
        assert variable in names
        assert fallback(*names)


@pytest.mark.parametrize("value", ["sk-short", "no-prefix-0123456789"])
def test_a_value_that_the_proxy_takes_for_no_new_key_is_refused(run: Run, value: str) -> None:
    result = run(Script(named("app")), check=True, key_alias="app", key=value)
    assert "must begin with sk- and have 16 characters or more" in result["msg"]
    assert value not in result["msg"]
