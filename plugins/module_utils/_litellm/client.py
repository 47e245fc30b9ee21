# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
import typing as t
import urllib.parse
import urllib.request
from dataclasses import dataclass

RETRIED_STATUS = (502, 503, 504)
ATTEMPTS = 4
LONGEST_WAIT = 30.0
RAW_KEY = re.compile(r"sk-[A-Za-z0-9_\-]{8,}")


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


@dataclass(frozen=True)
class Settings:
    """Where the proxy is and how to talk to it."""

    api_url: str
    api_key: str
    validate_certs: bool = True
    ca_path: str | None = None
    timeout: float = 30.0
    changed_by: str | None = None


@dataclass(frozen=True)
class Reply:
    status: int
    headers: t.Mapping[str, str]
    body: bytes


def redact(text: str, secrets: t.Iterable[str] = ()) -> str:
    """Take raw keys and the given secrets out of a text that is about to be shown."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "********")
    return RAW_KEY.sub("sk-********", text)


def server_message(body: bytes) -> str:
    """The message inside LiteLLM's three shapes of error, or the beginning of whatever came."""
    text = body.decode("utf-8", "replace")
    try:
        data = json.loads(text)
    except ValueError:
        return " ".join(text.split())[:200] or "empty answer"
    if not isinstance(data, dict):
        return text[:200]
    error = data.get("error", data.get("detail", data))
    if isinstance(error, list):
        return "; ".join(_validation_message(item) for item in error)
    while isinstance(error, dict) and ("message" in error or "error" in error):
        error = error.get("message", error.get("error"))
    return error if isinstance(error, str) else json.dumps(error)


def _validation_message(item: t.Any) -> str:
    """One entry of a 422: where and what, without the `input`, which may be a secret."""
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(part) for part in item.get("loc", ()) if part != "body")
    return f"{where}: {item.get('msg')}"


class Transport:
    """Keep-alive connections to one proxy, one for each thread, all on one SSL context."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._url = urllib.parse.urlsplit(settings.api_url.rstrip("/"))
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise ValueError("api_url must look like http://host:4000 or https://host")
        self._context = self._make_context() if self._url.scheme == "https" else None
        self._forward_proxy = self._find_forward_proxy()
        self._local = threading.local()

    def _make_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.settings.ca_path:
            context.load_verify_locations(self.settings.ca_path)
        if not self.settings.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _find_forward_proxy(self) -> urllib.parse.SplitResult | None:
        host = self._url.hostname or ""
        address = urllib.request.getproxies().get(self._url.scheme)
        if not address or urllib.request.proxy_bypass(host):
            return None
        return urllib.parse.urlsplit(address if "://" in address else f"http://{address}")

    def _open(self) -> http.client.HTTPConnection:
        port = self._url.port or (443 if self._context else 80)
        target = self._forward_proxy or self._url
        host, target_port = target.hostname or "", target.port or port
        timeout = self.settings.timeout
        if not self._context:
            return http.client.HTTPConnection(host, target_port, timeout=timeout)
        connection = http.client.HTTPSConnection(host, target_port, timeout=timeout, context=self._context)
        if self._forward_proxy:
            connection.set_tunnel(self._url.hostname or "", port)
        return connection

    def send(self, method: str, path: str, body: bytes | None, headers: t.Mapping[str, str]) -> Reply:
        """One request, one answer. Raises OSError or HTTPException where there is none.

        The connection is opened first and on its own, so that the caller can tell a request that
        never left (ConnectionRefusedError and its like) from one that may have been served.
        """
        target = self._url.path + path
        if self._forward_proxy and not self._context:
            target = f"{self._url.scheme}://{self._url.netloc}{target}"
        connection = self._connected(method, path)
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def _connected(self, method: str, path: str) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is not None and connection.sock is not None and not _is_stale(connection.sock):
            return connection
        self.close()
        connection = self._open()
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as exc:
            raise UnreachableError(
                f"cannot connect to {self._url.scheme}://{self._url.hostname}: {exc}", method=method, path=path
            ) from exc
        self._local.connection = connection
        return connection

    def close(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local.connection = None


def _is_stale(sock: socket.socket) -> bool:
    """Whether the other side has closed a kept connection: an idle one has nothing to read."""
    timeout = sock.gettimeout()
    try:
        sock.settimeout(0)
        if isinstance(sock, ssl.SSLSocket):
            return sock.pending() == 0 and sock.read(1) == b""
        return sock.recv(1, socket.MSG_PEEK) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        sock.settimeout(timeout)


class Client:
    """LiteLLM's management API: JSON in, JSON out, typed errors."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport | None = None,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self._transport = transport or Transport(settings)
        self._sleep = sleep
        self._headers = {
            "Authorization": f"Bearer {settings.api_key}",
            "Accept": "application/json",
            "User-Agent": "llmfleet.gateway",
        }
        if settings.changed_by:
            self._headers["litellm-changed-by"] = settings.changed_by

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
                    raise UnclearError(_no_answer(exc, self.settings), method=method, path=path) from exc
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
            except ValueError as exc:
                message = f"the answer is not JSON: {self._safe(server_message(reply.body))}"
                raise BadReplyError(message, method=method, path=path, status=reply.status) from exc
        if reply.status in (301, 302, 303, 307, 308):
            message = f"redirected to {self._safe(reply.headers.get('location', 'nowhere'))}: correct api_url"
            raise BadReplyError(message, method=method, path=path, status=reply.status)
        kind = ERROR_OF_STATUS.get(reply.status, LiteLLMError)
        raise kind(self._safe(server_message(reply.body)), method=method, path=path, status=reply.status)

    def _safe(self, text: str) -> str:
        return redact(text, [self.settings.api_key])


def _no_answer(exc: Exception, settings: Settings) -> str:
    if isinstance(exc, (socket.timeout, TimeoutError)):
        return f"no answer within {settings.timeout:g} s"
    return f"the connection broke before an answer came ({exc or type(exc).__name__})"


def _pause(attempt: int) -> float:
    return 0.25 * 2 ** (attempt - 1)


def _retry_after(reply: Reply, attempt: int) -> float:
    try:
        return min(float(reply.headers["retry-after"]), LONGEST_WAIT)
    except (KeyError, ValueError):
        return _pause(attempt)
