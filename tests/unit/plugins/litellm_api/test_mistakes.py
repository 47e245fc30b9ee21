# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a declaration by itself: everything at once, and never with a secret in the message."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import desired, plan, store
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.errors import PlanError, StoreError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KEY, KINDS
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key

from .scripted import Script, key, run_module

SECRET = "sk-secret-0123456789"
INFINITE, NO_NUMBER = float("inf"), float("nan")
WINDOW = {"budget_duration": "1d", "max_budget": "3"}
WITH_DURATION = ("keys", "teams", "users", "budgets", "customers", "tags", "organizations", "projects")


def wrong(plural: str, **options: t.Any) -> list[str]:
    kind = KINDS[plural]
    return desired.mistakes({plural: [{kind.identity: "x", **options}]})


@pytest.mark.parametrize("plural", WITH_DURATION)
@pytest.mark.parametrize("text", ["1 day", "", "monthly", "five hours", "0d", "-1d", "1.5d", "30", "\u0661d"])
def test_nonsense_as_a_budget_duration_is_refused(plural: str, text: str) -> None:
    (said,) = wrong(plural, budget_duration=text)
    assert "budget_duration" in said


@pytest.mark.parametrize(
    ("plural", "options"),
    [
        ("keys", {"budget_limits": [{"budget_duration": "five hours", "max_budget": 5}]}),
        ("teams", {"budget_limits": [{"budget_duration": "1d", "max_budget": -5}]}),
        ("keys", {"budget_limits": [{"budget_duration": "1d", "max_bugdet": 5}]}),
        ("keys", {"model_max_budget": {"m": {"max_budget": 1, "time_period": "daily"}}}),
        ("keys", {"model_rpm_limit": {"m": -1}}),
        ("keys", {"metadata": {"a": [NO_NUMBER]}}),
        ("keys", {"max_budget": INFINITE}),
        ("keys", {"max_budget": NO_NUMBER}),
        ("keys", {"max_budget": -1}),
        ("keys", {"tpm_limit": -1}),
        ("keys", {"duration": "0d"}),
        ("keys", {"duration": "30d", "renew_before": "soon"}),
        ("keys", {"auto_rotate": True, "rotation_interval": "weekly"}),
        ("keys", {"rotate": {"grace": "soon"}}),
        ("keys", {"key_type": "everything"}),
        ("keys", {"max_budget": "lots"}),
        ("teams", {"members_with_roles": [{"user_id": "a", "rolle": "admin"}]}),
        ("teams", {"members_with_roles": [{"user_id": "a", "role": "boss"}]}),
        ("teams", {"members_with_roles": ["a"]}),
        ("teams", {"team_member_budget_duration": "monthly"}),
        ("mcp_servers", {"env_vars": [{"nam": "A", "value": "b"}]}),
        ("mcp_servers", {"env_vars": [{"value": "b"}]}),
        ("keys", {"budget_limits": [{"budget_duration": "1d"}]}),
        ("keys", {"budget_limits": [{"budget_duration": "1d", "max_budget": "lots"}]}),
        ("teams", {"members_with_roles": [{"user_id": "a"}, {"user_id": "a", "role": "user"}]}),
        ("teams", {"members_with_roles": [{"user_id": "a", "tpm_limit": 1.5}]}),
        ("models", {"litellm_params": {"input_cost_per_token": "nan"}}),
        ("models", {"litellm_params": {"input_cost_per_token": -1}}),
        ("models", {"litellm_params": {"timeout": "inf"}}),
        ("models", {"litellm_params": {"max_budget": "-1"}}),
        ("models", {"litellm_params": {"rpm": -1}}),
        ("models", {"litellm_params": {"tpm": "3e2"}}),
        ("models", {"model_info": {"id": "another"}}),
        ("models", {"model_info": {"db_model": False}}),
        ("settings", {"values": {"max_budget": -1}}),
        ("settings", {"values": {"budget_duration": "1 day"}}),
        ("plugins", {"name": "A plugin"}),
        ("mcp_servers", {"alias": "a-b"}),
    ],
)
def test_each_mistake_is_named(plural: str, options: dict[str, t.Any]) -> None:
    (said,) = wrong(plural, **options)
    assert "small letters" in said if "name" in options else next(iter(reversed(options))) in said


