# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is in a team, said by the team (its members) or by a user (its teams): LiteLLM changes either by calls of its own.

Used by the tables of teams and users only.
"""

from __future__ import annotations

import typing as t

from ._table import Call, Field, OtherSide, Rule, Write, dig, duration

# The administrator of the proxy, whom LiteLLM puts among the members of each team that it makes.
CREATOR = "default_user_id"
ADD = Write("POST", "/team/member_add", id_field="team_id")
UPDATE = Write("POST", "/team/member_update", id_field="team_id")
DELETE = Write("POST", "/team/member_delete", id_field="team_id")
OWN = "own limits"  # noted in a member that was read
MEMBERSHIPS = "team_memberships"
THERE = "already in team"  # what LiteLLM says where the team itself named the person

# What a person may spend in a team, by its name in the person's own budget there.
LIMITS = {
    "max_budget_in_team": "max_budget",
    "budget_duration": "budget_duration",
    "tpm_limit": "tpm_limit",
    "rpm_limit": "rpm_limit",
    "allowed_models": "allowed_models",
}
MEMBER = (
    Field("user_id"),
    Field("user_email"),
    Field("role", choices=("admin", "user")),
    Field("max_budget_in_team", "float"),
    duration("budget_duration"),
    Field("tpm_limit", "int"),
    Field("rpm_limit", "int"),
    Field("allowed_models", "list", "str"),
)

Member = t.Mapping[str, t.Any]
Members = t.Sequence[Member]


def _name(member: Member) -> str:
    return str(member.get("user_id") or member.get("user_email"))


def _who(member: Member) -> dict[str, t.Any]:
    """A mail serves to name somebody only where there is no id."""
    name = "user_id" if member.get("user_id") else "user_email"
    return {name: member[name]}


def _role(member: Member) -> str:
    return str(member.get("role") or "user")


def _is(wanted: Member, found: Member) -> bool:
    """By id, or by mail, whose letters LiteLLM takes for the same in capitals."""
    if wanted.get("user_id") and wanted.get("user_id") == found.get("user_id"):
        return True
    mails = [str(one.get("user_email") or "").lower() for one in (wanted, found)]
    return bool(mails[0]) and mails[0] == mails[1]


def _matched(wanted: Members, found: Members) -> tuple[list[tuple[Member, Member | None]], list[Member]]:
    """Each wanted member with the found one, by id or mail, and who is left."""
    pairs = [(one, next((there for there in found if _is(one, there)), None)) for one in wanted]
    there = [one for new, one in pairs if one]
    return pairs, [one for one in found if one not in there and one.get("user_id") != CREATOR]


def _given_limits(member: Member) -> dict[str, t.Any]:
    return {
        name: sorted(member[name] or []) or None if name == "allowed_models" else member[name]
        for name in LIMITS
        if name in member
    }


def members(value: Members | None) -> dict[str, t.Any]:
    """Who is in a team, as what, and with which limits of their own."""
    return {_name(one): _seen(one, _given_limits(one)) for one in value or [] if one.get("user_id") != CREATOR}


def _seen(member: Member, limits: t.Mapping[str, t.Any]) -> t.Any:
    return {"role": _role(member), **limits} if limits else _role(member)


def pair(wanted: Members | None, found: Members | None) -> tuple[t.Any, t.Any]:
    """The found and the wanted members; of limits those that the user wrote."""
    pairs, gone = _matched(wanted or [], found or [])
    old, new = dict(members(gone)), {}
    for one, there in pairs:
        limits = _given_limits(one)
        if there is not None and there.get("user_id") == CREATOR and _role(one) == "user" and not limits:
            continue
        new[_name(one)] = _seen(one, limits)
        if there is not None:
            old[_name(one)] = _seen(there, {name: _given_limits(there).get(name) for name in limits})
    return old, new


def created(value: Members) -> list[dict[str, t.Any]]:
    return [{**_named(member), "role": _role(member)} for member in value]


def _named(member: Member) -> dict[str, t.Any]:
    return {name: member[name] for name in ("user_id", "user_email") if member.get(name)}


def limit_calls(value: Members) -> list[Call]:
    """A new team takes no limits of its members."""
    limited = ((member, {k: v for k, v in _given_limits(member).items() if v is not None}) for member in value)
    return [Call(UPDATE, {**_who(member), **limits}) for member, limits in limited if limits]


def member_calls(wanted: Members | None, found: Members | None) -> list[Call]:
    """Additions first, so that a team never stands empty; a changed role or limit is an update of its own."""
    pairs, gone = _matched(wanted or [], found or [])
    added = [one for one, there in pairs if there is None]
    admins = ", ".join(_name(one) for one in added if _role(one) == "admin")
    calls = [Call(ADD, {"member": created(added)}, licence=_for_admins(admins))] if added else []
    calls += limit_calls(added)
    for one, there in pairs:
        changes = _changes(one, there) if there is not None else {}
        admin = _name(one) if changes.get("role") == "admin" else ""
        calls += [Call(UPDATE, {**_who(there or one), **changes}, licence=_for_admins(admin))] if changes else []
    return calls + [Call(DELETE, _who(member)) for member in gone]


def _for_admins(names: str) -> str:
    return f"the role admin, given later, of {names}" if names else ""


def _changes(wanted: Member, found: Member) -> dict[str, t.Any]:
    there = _given_limits(found)
    changed: dict[str, t.Any] = {k: v for k, v in _given_limits(wanted).items() if v != there.get(k)}
    if "allowed_models" in changed and changed["allowed_models"] is None:
        changed["allowed_models"] = []
    different = _role(wanted) != _role(found) and found.get("user_id") != CREATOR
    return {**changed, **({"role": _role(wanted)} if different else {})}


def named(value: Members | None, user_id: str, user: Member) -> bool | None:
    """Whether a person is a member, by id or mail; None where a member is named by a mail that may be the person's."""
    if any(_is(one, {**user, "user_id": user_id}) for one in value or []):
        return True
    return None if not user.get("user_email") and any(not one.get("user_id") for one in value or []) else False


