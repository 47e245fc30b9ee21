# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is in a team: matched by id or mail, with limits, and never two calls at once that touch one person."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import apply, desired, plan, state
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.change import Change
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.client import LiteLLMError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, _members
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.plan import Operation
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_state

from .scripted import Call, Script, listed, run_module

TEAM, USER = KINDS["teams"], KINDS["users"]
ADA = {"user_id": "ada-1", "user_email": "ada@example.com", "role": "user"}


def planned(*wanted: dict[str, t.Any], found: t.Sequence[dict[str, t.Any]] = (ADA,)) -> plan.Operation:
    team = {"team_alias": "t", "team_id": "t-1", "members_with_roles": list(found)}
    return plan.plan(TEAM, Wanted("t", {"members_with_roles": list(wanted)}), team)


def sent(operation: plan.Operation) -> list[tuple[str, t.Any]]:
    return [(call.write.path, call.body) for call in operation.calls]


def test_somebody_named_by_mail_is_who_has_it() -> None:
    assert not planned({"user_email": "ada@example.com"}).changes
    assert not planned({"user_id": "ada-1"}).changes
    assert sent(planned({"user_email": "grace@example.com"})) == [
        ("/team/member_add", {"member": [{"user_email": "grace@example.com", "role": "user"}]}),
        ("/team/member_delete", {"user_id": "ada-1"}),
    ]


def test_limits_of_a_member_are_compared_and_set_by_themselves() -> None:
    limited = {**ADA, "max_budget_in_team": 3.0, "rpm_limit": None}
    assert not planned({"user_id": "ada-1", "max_budget_in_team": 3}, found=[limited]).changes
    changed = planned({"user_id": "ada-1", "max_budget_in_team": None, "rpm_limit": 4}, found=[limited])
    assert sent(changed) == [("/team/member_update", {"user_id": "ada-1", "max_budget_in_team": None, "rpm_limit": 4})]


def test_a_new_team_takes_limits_of_members_by_calls_of_their_own() -> None:
    wanted = Wanted("t", {"members_with_roles": [{"user_id": "ada-1", "tpm_limit": 4}]})
    operation = plan.plan(TEAM, wanted, None)
    assert operation.body["members_with_roles"] == [{"user_id": "ada-1", "role": "user"}]
    assert sent(operation) == [("/team/member_update", {"user_id": "ada-1", "tpm_limit": 4})]


def test_an_admin_who_comes_later_needs_a_licence() -> None:
    added = planned(ADA, {"user_id": "grace", "role": "admin"})
    assert [call.licence for call in added.calls] == ["the role admin, given later, of grace"]


def test_a_user_enters_and_leaves_teams_when_all_are_there() -> None:
    found = {"user_id": "ada-1", "teams": ["a", "b"]}
    operation = plan.plan(USER, Wanted("ada-1", {"teams": ["b", "c"]}), found)
    assert [(call.write.path, call.id, call.late) for call in operation.calls] == [
        ("/team/member_add", "c", True),
        ("/team/member_delete", "a", True),
    ]


def test_users_come_before_teams_which_would_make_them() -> None:
    order = list(KINDS)
    assert order.index("users") < order.index("teams")


def test_a_member_has_a_name_and_no_unknown_option() -> None:
    teams = [{"team_alias": "t", "members_with_roles": [{"role": "user"}, {"user_id": "a", "rolle": "user"}]}]
    mistakes = "; ".join(desired.mistakes({"teams": teams}))
    assert "members_with_roles #0: needs user_id or user_email" in mistakes
    assert "did you mean role?" in mistakes


def change(team: str, *persons: str) -> Change:
    wanted = Wanted(team, {"members_with_roles": [{"user_id": person} for person in persons]})
    return Change(Script().client(), TEAM, wanted)


def test_what_touches_one_person_goes_one_after_the_other() -> None:
    changes = [change("a", "ada"), change("b", "grace"), change("c", "ada", "alan"), change("d", "alan"), change("e")]
    chains = [[one.wanted.identity for one in chain] for chain in state._chains(changes)]
    assert sorted(chains) == [["a", "c", "d"], ["b"], ["e"]]


