# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The logs of containers of ours on one host, line by line with the engine's time of each."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import (
    CONTROL,
    TIMED_OUT,
    Engine,
    EngineError,
    Row,
)

Line = dict[str, str]

PREFIX = "llmfleet-"
#: The engine writes nanoseconds always, so that times compare as texts.
STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z) ?(.*)", re.DOTALL)
#: What asks every other second whether all is well, and is told so, would be nine lines of ten.
CHECK = re.compile(r'"GET /(?:health|metrics|load)(?:/\w+)? HTTP/[\d.]+" 200')
#: So many lines are read for one that is shown, and no more than that in all.
READ_FOR_ONE, MOST_READ = 20, 20000
MAX_LINE = 4000
READ_SECONDS = 60.0


def read(
    engine: Engine, services: t.Collection[str], since: str, until: str, lines: int, checks: bool = False
) -> list[Line]:
    """The last lines of each of the containers, in the order of their times, without those of health checks unless they are asked for."""
    found: list[Line] = []
    tail = lines if checks else max(lines, min(lines * READ_FOR_ONE, MOST_READ))
    for row in ours(engine, services):
        told = _of(engine, row, since, until, tail)
        found += [line for line in told if checks or not CHECK.search(line["text"])][-lines:]
    return sorted(found, key=lambda line: line["time"])


def ours(engine: Engine, services: t.Collection[str]) -> list[Row]:
    """Running or not. A service is one of the fleet (vllm), a project of it (vllm-assistant, litellm-1) or an instance."""
    rows = [row for row in engine.rows() if row.fleet_project and row.fleet_project == row.project]
    return [row for row in rows if not services or set(services) & words(row)]


def words(row: Row) -> set[str]:
    short = row.project[len(PREFIX) :] if row.project.startswith(PREFIX) else row.project
    service, _dash, name = short.partition("-")
    return {row.project, row.name, short, service, name} - {""}


def _of(engine: Engine, row: Row, since: str, until: str, lines: int) -> list[Line]:
    command = ["docker", "logs", "--timestamps", "--tail", str(lines)]
    command += ["--since", since] if since else []
    command += ["--until", until] if until else []
    code, output, error = engine.runner([*command, row.id], None, READ_SECONDS)
    if code == TIMED_OUT:
        raise EngineError(f"docker logs of {row.name}: {error}")
    if code:
        raise EngineError(f"docker logs of {row.name}: {(error or output).strip()}")
    texts = [line for line in (output + "\n" + error).splitlines() if line]
    told = sorted((line for text in texts for line in [_line(row, text)] if line), key=lambda line: line["time"])
    return told[-lines:]


def _line(row: Row, text: str) -> Line | None:
    """None for what has no time of the engine: it is the engine's own word, not the container's."""
    match = STAMP.match(text)
    if not match:
        return None
    stamp, said = match.groups()
    short = row.project[len(PREFIX) :] if row.project.startswith(PREFIX) else row.project
    name = short if row.service in short.split("-")[:1] or row.service == short else f"{short}/{row.service}"
    return {"time": stamp, "service": name, "text": CONTROL.sub("", said)[:MAX_LINE]}