def leavers(wanted: Members | None, found: Members | None) -> list[str]:
    """LiteLLM deletes a person's keys in a team that the person leaves."""
    return [str(one["user_id"]) for one in _matched(wanted or [], found or [])[1] if one.get("user_id")]


def touched(wanted: Members | None, found: Members | None) -> set[str]:
    """Whose list of teams the calls change. Who is named by mail may be anybody."""
    return {str(one.get("user_id") or "@") for one in (*(wanted or []), *(found or []))} - {CREATOR}


def exported(found: Members | None) -> list[dict[str, t.Any]]:
    return [
        {"user_id": name, "role": _role(one), **(_limits_of(one) if one.get(OWN) else {})}
        for one in found or []
        if (name := _name(one)) != CREATOR
    ]


def _limits_of(member: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name in LIMITS if (value := member.get(name)) not in (None, [])}


def with_limits(team: t.Mapping[str, t.Any], answer: t.Any) -> dict[str, t.Any]:
    """A team's members with the limits that LiteLLM shows beside the team, and whether they are a member's own."""
    shown = {one.get("user_id"): one for one in dig(answer, (MEMBERSHIPS,)) or []}
    usual = dig(team, ("metadata", "team_member_budget_id"))

    def member(one: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        there = shown.get(one.get("user_id"), {})
        limits = {name: (there.get("litellm_budget_table") or {}).get(inner) for name, inner in LIMITS.items()}
        return {**one, **limits, OWN: there.get("budget_id") != usual}

    return {**team, "members_with_roles": [member(one) for one in team.get("members_with_roles") or []]}


def has_limits(value: Members | None) -> bool:
    return any(name in member for member in value or [] for name in LIMITS)


ALSO_SAID_BY_USERS = OtherSide("users", "teams", named)
MEMBERSHIP = Rule(
    canonical=members,
    created=created,
    made=limit_calls,
    calls=member_calls,
    exported=exported,
    writes=(ADD, UPDATE, DELETE),
    pair=pair,
    leavers=leavers,
    touched=touched,
)


def team_calls(wanted: t.Sequence[str] | None, found: t.Sequence[str] | None) -> list[Call]:
    """Into the teams that are new, out of those that are not wanted; the person is the object itself."""
    old, new = set(found or []), set(wanted or [])
    added = [
        Call(ADD, {"member": [{"user_id": Call.SELF, "role": "user"}]}, id=team, late=True, already=THERE)
        for team in sorted(new - old)
    ]
    return added + [Call(DELETE, {"user_id": Call.SELF}, id=team, late=True) for team in sorted(old - new)]


def left(wanted: t.Sequence[str] | None, found: t.Sequence[str] | None) -> list[str]:
    return sorted(set(found or []) - set(wanted or []))


TEAMS_OF_USER = Rule(
    canonical=lambda value: sorted(value or []),
    created=lambda value: None,
    made=lambda value: team_calls(value, None),
    calls=team_calls,
    exported=lambda found: None,
    writes=(ADD, DELETE),
    leavers=left,
)
