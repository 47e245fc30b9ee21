# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_status and database_info: figures of vLLM and the gate between two readings, the machine, the database."""

from __future__ import annotations

import csv
import datetime
import http.server
import json
import socket
import ssl
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import Done
from ansible_collections.llmfleet.gateway.plugins.module_utils._status import database, gate, look, machine, vllm
from ansible_collections.llmfleet.gateway.plugins.module_utils._status import http as client
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.http import Answer
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca import certificates as authority

NOW = datetime.datetime(2026, 11, 26, tzinfo=datetime.timezone.utc)

PAGE = """# HELP vllm:num_requests_running Number of requests
vllm:num_requests_running{engine="0",model_name="chat"} 3.0
vllm:num_requests_running{engine="1",model_name="chat"} 1.0
vllm:num_requests_waiting{engine="0",model_name="chat"} 2.0
vllm:kv_cache_usage_perc{engine="0",model_name="chat"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="chat"} 0.5
vllm:prompt_tokens_total{engine="0",model_name="chat"} %(prompt)s
vllm:generation_tokens_total{engine="0",model_name="chat"} %(generated)s
vllm:request_success_total{engine="0",finished_reason="stop",model_name="chat"} %(ended)s
vllm:request_success_total{engine="0",finished_reason="abort",model_name="chat"} 5.0
vllm:prefix_cache_queries_total{engine="0",model_name="chat"} 1000.0
vllm:prefix_cache_hits_total{engine="0",model_name="chat"} 400.0
vllm:time_to_first_token_seconds_sum{engine="0"} %(first)s
vllm:time_to_first_token_seconds_count{engine="0"} %(ended)s
vllm:broken{engine="0"} NaN
"""


def page(at: float, **more: t.Any) -> vllm.Reading:
    said = {"prompt": 1000.0, "generated": 500.0, "ended": 10.0, "first": 2.0, **more}
    return vllm.Reading(Answer(200, PAGE % said), at)


def test_rates_are_of_the_seconds_between_two_readings() -> None:
    told = vllm.report(page(100.0), page(105.0, prompt=1500.0, generated=1000.0, ended=20.0, first=3.0))
    assert (told["prompt_tokens_per_second"], told["generation_tokens_per_second"]) == (100.0, 100.0)
    assert told["requests_per_second"] == 2.0
    assert told["first_token_ms"] == 100.0
    assert (told["running"], told["waiting"], told["kv_cache_percent"]) == (4, 2, 50.0)
    assert (told["requests"], told["requests_aborted"], told["prefix_hit_percent"]) == (25, 5, 40.0)


def test_a_restart_between_both_readings_gives_no_rate() -> None:
    told = vllm.report(page(100.0), page(105.0, prompt=10.0, generated=1.0, ended=0.0))
    assert told["answers"] is True
    assert told["prompt_tokens_per_second"] is None
    assert told["requests_per_second"] is None


def test_without_new_requests_the_mean_since_the_start_is_told() -> None:
    assert vllm.report(page(100.0), page(105.0))["first_token_ms"] == 200.0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(0, "timed out"), "does not answer: timed out"),
        (Answer(503, ""), "answers 503"),
        (Answer(200, "<html>"), "no figures of vLLM"),
    ],
)
def test_what_does_not_answer_says_why(answer: Answer, words: str) -> None:
    told = vllm.report(vllm.Reading(answer, 1.0), vllm.Reading(answer, 2.0))
    assert told["answers"] is False
    assert words in told["error"]
    assert told["generation_tokens_per_second"] is None


@pytest.mark.parametrize("value", ["1e999", "-1e999", "NaN", "x", "+Inf"])
def test_numbers_that_are_none_are_left_out(value: str) -> None:
    assert vllm.figures(f'{vllm.RUNNING}{{engine="0"}} {value}\n') == {}


# ---- the gate

STAT = (
    "# pxname,svname,qcur,qmax,scur,stot,econ,eresp,status,lastchg,type,"
    "hrsp_2xx,hrsp_4xx,hrsp_5xx,req_tot,check_status,ttime\n"
    "litellm,FRONTEND,,,7,9,,,OPEN,,0,{answers},1,2,{requests},,\n"
    "vllm-chat,gpu1:chat,0,0,3,{sent},1,0,UP,60,2,,,4,,L7OK,850\n"
    "vllm-chat,hold,0,0,0,0,0,0,MAINT,60,2,,,,,,\n"
    "vllm-chat,BACKEND,5,9,3,{sent},1,0,UP,60,1,,,,,,\n"
)


