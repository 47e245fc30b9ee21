# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run `molecule test` with the given arguments; where it fails, say last which task failed and why.

Molecule ends with its own tables, and a log that is cut to its end then tells nothing. Tasks that fail on purpose and
are rescued print `fatal:` as well, so what is repeated is the last failure of each host that its recap calls failed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator

ANSI = re.compile(r"\x1b\[[0-9;]*m")
FRAME = re.compile(r"^\s*│ ?")
FATAL = re.compile(r"(?:fatal|failed): \[([^\]\s]+)")
FAILED_HOST = re.compile(r"^\s*(\S+)\s+: ok=\d+ [^:]*?(?:unreachable=[1-9]|failed=[1-9])")
TOLD = re.compile(r"^\s*(?:E  |FAILED |ERROR )")
LINES = 18


def plain(line: str) -> str:
    """A line without colours and without the frame that Molecule draws."""
    return FRAME.sub("", ANSI.sub("", line)).rstrip()


def blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Paragraphs: what one task printed."""
    block: list[str] = []
    for line in lines:
        if line:
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def failures(output: Iterable[str]) -> list[str]:
    """The tasks that ended the run, with what they said: at most LINES lines a host."""
    last: dict[str, list[str]] = {}
    told: list[str] = []
    task = ""
    for block in blocks(plain(line) for line in output):
        task = next((line for line in block if line.startswith(("TASK [", "RUNNING HANDLER ["))), task)
        for at, line in enumerate(block):
            if found := FATAL.search(line):
                last[found.group(1)] = [task, *block[at:]]
            # A recap may be wrapped.
            elif (found := FAILED_HOST.match(" ".join(block[at : at + 2]))) and found.group(1) in last:
                told += short(last.pop(found.group(1)))
    return told


def short(block: list[str]) -> list[str]:
    """A failure in few lines: what pytest calls the error where it was pytest, else its beginning."""
    if len(block) <= LINES:
        return block
    errors = [line for line in block if TOLD.match(line)]
    return block[:2] + (errors[: LINES - 2] or block[2:LINES])


def main(arguments: list[str]) -> int:
    """Molecule's exit status."""
    output: list[str] = []
    with subprocess.Popen(
        ["molecule", "test", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
    if process.returncode:
        print("\n".join(["", "What failed:", *failures(output)]))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
