# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops and starts the containers of a deployment, and remembers how it found them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from .._host.run import Run


class ServicesError(Exception):
    """What could not be stopped or started."""


def remembered(path: str) -> dict[str, dict[str, Any]]:
    """Containers by their ids, as they were when they were first stopped."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(path: str, found: dict[str, dict[str, Any]]) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    aside = f"{path}.new"
    with open(aside, "w", encoding="utf-8", opener=_private) as stream:
        json.dump(found, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(aside, path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def to_stop(containers: Sequence[dict[str, Any]], services: Sequence[str], project: str = "") -> list[dict[str, Any]]:
    """In the order of the services, those that run or that would be started again by the engine. Another project in the folder, with
    services of the same names, is somebody's."""
    own = [one for one in containers if not project or one["project"] == project]
    found = [one for name in services for one in own if one["service"] == name]
    return [one for one in found if one["state"] in ("running", "restarting", "paused") or one["restart"] != "no"]


def stop(run: Run, path: str, chosen: Sequence[dict[str, Any]], timeout: int) -> None:
    """One after the other. The engine must not start them again at a boot, beside those that took their ports."""
    known = remembered(path)
    for one in chosen:
        known.setdefault(one["id"], {key: one[key] for key in ("name", "service", "restart", "state")})
    remember(path, known)
    for one in chosen:
        _done(run, ["docker", "update", "--restart", "no", one["id"]], f"the restart policy of {one['name']}")
        _done(run, ["docker", "stop", "-t", str(timeout), one["id"]], f"the stop of {one['name']}", timeout + 60)


def to_start(containers: Sequence[dict[str, Any]], known: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that were stopped here and ran before, the last one first: what others need was stopped last."""
    there = {one["id"]: one for one in containers}
    lost = [one["name"] for name, one in known.items() if name not in there]
    if lost:
        raise ServicesError(
            f"{', '.join(lost)} of the old deployment is not there any more: run docker compose up -d in its folder"
        )
    found = [{**one, "id": name, "now": there[name]} for name, one in reversed(list(known.items()))]
    return [one for one in found if one["now"]["restart"] != one["restart"] or one["now"]["state"] != one["state"]]


def start(run: Run, path: str, chosen: Sequence[dict[str, Any]]) -> None:
    for one in chosen:
        _done(run, ["docker", "update", "--restart", one["restart"], one["id"]], f"the restart policy of {one['name']}")
        if one["state"] == "running":
            _done(run, ["docker", "start", one["id"]], f"the start of {one['name']}", 120)
    if os.path.exists(path):
        os.remove(path)


def _done(run: Run, argv: Sequence[str], what: str, timeout: float = 60) -> None:
    done = run(argv, timeout)
    if done.rc:
        raise ServicesError(f"{what} failed: {done.err.strip()[:500]}")
