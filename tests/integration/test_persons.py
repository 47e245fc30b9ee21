# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in which team, on the real proxy: by id or mail, with limits, in parallel, said by the team or by the user."""

from __future__ import annotations

import typing as t

import pytest

from .harness import change, run, succeed
from .proxy import Proxy

PERSONS = [f"pe-{number}" for number in range(4)]
TEAMS = [f"pe-team-{number}" for number in range(4)]
MAIL = "pe-mail@example.com"


@pytest.fixture(autouse=True)
def clean(proxy: Proxy) -> t.Iterator[None]:
    _clean(proxy)
    yield
    _clean(proxy)


def _clean(proxy: Proxy) -> None:
    teams = [{"team_alias": name, "state": "absent", "cascade": True} for name in TEAMS]
    users = [{"user_id": name, "state": "absent", "cascade": True} for name in PERSONS]
    succeed(proxy, "litellm_state", desired={"teams": teams, "users": users})
    for user in proxy.call("GET", f"/user/list?user_email={MAIL}")["users"]:
        proxy.call("POST", "/user/delete", {"user_ids": [user["user_id"]]})


def teams_of(proxy: Proxy, person: str) -> set[str]:
    return set(proxy.call("GET", f"/user/info?user_id={person}")["user_info"]["teams"])


def members(*persons: str) -> list[dict[str, t.Any]]:
    return [{"user_id": person} for person in persons]


def test_persons_who_move_between_teams_in_one_call_are_where_they_should_be(proxy: Proxy) -> None:
    before = [{"team_alias": t_, "team_id": t_, "members_with_roles": members(p)} for t_, p in zip(TEAMS, PERSONS)]
    users = [{"user_id": person} for person in PERSONS]
    change(proxy, "litellm_state", desired={"teams": before, "users": users})
    for turn in range(1, 4):
        moved = [
            {"team_alias": name, "members_with_roles": members(PERSONS[(number + turn) % 4])}
            for number, name in enumerate(TEAMS)
        ]
        change(proxy, "litellm_state", desired={"teams": moved})
        for number, name in enumerate(TEAMS):
            assert teams_of(proxy, PERSONS[(number + turn) % 4]) == {name}


def test_members_by_mail_and_their_limits(proxy: Proxy) -> None:
    team: dict[str, t.Any] = {"team_alias": TEAMS[0], "team_id": TEAMS[0]}
    change(proxy, "litellm_team", **team, members_with_roles=[{"user_email": MAIL}])
    limited = {"user_email": MAIL, "max_budget_in_team": 3, "rpm_limit": 5, "allowed_models": ["m"]}
    change(proxy, "litellm_team", **team, members_with_roles=[limited, {"user_id": PERSONS[0], "tpm_limit": 7}])
    cleared: dict[str, t.Any] = {"user_email": MAIL, "max_budget_in_team": None, "allowed_models": []}
    change(proxy, "litellm_team", **team, members_with_roles=[cleared, {"user_id": PERSONS[0]}])
    shown = proxy.call("GET", f"/team/info?team_id={TEAMS[0]}")["team_memberships"]
    budgets = [one["litellm_budget_table"] for one in shown if one["litellm_budget_table"]]
    assert {(one["max_budget"], one["rpm_limit"], one["tpm_limit"]) for one in budgets} == {
        (None, 5, None),
        (None, None, 7),
    }


def test_a_user_says_its_teams_later_too(proxy: Proxy) -> None:
    teams = [{"team_alias": name, "team_id": name} for name in TEAMS[:3]]
    user = {"user_id": PERSONS[0], "teams": TEAMS[:2]}
    change(proxy, "litellm_state", desired={"teams": teams, "users": [user]})
    change(proxy, "litellm_user", user_id=PERSONS[0], teams=TEAMS[1:3])
    assert teams_of(proxy, PERSONS[0]) == set(TEAMS[1:3])
    change(proxy, "litellm_user", user_id=PERSONS[0], teams=[])
    missing = run(proxy, "litellm_user", user_id=PERSONS[0], teams=["no-such-team"], check=True)
    assert "there is no team with the team_id 'no-such-team'" in missing["msg"]


def test_the_role_admin_is_refused_before_the_call_where_it_needs_a_licence(proxy: Proxy) -> None:
    team: dict[str, t.Any] = {"team_alias": TEAMS[0], "team_id": TEAMS[0]}
    change(proxy, "litellm_team", **team, members_with_roles=[{"user_id": PERSONS[0], "role": "admin"}])
    more = [{"user_id": PERSONS[0], "role": "admin"}, {"user_id": PERSONS[1], "role": "admin"}]
    assert "licence" in run(proxy, "litellm_team", **team, members_with_roles=more, check=True)["msg"]


def test_a_team_and_a_user_that_contradict_each_other_are_refused(proxy: Proxy) -> None:
    """Also where only the proxy knows the team's id."""
    made = succeed(proxy, "litellm_team", team_alias=TEAMS[0], members_with_roles=members(PERSONS[0]))
    team: dict[str, t.Any] = {"team_alias": TEAMS[0], "members_with_roles": members(PERSONS[0])}
    user: dict[str, t.Any] = {"user_id": PERSONS[0], "teams": []}
    refused = run(proxy, "litellm_state", desired={"teams": [team], "users": [user]})
    assert f"names user {PERSONS[0]!r}, whose teams does not name {made['team_id']!r}" in refused["msg"]
    assert not refused.wrote
