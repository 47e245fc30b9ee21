# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_info: what is told of the containers of a host, from what the engine and the kernel say."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import EngineError, EngineMissing
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import Done
from ansible_collections.llmfleet.gateway.plugins.module_utils._status import cgroup
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.containers import (
    containers,
    describe,
    devices,
    digest_of,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.readers import reader
from ansible_collections.llmfleet.gateway.plugins.modules import container_info

DIGEST = "sha256:" + "ab" * 32


def inspected(name: str = "llmfleet-vllm-chat", **more: t.Any) -> dict[str, t.Any]:
    """What `docker inspect` says, as Docker 28 writes it."""
    found: dict[str, t.Any] = {
        "Id": "c" * 64,
        "Name": f"/{name}",
        "Created": "2026-11-20T10:00:00.1Z",
        "Image": "sha256:image",
        "RestartCount": 2,
        "State": {
            "Status": "running",
            "ExitCode": 0,
            "Pid": 4321,
            "OOMKilled": False,
            "Error": "",
            "StartedAt": "2026-11-20T10:00:01.123456789Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
            "Health": {"Status": "healthy"},
        },
        "Config": {
            "Image": "docker.io/vllm/vllm-openai:v0.11.0",
            "Labels": {
                "io.llmfleet.project": name,
                "com.docker.compose.project": name,
                "com.docker.compose.service": "vllm",
                "org.opencontainers.image.version": "0.11.0",
            },
        },
        "HostConfig": {
            "RestartPolicy": {"Name": "unless-stopped"},
            "Memory": 1073741824,
            "DeviceRequests": [{"Driver": "cdi", "Count": 0, "DeviceIDs": ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]}],
            "Devices": None,
        },
        "NetworkSettings": {
            "Networks": {name: {"IPAddress": "172.20.0.2"}, "other": {"IPAddress": ""}},
            "Ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8001"}], "9/udp": None},
        },
    }
    return {**found, **more}


class Docker:
    """The command, which keeps what it was asked."""

    def __init__(self, boxes: list[dict[str, t.Any]], **answers: Done) -> None:
        self.boxes, self.answers = boxes, answers
        self.calls: list[list[str]] = []

    def __call__(
        self, argv: t.Sequence[str], timeout: float = 20, environment: t.Any = None, stdin: t.Any = None
    ) -> Done:
        self.calls.append(list(argv))
        word = argv[1]
        if word in self.answers:
            return self.answers[word]
        if word == "ps":
            return Done(0, "".join(f"{one['Id']}\n" for one in self.boxes), "")
        if word == "image":
            return Done(0, json.dumps([{"Id": "sha256:image", "RepoDigests": [f"vllm/vllm-openai@{DIGEST}"]}]), "")
        return Done(0, json.dumps(self.boxes), "")


def test_a_container_is_told_by_plain_names() -> None:
    (one,) = containers(reader(Docker([inspected()])), "/nowhere")
    assert one["name"] == one["project"] == "llmfleet-vllm-chat"
    assert (one["service"], one["state"], one["health"], one["restarts"]) == ("vllm", "running", "healthy", 2)
    assert (one["version"], one["digest"]) == ("0.11.0", DIGEST)
    assert one["devices"] == ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]
    assert one["ports"] == [{"address": "127.0.0.1", "port": 8001, "inside": 8000}]
    assert one["addresses"] == {"llmfleet-vllm-chat": "172.20.0.2"}
    assert (one["started"][:10], one["finished"]) == ("2026-11-20", "")
    assert (one["memory_bytes"], one["memory_limit_bytes"]) == (None, 1073741824)


def test_any_number_of_containers_takes_three_questions() -> None:
    docker = Docker([inspected(f"llmfleet-vllm-{number:03}") for number in range(200)])
    assert len(containers(reader(docker))) == 200
    assert [call[1] for call in docker.calls] == ["ps", "inspect", "image"]
    assert "label=io.llmfleet.project" in docker.calls[0]


def test_a_host_without_containers_of_ours_takes_one_question() -> None:
    docker = Docker([])
    assert containers(reader(docker)) == []
    assert len(docker.calls) == 1


def test_one_that_has_gone_meanwhile_keeps_no_other_from_being_told() -> None:
    gone = Done(1, json.dumps([inspected()]), "Error: No such container: 1234")
    assert len(containers(reader(Docker([inspected()], inspect=gone)))) == 1


