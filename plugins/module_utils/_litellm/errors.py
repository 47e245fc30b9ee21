# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, as types. For everything in this package; only the modules make failures of them."""

from __future__ import annotations

import typing as t


class LiteLLMError(Exception):
    """A request failed. Carries what a user needs to find the cause, and never a key."""

    def __init__(self, message: str, *, method: str, path: str, status: int | None = None) -> None:
        self.method = method
        self.path = path
        self.status = status
        self.message = message
        where = f"{method} {path}" if status is None else f"{method} {path} answered {status}"
        super().__init__(f"{where}: {message}")

    def as_dict(self) -> dict[str, t.Any]:
        return {"method": self.method, "path": self.path, "status": self.status, "message": self.message}


class AuthenticationError(LiteLLMError):
    """The proxy doesn't accept the API key (401)."""


class ForbiddenError(LiteLLMError):
    """The proxy refuses the operation, for want of a right or a licence (403)."""


class NotFoundError(LiteLLMError):
    """There is no such object (404)."""


class UnreachableError(LiteLLMError):
    """The request never got to the proxy, so nothing was done."""


class UnclearError(LiteLLMError):
    """The request was sent and no answer came: it may or may not have been done."""


class BadReplyError(LiteLLMError):
    """The answer isn't the JSON that LiteLLM sends: often a wrong URL or a proxy in between."""


ERROR_OF_STATUS: dict[int, type[LiteLLMError]] = {401: AuthenticationError, 403: ForbiddenError, 404: NotFoundError}


class PlanError(Exception):
    """What is wanted can't be had. The message says why and what to do."""


class NoKindError(PlanError):
    """The version of the proxy knows no objects of the kind."""


class DuplicateError(PlanError):
    """More than one object answers to the name."""


class StoreError(Exception):
    """The place for the raw key can't be read or written."""


class RaceError(Exception):
    """Another run made the same object at the same time; ours was removed again."""


class NotKeptError(Exception):
    """The proxy took the request and didn't keep what it said."""


EXPECTED = (LiteLLMError, PlanError, StoreError, RaceError, NotKeptError)


class StateError(Exception):
    """The desired state can't be reached, or wasn't. Carries every error, not only the first."""

    SHOWN = 20

    def __init__(self, summary: str, causes: t.Sequence[Failure]) -> None:
        self.causes = list(causes)
        self.errors = list(dict.fromkeys(str(cause) for cause in causes))
        rest = len(self.errors) - self.SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        super().__init__(f"{summary}: {'; '.join(self.errors[: self.SHOWN])}{more}")


class Failure:
    """One error of many, and what it was about."""

    def __init__(self, error: Exception, about: str = "") -> None:
        self.error = error
        self.about = about

    def __str__(self) -> str:
        return f"{self.about}: {self.error}" if self.about else str(self.error)
