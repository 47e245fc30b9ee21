# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""operation: what is said, when somebody is asked, and what automation gets."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleActionFail, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.action import operation

CHECKOUT = Path(__file__).resolve().parents[4]
LOST: dict[str, t.Any] = {"will": ["Make room"], "destroys": ["all of it"]}


class Screen:
    """Ansible's display, with what a person types; an exception is what Ansible raises there."""

    def __init__(self, typed: str | Exception) -> None:
        self.typed = typed
        self.shown: list[str] = []
        self.asked: list[str] = []

    def display(self, text: str) -> None:
        self.shown.append(text)

    def prompt_until(self, question: str) -> bytes:
        self.asked.append(question)
        if isinstance(self.typed, Exception):
            raise self.typed
        return self.typed.encode()


def run(screen: Screen, *, check: bool = False, once: bool = True, **args: t.Any) -> dict[str, t.Any]:
    loader = DataLoader()
    task = Task.load({"name": "t", "llmfleet.gateway.operation": {}, "run_once": once, "check_mode": check})
    task.args = {"name": "cleanup", **args}
    context = PlayContext()
    connection = connection_loader.get("ansible.builtin.local", context)
    action = operation.ActionModule(task, connection, context, loader, Templar(loader=loader), None)
    action._display = screen
    return action.run(task_vars={})


def nobody() -> Screen:
    return Screen(AnsiblePromptNoninteractive("stdin is not interactive"))


# ---- before


def test_it_says_what_it_will_do_and_asks_nothing_where_nothing_is_lost() -> None:
    screen = nobody()
    assert run(screen, will=["Read the logs"])["confirmed"] is False
    assert screen.shown == ["cleanup will:", "  - Read the logs"]
    assert screen.asked == []


def test_the_name_has_to_be_typed_where_something_is_lost() -> None:
    screen = Screen(" cleanup\n")
    assert run(screen, **LOST)["confirmed"] is True
    assert screen.shown[-2:] == ["What is lost:", "  - all of it"]
    assert "cleanup" in screen.asked[0]


@pytest.mark.parametrize("typed", ["", "yes", "clean", AnsiblePromptInterrupt("interrupted")])
def test_anything_else_changes_nothing(typed: str | Exception) -> None:
    with pytest.raises(AnsibleActionFail, match="changed nothing"):
        run(Screen(typed), **LOST)


def test_without_a_terminal_the_remedy_comes_last() -> None:
    with pytest.raises(AnsibleActionFail) as caught:
        run(nobody(), **LOST)
    assert "all of it" in str(caught.value)
    assert str(caught.value).splitlines()[-1] == "Run it again with -e confirm=yes"


@pytest.mark.parametrize("confirm", ["yes", "true", True])
def test_consent_that_was_given_is_not_asked_for(confirm: object) -> None:
    screen = nobody()
    assert run(screen, confirm=confirm, **LOST)["confirmed"] is True
    assert screen.asked == []


def test_check_mode_only_says() -> None:
    screen = nobody()
    run(screen, check=True, **LOST)
    assert screen.shown[0] == "cleanup would:"
    assert screen.asked == []


def test_a_host_can_not_go_on_without_the_others() -> None:
    with pytest.raises(AnsibleActionFail, match="run_once"):
        run(nobody(), once=False, confirm=True, **LOST)


@pytest.mark.parametrize("path", ["{}", "{}/nowhere/result.json"])
def test_a_result_that_could_not_be_written_is_refused_before_the_operation(tmp_path: Path, path: str) -> None:
    with pytest.raises(AnsibleActionFail) as caught:
        run(nobody(), will=["x"], path=path.format(tmp_path))
    assert str(caught.value).splitlines()[-1] == "Give another file with -e result=FILE"


# ---- after


def test_automation_gets_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("of an earlier run")
    path.chmod(0o644)
    screen = nobody()
    run(screen, result={"freed": 12}, path=str(path), once=False)
    assert path.stat().st_mode & 0o777 == 0o600
    said = json.loads(path.read_text())
    assert (said["operation"], said["freed"], said["failed"], said["check_mode"]) == ("cleanup", 12, False, False)
    assert said["finished"].endswith("+00:00")
    assert list(tmp_path.iterdir()) == [path]
    assert screen.shown == []


def test_without_a_file_the_result_is_printed_and_its_text_is_text() -> None:
    screen = nobody()
    run(screen, result={"line": "{{ lookup('pipe', 'id') }}"})
    assert json.loads(screen.shown[0])["line"] == "{{ lookup('pipe', 'id') }}"


def test_a_result_of_check_mode_says_so(tmp_path: Path) -> None:
    run(nobody(), check=True, result={}, path=str(tmp_path / "r"))
    assert json.loads((tmp_path / "r").read_text())["check_mode"] is True


def test_a_failed_operation_has_a_result_too_and_fails_with_the_remedy_last(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with pytest.raises(AnsibleActionFail) as caught:
        run(nobody(), result={"failed": False}, path=str(path), faults=["gpu2 is away"], remedy="Bring gpu2 back")
    assert str(caught.value).splitlines() == ["cleanup failed: gpu2 is away", "Bring gpu2 back"]
    said = json.loads(path.read_text())
    assert (said["failed"], said["faults"], said["remedy"]) == (True, ["gpu2 is away"], "Bring gpu2 back")


# ---- as Ansible runs it


def started(folder: Path) -> dict[str, t.Any]:
    """A play of two hosts, whose second one must not go on after a refusal of the first."""
    operate = {"llmfleet.gateway.operation": {"name": "cleanup", **LOST}, "run_once": True}
    play = {"hosts": "all", "gather_facts": False, "connection": "local"}
    mark = {"ansible.builtin.debug": {"msg": "removed on {{ inventory_hostname }}"}}
    (folder / "book.yml").write_text(yaml.safe_dump([{**play, "tasks": [operate, mark]}]))
    return {
        "args": [str(Path(sys.executable).with_name("ansible-playbook")), "book.yml", "-i", "a,b,"],
        "cwd": folder,
        "env": {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache" / "unit"), "ANSIBLE_NOCOLOR": "1"},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }


def test_a_refusal_holds_for_every_host(tmp_path: Path) -> None:
    done = subprocess.run(**started(tmp_path), stdin=subprocess.DEVNULL, check=False)
    assert done.returncode != 0
    assert "-e confirm=yes" in done.stdout
    assert "removed on" not in done.stdout


def test_a_person_types_it_on_a_terminal(tmp_path: Path) -> None:
    terminal, child = pty.openpty()
    with subprocess.Popen(**started(tmp_path), stdin=child, start_new_session=True, preexec_fn=_control) as running:
        os.close(child)
        assert running.stdout is not None
        said = ""
        for line in running.stdout:
            said += line
            if "Type cleanup to go on" in line:
                _typed(terminal, b"cleanup\r")
    os.close(terminal)
    assert running.returncode == 0, said
    assert "removed on a" in said and "removed on b" in said


def _control() -> None:
    """Ansible asks only where it is in the foreground of its terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _typed(terminal: int, text: bytes) -> None:
    """What is typed before Ansible listens is thrown away: it listens a moment after it has turned line mode off."""
    for _turn in range(300):
        if not termios.tcgetattr(terminal)[3] & termios.ICANON:
            break
        time.sleep(0.1)
    time.sleep(1)
    os.write(terminal, text)
