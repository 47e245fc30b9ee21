# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that asks a model for a few tokens, and judges the answer by its content."""

from __future__ import annotations

import json
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from rendering import loaded

GOOD = {"choices": [{"text": " 4", "finish_reason": "length"}], "usage": {"completion_tokens": 4}}


class Server:
    """Answers by path, with a status and a body."""

    def __init__(self, answers: dict[str, tuple[int, t.Any]]) -> None:
        self.seen: list[tuple[str, str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.seen.append((self.path, self.headers["Authorization"], body["model"]))
                status, answer = answers.get(self.path.removeprefix("/v1/"), (404, {}))
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: t.Any) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> t.Iterator[t.Callable[..., Server]]:
    program = loaded("vllm/files/ask.py")
    secrets = tmp_path / "environment.json"
    secrets.write_text('{"VLLM_API_KEY": "k3y"}')
    monkeypatch.setattr(program, "VLLM_SECRETS", str(secrets))
    monkeypatch.setattr(program, "LITELLM_SECRETS", str(tmp_path / "environment"))
    servers = []

    def run(
        answers: dict[str, tuple[int, t.Any]], *models: str, key: str = "vllm", options: t.Sequence[str] = ()
    ) -> Server:
        if key == "litellm":
            secrets.unlink()
            (tmp_path / "environment").write_text("LITELLM_MASTER_KEY='sk 1'\n")
        servers.append(Server(answers))
        program.main([*options, servers[-1].url, *(models or ("tiny",))])
        return servers[-1]

    monkeypatch.setattr(program, "PAUSE", 0.01)
    yield run
    for one in servers:
        one.http.shutdown()
        one.http.server_close()


def test_a_completion_is_asked_for_with_the_key_from_the_file(ask: t.Any) -> None:
    assert ask({"completions": (200, GOOD)}, "a", "b").seen == [
        ("/v1/completions", "Bearer k3y", "a"),
        ("/v1/completions", "Bearer k3y", "b"),
    ]


def test_in_litellms_container_the_key_is_litellms(ask: t.Any) -> None:
    assert ask({"completions": (200, GOOD)}, key="litellm").seen[0][1] == "Bearer sk 1"


@pytest.mark.parametrize(
    ("answers", "paths"),
    [
        ({"completions": (400, {}), "chat/completions": (200, GOOD)}, ["completions", "chat/completions"]),
        (
            {"embeddings": (200, {"data": [{"embedding": [0.1]}]})},
            ["completions", "chat/completions", "embeddings"],
        ),
        ({}, ["completions", "chat/completions", "embeddings"]),
    ],
)
def test_a_model_is_asked_what_it_can_answer(ask: t.Any, answers: t.Any, paths: list[str]) -> None:
    assert [path.removeprefix("/v1/") for path, _key, _model in ask(answers).seen] == paths


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {"choices": [{"finish_reason": "abort"}], "usage": {"completion_tokens": 3}}), "ended by abort"),
        ((200, {"choices": [{"finish_reason": "stop"}], "usage": {"completion_tokens": 0}}), "not one token"),
        ((200, {"choices": []}), "no answer in it"),
        ((200, b"{"), "Expecting"),
        ((500, b"engine is dead"), "status 500: engine is dead"),
        ((401, b""), "status 401"),
    ],
)
def test_an_answer_is_judged_by_its_content(ask: t.Any, answer: t.Any, words: str) -> None:
    """Fault: a vLLM that is being stopped answers 200, `abort` and nothing."""
    with pytest.raises(SystemExit, match=words):
        ask({"completions": answer})


# ---- questions for a while


def probed(ask: t.Any, capsys: pytest.CaptureFixture[str], path: str, status: int, answer: t.Any) -> t.Any:
    ask({path: (status, answer)}, options=["--probe", "0.2"])
    return json.loads(capsys.readouterr().out)


def chat(text: str) -> t.Any:
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": {"completion_tokens": 9}}


@pytest.mark.parametrize(
    ("path", "answer", "flat"),
    [
        ("completions", GOOD, False),
        ("chat/completions", chat("Paris, as ever"), False),
        ("chat/completions", chat("!!!!!!!!"), True),
        ("embeddings", {"data": [{"embedding": [0.1, 0.2]}]}, False),
        ("embeddings", {"data": [{"embedding": [0.0, 0.0]}]}, True),
    ],
)
def test_what_a_replica_answers_is_summed_up(ask: t.Any, capsys: t.Any, path: str, answer: t.Any, flat: bool) -> None:
    found = probed(ask, capsys, path, 200, answer)
    assert found["requests"] > 1 and found["errors"] == 0 and found["milliseconds"] > 0
    assert {one["flat"] for one in found["answers"].values()} == {flat}
    assert len({one["same_as"] for one in found["answers"].values()}) == 1


def test_errors_are_counted_and_the_last_are_told(ask: t.Any, capsys: t.Any) -> None:
    found = probed(ask, capsys, "completions", 500, {})
    assert found["errors"] == found["requests"] > 3
    assert len(found["faults"]) == 3 and "500" in found["faults"][0] and not found["answers"]


def test_empty_answers_are_errors(ask: t.Any, capsys: t.Any) -> None:
    found = probed(ask, capsys, "completions", 200, {**GOOD, "usage": {"completion_tokens": 0}})
    assert found["errors"] == found["requests"] and "not one token" in found["faults"]


def test_a_model_without_a_known_kind_of_question_is_not_asked(ask: t.Any, capsys: t.Any) -> None:
    assert probed(ask, capsys, "rerank", 200, {})["requests"] == 0
