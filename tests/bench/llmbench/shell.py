# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths, progress lines, commands and locks."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

BENCH = Path(__file__).resolve().parent.parent
REPO = BENCH.parent.parent
CACHE = Path(os.environ.get("LLMFLEET_BENCH_CACHE") or REPO / ".cache" / "bench").absolute()
RECIPES = BENCH / "images"
NAMESPACE = "llmfleet-bench"
STARTED = time.monotonic()


class BenchError(Exception):
    """Something the user has to mend; the text says how."""


class Progress:
    """Progress lines with the seconds since the start; on stderr when stdout carries JSON."""

    stream = sys.stdout
    lock = threading.Lock()

    def __call__(self, text: str) -> None:
        with self.lock:
            print(f"[{time.monotonic() - STARTED:4.0f}s] {text}", file=self.stream, flush=True)


say = Progress()


def run(*command: str, data: bytes | None = None, timeout: float | None = None) -> str:
    """Standard output of a command; its standard error in the exception when it fails."""
    done = subprocess.run(command, input=data, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        error = done.stderr.decode(errors="replace")
        raise BenchError(f"{shlex.join(command[:4])} … failed ({done.returncode}): {error}")
    return done.stdout.decode(errors="replace")


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_logged(what: str, log: Path, *command: str, every: float = 15) -> None:
    """Run something long: its output goes to a log, whose last line shows now and then that it lives."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        while True:
            try:
                code = process.wait(timeout=every)
                break
            except subprocess.TimeoutExpired:
                say(f"{what}: {last_lines(log, 1)[:100]}")
    if code:
        raise BenchError(f"{what} failed ({code}). The end of {log}:\n{last_lines(log, 30)}")


def last_lines(log: Path, count: int) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-count:])


def docker(*args: str, data: bytes | None = None, timeout: float | None = None) -> str:
    return run("docker", *args, data=data, timeout=timeout)


def docker_list(*args: str) -> list[str]:
    return docker(*args).split()


def image_id(reference: str, *within: str) -> str | None:
    """The image's id, here or (within = ("exec", CONTAINER, "docker")) in a host's own engine."""
    command = ["docker", *within, "image", "inspect", "--format", "{{.Id}}", reference]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout.decode().strip() if done.returncode == 0 else None


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time makes NAME; the next finds it made. Checkouts share an engine, so they share locks."""
    folder = Path.home() / ".cache" / NAMESPACE
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / re.sub(r"[^\w.-]", "_", name)).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"waiting for another process that makes {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def wait_for(what: str, ready: Callable[[], bool], seconds: float, log: Path | None = None) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            tail = f" The end of {log}:\n{last_lines(log, 10)}" if log and log.exists() else ""
            raise BenchError(f"waited {seconds:.0f} s for {what}.{tail}")
        time.sleep(0.3)
