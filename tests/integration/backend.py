# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands where vLLM would: chats of the OpenAI API by the same uvicorn, which closes idle connections after 5 s.

Runs in the LiteLLM image, so with nothing but what is there. A message is a JSON object of what to do: `seconds` of an
answer, `chunks` of a stream, `status` of an error. GET /running says how many answers are being made, and how many were
given up.
"""

from __future__ import annotations

import asyncio
import json
import typing as t

STATE = {"running": 0, "seen": 0, "left": 0}
USAGE = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}


class Left(Exception):
    """The client is gone."""


async def app(scope: dict[str, t.Any], receive: t.Any, send: t.Any) -> None:
    if scope["type"] != "http":
        return
    if not scope["path"].endswith("/chat/completions"):
        await whole(send, 200, STATE)
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    STATE["running"] += 1
    STATE["seen"] += 1
    try:
        await answer(json.loads(body), receive, send)
    except Left:
        STATE["left"] += 1
    finally:
        STATE["running"] -= 1


async def answer(asked: dict[str, t.Any], receive: t.Any, send: t.Any) -> None:
    told = json.loads(asked["messages"][-1]["content"])
    gone = asyncio.ensure_future(receive())
    seconds, chunks = float(told.get("seconds", 0)), int(told.get("chunks", 5))
    try:
        if told.get("status"):
            await whole(send, told["status"], {"error": {"message": "as told", "code": told["status"]}})
        elif asked.get("stream"):
            await stream(asked, chunks, seconds / chunks, gone, send)
        else:
            await pause(seconds, gone)
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "done"}}
            await whole(send, 200, {**head(asked, "chat.completion"), "choices": [choice], "usage": USAGE})
    finally:
        gone.cancel()


async def pause(seconds: float, gone: asyncio.Future[t.Any]) -> None:
    if seconds:
        await asyncio.wait([gone], timeout=seconds)
    if gone.done():
        raise Left


async def stream(asked: dict[str, t.Any], chunks: int, each: float, gone: asyncio.Future[t.Any], send: t.Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for number in range(chunks):
        await pause(each, gone)
        reason = "stop" if number == chunks - 1 else None
        choice = {"index": 0, "delta": {"content": "x"}, "finish_reason": reason}
        text = json.dumps({**head(asked, "chat.completion.chunk"), "choices": [choice]})
        await send({"type": "http.response.body", "body": f"data: {text}\n\n".encode(), "more_body": True})
    usage = json.dumps({**head(asked, "chat.completion.chunk"), "choices": [], "usage": USAGE})
    await send({"type": "http.response.body", "body": f"data: {usage}\n\ndata: [DONE]\n\n".encode()})


def head(asked: dict[str, t.Any], kind: str) -> dict[str, t.Any]:
    return {"id": "x", "created": 1, "model": asked["model"], "object": kind}


async def whole(send: t.Any, status: int, content: t.Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="0.0.0.0", port=8000, log_level="warning", timeout_keep_alive=5)
