# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that tries what a model can do. What real servers answered is in data/conformance."""

from __future__ import annotations

import json
import threading
import typing as t
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes
from rendering import loaded

CALLED: dict[str, t.Any] = {"name": "weather", "arguments": '{"city": "Paris"}'}
CALL = {"type": "function", "index": 0, "function": CALLED}


conformance = loaded("vllm/files/conformance.py")


def chat(content: t.Any = "", finish: str = "stop", **more: t.Any) -> dict[str, t.Any]:
    return {"choices": [{"message": {"role": "assistant", "content": content, **more}, "finish_reason": finish}]}


def lines(
    *deltas: dict[str, t.Any], finish: str | None = "stop", done: bool = True, usage: dict[str, int] | None = None
) -> list[str]:
    chunks: list[dict[str, t.Any]] = [{"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    chunks += [{"choices": [], "usage": usage}] if usage else []
    return [*(f"data: {json.dumps(chunk)}" for chunk in chunks), *(["data: [DONE]"] if done else [])]


def call(**function: t.Any) -> dict[str, t.Any]:
    return {"tool_calls": [{**CALL, "function": {**CALLED, **function}}]}


JUDGED: list[tuple[str, t.Any, str, str]] = [
    ("chat", chat("three"), "works", "answered"),
    ("chat", chat(None, reasoning="hm", finish="length"), "works", "answered"),
    ("chat", {**chat(""), "usage": {"completion_tokens": 3}}, "works", "without visible text"),
    ("chat", chat(""), "fails", "not one token"),
    ("chat", chat("x", finish="abort"), "fails", "ended by abort"),
    ("chat", {"choices": []}, "fails", "no message"),
    ("reasoning", chat("no", reasoning="17 x 3"), "works", "apart"),
    ("reasoning", chat("no", reasoning_content="17 x 3"), "works", "apart"),
    ("reasoning", chat("<think>17 x 3</think>no"), "fails", "reasoning parser"),
    ("reasoning", chat("17 x 3</think>no", reasoning="x"), "fails", "reasoning parser"),
    ("reasoning", chat("no"), "unclear", "without a thought"),
    ("tool_call", chat(None, "tool_calls", **call()), "works", "called"),
    ("tool_call", chat(None, "tool_calls", **call(arguments="{")), "fails", "no JSON"),
    ("tool_call", chat(None, "length", **call(arguments="{")), "unclear", "cut off"),
    ("tool_call", chat(None, "tool_calls", **call(arguments='{"town": "Paris"}')), "fails", "schema"),
    ("tool_call", chat(None, "tool_calls", **call(name="rm")), "fails", "not offered"),
    ("tool_call", chat('<tool_call>{"name": "weather"}</tool_call>'), "fails", "tool call parser"),
    ("tool_call", chat("It is sunny."), "unclear", "called no tool"),
    ("json_schema", chat(' {"sure": true}\n'), "works", "schema"),
    ("json_schema", chat('{"sure": "yes"}'), "fails", "schema"),
    ("json_schema", chat('{"sure": true, "x": 1}'), "fails", "schema"),
    ("json_schema", chat("Yes."), "fails", "no JSON"),
    ("json_schema", chat("{    ", "length"), "unclear", "cut off"),
    ("completion", {"choices": [{"text": " 4", "finish_reason": "length"}]}, "works", "answered"),
    ("completion", {"choices": [{"text": "", "finish_reason": "stop"}]}, "unclear", "visible"),
    ("embedding", {"data": [{"embedding": [0.1, -2]}]}, "works", "2 numbers"),
    ("embedding", {"data": [{"embedding": [0.0, 0.0]}]}, "fails", "the same"),
    ("embedding", {"data": [{"embedding": [0.1, "x"]}]}, "fails", "no numbers"),
    ("embedding", {"data": [{"embedding": [float("nan"), 1]}]}, "fails", "no numbers"),
    ("rerank", {"results": [{"index": 1, "relevance_score": 0.2}, {"index": 0, "relevance_score": 0}]}, "works", "two"),
    ("rerank", {"results": [{"index": 0, "relevance_score": 0.2}]}, "fails", "order"),
    ("rerank", {"results": [{"index": 0}, {"index": 1, "relevance_score": 0}]}, "fails", "score"),
    ("transcription", {"text": ""}, "works", "transcribed"),
    ("transcription", {"error": "x"}, "fails", "no text"),
    ("stream", lines({"content": "a"}, {"content": "b"}), "works", "in 3 chunks"),
    ("stream", lines({"reasoning": "a"}), "works", "in 2 chunks"),
    ("stream", lines({"content": ""}, usage={"completion_tokens": 3}), "works", "without visible text"),
    ("stream", lines({"content": ""}, usage={"completion_tokens": 0}), "fails", "not one token"),
    ("stream", lines({"content": "a"}, done=False), "fails", "no end"),
    ("stream", lines({"content": "a"}, finish=None), "fails", "ended by None"),
    ("stream", ['data: {"error": {"message": "x"}}'], "fails", "error"),
    ("stream", ["data: {"], "fails", "error"),
    ("tool_call_stream", lines({"tool_calls": [CALL]}, finish="tool_calls"), "works", "called"),
    (
        "tool_call_stream",
        lines(
            {"tool_calls": [{"index": 0, "function": {"name": "weather", "arguments": '{"ci'}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": 'ty": "Paris"}'}}]},
            finish="tool_calls",
        ),
        "works",
        "called",
    ),
    ("tool_call_stream", lines({"content": "[TOOL_CALLS]"}), "fails", "tool call parser"),
    (
        "completion_stream",
        ['data: {"choices": [{"text": "4", "finish_reason": "stop"}]}', "data: [DONE]"],
        "works",
        "in 1 chunks",
    ),
]


@pytest.mark.parametrize(("check", "answer", "state", "said"), JUDGED, ids=lambda value: str(value)[:24])
def test_an_answer_is_judged_by_its_content(check: str, answer: t.Any, state: str, said: str) -> None:
    found = conformance.CHECKS[check][2](answer)
    assert (found[0], said in found[1]) == (state, True), found


RECORDED = sorted((Path(__file__).parents[1] / "data" / "conformance").glob("*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_what_real_servers_answered_is_judged_as_it_was(path: Path) -> None:
    recorded = json.loads(path.read_text())
    for check, one in recorded["checks"].items():
        if one["status"] == 200:
            assert conformance.CHECKS[check][2](one["answer"])[0] == one["state"], check


@pytest.mark.parametrize("check", sorted(conformance.CHECKS))
@pytest.mark.parametrize(
    "odd", [None, [], {}, "x", 7, {"choices": [None]}, {"choices": [{"message": {"tool_calls": [[]]}}]}]
)
def test_nothing_that_a_server_may_say_breaks_the_judgement(check: str, odd: t.Any) -> None:
    judge = conformance.CHECKS[check][2]
    answer: t.Any = ["data: " + json.dumps(odd), "data: [DONE]", "x"] if check.endswith("stream") else odd
    assert judge(answer)[0] in ("fails", "unclear")


@pytest.mark.parametrize("index", [-3, 10**9, "x", None, True, 1.5])
def test_a_call_with_an_odd_number_is_kept_apart_from_memory(index: t.Any) -> None:
    part = {"index": index, "function": {"name": "weather", "arguments": "{}"}}
    assert conformance.judged_stream(conformance.judge_tool)(lines({"tool_calls": [part]}))[0] == "fails"


def test_the_checks_are_those_that_modes_ask_for() -> None:
    asked = {name for names in (*modes.ALWAYS.values(), *modes.CLAIMED.values()) for name in names}
    assert asked == set(conformance.CHECKS)


# ---- requests


class Server:
    """Answers every path alike, and keeps what was asked."""

    def __init__(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.seen: list[tuple[str, Message, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.seen.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: t.Any) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> t.Iterator[t.Callable[..., Server]]:
    made: list[Server] = []

    def make(*arguments: t.Any) -> Server:
        made.append(Server(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.http.shutdown()
        one.http.server_close()


def test_a_refusal_is_told_in_one_short_line_without_the_key(server: t.Callable[..., Server]) -> None:
    asked = server(400, ("no\n\ttools \x1b[2J for k3y " + "x" * 5000).encode())
    found = conformance.conform(asked.url, "k3y", "m", 60, ["tool_call"])["tool_call"]
    assert found["state"] == "fails" and found["said"].startswith("status 400: no tools [2J for *** x")
    assert len(found["said"]) < 230 and found["said"].isprintable()


def test_requests_say_the_model_and_the_key(server: t.Callable[..., Server]) -> None:
    asked = server(200, json.dumps(chat("x")).encode())
    names = ["chat", "vision", "json_schema", "stream"]
    found = conformance.conform(asked.url, "k3y", "m", 60, names)
    assert [found[name]["state"] for name in names] == ["works", "works", "fails", "fails"]
    assert {path for path, _headers, _body in asked.seen} == {"/v1/chat/completions"}
    assert {headers["Authorization"] for _path, headers, _body in asked.seen} == {"Bearer k3y"}
    bodies = [json.loads(body) for _path, _headers, body in asked.seen]
    assert {body["model"] for body in bodies} == {"m"}
    assert bodies[1]["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
    # Without it a stream does not say how many tokens it had.
    assert bodies[3]["stream_options"] == {"include_usage": True}
    assert "a stream was asked for and none came" in found["stream"]["said"]


def test_a_transcription_sends_a_file(server: t.Callable[..., Server]) -> None:
    asked = server(200, b'{"text": "la"}')
    assert conformance.conform(asked.url, "k3y", "m", 60, ["transcription"])["transcription"]["state"] == "works"
    ((path, headers, body),) = asked.seen
    assert path == "/v1/audio/transcriptions" and headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="model"\r\n\r\nm\r\n' in body and b"RIFF" in body and b"WAVE" in body


def test_a_stream_is_read_by_its_chunks(server: t.Callable[..., Server]) -> None:
    asked = server(200, "\n\n".join(lines({"content": "a"})).encode(), "text/event-stream; charset=utf-8")
    assert conformance.conform(asked.url, "k3y", "m", 60, ["stream"])["stream"]["state"] == "works"
    assert "not asked for" in conformance.conform(asked.url, "k3y", "m", 60, ["chat"])["chat"]["said"]


def test_what_there_is_no_time_for_is_unclear_and_a_server_that_is_not_there_fails() -> None:
    assert conformance.conform("http://127.0.0.1:9/v1", "k", "m", 0, ["chat"])["chat"]["said"] == "the time was over"
    assert conformance.conform("http://127.0.0.1:9/v1", "k", "m", 9, ["chat"])["chat"]["state"] == "fails"


def test_an_answer_that_is_no_json_fails(server: t.Callable[..., Server]) -> None:
    assert conformance.conform(server(200, b"<html>").url, "k", "m", 9, ["chat"])["chat"]["state"] == "fails"


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Drip:
        def read1(self, _most: int) -> bytes:
            return b"x"

    with pytest.raises(TimeoutError):
        conformance.whole(Drip(), 0.0)