@pytest.mark.parametrize(
    "options",
    [
        {"duration": "-1", "budget_duration": "1mo", "max_budget": 0, "spend": 0},
        {"duration": None, "budget_duration": None, "max_budget": None, "budget_limits": None},
        {"rotate": {"grace": "0s"}},
        {"metadata": {"offset": -5, "budget_duration": "whatever"}},
        {"max_budget": "1e-3", "tpm_limit": "100"},
    ],
)
def test_what_is_right_is_no_mistake(options: dict[str, t.Any]) -> None:
    assert wrong("keys", **options) == []


def test_all_mistakes_are_named_at_once() -> None:
    state = {
        "kyes": [],
        "teams": {"team_alias": "t"},
        "budgets": ["b", {"budget_id": " "}, {"max_budget": 1}, {"budget_id": None}],
        "keys": [
            {"key_alias": "a", "max_bugdet": 1, "budget_duration": "monthly"},
            {"key_alias": "a", "models": {"not": "a list"}},
            {"key_alias": "b", "team_id": "x", "team_alias": "y"},
            {"key_alias": "a", "state": "gone"},
            {"key_alias": "a"},
        ],
    }
    said = desired.mistakes(state)
    for part in (
        "'kyes' is no kind of object",
        "teams must be a list",
        "budgets #0: must be a dictionary",
        "budgets #1: budget_id is empty",
        "budgets #2: missing required arguments: budget_id",
        "budgets #3: budget_id is empty",
        "keys #0: there is no option 'max_bugdet'; did you mean max_budget?",
        "budget_duration: 'monthly' is no duration",
        "keys #1: ",
        "keys #2: ",
        "keys #3: ",
        "keys: 'a' is at #0 and again at #4",
    ):
        assert any(part in one for one in said), part
    assert len(said) == 12


@pytest.mark.parametrize("state", [None, {}, {"keys": None}, {"keys": [{"key_alias": "a", "state": "absent"}]}])
def test_nothing_declared_is_no_mistake(state: t.Any) -> None:
    assert desired.mistakes(state) == []
    assert desired.mistakes("nonsense") != []


@pytest.mark.parametrize("raw", ["sk-secret-0123456789\n", " sk-secret-0123456789", "sk-secret\u00e9-0123456789", ""])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(raw: str) -> None:
    (said,) = wrong("keys", key=raw)
    assert "printable ASCII" in said
    assert "secret" not in said


def test_parts_of_entries_have_types() -> None:
    entries = {"members_with_roles": [{"user_id": 123, "tpm_limit": "5", "max_budget_in_team": "2.5"}]}
    declared = {"teams": [{"team_alias": "t", **entries}], "keys": [{"key_alias": "k", "budget_limits": [WINDOW]}]}
    read = desired.read(declared, "o", b"k")
    assert read["teams"][0].given["members_with_roles"] == [
        {"user_id": "123", "tpm_limit": 5, "max_budget_in_team": 2.5}
    ]
    assert read["keys"][0].given["budget_limits"] == [{"budget_duration": "1d", "max_budget": 3.0}]


def test_what_looks_like_a_price_in_metadata_stays_as_it_is() -> None:
    written = {"cost_center": "0042", "price": "10"}
    (wanted,) = desired.read({"keys": [{"key_alias": "k", "metadata": written}]}, "o", b"k")["keys"]
    assert wanted.given["metadata"] == written


def test_a_truth_value_that_is_written_as_text_is_no_difference() -> None:
    params = {"model": "openai/x", "drop_params": "true"}
    (wanted,) = desired.read({"models": [{"model_id": "m", "litellm_params": params}]}, "o", b"k")["models"]
    marked = plan.plan(KINDS["models"], wanted, None).body["model_info"]["llmfleet"]
    there = {"model_id": "m", "litellm_params": {**params, "drop_params": True}, "model_info": {"llmfleet": marked}}
    assert plan.plan(KINDS["models"], wanted, there).action == plan.NOTHING


