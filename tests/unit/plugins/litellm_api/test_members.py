# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is in a team: matched by id or mail, with limits, and never two calls at once that touch one person."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import desired, plan, state
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.change import Change
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted

from .scripted import Script

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