def counted(at: float, requests: int, sent: int) -> gate.Reading:
    answers = {
        "show stat": STAT.format(answers=requests, requests=requests, sent=sent),
        "show info": "Name: HAProxy\nVersion: 3.0.11\nUptime_sec: 100\nCurrConns: 7\nMaxconn: 4096",
    }
    rows = list(csv.DictReader(answers["show stat"].lstrip("# ").splitlines()))
    info = dict(line.split(": ", 1) for line in answers["show info"].splitlines())
    return gate.Reading(rows, info, at)


def test_the_gate_s_counters_between_two_readings() -> None:
    told = gate.report(counted(10.0, 100, 50), counted(15.0, 150, 60))
    assert (told["version"], told["connections"], told["max_connections"]) == ("3.0.11", 7, 4096)
    (entrance,) = told["entrances"]
    assert (entrance["requests_per_second"], entrance["answers_5xx"]) == (10.0, 2)
    server = told["servers"][0]
    assert (server["server"], server["status"], server["requests_per_second"], server["errors"]) == (
        "gpu1:chat",
        "UP",
        2.0,
        5,
    )
    assert told["queued"] == {"vllm-chat": 5}


def test_a_reload_of_the_gate_gives_no_rate() -> None:
    assert gate.report(counted(10.0, 100, 50), counted(15.0, 3, 2))["servers"][0]["requests_per_second"] is None


def test_a_gate_that_is_away(tmp_path: Path) -> None:
    away = gate.read(str(tmp_path / "admin.sock"), 1.0)
    told = gate.report(away, away)
    assert told["answers"] is False
    assert "does not answer" in told["error"]
    assert told["servers"] == []


# ---- the machine


def test_each_file_system_once_also_for_what_is_not_there_yet(tmp_path: Path) -> None:
    (one,) = machine.disks([str(tmp_path), str(tmp_path / "later" / "still")])
    assert one["paths"] == [str(tmp_path), str(tmp_path / "later" / "still")]
    assert one["free_bytes"] > 0
    assert one["used_bytes"] >= 0


