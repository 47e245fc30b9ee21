# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LiteLLM's management API: JSON in, JSON out, typed errors, and what may be sent again. Above the transport, below all else."""

from __future__ import annotations

import http.client
import json
import math
import re
import socket
import time
import typing as t
import urllib.parse

from .errors import (
    ERROR_OF_STATUS,
    AuthenticationError,
    BadReplyError,
    ForbiddenError,
    LiteLLMError,
    NotFoundError,
    UnclearError,
    UnreachableError,
)
from .secret_parts import MASK
from .transport import Reply, Settings, TooLongError, Transport, check_header

__all__ = [
    "AuthenticationError",
    "BadReplyError",
    "Client",
    "ForbiddenError",
    "LiteLLMError",
    "NotFoundError",
    "Reply",
    "Settings",
    "Transport",
    "UnclearError",
    "UnreachableError",
]

RETRIED_STATUS = (502, 503, 504)
ATTEMPTS = 4
USER_AGENT = "llmfleet.gateway"  # the gate knows it, see plugin_utils/_fleet/views/gate.py
UNSENDABLE = "the request can't be sent: an option has characters that HTTP doesn't allow"
LONGEST_WAIT = 30.0
SHOWN = 200  # letters of an answer that is none of LiteLLM's
RAW_KEY = re.compile(r"sk-[A-Za-z0-9_\-]{8,}")


def redact(text: str, secrets: t.Iterable[str] = ()) -> str:
    """Take raw keys and the given secrets out of a text that is about to be shown."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return RAW_KEY.sub(f"sk-{MASK}", text)


def server_message(body: bytes, secrets: t.Collection[str] = ()) -> str:
    """The message inside LiteLLM's three shapes of error, or the beginning of whatever came. Masked, then cut."""
    text = redact(body.decode("utf-8", "replace"), secrets)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return " ".join(text.split())[:SHOWN] or "empty answer"
    if not isinstance(data, dict):
        return text[:SHOWN]
    error = data.get("error", data.get("detail", data))
    if isinstance(error, list):
        return redact("; ".join(_validation_message(item) for item in error), secrets)
    while isinstance(error, dict) and ("message" in error or "error" in error):
        error = error.get("message", error.get("error"))
    # A secret that JSON spells with backslashes has its own letters again only now.
    return redact(error if isinstance(error, str) else json.dumps(error), secrets)


def _validation_message(item: t.Any) -> str:
    """One entry of a 422: where and what, without the `input`, which may be a secret."""
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(part) for part in item.get("loc", ()) if part != "body")
    return f"{where}: {item.get('msg')}"


class Client:
    """LiteLLM's management API: JSON in, JSON out, typed errors."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport | None = None,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self._secrets = (settings.api_key, *settings.secrets)
        self._sleep = sleep
        self._headers = {
            "Authorization": f"Bearer {check_header('api_key', settings.api_key)}",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }
        if settings.changed_by:
            check_header("changed_by", settings.changed_by.replace(" ", "-"))
            self._headers["litellm-changed-by"] = settings.changed_by.strip()
        self._transport = transport or Transport(settings)

    def get(self, path: str, query: t.Mapping[str, t.Any] | None = None) -> t.Any:
        if query:
            path = f"{path}?{urllib.parse.urlencode(query)}"
        return self.request("GET", path, repeatable=True)

    def request(self, method: str, path: str, body: t.Any = None, *, repeatable: bool = False) -> t.Any:
        """Send a request. A repeatable one does no harm when it is done twice, so it may be sent again."""
        data = None if body is None else json.dumps(body).encode()
        headers = dict(self._headers, **({"Content-Type": "application/json"} if data is not None else {}))
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                reply = self._transport.send(method, path, data, headers)
            except UnreachableError:
                if last:
                    raise
            except (OSError, http.client.HTTPException) as exc:
                if last or not repeatable:
                    raise UnclearError(self._safe(_no_answer(exc, self.settings)), method=method, path=path) from exc
            except TooLongError as exc:
                raise BadReplyError(str(exc), method=method, path=path) from None
            except ValueError:
                # http.client names the header or the path that it refuses: its text must not get any further.
                raise LiteLLMError(UNSENDABLE, method=method, path=path) from None
            else:
                if last or not self._worth_repeating(reply, repeatable):
                    return self._read(reply, method, path)
                self._sleep(_retry_after(reply, attempt))
                continue
            self._sleep(_pause(attempt))
        raise AssertionError("unreachable")

    def _worth_repeating(self, reply: Reply, repeatable: bool) -> bool:
        # 429 means that nothing was done; a gateway's 502-504 leaves that open.
        return reply.status == 429 or (repeatable and reply.status in RETRIED_STATUS)

    def _read(self, reply: Reply, method: str, path: str) -> t.Any:
        if 200 <= reply.status < 300:
            try:
                return json.loads(reply.body) if reply.body else None
            except (ValueError, RecursionError):
                message = f"the answer is not JSON, or too deep: {self._said(reply)}"
                raise BadReplyError(message, method=method, path=path, status=reply.status) from None
        if reply.status in (301, 302, 303, 307, 308):
            message = f"redirected to {self._safe(reply.headers.get('location', 'nowhere'))}: correct api_url"
            raise BadReplyError(message, method=method, path=path, status=reply.status)
        kind = ERROR_OF_STATUS.get(reply.status, LiteLLMError)
        raise kind(self._said(reply), method=method, path=path, status=reply.status)

    def _said(self, reply: Reply) -> str:
        return server_message(reply.body, self._secrets)

    def _safe(self, text: str) -> str:
        return redact(text, self._secrets)


def _no_answer(exc: Exception, settings: Settings) -> str:
    if isinstance(exc, (socket.timeout, TimeoutError)):
        return f"no answer within {settings.timeout:g} s"
    return f"the connection broke before an answer came ({exc or type(exc).__name__})"


def _pause(attempt: int) -> float:
    return 0.25 * 2 ** (attempt - 1)


def _retry_after(reply: Reply, attempt: int) -> float:
    """What the proxy asks for, if that is a time at all."""
    try:
        asked = float(reply.headers["retry-after"])
    except (KeyError, ValueError):
        return _pause(attempt)
    return min(asked, LONGEST_WAIT) if math.isfinite(asked) and asked >= 0 else _pause(attempt)
