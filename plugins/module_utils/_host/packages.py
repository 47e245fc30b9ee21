# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that are installed and on hold, and what apt calls its sources."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Any

from .read import read_text
from .run import Run

DPKG = ["dpkg-query", "--show", "--showformat", "${Package}\t${Version}\t${db:Status-Want}\t${db:Status-Status}\n"]
RPM = ["rpm", "--query", "--all", "--queryformat", "%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n"]
TARGETS = ["apt-get", "indextargets", "--format"]
TARGETS += ["$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(SIGNED_BY)", "Created-By: Packages"]
TARGET_FIELDS = ("uri", "suite", "component", "origin", "signed_by")
LOCKS = "etc/dnf/plugins/versionlock.list"


def installed(run: Run, manager: str, asked: list[str], root: str = "/") -> list[dict[str, Any]]:
    """Installed packages whose names match what is asked for (names or shell patterns), each with version and hold."""
    if not asked or manager not in ("apt", "dnf"):
        return []
    pattern = re.compile("|".join(fnmatch.translate(name) for name in asked))
    rows = from_dpkg(run) if manager == "apt" else from_rpm(run, locks(root))
    return [row for row in rows if pattern.match(row["name"])]


def answer(run: Run, argv: list[str]) -> str:
    """What a package manager says. No answer is a fault of the look, not a host without packages."""
    done = run(argv, timeout=60)
    if done.rc != 0:
        raise OSError(f"{argv[0]} ended with {done.rc}: {done.err.strip()[:200]}")
    return done.out


def from_dpkg(run: Run) -> list[dict[str, Any]]:
    """What dpkg has installed."""
    rows = [line.split("\t") for line in answer(run, DPKG).splitlines()]
    return [
        {"name": row[0], "version": row[1], "held": row[2] == "hold"}
        for row in rows
        if len(row) == 4 and row[3] == "installed"
    ]


def from_rpm(run: Run, locked: set[str]) -> list[dict[str, Any]]:
    """What rpm has installed; versions with release and architecture, as dnf is asked for them."""
    rows = [line.split("\t") for line in answer(run, RPM).splitlines()]
    return [
        {"name": row[0], "version": f"{row[2]}.{row[3]}", "held": f"{row[0]}-{row[1]}:{row[2]}.*" in locked}
        for row in rows
        if len(row) == 4
    ]


def locks(root: str = "/") -> set[str]:
    """Lines of dnf's version lock."""
    return set(read_text(os.path.join(root, LOCKS)).split())


def apt_targets(run: Run) -> list[dict[str, str]]:
    """The indexes that apt's sources come to, each with the mirror, suite and key that it has there."""
    rows = [line.split("|") for line in run(TARGETS).out.splitlines()]
    return [dict(zip(TARGET_FIELDS, row)) for row in rows if len(row) == len(TARGET_FIELDS)]


def module_stream(name: str, root: str = "/") -> str:
    """The stream of a dnf module that is enabled."""
    text = read_text(os.path.join(root, "etc/dnf/modules.d", f"{name}.module"))
    match = re.search(r"^stream *= *(\S+)", text, re.M)
    return match.group(1) if match else ""
