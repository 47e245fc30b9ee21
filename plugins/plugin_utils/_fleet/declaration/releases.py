# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases of LiteLLM that are refused: withdrawn, or with malicious code in them. Used by rules/litellm.py."""

from __future__ import annotations

import re
import typing as t


class Denied(t.NamedTuple):
    """Why a release is refused, and the digests of its images where they are known."""

    reason: str
    digests: frozenset[str] = frozenset()


DENIED: dict[str, Denied] = {
    "1.82.7": Denied("carried a credential stealer (March 2026)"),
    "1.82.8": Denied("carried a credential stealer (March 2026)"),
    "1.107.0": Denied("was withdrawn (October 2026)"),
}

_VERSION = re.compile(r"(?<![0-9.])([0-9]+)[._-]([0-9]+)[._-]([0-9]+)(?![0-9])")


def _versions(text: str) -> list[str]:
    return [".".join(numbers) for numbers in _VERSION.findall(text)]


def versions_of(image: str) -> list[str]:
    """The releases that an image's name or tag tells, however a mirror writes them; its registry's address tells none."""
    host, slash, rest = image.partition("@")[0].partition("/")
    return _versions(rest if slash and re.search(r"[.:]", host) else f"{host}{slash}{rest}")


def refusal(version: str, image: str, denied: t.Mapping[str, Denied] | None = None) -> str:
    """Why a version with its image is refused; nothing where it is not."""
    named = [*_versions(version), *versions_of(image)]
    digest = image.partition("@")[2]
    for number, entry in (denied or DENIED).items():
        if number in named or digest in entry.digests:
            return f"{number} {entry.reason}; choose another release"
    return ""
