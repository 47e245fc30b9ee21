# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command that a shell of a container runs in the end. Pure; proxy.py and vllm_command.py use it."""

from __future__ import annotations

import re
import shlex
import typing as t

SHELLS = ("sh", "bash", "dash", "ash")
#: What a shell would do more than run a program.
_SIGNS = re.compile(r"[;&|<>`$()\n]")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def script(words: t.Sequence[str]) -> str:
    """The text behind -c; empty for a shell that runs a file."""
    flag = next((place for place, word in enumerate(words) if re.fullmatch(r"-[a-z]*c", word)), 0)
    text = words[flag + 1].strip() if flag and len(words) > flag + 1 else ""
    return re.sub(r"\\\n\s*|\n\s*(?=-)", " ", text)


def plain_words(text: str, environment: t.Mapping[str, str]) -> list[str] | None:
    """The words of one command, with the variables of the container; None for what only a shell can tell."""

    def value(found: re.Match[str]) -> str:
        return environment.get(found[1] or found[2], found[0])

    known = _VARIABLE.sub(value, text)
    if not known or _SIGNS.search(re.sub(r"'[^']*'", "", known)):
        return None
    try:
        found = shlex.split(known)
    except ValueError:
        return None
    return found[1:] if found[:1] == ["exec"] else found


def shell_command(words: t.Sequence[str], program: str, environment: t.Mapping[str, str]) -> list[str] | None:
    """What a shell gives a program, which it may start after others; None where that can't be told."""
    for part in re.split(r"&&|;|\n", script(words)):
        found = plain_words(part.strip(), environment)
        if found and found[0].rpartition("/")[2] == program:
            return found[1:]
    return None