def test_two_objects_of_one_id_and_a_name_that_is_left_and_kept() -> None:
    twice = [{"team_alias": "a", "team_id": "x"}, {"team_alias": "b", "team_id": "x"}]
    assert desired.mistakes({"teams": twice}) == ["teams: 'a' and 'b' have one team_id"]
    kept = [{"key_alias": "a"}, {"key_alias": "b", "previous_name": "a"}]
    assert "its previous_name 'a' is declared as well" in "; ".join(desired.mistakes({"keys": kept}))


def test_who_is_to_be_absent_is_in_no_team() -> None:
    """LiteLLM would make the person again in the next run."""
    team = {"team_alias": "t", "members_with_roles": [{"user_id": "ada"}]}
    mistakes = desired.mistakes({"teams": [team], "users": [{"user_id": "ada", "state": "absent"}]})
    assert mistakes == ["team 't': its members_with_roles names user 'ada', which is to be absent"]


def test_a_group_and_a_team_that_contradict_each_other_are_refused() -> None:
    group = {"access_group_name": "g", "assigned_team_ids": ["t-1"]}
    team = {"team_alias": "t", "team_id": "t-1", "access_group_ids": []}
    mistakes = desired.mistakes({"teams": [team], "access_groups": [group]})
    assert "its access_group_ids does not name access_group 'g', whose assigned_team_ids names 't-1'" in mistakes[0]


def test_two_of_one_name_are_declared_by_their_ids() -> None:
    twins = [{"team_alias": "t", "team_id": name, "max_budget": 1} for name in "ab"]
    assert desired.mistakes({"teams": twins}) == []
    assert desired.mistakes({"teams": [twins[0], {"team_alias": "t"}]}) == ["teams: 't' is at #0 and again at #1"]
    first, second = desired.read({"teams": twins}, "o", b"k")["teams"]
    there = {"t": [{"team_alias": "t", "team_id": "a"}]}
    assert plan.find(TEAM, first, there) == there["t"][0]
    assert plan.find(TEAM, second, there) is None


def test_a_mail_is_the_same_in_capitals() -> None:
    found = {"user_id": "1", "user_email": "Ada@Example.com", "role": "user"}
    assert not planned({"user_email": "ada@example.com"}, found=[found]).changes


def test_a_mail_belongs_to_one() -> None:
    users = [{"user_id": "a", "user_email": "x@example.com"}, {"user_id": "b", "user_email": "X@example.com"}]
    assert desired.mistakes({"users": users}) == ["users: 'a' and 'b' have one user_email"]


@pytest.mark.parametrize("gone", [True, False])
def test_a_mail_that_another_has_is_refused_unless_that_one_goes(gone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"user_id": "a", "user_email": "X@example.com"}
    script = Script(Call("GET", "/user/list", {"users": [other], "total": 1}), *([no_keys()] if gone else []))
    users: list[dict[str, t.Any]] = [{"user_id": "b", "user_email": "x@example.com"}]
    users += [{"user_id": "a", "state": "absent"}] if gone else []
    options = {"desired": {"users": users}, "workers": 1}
    result = run_module(litellm_state, script, options, check=True, monkeypatch=monkeypatch)
    assert ("the user_email 'x@example.com' is that of 'a'" in result.get("msg", "")) is not gone


def no_keys() -> Call:
    return Call("GET", "/key/list", listed())


@pytest.mark.parametrize("said", ["All users are already in team", "no such team"])
def test_who_was_put_into_a_new_team_by_the_team_itself_is_in_it(said: str) -> None:
    """A new team takes its members along; then there is nothing left for the user's own list to do."""
    (call,) = _members.team_calls(["t"], None)
    script = Script(Call("POST", "/team/member_add", {"error": {"message": said}}, status=400))
    operation = Operation(plan.UPDATE, USER, "ada", calls=(call,))
    if "already" in said:
        apply.follow_up(script.client(), operation, "ada", late=True)
    else:
        with pytest.raises(LiteLLMError):
            apply.follow_up(script.client(), operation, "ada", late=True)
