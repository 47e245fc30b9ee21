# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to one proxy: what is sent and what comes back, without any meaning. Used by the client only."""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import typing as t
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

from .errors import UnreachableError

# Ten thousand keys are a hundred answers of a tenth of a MiB; the kinds that are listed at once stay far below this.
LONGEST_ANSWER = 256 << 20
HEADER_VALUE = re.compile(r"[!-~]+")


class TooLongError(ValueError):
    """The answer has no end that we would wait for."""


@dataclass(frozen=True)
class Settings:
    """Where the proxy is and how to talk to it."""

    api_url: str
    api_key: str = field(repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    timeout: float = 30.0
    changed_by: str | None = None
    secrets: t.Collection[str] = field(default=(), repr=False)  # never to be shown, wherever the proxy repeats them


@dataclass(frozen=True)
class Reply:
    status: int
    headers: t.Mapping[str, str]
    body: bytes


def check_header(name: str, value: str) -> str:
    """A value that a header can carry. What can't be sent is refused here: http.client would name it in its error."""
    if not HEADER_VALUE.fullmatch(value):
        raise ValueError(
            f"{name} is empty, or has white space, a line end or other characters than printable ASCII in it"
        )
    return value


def is_near(host: str) -> bool:
    """Whether a host is this machine or on a private network, as far as its name tells or leads to."""
    try:
        return not ipaddress.ip_address(host.split("%")[0]).is_global
    except ValueError:
        pass
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found = {str(answer[4][0]).partition("%")[0] for answer in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False  # only the forward proxy may know the name
    return all(not ipaddress.ip_address(address).is_global for address in found)


def may_use_forward_proxy(url: str) -> bool:
    """Only what is encrypted and not near goes through a forward proxy: any other would show it the key or token."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme == "https" and not is_near(parts.hostname or "")


def parse_url(name: str, api_url: str) -> urllib.parse.SplitResult:
    """The address in parts. An error doesn't repeat it: it may hold a password."""
    wrong = ValueError(f"{name} must look like http://host:4000 or https://host, without a user or a password")
    try:
        url = urllib.parse.urlsplit(api_url.rstrip("/"))
        port = url.port
    except ValueError:
        raise wrong from None
    if url.scheme not in ("http", "https") or not url.hostname or url.username is not None or port == 0:
        raise wrong
    if re.search(r"[^!-~]", api_url.strip()) or url.query or url.fragment:
        raise wrong
    return url


class Transport:
    """Keep-alive connections to one proxy, one for each thread, all on one SSL context."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._url = parse_url("api_url", settings.api_url)
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
        address = urllib.request.getproxies().get("https")
        if not address or urllib.request.proxy_bypass(self._url.hostname or ""):
            return None
        if not may_use_forward_proxy(self.settings.api_url):
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
        connection = self._connected(method, path)
        try:
            connection.request(method, self._url.path + path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            content = answer.read(LONGEST_ANSWER + 1)
            if len(content) > LONGEST_ANSWER:
                raise TooLongError(f"the answer is longer than {LONGEST_ANSWER >> 20} MiB")
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)
        except (OSError, ValueError, http.client.HTTPException):
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