NEW: list[tuple[str, dict[str, t.Any], str]] = [
    ("mcp_servers", {"server_name": "a-b", "url": "http://127.0.0.1:9", "transport": "http"}, "hyphen"),
    ("policies", {"policy_name": "a/b"}, "slash"),
    ("mcp_servers", {"server_name": "a", "transport": "http"}, "url or spec_path"),
    ("plugins", {"name": "a", "source": {"source": "github"}}, "source.repo"),
    ("credentials", {"credential_name": "a", "credential_values": {}}, "credential_values"),
    ("model_access_groups", {"access_group": "a", "model_names": []}, "model_names"),
    ("prompts", {"prompt_id": "a/b", "litellm_params": {"prompt_integration": "dotprompt"}}, "slash"),
]


@pytest.mark.parametrize(("plural", "options", "said"), NEW, ids=[row[2] + row[0] for row in NEW])
def test_what_the_proxy_does_not_take_for_a_new_one_is_refused_in_the_plan(
    plural: str, options: dict[str, t.Any], said: str
) -> None:
    (wanted,) = desired.read({plural: [options]}, "o", b"k")[plural]
    with pytest.raises(PlanError, match=said):
        plan.refuse_incomplete(KINDS[plural], wanted)


def test_what_the_proxy_finds_by_no_path_is_neither_changed_nor_deleted() -> None:
    """Its 404 would look as if it had gone already."""
    there = {"policy_name": "a/b", "description": "d"}
    for options in ({"state": "absent"}, {"description": "e"}):
        (wanted,) = desired.read({"policies": [{"policy_name": "a/b", **options}]}, "o", b"k")["policies"]
        with pytest.raises(PlanError, match="slash"):
            plan.plan(KINDS["policies"], wanted, there)


def test_numbers_as_names_in_metadata_are_no_difference() -> None:
    declared = {"keys": [{"key_alias": "app", "metadata": {2026: {1: "x"}, True: "y"}}]}
    (wanted,) = desired.read(declared, "o", b"k")["keys"]
    assert wanted.given["metadata"] == {"2026": {"1": "x"}, "true": "y"}
    there = key("app", metadata={"2026": {"1": "x"}, "true": "y", "llmfleet": {"owner": "o"}})
    assert plan.plan(KEY, wanted, there).action == plan.NOTHING


def test_a_price_is_compared_and_written_as_a_number() -> None:
    params = {"model": "openai/x", "api_key": "sk-secret-0123", "input_cost_per_token": "1e-06"}
    (wanted,) = desired.read({"models": [{"model_id": "m", "litellm_params": params}]}, "o", b"k")["models"]
    created = plan.plan(KINDS["models"], wanted, None)
    assert created.body["litellm_params"]["input_cost_per_token"] == 1e-06
    marked = {"id": "m", "llmfleet": created.body["model_info"]["llmfleet"]}

    def found(price: t.Any) -> plan.Operation:
        shown = {"model": "openai/x", "input_cost_per_token": price}
        there = {"model_id": "m", "litellm_params": shown, "model_info": marked}
        return plan.plan(KINDS["models"], wanted, there)

    assert found("1e-06").action == found(0.000001).action == plan.NOTHING
    dearer = found(0.5)
    assert dearer.action == plan.UPDATE
    assert (dearer.before["litellm_params"]["input_cost_per_token"], dearer.changed_fields) == (0.5, ["litellm_params"])
    assert "sk-secret-0123" not in str(dearer.diff())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget_duration": "1 day"}, "budget_duration: '1 day' is no duration"),
        ({"max_budget": -1}, "max_budget must not be below zero"),
        ({"key": f"{SECRET} "}, "key is empty, or has white space"),
    ],
)
def test_the_module_of_one_object_refuses_the_same(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, t.Any], said: str
) -> None:
    result = run_module(litellm_key, Script(), {"key_alias": "app", **options}, monkeypatch=monkeypatch)
    assert said in result["msg"]
    assert SECRET not in result["msg"]


def test_a_wrong_type_hides_no_other_mistake_of_the_same_object() -> None:
    wrong = {"key_alias": "app", "rpm_limit": "many", "budget_duration": "1 day", "max_budget": -4}
    found = desired.mistakes({"keys": [wrong]})
    assert len(found) == 3
    for said in (
        "keys #0: rpm_limit must be a whole number",
        "'1 day' is no duration",
        "max_budget must not be below zero",
    ):
        assert any(said in line for line in found)
    assert desired.mistakes({"keys": [{"budget_duration": "0d"}]}) == [
        "keys #0: missing required arguments: key_alias",
        "key '(without a name)': budget_duration: '0d' is no time at all",
    ]


