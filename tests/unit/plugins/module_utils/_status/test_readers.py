# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's SDK for Python and the docker command: the same is told by either, and which of them it is."""

from __future__ import annotations

import json
import re
import sys
import types
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import EngineError, EngineMissing
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import Done
from ansible_collections.llmfleet.gateway.plugins.module_utils._status import by_sdk, look
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.containers import containers
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.readers import reader
from test_containers import Docker, ended, inspected

NOWHERE = {"DOCKER_CONFIG": "/nowhere"}
IMAGE = {"Id": "sha256:image", "RepoDigests": ["vllm/vllm-openai@sha256:" + "ab" * 32]}


class ApiError(Exception):
    """docker.errors.APIError, NotFound too. Like that of requests, the response of an error is false."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status} Server Error")
        self.response = type("Response", (), {"status_code": status, "__bool__": lambda _self: False})()


class ReadTimeout(OSError):
    """That of requests, whose exceptions are errors of the system without a number."""


class InvalidURL(OSError, ValueError):
    """That of requests."""


class Api:
    """docker.APIClient as far as it is used; each answer may be an exception instead."""

    def __init__(self, *found: t.Any, images: t.Sequence[t.Any] = (IMAGE,), listed: t.Any = None) -> None:
        self.found = {f"id{number}": one for number, one in enumerate(found)}
        self.known = {f"sha256:{number or 'image'}": one for number, one in enumerate(images)}
        self.listed = [{"Id": one} for one in self.found] if listed is None else listed
        self.asked: list[str] = []
        self.timeout = 0.0

    def containers(self, **options: t.Any) -> t.Any:
        assert options == {"all": True, "filters": {"label": "io.llmfleet.project"}}
        return self._answer("list", self.listed)

    def inspect_container(self, container: str) -> t.Any:
        return self._answer(container, self.found[container])

    def inspect_image(self, image: str) -> t.Any:
        return self._answer(image, self.known.get(image, ApiError(404)))

    def _answer(self, question: str, answer: t.Any) -> t.Any:
        self.asked.append(question)
        assert 0 < self.timeout <= 20
        if isinstance(answer, BaseException):
            raise answer
        return answer


def installed(monkeypatch: pytest.MonkeyPatch, api: t.Any, version: str = "7.1.0") -> dict[str, t.Any]:
    """The SDK, which keeps what its client was made with."""
    kept: dict[str, t.Any] = {}

    def from_env(**options: t.Any) -> t.Any:
        kept.update(options)
        if isinstance(api, BaseException):
            raise api
        return types.SimpleNamespace(api=api)

    monkeypatch.setitem(sys.modules, "docker", types.SimpleNamespace(__version__=version, from_env=from_env))
    return kept


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """What the SDK makes of an error at its first question."""
    outer = RuntimeError(f"Error while fetching server API version: {error}")
    error.__context__ = cause
    outer.__cause__ = error
    return outer


# ---- the same by either


def test_both_ways_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [
        inspected("llmfleet-b"),
        inspected("llmfleet-a", Image="sha256:1"),
        inspected("llmfleet-c", RestartCount=0),
    ]
    boxes[2]["Config"]["Labels"] = None
    command = reader(Docker(boxes), NOWHERE)
    by_command = containers(command, "/nowhere")
    kept = installed(monkeypatch, Api(*boxes))
    sdk = reader(Docker([]), NOWHERE)
    assert json.dumps(containers(sdk, "/nowhere")) == json.dumps(by_command)
    assert [one["name"] for one in by_command] == ["llmfleet-a", "llmfleet-b", "llmfleet-c"]
    assert (command.read_by, sdk.read_by, sdk.sdk_fault) == ("command", "sdk", "")
    assert kept == {"version": "auto", "timeout": 20, "environment": NOWHERE}


def test_each_image_is_asked_for_once_and_no_image_without_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(*[inspected(f"llmfleet-{number}") for number in range(3)])
    installed(monkeypatch, api)
    containers(reader(Docker([]), NOWHERE))
    assert api.asked == ["list", "id0", "id1", "id2", "sha256:image"]
    bare = Api()
    installed(monkeypatch, bare)
    assert containers(reader(Docker([]), NOWHERE)) == []
    assert bare.asked == ["list"]


def test_what_has_gone_since_it_was_listed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, Api(ApiError(404), inspected("llmfleet-there"), images=[ApiError(404)]))
    (one,) = containers(reader(Docker([]), NOWHERE))
    assert (one["name"], one["digest"]) == ("llmfleet-there", "")


def test_an_image_that_can_not_be_read_keeps_no_container_from_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, Api(inspected(), images=[ApiError(500)]))
    assert containers(reader(Docker([]), NOWHERE))[0]["digest"] == ""


@pytest.mark.parametrize("listed", [None, {}, "x", [None, "x", {}, {"Id": ""}]])
def test_a_list_of_another_shape_is_none(monkeypatch: pytest.MonkeyPatch, listed: t.Any) -> None:
    api = Api(listed=listed)
    api.listed = listed
    installed(monkeypatch, api)
    assert containers(reader(Docker([]), NOWHERE)) == []


def test_an_answer_that_is_no_mapping_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, Api(None, ["x"], "x", inspected("llmfleet-there"), images=[["x"]]))
    assert [one["name"] for one in containers(reader(Docker([]), NOWHERE))] == ["llmfleet-there"]


# ---- an SDK that is of no use


@pytest.mark.parametrize(
    ("error", "words"),
    [
        # docker-py before 7.1 with requests 2.32 and newer
        (raised(InvalidURL("Not supported URL scheme http+docker")), "Not supported URL scheme http[+]docker"),
        # docker-py before 6.1 with urllib3 2
        (raised(TypeError("request() got an unexpected keyword argument 'chunked'")), "unexpected keyword argument"),
        (KeyError("ApiVersion"), "ApiVersion"),
        (ImportError("paramiko"), "paramiko"),
    ],
)
def test_one_that_does_not_work_leaves_it_to_the_command(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str
) -> None:
    installed(monkeypatch, error)
    found = reader(Docker([inspected()]), NOWHERE)
    assert found.read_by == "command"
    assert re.search(words, found.sdk_fault)
    assert found.sdk_fault.startswith("Docker's SDK for Python does not work: ")
    assert len(containers(found)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import of_what_is_not_there", "does not work: No module named 'of_what_is_not_there'"),
        ("raise AttributeError('urllib3')", "does not work: AttributeError: urllib3"),
        ("nonsense nonsense", "does not work: SyntaxError"),
        ("", "does not work: AttributeError"),
        ("__version__ = '4.4.4'", "is of release 4.4.4, older than 5"),
        ("__version__ = 'unknown'", "is of release unknown, older than 5"),
        ("__version__ = '5.0.3'", "does not work: AttributeError"),
    ],
)
def test_one_that_can_not_be_imported_leaves_it_to_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, words: str
) -> None:
    monkeypatch.delitem(sys.modules, "docker")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "docker.py").write_text(text)
    found = reader(Docker([]), NOWHERE)
    sys.modules.pop("docker", None)
    assert found.read_by == "command" and words in found.sdk_fault


@pytest.mark.parametrize(
    ("environment", "config", "read_by"),
    [
        ({}, None, "sdk"),
        ({}, "no JSON", "sdk"),
        ({}, "[]", "sdk"),
        ({}, '{"auths": {}}', "sdk"),
        ({}, '{"currentContext": "default"}', "sdk"),
        ({}, '{"currentContext": "rootless"}', "command"),
        ({"DOCKER_CONTEXT": "rootless"}, None, "command"),
        ({"DOCKER_CONTEXT": "default"}, '{"currentContext": "rootless"}', "sdk"),
        # It wins over both, as with the command.
        ({"DOCKER_HOST": "tcp://10.0.0.5:2375", "DOCKER_CONTEXT": "rootless"}, '{"currentContext": "rootless"}', "sdk"),
        ({"DOCKER_HOST": "ssh://10.0.0.5"}, None, "command"),
    ],
)
def test_the_engine_is_the_one_that_the_command_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], config: str | None, read_by: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    whole = {"DOCKER_CONFIG": str(tmp_path), **environment}
    kept = installed(monkeypatch, Api())
    assert reader(Docker([]), whole).read_by == read_by
    assert kept.get("environment", whole) == whole


# ---- an engine that does not answer


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (raised(OSError("aborted"), FileNotFoundError(2, "No such file")), EngineMissing, "No such file.*systemctl"),
        (raised(OSError("aborted"), ConnectionRefusedError(111, "refused")), EngineMissing, "refused.*systemctl"),
        (raised(ConnectionResetError("closed without an answer")), EngineMissing, "closed without an answer"),
        (raised(OSError("aborted"), PermissionError(13, "Permission denied")), EngineMissing, "denied; become: true"),
        (raised(ReadTimeout("read timed out")), EngineError, "engine hangs, see: systemctl status docker"),
        (raised(OSError("aborted"), TimeoutError("timed out")), EngineError, "engine hangs, see: systemctl"),
        (raised(ApiError(500)), EngineError, "500 Server Error"),
    ],
)
def test_it_is_said_and_not_left_to_the_command(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, kind: type[Exception], words: str
) -> None:
    installed(monkeypatch, error)
    with pytest.raises(EngineError, match=words) as caught:
        reader(Docker([inspected()]), NOWHERE)
    assert isinstance(caught.value, EngineMissing) is (kind is EngineMissing)


@pytest.mark.parametrize("where", ["list", "container", "image"])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ReadTimeout("read timed out"), "no answer within 20 s; the engine hangs, see: systemctl status docker"),
        (ConnectionResetError(104, "reset"), "is the engine running"),
        (json.JSONDecodeError("no JSON", "<html>", 0), "JSONDecodeError"),
        (AttributeError("anything"), "AttributeError: anything"),
    ],
)
def test_whatever_goes_wrong_later_is_an_error_of_the_engine(
    monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException, words: str
) -> None:
    api = {
        "list": Api(listed=error),
        "container": Api(error),
        "image": Api(inspected(), images=[error]),
    }[where]
    installed(monkeypatch, api)
    with pytest.raises(EngineError, match=words):
        containers(reader(Docker([]), NOWHERE))


@pytest.mark.parametrize("status", [403, 500])
def test_a_container_that_is_there_and_refused_is_an_error(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    installed(monkeypatch, Api(ApiError(status)))
    with pytest.raises(EngineError, match=str(status)):
        containers(reader(Docker([]), NOWHERE))


def test_all_containers_have_one_time_limit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(*[inspected(f"llmfleet-{number}") for number in range(9)])
    installed(monkeypatch, api)
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(by_sdk.time, "monotonic", lambda: next(clock))
    with pytest.raises(EngineError, match="the engine hangs"):
        reader(Docker([]), NOWHERE).containers()
    assert api.asked == ["list", "id0", "id1", "id2", "id3"]


# ---- the modules


def test_the_modules_say_which_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, Api(inspected("llmfleet-there")))
    monkeypatch.setenv("DOCKER_CONFIG", "/nowhere")
    found = ended(monkeypatch, Docker([]))
    assert (found["read_by"], found["sdk_fault"], found["changed"]) == ("sdk", "", False)
    assert [one["name"] for one in found["containers"]] == ["llmfleet-there"]
    asked = {
        "root": "/nowhere",
        "gpus": False,
        "backup": None,
        "disks": [],
        "urls": {},
        "certificates": [],
        "seconds": 0,
    }
    assert look.look(Docker([]), asked)["read_by"] == "sdk"
    installed(monkeypatch, raised(ReadTimeout("read timed out")))
    assert "the engine hangs" in ended(monkeypatch, Docker([]))["msg"]
    away = look.look(Docker([]), asked)
    assert away["read_by"] is None and "the engine hangs" in away["faults"]["containers"]


def test_without_either_both_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, TypeError("broken"))
    nothing = Docker([], ps=Done(127, "", "No such file or directory: 'docker'"))
    with pytest.raises(EngineMissing, match=r"'docker' [(]Docker's SDK for Python does not work: TypeError: broken"):
        containers(reader(nothing, NOWHERE))
