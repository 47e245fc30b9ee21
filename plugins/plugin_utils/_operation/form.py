# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The form that all operations share: sentences for a person, a question before something is lost, JSON for automation."""

from __future__ import annotations

import json
import os
import tempfile
import typing as t
from pathlib import Path

RESULT_MODE = 0o600


class Refused(Exception):
    """An operation that does not go on, with the remedy as the last line."""


def announcement(name: str, will: t.Sequence[str], destroys: t.Sequence[str], check_mode: bool) -> list[str]:
    """What is said before the first change; in check mode there is none."""
    head = f"{name} would" if check_mode else f"{name} will"
    lines = [f"{head}:", *(f"  - {sentence}" for sentence in will)] if will else []
    return lines + (["What is lost:", *(f"  - {sentence}" for sentence in destroys)] if destroys else [])


def question(name: str) -> str:
    return f"Type {name} to go on, anything else to stop: "


def unasked(name: str, destroys: t.Sequence[str]) -> str:
    """Where nobody can be asked, consent has to be given with the command."""
    lost = "\n".join(f"  - {sentence}" for sentence in destroys)
    return f"{name} changed nothing, since nobody consented to what is lost:\n{lost}\nRun it again with -e confirm=yes"


def declined(name: str) -> str:
    return f"{name} changed nothing: {name} was not typed.\nRun it again and type {name}, or give -e confirm=yes"


def result_path(text: str) -> Path | None:
    """Where the result goes. Refused before the operation begins rather than after it."""
    if not text:
        return None
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise Refused(
            f"The result can't be written to {path}: "
            f"{'that is a folder' if path.is_dir() else f'{path.parent} is no folder that can be written to'}.\n"
            "Give another file with -e result=FILE"
        )
    return path


def text_of(result: t.Mapping[str, t.Any]) -> str:
    return json.dumps(result, indent=2, ensure_ascii=False, default=str) + "\n"


def write(path: Path, result: t.Mapping[str, t.Any]) -> None:
    """At once or not at all, and never readable by others in between."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        os.fchmod(handle, RESULT_MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text_of(result))
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise


def failure(name: str, faults: t.Sequence[str], remedy: str) -> str:
    lines = [f"{name} failed: {fault}" for fault in faults]
    return "\n".join([*lines, *([remedy] if remedy else [])])