@pytest.mark.parametrize(
    ("plural", "options", "said"),
    [
        ("keys", {"key_alias": True}, "keys #0: key_alias is true or false to YAML; write it in quotes"),
        ("keys", {"key_alias": 1.10}, "keys #0: key_alias is a number to YAML; write it in quotes"),
        ("keys", {"key_alias": [SECRET]}, "keys #0: key_alias must be text, not a list"),
        ("keys", {"models": [{"gpt": "x"}]}, "keys #0: models[0] must be text, not a dictionary"),
        ("keys", {"models": ["a", None]}, "keys #0: models[1] is empty; write text, or take it out"),
        ("keys", {"models": [False]}, "keys #0: models[0] is true or false to YAML; write it in quotes"),
        ("keys", {"tpm_limit": {"api_key": SECRET}}, "keys #0: tpm_limit must be a whole number, not a dictionary"),
        ("keys", {"tpm_limit": INFINITE}, "keys #0: tpm_limit must be a whole number"),
        ("keys", {"duration": {"api_key": SECRET}}, "keys #0: duration must be text, not a dictionary"),
        ("keys", {"rotate": 0}, "keys #0: rotate must be a dictionary"),
        ("keys", {"rotate": {1: 2}}, "keys #0: rotate has a name that is no text"),
        ("pass_through_endpoints", {"auth": SECRET}, "pass_through_endpoints #0: auth must be true or false"),
    ],
)
def test_what_a_conversion_would_take_for_something_else_is_a_mistake(
    plural: str, options: dict[str, t.Any], said: str
) -> None:
    """A dictionary would become the text of it, yes would become True, and the message would repeat what is in it."""
    assert said in wrong(plural, **options)
    assert SECRET not in str(wrong(plural, **options))


ADA = {"user_id": "ada", "teams": ["t-1"]}


@pytest.mark.parametrize(
    ("members", "user", "said"),
    [
        ([], ADA, "does not name user 'ada', whose teams names 't-1'"),
        ([{"user_id": "ada"}], {**ADA, "teams": []}, "names user 'ada', whose teams does not name 't-1'"),
        ([{"user_id": "ada"}], {**ADA, "teams": None}, "names user 'ada', whose teams does not name 't-1'"),
        ([{"user_email": "a@b.c"}], {**ADA, "teams": [], "user_email": "a@b.c"}, "names user 'ada'"),
        ([{"user_email": "x@b.c"}], {**ADA, "user_email": "a@b.c"}, "does not name user 'ada'"),
        ([{"user_id": "ada"}], ADA, None),
        ([{"user_email": "a@b.c"}], {**ADA, "user_email": "a@b.c"}, None),
        ([{"user_email": "may-be-ada@b.c"}], ADA, None),
        ([{"user_id": "ada"}], {"user_id": "ada"}, None),
        ([], {**ADA, "state": "absent"}, None),
    ],
)
def test_a_team_and_a_user_must_not_contradict_each_other(
    members: list[dict[str, t.Any]], user: dict[str, t.Any], said: str | None
) -> None:
    team = {"team_alias": "t", "team_id": "t-1", "members_with_roles": members}
    found = desired.mistakes({"teams": [team], "users": [user]})
    assert [said in one for one in found] == ([True] if said else []), found


def test_25_one_alias_in_two_teams_is_refused_with_both_places() -> None:
    """BerriAI/litellm#8328, #6944: the proxy knows a key by its alias, whatever its team."""
    keys = [{"key_alias": "dev", "team_id": "a"}, {"key_alias": "dev", "team_id": "b"}]
    assert desired.mistakes({"keys": keys}) == ["keys: 'dev' is at #0 and again at #1"]


@pytest.mark.parametrize("alias", ["a/b", "../../etc/passwd", "schlüssel", "a\\b"])
def test_26_the_file_of_an_odd_alias_stays_in_its_folder(alias: str) -> None:
    name = store.file_name(alias)
    assert "/" not in name and name.isascii() and name not in {".", ".."}


def test_26_an_alias_that_is_too_long_for_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        store.FileStore(store.key_path(str(tmp_path), "a" * 300)).write("sk-0123456789abcdef")
