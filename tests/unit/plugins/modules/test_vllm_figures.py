# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vllm_figures: what is read of the containers, what is kept, and when it warns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.modules import vllm_figures

LOG = """(APIServer pid=1) INFO 11-22 10:00:00 [api_utils.py:344] vLLM server version 0.32.0, serving model /m
(EngineCore pid=9) INFO 11-22 10:00:09 [gpu_worker.py:760] Available KV cache memory: 55.62 GiB
(EngineCore pid=9) INFO 11-22 10:00:10 [kv_cache_utils.py:2327] {device} KV cache size: 1,041,472 tokens, \
Maximum concurrency for 8,192 tokens per request: 127.13x
"""


class Exited(Exception):
    """The module's result."""


class Host:
    """A host with containers, each with a start and a log."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = root / "facts.d" / "llmfleet_vllm.fact"
        self.logs: dict[str, str] = {}
        self.calls: list[list[str]] = []
        self.warnings: list[str] = []
        self.docker: str | None = "/usr/bin/docker"
        monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda *args, **kwargs: self.docker)
        monkeypatch.setattr(basic.AnsibleModule, "run_command", self.command)
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda module, text: self.warnings.append(text))
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", self.exit)

    @staticmethod
    def exit(_module: basic.AnsibleModule, **result: Any) -> None:
        raise Exited(result)

    def command(self, argv: list[str]) -> tuple[int, str, str]:
        self.calls.append(argv)
        if argv[1] == "inspect":
            return 0, "".join(f"/{name} 2026-11-22T10:00:00.123456789Z\n" for name in argv[6:] if name in self.logs), ""
        return 0, self.logs[argv[-1]], ""

    def run(self, *instances: dict[str, Any], check: bool = False) -> dict[str, Any]:
        arguments = {"instances": list(instances), "path": str(self.file), "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(Exited) as caught:
            vllm_figures.main()
        return caught.value.args[0]

    def kept(self) -> dict[str, Any]:
        return json.loads(self.file.read_text())["instances"]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


QWEN: dict[str, Any] = {"name": "qwen", "container": "vllm-qwen"}


@pytest.mark.parametrize("device", ["GPU", "CPU"])
def test_figures_are_kept_and_a_second_call_changes_nothing(host: Host, device: str) -> None:
    host.logs = {"vllm-qwen": LOG.format(device=device)}
    wanted = {**QWEN, "plan": {"kv_cache_tokens": 1041504}, "max_num_seqs": 100}
    first = host.run(wanted)
    assert first["changed"]
    assert host.kept()["qwen"] == {
        "predicted": {"kv_cache_tokens": 1041504},
        "real": {
            "kv_cache_gib": 55.62,
            "kv_cache_tokens": 1041472,
            "max_model_len": 8192,
            "max_concurrency": 127.13,
        },
        "figures": {"kv_cache_tokens": {"predicted": 1041504, "real": 1041472, "error_percent": 0.0}},
        "warnings": [],
        "parallel_limit": 100,
    }
    assert first["ansible_facts"]["llmfleet_vllm"]["instances"] == host.kept()
    assert not host.run(wanted)["changed"]
    assert host.file.stat().st_mode & 0o777 == 0o644


def test_only_the_last_start_is_read(host: Host) -> None:
    host.logs = {"vllm-qwen": LOG.format(device="GPU")}
    host.run(QWEN)
    assert host.calls[1][1:6] == [
        "logs",
        "--since",
        "2026-11-22T10:00:00.123456789Z",
        "--until",
        "2026-11-22T11:00:00Z",
    ]


def test_it_warns_with_both_numbers(host: Host) -> None:
    host.logs = {"vllm-qwen": LOG.format(device="GPU")}
    host.run({**QWEN, "plan": {"kv_cache_tokens": 1200000}})
    assert host.warnings == ["qwen: kv_cache_tokens: planned 1200000, vLLM has 1041472 (+15.2 %)"]


def test_check_mode_writes_nothing(host: Host) -> None:
    host.logs = {"vllm-qwen": LOG.format(device="GPU")}
    assert host.run(QWEN, check=True)["changed"]
    assert not host.file.parent.exists()


def test_a_host_without_docker_yet(host: Host) -> None:
    host.docker = None
    assert not host.run(QWEN, check=True)["changed"]


def test_a_log_that_says_nothing_any_more_keeps_what_was_read(host: Host) -> None:
    host.logs = {"vllm-qwen": LOG.format(device="GPU")}
    host.run(QWEN)
    before = host.kept()
    host.logs = {"vllm-qwen": "rotated\n"}
    assert not host.run(QWEN)["changed"]
    assert host.kept() == before


def test_a_damaged_record_is_not_kept(host: Host) -> None:
    host.file.parent.mkdir()
    host.file.write_text('{"instances": {"qwen": {"warnings": "x"}}}')
    assert host.run(QWEN)["changed"]
    assert host.kept()["qwen"]["warnings"] == []


def test_instances_that_are_gone_are_dropped(host: Host) -> None:
    host.logs = {"vllm-qwen": LOG.format(device="GPU")}
    host.run(QWEN)
    assert host.run()["changed"]
    assert host.kept() == {}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", '{"instances": 5}', '{"instances": {"qwen": null}}', '{"instances": {"qwen": {"a": 1}}}'],
)
def test_a_damaged_file_is_written_anew(host: Host, text: str) -> None:
    host.file.parent.mkdir()
    host.file.write_text(text)
    host.logs = {"vllm-qwen": LOG.format(device="GPU")}
    assert host.run(QWEN)["changed"]
    assert host.kept()["qwen"]["real"]["kv_cache_tokens"] == 1041472
