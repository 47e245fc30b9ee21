# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a mail stands for. A team notes the mail that a member had on entering; the user's own may have changed since.

Used by the state, before anything is planned.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import replace

from . import reader
from .client import Client, LiteLLMError
from .errors import PlanError
from .kinds import KINDS, Field, Kind
from .wanted import Wanted

ID, MAIL = "user_id", "user_email"


def by_mail(kind: Kind, wanted: Wanted) -> list[Field]:
    """The options in which persons are named by mail alone."""
    lists = [item for item in kind.making if item.makes == "users" and item.name in wanted.given]
    return [item for item in lists if any(_mail_alone(entry) for entry in wanted.given[item.name] or [])]


def _mail_alone(entry: t.Any) -> str:
    return str(entry.get(MAIL) or "").lower() if isinstance(entry, dict) and not entry.get(ID) else ""


class Persons:
    """The users of the proxy and of the declaration, by their mails as they are after the writing."""

    def __init__(self, client: Client, wanted: t.Mapping[str, t.Sequence[Wanted]], read: reader.Reading | None) -> None:
        self._client = client
        self._declared = {one.identity: one for one in wanted.get("users", [])}
        self._mails = [
            mail
            for plural, objects in wanted.items()
            for one in objects
            for item in by_mail(KINDS[plural], one)
            for entry in one.given[item.name]
            if (mail := _mail_alone(entry))
        ]
        self._found: reader.Objects | None = read.found if read and read.complete else None

    def resolve(self, kind: Kind, wanted: Wanted) -> Wanted:
        """Ids in the place of mails that users have."""
        options = by_mail(kind, wanted) if wanted.state == "present" else []
        given = dict(wanted.given)
        for item in options:
            given[item.name] = [self._with_id(entry) for entry in given[item.name]]
            twice = [
                one for one, count in Counter(entry.get(ID) for entry in given[item.name]).items() if one and count > 1
            ]
            if twice:
                raise PlanError(
                    f"{kind.name} {wanted.identity!r}: {item.name} names {twice[0]!r} twice, by id and by mail"
                )
        return replace(wanted, given=given) if options else wanted

    def _with_id(self, entry: t.Any) -> t.Any:
        mail = _mail_alone(entry)
        ids = self._ids_of(mail) if mail else []
        return {ID: ids[0], **{k: v for k, v in entry.items() if k not in (ID, MAIL)}} if len(ids) == 1 else entry

    def _ids_of(self, mail: str) -> list[str]:
        declared = {name: one for name, one in self._declared.items() if MAIL in one.given or one.state == "absent"}
        having = [name for name, one in declared.items() if str(one.given.get(MAIL) or "").lower() == mail]
        having = [name for name in having if declared[name].state == "present"]
        found = (user for user in self._users(mail) if str(user.get(MAIL) or "").lower() == mail)
        return list(dict.fromkeys([*having, *(str(user[ID]) for user in found if user.get(ID) not in declared)]))

    def _users(self, mail: str) -> reader.Objects:
        kind = KINDS["users"]
        if self._found is None and len(self._mails) > reader.LOOKED_UP_SINGLY:
            self._found = self._read(lambda: reader.read(self._client, kind))
        if self._found is not None:
            return self._found
        return self._read(lambda: reader.read_where(self._client, kind, {MAIL: mail}, 1))

    @staticmethod
    def _read(work: t.Callable[[], reader.Objects]) -> reader.Objects:
        try:
            return work()
        except LiteLLMError:
            return []  # the key may not ask: then a mail is what the team noted
