# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of changes under load, and what a change of the inventory writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.load import changes


def figure(change: str, **said: Any) -> str:
    shape = {"change": change, "requests": 100, "failed_by_kind": {}, "longest_wait": 1.25, "seconds_p50": 0.5}
    return json.dumps({**shape, "change_seconds": 30.0, **said})


def test_the_table_has_the_last_of_each_change_and_says_what_was_not_seen() -> None:
    lines = [
        figure("option", failed_by_kind={"empty": 2, "cut": 1}),
        figure("image", fewest_ready={"vllm-b": 1, "vllm-a": 0, "local-a": 1}, load_average=12.5),
        figure("option", own_start=21.04),
    ]
    assert changes.table(lines).splitlines()[2:] == [
        "| option | 100 | 0 | not seen | 1.2 s (vLLM's own start 21.0 s) | 0.50 s | 30 s |  |",
        "| image | 100 | 0 | vllm-a 0, vllm-b 1 | 1.2 s | 0.50 s | 30 s | 12.5 |",
    ]
    assert "| 2 empty, 1 cut |" in changes.table(lines[:1])


def test_a_change_for_a_while_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ALL", tmp_path)
    (tmp_path / "scenario.yml").write_text("a: 1\nllm_state: {}\n")
    fleet = changes.Fleet()
    fleet.declare(lambda said: said.update(b=2))
    with fleet.for_a_while(lambda said: said.update(a=3)):
        assert yaml.safe_load((tmp_path / "zz_change.yml").read_text()) == {"a": 3, "b": 2}
    assert yaml.safe_load((tmp_path / "zz_change.yml").read_text()) == {"b": 2}


def test_what_a_scenario_declares_over_the_common_part_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ALL", tmp_path)
    (tmp_path / "scenario.yml").write_text("a: {b: 1}\nc: 1\n")
    (tmp_path / "small.yml").write_text("a: {b: 2}\n")
    fleet = changes.Fleet()
    fleet.declare(lambda said: said.update(c=2))
    assert yaml.safe_load((tmp_path / "zz_change.yml").read_text()) == {"c": 2}
    fleet.declare(lambda said: said["a"].update(d=3))
    assert yaml.safe_load((tmp_path / "zz_change.yml").read_text()) == {"a": {"b": 2, "d": 3}, "c": 2}


def test_edits_of_an_earlier_session_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ALL", tmp_path)
    (tmp_path / "scenario.yml").write_text("a: 1\nllm_state: {}\n")
    changes.Fleet().declare(lambda said: said.update(b=2))
    changes.Fleet().declare(lambda said: said.update(a=3))
    assert yaml.safe_load((tmp_path / "zz_change.yml").read_text()) == {"a": 3, "b": 2}


def test_what_was_seen_is_kept_with_the_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "SCENARIO", tmp_path)
    monkeypatch.setattr(changes, "FIGURES", tmp_path / "figures.jsonl")
    monkeypatch.setattr(changes.time, "sleep", lambda seconds: None)
    write = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('{\"requests\": 7}')"
    with changes.loaded([sys.executable, "-c", write, str(tmp_path / "option.json")], "option") as seen:
        assert not seen
    assert (seen["requests"], seen["change"]) == (7, "option")
    assert json.loads((tmp_path / "figures.jsonl").read_text()) == seen


def test_a_server_joins_and_leaves_by_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ALL", tmp_path)
    monkeypatch.setattr(changes, "SCENARIO", tmp_path)
    (tmp_path / "scenario.yml").write_text("a: 1\n")
    (tmp_path / "inventory").mkdir()
    hosts = tmp_path / "inventory" / "hosts.yml"
    hosts.write_text("gpu_servers: {hosts: {one: }}\n")
    fleet = changes.Fleet()
    fleet.join("two")
    assert list(yaml.safe_load(hosts.read_text())["gpu_servers"]["hosts"]) == ["one", "two"]
    fleet.leave("one")
    assert list(yaml.safe_load(hosts.read_text())["gpu_servers"]["hosts"]) == ["two"]


def test_load_goes_through_the_edge_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ALL", tmp_path)
    monkeypatch.setattr(changes, "SCENARIO", tmp_path)
    (tmp_path / "scenario.yml").write_text("a: 1\n")
    assert changes.entrance("192.0.2.7") == ["--url", "http://192.0.2.7:4000"]
    (tmp_path / "scenario.yml").write_text("llm_domain: llm.test\n")
    (tmp_path / "vault.yml").write_text("llm_ca_key: " + "k" * 64 + "\n")
    where = changes.entrance("192.0.2.7")
    assert where[:4] == ["--url", "https://llm.test", "--connect", "192.0.2.7"]
    assert "BEGIN CERTIFICATE" in Path(where[5]).read_text()


def test_load_and_watcher_are_at_the_first_host_of_the_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ALL", tmp_path)
    monkeypatch.setattr(changes, "SCENARIO", tmp_path)
    (tmp_path / "scenario.yml").write_text("a: 1\n")
    two = {"gateway1": {"address": "192.0.2.7", "container": "c"}, "gpu1": {"address": "192.0.2.8", "container": "d"}}
    (tmp_path / "hosts.json").write_text(json.dumps(two))
    told = changes.command("tiny", "option")
    assert told[told.index("--url") + 1] == "http://192.0.2.7:4000"
    assert " gateway1 python3 - --socket " in told[told.index("--watch") + 1]
    assert told[told.index("--record") + 1] == str(tmp_path / "option.jsonl")


def test_the_own_start_of_vllm_is_from_its_container_to_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "SCENARIO", tmp_path)
    (tmp_path / "hosts.json").write_text(json.dumps({"gateway1": {}, "gpu1": {}}))
    asked: list[list[str]] = []

    def told(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(
            command, 0, "2026-11-26T07:00:00.123456789Z\n2026-11-26T07:00:21.623456789Z\n"
        )

    monkeypatch.setattr(changes.subprocess, "run", told)
    assert changes.own_start("llmfleet-vllm-tiny") == 21.5
    assert asked[0][3] == "gpu1"


def test_a_users_certificate_is_by_another_authority_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ALL", tmp_path)
    monkeypatch.setattr(changes, "SCENARIO", tmp_path)
    (tmp_path / "scenario.yml").write_text("llm_domain: llm.test\n")
    (tmp_path / "vault.yml").write_text("llm_ca_key: " + "k" * 64 + "\n")
    made = {changes.own_certificate(one).read_text() for one in changes.OWN_AUTHORITIES}
    assert len(made) == 2
    assert changes.trusted().read_text().count("BEGIN CERTIFICATE") == 3


def playbook(folder: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """In place of Ansible's own."""
    program = folder / "ansible-playbook"
    program.write_text(f"#!/bin/sh\n{told}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def alive(process: str) -> bool:
    """One that has ended may be in the list until its parent asks for it."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_run_is_killed_at_its_moment_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    playbook(tmp_path, monkeypatch, f"sleep 60 & echo $! > {tmp_path}/started; wait; touch {tmp_path}/ended")
    begun = tmp_path / "started"
    changes.killed(lambda: begun.exists() and begun.read_text() != "")
    end = time.monotonic() + 10
    while alive(begun.read_text().strip()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(begun.read_text().strip())
    assert not (tmp_path / "ended").exists()


def test_a_run_that_ends_before_its_moment_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    playbook(tmp_path, monkeypatch, "exit 0")
    with pytest.raises(AssertionError, match="before that moment"):
        changes.killed(lambda: False)
