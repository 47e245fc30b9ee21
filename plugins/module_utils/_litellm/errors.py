# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong with a request, as types. For everything in this package."""

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
