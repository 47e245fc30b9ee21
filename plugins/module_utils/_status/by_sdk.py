# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the engine by Docker's SDK for Python, of release 5 or newer, where the interpreter of the module has it. Used by readers only.

The SDK is looked for when it is needed and never required. One that is missing or broken is SdkUnusable, and the command is asked.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import socket
import time
import typing as t

from .._compose.engine import LABEL_FLEET, EngineError, EngineMissing
from .._host.run import TIMEOUT

Found = dict[str, t.Any]

NAME = "Docker's SDK for Python"
OLDEST = 5
#: As the exceptions of requests and urllib3 are called where nobody answers; the standard library's have types that say so.
NOBODY = ("ConnectionError", "ProtocolError", "SSLError")


class SdkUnusable(Exception):
    """There is no SDK here that works with this engine; the message says why."""


def by_sdk(environment: t.Mapping[str, str]) -> BySdk:
    """The SDK's way, with the engine's version known. SdkUnusable, EngineMissing or EngineError."""
    other = elsewhere(environment)
    if other:
        raise SdkUnusable(f"{NAME} is not asked for {other}, which the docker command knows")
    docker = imported()
    try:
        # The engine's version: that which an older SDK has by itself is refused by newer engines. So the engine is asked for it.
        return BySdk(docker.from_env(version="auto", timeout=TIMEOUT, environment=dict(environment)).api)
    except Exception as error:
        fault = engine_fault(error, "version")
        raise fault or SdkUnusable(f"{NAME} does not work: {said(error)}") from error


def elsewhere(environment: t.Mapping[str, str]) -> str:
    """What says where the engine is and means nothing to every release of the SDK."""
    host = environment.get("DOCKER_HOST") or ""
    if host:
        return "an engine by SSH" if host.startswith("ssh:") else ""
    home = environment.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    context = environment.get("DOCKER_CONTEXT") or current_context(os.path.join(home, "config.json"))
    return f"the context {context}" if context not in ("", "default") else ""


def current_context(path: str) -> str:
    """What `docker context use` wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            return str(json.load(file).get("currentContext") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def imported() -> t.Any:
    """The SDK's package."""
    try:
        docker = importlib.import_module("docker")
        version = str(docker.__version__)
    except ModuleNotFoundError as error:
        raise SdkUnusable(
            f"{NAME} is not there" if error.name == "docker" else f"{NAME} does not work: {error}"
        ) from None
    # Whatever its dependencies raise: they may be of other releases than it was made for.
    except Exception as error:
        raise SdkUnusable(f"{NAME} does not work: {said(error)}") from error
    digits = re.match(r"\d+", version)
    if not digits or int(digits.group()) < OLDEST:
        raise SdkUnusable(f"{NAME} is of release {version}, older than {OLDEST}")
    return docker


class BySdk:
    """See readers.Reader. *client* is the SDK's low-level one."""

    read_by = "sdk"
    sdk_fault = ""

    def __init__(self, client: t.Any, timeout: float = TIMEOUT) -> None:
        self.client, self.timeout = client, timeout

    def containers(self) -> list[Found]:
        listed = self._ask("ps", [{"all": True, "filters": {"label": LABEL_FLEET}}], self.client.containers)
        ids = [{"container": str(one["Id"])} for one in _mappings(listed[0]) if one.get("Id")]
        return _mappings(self._ask("inspect", ids, self.client.inspect_container, missing=(404,)))

    def images(self, ids: t.Iterable[str]) -> list[Found]:
        # As by the command: whatever is wrong with one image, the others are told.
        wanted = [{"image": one} for one in sorted(ids)]
        return _mappings(self._ask("image", wanted, self.client.inspect_image, missing=range(400, 600)))

    def _ask(
        self,
        question: str,
        asked: t.Iterable[Found],
        method: t.Callable[..., t.Any],
        missing: t.Container[int] = (),
    ) -> list[t.Any]:
        """All answers to one question, which have one time limit together; without those that the engine refuses as *missing*."""
        deadline, answers = time.monotonic() + self.timeout, []
        for arguments in asked:
            try:
                self.client.timeout = left(deadline)
                answers.append(method(**arguments))
            except Exception as error:
                if status_of(error) not in missing:
                    fault = engine_fault(error, question)
                    raise fault or EngineError(f"{NAME}, {question}: {said(error)}") from error
        return answers


def _mappings(found: t.Any) -> list[Found]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def left(deadline: float) -> float:
    """What the next request may take."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


# ---- what went wrong


def engine_fault(error: BaseException, question: str) -> EngineError | None:
    """The engine's part in it; none where the SDK itself is what fails."""
    causes = list(chain(error))
    if any(isinstance(one, (TimeoutError, socket.timeout)) or "Timeout" in type(one).__name__ for one in causes):
        return EngineError(
            f"{NAME}, {question}: no answer within {TIMEOUT:.0f} s; the engine hangs, see: systemctl status docker"
        )
    if any(status_of(one) for one in causes):
        return EngineError(f"{NAME}, {question}: {said(error)}")
    nobody = [one for one in causes if isinstance(one, ConnectionError) or type(one).__name__ in NOBODY]
    if nobody or any(isinstance(one, OSError) and one.errno for one in causes):
        refused = isinstance(causes[-1], PermissionError)
        remedy = "become: true is wanted" if refused else "is the engine running? See: systemctl status docker"
        return EngineMissing(f"{NAME}, {question}: {said(causes[-1])}; {remedy}")
    return None


def chain(error: BaseException) -> t.Iterator[BaseException]:
    """An exception and what it came from."""
    seen: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in seen:
        seen.append(following)
        yield following
        following = following.__cause__ or following.__context__


def status_of(error: BaseException) -> int:
    """What the engine answered with, 0 where it did not."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return status if isinstance(status, int) else 0


def said(error: BaseException) -> str:
    """An exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
