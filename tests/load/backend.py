# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for a model: answers chats of the OpenAI API with fixed text, at once or slowly, and lies when told so.

    python -m tests.load.backend --port 8000 [--latency 0.05] [--lie empty]

For the generator's own tests, and for figures of what stands before a model, where a model's own time would hide them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import typing as t

#: What it can be told to do instead of answering.
LIES = (
    "empty", "short", "abort", "unfinished", "no_finish", "cut", "wrong_model", "wrong_key", "busy", "refuse", "hang",
    "error_in_answer", "invalid", "stop",
)  # fmt: skip


class Backend:
    """An HTTP server for chats, models and health. `lie` may be changed while it runs."""

    def __init__(self, latency: float = 0.0, lie: str = "", chats: int = 13) -> None:
        self.latency, self.lie, self.chats = latency, lie, chats
        #: The beginnings of the chats that were asked last, as a cache of prefixes would hold them.
        self.cached: dict[str, None] = {}
        self.counters = {"prefix_cache_hits_total": 0, "prefix_cache_queries_total": 0, "request_success_total": 0}
        self.counters["num_requests_running"] = 0
        self.requests: list[dict[str, t.Any]] = []
        self.connections = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        self.server = await asyncio.start_server(self._serve, host, port)
        return int(self.server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").lower().split("\r\n")
                length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
                body = await reader.readexactly(length)
                if not await self._answer(lines[0].split(" ")[1], body, writer):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        if not path.endswith("/chat/completions"):
            writer.write(self._metrics() if path == "/metrics" else _plain(_beside(path, body)))
            await writer.drain()
            return True
        asked = json.loads(body)
        self._count(asked)
        await asyncio.sleep(3600 if self.lie == "hang" else self.latency)
        self.counters["num_requests_running"] -= 1
        self.counters["request_success_total"] += 1
        if self.lie in ("refuse", "busy", "wrong_key"):
            writer.write(_refusal(self.lie))
        else:
            writer.writelines(_stream(asked, self.lie) if asked.get("stream") else [_whole(asked, self.lie)])
        await writer.drain()
        return self.lie not in ("refuse", "cut")

    def _count(self, asked: dict[str, t.Any]) -> None:
        self.requests = [*self.requests[-100:], asked]
        chat = "".join(str(message["content"]) for message in asked["messages"][:-1])
        self.counters["num_requests_running"] += 1
        self.counters["prefix_cache_queries_total"] += len(chat)
        self.counters["prefix_cache_hits_total"] += len(chat) if chat in self.cached else 0
        self.cached.pop(chat, None)
        self.cached[chat] = None
        if len(self.cached) > self.chats:
            del self.cached[next(iter(self.cached))]

    def _metrics(self) -> bytes:
        """A few of vLLM's, by its names."""
        body = "".join(f"vllm:{name} {value}\n" for name, value in self.counters.items()).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _beside(path: str, body: bytes) -> dict[str, t.Any]:
    """What routers ask beside chats: the tokens of a prompt, here its bytes."""
    if path not in ("/tokenize", "/v1/chat/completions/render"):
        return {"object": "list", "data": []}
    messages = json.loads(body).get("messages") or []
    tokens = list("".join(str(message["content"]) for message in messages).encode())
    return {"count": len(tokens), "max_model_len": 2048, "tokens": tokens, "token_ids": tokens}


def _refusal(lie: str) -> bytes:
    if lie == "refuse":
        return b""
    status = {"busy": "503 Service Unavailable\r\nRetry-After: 7", "wrong_key": "401 Unauthorized"}[lie]
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


def _plain(content: dict[str, t.Any]) -> bytes:
    body = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _tokens(asked: dict[str, t.Any], lie: str) -> int:
    wanted = int(asked.get("max_tokens") or 16)
    return {"empty": 0, "abort": 0, "short": wanted - 1}.get(lie, wanted)


def _finish(lie: str) -> str | None:
    return {"empty": "stop", "abort": "abort", "no_finish": None, "stop": "stop"}.get(lie, "length")


def _frame(asked: dict[str, t.Any], lie: str, kind: str) -> dict[str, t.Any]:
    model = "another" if lie == "wrong_model" else asked["model"]
    return {"id": "chatcmpl-0", "object": kind, "created": 1, "model": model}


def _usage(asked: dict[str, t.Any], lie: str) -> dict[str, int]:
    tokens = _tokens(asked, lie)
    return {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens}


def _whole(asked: dict[str, t.Any], lie: str) -> bytes:
    message = {"role": "assistant", "content": "word " * _tokens(asked, lie)}
    choice = {"index": 0, "message": message, "finish_reason": _finish(lie)}
    content = {**_frame(asked, lie, "chat.completion"), "choices": [choice], "usage": _usage(asked, lie)}
    if lie == "error_in_answer":
        content = {"error": {"message": "engine is dead"}}
    if lie == "invalid":
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops"
    answer = _plain(content)
    return answer[:-10] if lie == "cut" else answer


def _stream(asked: dict[str, t.Any], lie: str) -> t.Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    frame = _frame(asked, lie, "chat.completion.chunk")
    tokens = _tokens(asked, lie)
    if lie in ("error_in_answer", "invalid"):
        yield _chunk(json.dumps({"error": {"message": "engine is dead"}}) if lie == "error_in_answer" else "oops")
    for index in range(tokens):
        delta = {"role": "assistant", "content": "word "} if not index else {"content": "word "}
        yield _chunk(json.dumps({**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
        if lie == "cut" and index == tokens // 2:
            return
    yield _chunk(json.dumps({**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(lie)}]}))
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield _chunk(json.dumps({**frame, "choices": [], "usage": _usage(asked, lie)}))
    if lie != "unfinished":
        yield _chunk("[DONE]")
    yield b"0\r\n\r\n"


def _chunk(data: str) -> bytes:
    event = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


async def _forever(args: argparse.Namespace) -> None:
    backend = Backend(args.latency, args.lie)
    await backend.start(args.host, args.port)
    await backend.server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="Stands in for a model.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--lie", default="", choices=["", *LIES])
    asyncio.run(_forever(parser.parse_args()))


if __name__ == "__main__":
    main()