def test_an_image_that_is_gone_has_no_digest() -> None:
    gone = Done(1, "[]", "Error: No such image: sha256:image")
    assert containers(reader(Docker([inspected()], image=gone)))[0]["digest"] == ""


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Done(127, "", "No such file or directory: 'docker'"), EngineMissing, "No such file"),
        (Done(1, "", "Cannot connect to the Docker daemon"), EngineMissing, "Cannot connect"),
        (Done(127, "", "No such file or directory: 'docker'"), EngineMissing, "SDK for Python is not there"),
        (Done(124, "", "no answer within 20 s"), EngineError, "the engine hangs"),
    ],
)
def test_an_engine_that_does_not_answer_is_said(answer: Done, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        containers(reader(Docker([], ps=answer)))


@pytest.mark.parametrize("question", ["ps", "inspect", "image"])
def test_an_engine_that_hangs_later_is_said_as_well(question: str) -> None:
    late = {question: Done(124, "", "no answer within 20 s")}
    with pytest.raises(EngineError, match="the engine hangs, see: systemctl status docker"):
        containers(reader(Docker([inspected()], **late)))


@pytest.mark.parametrize(
    ("image", "names", "digest"),
    [
        ("docker.io/library/postgres:17.11", ["postgres@sha256:1"], "sha256:1"),
        ("ghcr.io/berriai/litellm:v1", ["mirror/litellm@sha256:2", "ghcr.io/berriai/litellm@sha256:1"], "sha256:1"),
        ("built-here:1", [], ""),
        ("other:1", ["else@sha256:3"], "sha256:3"),
        (f"a.example:5000/b@{DIGEST}", [f"a.example:5000/b@{DIGEST}"], DIGEST),
    ],
)
def test_the_digest_of_the_repository_that_is_named(image: str, names: list[str], digest: str) -> None:
    assert digest_of(image, names) == digest


def test_gpus_however_they_were_asked_for() -> None:
    host = {
        "DeviceRequests": [{"Driver": "nvidia", "Count": -1, "DeviceIDs": None}],
        "Devices": [{"PathOnHost": "/dev/dri"}],
    }
    assert devices(host) == ["nvidia=-1", "/dev/dri"]
    assert devices({"DeviceRequests": None, "Devices": None}) == []


def test_a_container_with_almost_nothing() -> None:
    bare = inspected(NetworkSettings=None, HostConfig={"RestartPolicy": {"Name": ""}})
    bare["Config"]["Labels"] = None
    bare["State"] = {"Status": "exited", "ExitCode": 137, "OOMKilled": True}
    found = describe(bare, {}, "/")
    assert (found["project"], found["ports"], found["memory_bytes"], found["oom_killed"]) == ("", [], None, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Config": None},
        {"Config": {"Image": "a", "Labels": ["io.llmfleet.project"]}},
        {"State": "running"},
        {"State": {"Status": "running", "ExitCode": 0, "Pid": "many"}},
        {"Name": None},
        {"NetworkSettings": {"Ports": [8000]}},
    ],
)
def test_an_answer_of_another_shape_is_an_error_of_the_engine(wrong: dict[str, t.Any]) -> None:
    with pytest.raises(EngineError, match="what the engine says of the container"):
        containers(reader(Docker([inspected(**wrong)])))


# ---- memory


def test_memory_of_a_unified_hierarchy_is_without_the_cache(tmp_path: Path) -> None:
    process, group = tmp_path / "proc/7", tmp_path / "sys/fs/cgroup/system.slice/docker-1.scope"
    process.mkdir(parents=True)
    group.mkdir(parents=True)
    (process / "cgroup").write_text("0::/system.slice/docker-1.scope\n")
    (group / "memory.current").write_text("1000\n")
    (group / "memory.stat").write_text("anon 5\ninactive_file 300\nactive_file 9\n")
    assert cgroup.memory(7, str(tmp_path)) == 700
    (group / "memory.stat").write_text("inactive_file 3000\n")
    assert cgroup.memory(7, str(tmp_path)) == 0


def test_memory_of_the_former_hierarchy(tmp_path: Path) -> None:
    process, group = tmp_path / "proc/7", tmp_path / "sys/fs/cgroup/memory/docker/1"
    process.mkdir(parents=True)
    group.mkdir(parents=True)
    (process / "cgroup").write_text("12:pids:/docker/1\n4:memory:/docker/1\n0::/\n")
    (group / "memory.usage_in_bytes").write_text("1000\n")
    (group / "memory.stat").write_text("total_inactive_file 1\n")
    assert cgroup.memory(7, str(tmp_path)) == 999


def test_memory_that_the_kernel_does_not_tell(tmp_path: Path) -> None:
    assert cgroup.memory(7, str(tmp_path)) is None
    assert cgroup.memory(0, str(tmp_path)) is None


# ---- the module


class Ended(Exception):
    """The module's result."""


def ended(monkeypatch: pytest.MonkeyPatch, docker: Docker) -> dict[str, t.Any]:
    def end(_module: basic.AnsibleModule, **result: t.Any) -> None:
        raise Ended(result)

    monkeypatch.setattr(basic.AnsibleModule, "exit_json", end)
    monkeypatch.setattr(basic.AnsibleModule, "fail_json", end)
    monkeypatch.setattr(container_info, "run", docker)
    with patch_module_args({}), pytest.raises(Ended) as caught:
        container_info.main()
    return caught.value.args[0]


def test_the_module_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ended(monkeypatch, Docker([inspected()]))
    assert found["changed"] is False
    assert (found["read_by"], found["sdk_fault"]) == ("command", "Docker's SDK for Python is not there")
    assert [one["name"] for one in found["containers"]] == ["llmfleet-vllm-chat"]


def test_the_module_fails_with_the_engine_s_words(monkeypatch: pytest.MonkeyPatch) -> None:
    down = Docker([], ps=Done(1, "", "Cannot connect to the Docker daemon"))
    assert "Cannot connect" in ended(monkeypatch, down)["msg"]