def test_gpus_in_one_short_question(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "0, GPU-1, NVIDIA H100 80GB HBM3, 81559, 70000, 97, 65, 612.50, 700.00\n"
    said += "1, GPU-2, Tesla, 16000, 1, [N/A], 40, [N/A], [N/A]\n"
    monkeypatch.setattr(machine, "find_smi", lambda: "/usr/bin/nvidia-smi")
    told = machine.gpus(lambda argv, timeout=0.0, environment=None: Done(0, said, ""))
    assert [one["memory_used_mib"] for one in told["gpus"]] == [70000.0, 1.0]
    assert (told["gpus"][0]["watts"], told["gpus"][1]["busy_percent"], told["error"]) == (612.5, None, "")


def test_gpus_that_can_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_smi", lambda: None)
    assert machine.gpus(lambda argv, timeout=0.0, environment=None: Done(0, "", ""))["error"]
    monkeypatch.setattr(machine, "find_smi", lambda: "/usr/bin/nvidia-smi")
    broken = Done(9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", "")
    assert "couldn't communicate" in machine.gpus(lambda argv, timeout=0.0, environment=None: broken)["error"]


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    path = tmp_path / "host.pem"
    path.write_text(authority.certificate("s" * 48, "gpu1", ["127.0.0.1"], NOW))
    return path


def test_a_certificate_is_read_without_the_key_beside_it(pair: Path) -> None:
    assert "PRIVATE KEY" in pair.read_text()
    told = machine.certificate({"name": "gate", "path": str(pair)})
    assert told["pem"].startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in told["pem"]


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("nothing")
    assert "No such file" in machine.certificate({"name": "gate", "path": str(tmp_path / "x")})["error"]
    assert "holds no certificate" in machine.certificate({"name": "gate", "path": str(tmp_path / "empty")})["error"]


def test_a_certificate_as_a_server_shows_it(pair: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pair))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _peer = listener.accept()
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    asked = {"name": "edge", "address": "127.0.0.1", "port": listener.getsockname()[1], "server_name": "a.test"}
    told = machine.certificate(asked)
    thread.join(5)
    listener.close()
    assert told["error"] == ""
    assert told["pem"].split() == machine.first_in(str(pair)).split()


def test_what_a_backup_left(tmp_path: Path) -> None:
    assert machine.backup(str(tmp_path)) is None
    (tmp_path / "last.json").write_text('{"ok": true}')
    assert machine.backup(str(tmp_path)) == {"ok": True}
    (tmp_path / "last.json").write_text("[1")
    assert machine.backup(str(tmp_path)) is None


# ---- all of it


class Vllm(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answers = {
            "/metrics": PAGE % {"prompt": 1, "generated": 1, "ended": 1, "first": 1},
            "/version": '{"version": "0.11.0"}',
        }
        text = answers.get(self.path, "")
        self.send_response(200 if text else 404)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: t.Any) -> None:
        pass


def box(name: str, service: str, **more: t.Any) -> dict[str, t.Any]:
    found = {"name": name, "project": name, "service": service, "state": "running", "addresses": {}, "ports": []}
    return {**found, **more}


ASKED: dict[str, t.Any] = {
    "root": "/nowhere",
    "gpus": False,
    "backup": None,
    "disks": ["/"],
    "urls": {},
    "certificates": [],
    "seconds": 0.01,
}


def test_the_whole_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vllm)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    boxes = [
        box("llmfleet-vllm-chat", "vllm"),
        box("llmfleet-vllm-chat", "download"),
        box("llmfleet-vllm-gone", "vllm", state="exited"),
        box("llmfleet-litellm-1", "litellm", state="exited"),
    ]
    monkeypatch.setattr(look, "containers", lambda engine, root: boxes)
    waited: list[float] = []
    asked = {**ASKED, "urls": {"llmfleet-vllm-chat": f"http://127.0.0.1:{server.server_address[1]}"}}
    found = look.look(lambda argv, timeout=0.0, environment=None: Done(0, "", ""), asked, "/", waited.append)
    server.shutdown()
    assert [(one["container"], one["answers"], one["version"]) for one in found["vllm"]] == [
        ("llmfleet-vllm-chat", True, "0.11.0"),
        ("llmfleet-vllm-gone", False, ""),
    ]
    assert [(one["answers"], one["error"]) for one in found["litellm"]] == [(False, "the container is exited")]
    assert (found["faults"], waited, found["gate"]) == ({}, [0.01], None)
    assert found["machine"]["cpus"] >= 1


def test_without_an_engine_the_rest_is_told() -> None:
    found = look.look(lambda argv, timeout=0.0, environment=None, stdin=None: Done(127, "", "no docker"), ASKED)
    assert "no docker" in found["faults"]["containers"]
    assert (found["containers"], found["disks"][0]["paths"]) == ([], ["/"])


def test_a_program_that_talks_no_http_is_an_answer_too() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _peer = listener.accept()
        connection.recv(1000)
        connection.sendall(b"\x00\xff nonsense")
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    answer = client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", 2)
    listener.close()
    assert answer.status == 0
    assert answer.mapping() == {}
    assert Answer(200, "[1]").mapping() == Answer(200, "[" * 100000).mapping() == {}


# ---- the database


def test_each_question_is_answered_by_itself() -> None:
    calls: list[list[str]] = []

    def run(argv: t.Sequence[str], timeout: float = 0, environment: t.Any = None, stdin: t.Any = None) -> Done:
        calls.append(list(argv))
        lines = [
            json.dumps({"name": "server", "value": {"bytes": 5}}),
            "{broken",
            json.dumps({"name": "tables", "value": None}),
        ]
        return Done(1, "\n".join(lines), 'ERROR:  relation "LiteLLM_SpendLogs" does not exist')

    found = database.read(run, "llmfleet-postgres", "postgres", "litellm")
    assert len(calls) == 1
    assert (found["server"], found["tables"]) == ({"bytes": 5}, None)
    assert set(found["faults"]) == set(database.QUESTIONS) - {"server", "tables"}
    assert "does not exist" in found["faults"]["logs"]


def test_the_session_can_not_write_and_ends() -> None:
    argv = database.command("box", "postgres", "litellm")
    options = next(word for word in argv if word.startswith("PGOPTIONS="))
    assert "default_transaction_read_only=on" in options
    assert "statement_timeout" in options
    assert argv.count("--command") == len(database.QUESTIONS)
