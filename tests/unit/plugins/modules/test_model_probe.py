# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""model_probe: what is run, what is made of its answer, and when it warns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.modules import model_probe

PROBE = {
    "name": "gpu1/m",
    "container": "llmfleet-vllm-m",
    "url": "http://127.0.0.1:8000/v1",
    "model": "m",
    "checks": ["chat", "tool_call", "vision"],
    "declared": ["chat", "tool_call"],
}


class Exited(Exception):
    """The module's result."""


class Host:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: tuple[int, str, str] = (0, "{}", "")
        self.calls: list[tuple[list[str], str]] = []
        self.warnings: list[str] = []
        monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda *args, **kwargs: "docker")
        monkeypatch.setattr(basic.AnsibleModule, "run_command", self.command)
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda module, text: self.warnings.append(text))
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", self.exit)

    @staticmethod
    def exit(_module: basic.AnsibleModule, **result: Any) -> None:
        raise Exited(result)

    def command(self, argv: list[str], data: str, binary_data: bool) -> tuple[int, str, str]:
        assert binary_data
        self.calls.append((argv, data))
        return self.answer

    def run(self, check: bool = False) -> dict[str, Any]:
        arguments = {"probes": [PROBE], "program": "print()", "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(Exited) as caught:
            model_probe.main()
        return caught.value.args[0]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def said(**states: tuple[str, str]) -> str:
    return json.dumps({name: {"state": one[0], "said": one[1], "seconds": 0.5} for name, one in states.items()})


def test_the_program_runs_in_the_container(host: Host) -> None:
    host.run()
    ((argv, program),) = host.calls
    asked = "http://127.0.0.1:8000/v1 m 60 chat tool_call vision"
    assert " ".join(argv) == f"docker exec --interactive llmfleet-vllm-m python3 - {asked}"
    assert program == "print()"


def test_only_what_is_declared_and_fails_is_a_warning(host: Host) -> None:
    host.answer = (0, said(chat=("works", "ok"), tool_call=("fails", "no"), vision=("fails", "status 400")), "")
    found = host.run()
    assert found["models"]["gpu1/m"] == {
        "works": ["chat"],
        "fails": {"tool_call": "no", "vision": "status 400"},
        "unclear": {},
        "seconds": 1.5,
    }
    assert host.warnings == ["gpu1/m: tool_call is declared and does not work: no"] and not found["changed"]


def test_what_is_unclear_is_said_and_no_warning(host: Host) -> None:
    host.answer = (0, said(chat=("works", "ok"), tool_call=("unclear", "called no tool")), "")
    assert host.run()["models"]["gpu1/m"]["unclear"] == {
        "tool_call": "called no tool",
        "vision": "nothing was said of it",
    }
    assert host.warnings == []


@pytest.mark.parametrize(
    "out", ["", "x", "[]", "7", '{"chat": 1}', '{"chat": {"state": ["works"], "said": {}, "seconds": "x"}}']
)
def test_an_odd_answer_proves_nothing(host: Host, out: str) -> None:
    host.answer = (0, out, "")
    assert host.run()["models"]["gpu1/m"]["works"] == []


def test_a_container_that_can_not_be_asked_is_a_warning_and_no_failure(host: Host) -> None:
    host.answer = (1, said(chat=("works", "ok")), "x\nError: No such container: llmfleet-vllm-m\n")
    assert host.run()["models"]["gpu1/m"]["works"] == []
    assert host.warnings == ["gpu1/m: it could not be tried what it can do: Error: No such container: llmfleet-vllm-m"]


def test_check_mode_asks_nothing(host: Host) -> None:
    assert host.run(check=True)["models"] == {} and host.calls == []
