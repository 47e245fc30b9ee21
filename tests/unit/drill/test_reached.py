# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drill says of open ports and of containers is what is there."""

from __future__ import annotations

import json
import os
import socket
import typing as t
from pathlib import Path

import pytest

from tests.drill import in_container
from tests.drill.inside import look
from tests.drill.ports import open_ports

STATUS = "Name:\tvllm\nUid:\t60801\t60801\t60801\t60801\nCapEff:\t{}\nNoNewPrivs:\t{}\nSeccomp:\t2\n"


@pytest.fixture
def listening() -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def test_a_scan_finds_the_open_ones_alone(listening: int) -> None:
    assert open_ports("127.0.0.1", [closed_port(), listening]) == [listening]


def test_reached_are_those_that_take_a_connection(listening: int) -> None:
    targets = {"open": ["127.0.0.1", listening], "closed": ["127.0.0.1", closed_port()]}
    assert in_container.reached(targets) == ["open"]


def test_ports_that_only_the_container_itself_sees_are_no_targets() -> None:
    said = (
        "LISTEN 0 4096 127.0.0.11:39043 0.0.0.0:*\nLISTEN 0 128 *:4000 *:*\n"
        "LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\nLISTEN 0 128 [::1]:631 [::]:*\nLISTEN 0 128 [::]:22 [::]:*\n"
    )
    assert in_container.ports_of(said) == [22, 4000]


def test_every_port_at_every_address() -> None:
    found = in_container.targets_of({"one": ["10.0.0.1", "10.1.0.1"]}, {"one": [22, 80]})
    assert len(found) == 4
    assert found["one:80 at 10.1.0.1"] == ["10.1.0.1", 80]


@pytest.mark.parametrize(
    ("capabilities", "alone", "expected"),
    [("0000000000000000", "1", ("", "no")), ("00000000a80425fb", "0", ("a80425fb", "yes"))],
)
def test_rights(tmp_path: Path, capabilities: str, alone: str, expected: tuple[str, str]) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "status").write_text(STATUS.format(capabilities, alone))
    found = in_container.rights(7, str(tmp_path))
    assert (found["capabilities"], found["new_privileges"]) == expected
    assert (found["user"], found["seccomp"]) == ("60801", "2")


def test_secrets_in_files_and_environments(tmp_path: Path) -> None:
    (tmp_path / "run" / "deep").mkdir(parents=True)
    (tmp_path / "run" / "deep" / "key").write_text("key=s3cret-value")
    (tmp_path / "elsewhere").write_text("other-value")
    os.symlink(tmp_path / "elsewhere", tmp_path / "run" / "link")
    forms = {"the_key": [b"s3cret-value"], "other": [b"other-value"]}
    files = in_container.files_of(str(tmp_path), ["run", "/not/there"])
    assert in_container.secrets_in(files, forms) == ["the_key"]
    assert in_container.secrets_in([str(tmp_path / "elsewhere"), str(tmp_path / "gone")], forms) == ["other"]


def test_a_host_that_does_not_say_is_no_proof() -> None:
    with pytest.raises(ValueError, match="nothing was found out: python3: not found"):
        look(lambda _command, _text: "python3: not found", {}, {})


def test_secrets_go_by_standard_input() -> None:
    seen: list[str] = []

    def ssh(command: str, text: str) -> str:
        seen.append(command)
        assert json.loads(text)["forms"]["the_key"]
        return "{}"

    assert look(ssh, {"the_key": "s3cret-value"}, {}) == {}
    assert "s3cret-value" not in seen[0]
