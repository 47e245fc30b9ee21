# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP/1.1 request with asyncio: when its first bytes came, and whether it ended as it had announced.

Client libraries retry, pool and repair; what is asked here is what a client sees when nothing is repaired.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


class Cut(Exception):
    """The connection ended before the answer did."""


@dataclass(frozen=True)
class Target:
    """Where requests go. `connect` is dialled in place of the URL's host, whose name stays in Host and in TLS. Several
    addresses, with commas, are those of one name: who finds nobody listening at one tries the next, as clients do."""

    url: str
    key: str = ""
    connect: str = ""
    context: ssl.SSLContext | None = None

    @property
    def places(self) -> list[tuple[str, int]]:
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return [(host, port) for host in (self.connect or parts.hostname or "").split(",")]

    @property
    def tls(self) -> dict[str, t.Any]:
        parts = urlsplit(self.url)
        if parts.scheme != "https":
            return {}
        return {"ssl": self.context or ssl.create_default_context(), "server_hostname": parts.hostname}


@dataclass
class Reply:
    """What came back, and when. `pieces` are (seconds since the request began, bytes)."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    complete: bool = False
    error: str = ""
    seconds: float = 0.0

    @property
    def body(self) -> bytes:
        return b"".join(piece for _when, piece in self.pieces)


class Connection:
    """A connection that stays open between requests where the server lets it."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: bytes, timeout: float, keep: bool = False) -> Reply:
        """Never raises for what the server or the network does: that is the reply's `error`."""
        reply = Reply()
        begin = time.monotonic()
        try:
            await asyncio.wait_for(self._exchange(reply, begin, self._request(path, body, keep)), timeout)
        except asyncio.TimeoutError:
            reply.error = "timeout"
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, Cut, ValueError, IndexError) as error:
            reply.error = f"{type(error).__name__}: {error}"[:200]
        reply.seconds = time.monotonic() - begin
        if not keep or reply.error or reply.headers.get("connection", "").lower() == "close":
            self.close()
        return reply

    def close(self) -> None:
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None

    def _request(self, path: str, body: bytes, keep: bool) -> bytes:
        head = [
            f"POST {urlsplit(self.target.url).path.rstrip('/')}{path} HTTP/1.1",
            f"Host: {urlsplit(self.target.url).netloc}",
            f"Authorization: Bearer {self.target.key}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"Connection: {'keep-alive' if keep else 'close'}",
        ]
        return "\r\n".join([*head, "", ""]).encode() + body

    async def _exchange(self, reply: Reply, begin: float, request: bytes) -> None:
        if self.writer is None:
            self.reader, self.writer = await _opened(self.target)
        assert self.reader
        self.writer.write(request)
        await self.writer.drain()
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        reply.status = int(lines[0].split(" ")[1])
        reply.headers = {
            name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines[1:])
        }
        async for piece in _body(self.reader, reply.headers):
            reply.pieces.append((time.monotonic() - begin, piece))
        reply.complete = True


async def _opened(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Only a connection that can't be made is tried elsewhere, not what comes of it."""
    *first, last = target.places
    for host, port in first:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            break
    else:
        return await asyncio.open_connection(*last, **target.tls)
    if target.tls:
        await writer.start_tls(target.tls["ssl"], server_hostname=target.tls["server_hostname"])
    return reader, writer


async def _body(reader: asyncio.StreamReader, headers: t.Mapping[str, str]) -> t.AsyncIterator[bytes]:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    elif "content-length" in headers:
        missing = int(headers["content-length"])
        while missing:
            piece = await reader.read(min(missing, 65536))
            if not piece:
                raise Cut(f"{missing} bytes are missing")
            missing -= len(piece)
            yield piece
    else:
        while piece := await reader.read(65536):
            yield piece
