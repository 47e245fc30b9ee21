# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether vllm_api_key is the one of the last run, told by a fingerprint that a reading keeps. Pure.

LiteLLM, the gates and vLLM get a new key one after the other, so that without the one before requests are refused.
"""

from __future__ import annotations

import hashlib
import hmac
import typing as t

#: Part of a reading.
PART = "vllm_api_key"
#: Digits that are kept: enough to tell two keys apart, and no whole hash.
DIGITS = 16


class Keys(t.NamedTuple):
    """What this run has. Without a salt nothing is said and nothing kept, as for a key that stands for a missing one."""

    current: str = ""
    previous: str = ""
    salt: str = ""


def fingerprint(key: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}:{key}".encode()).hexdigest()[:DIGITS]


def kept(reading: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Salt and fingerprint of the last run; empty where it kept none."""
    found = reading.get(PART)
    names = ("salt", "fingerprint")
    if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in names):
        return {}
    return {name: found[name] for name in names}


def noted(keys: Keys, reading: t.Mapping[str, t.Any], complete: bool) -> dict[str, str]:
    """What a reading keeps: the salt stays, so that an unchanged key is an unchanged reading. Another key is the one of the last run
    only when the run was complete: until then some have the one before, and refuse the new one."""
    before = kept(reading)
    if not keys.current or not keys.salt or (before and not complete):
        return before
    salt = before.get("salt") or keys.salt
    return {"salt": salt, "fingerprint": fingerprint(keys.current, salt)}


def faults(keys: Keys, reading: t.Mapping[str, t.Any]) -> list[str]:
    """Another key than that of the last run, which is not given as the one before."""
    before = kept(reading)
    if not before or not keys.current or not keys.salt:
        return []
    given = [fingerprint(key, before["salt"]) for key in (keys.current, keys.previous) if key]
    if any(hmac.compare_digest(one, before["fingerprint"]) for one in given):
        return []
    said = "is another one" if keys.previous else "is not set"
    return [
        f"vllm_api_key is not the one of the last run, and vllm_previous_api_key {said}, so requests would be refused until all"
        " of vLLM and LiteLLM have the new key: set vllm_previous_api_key to the key of the last run (it stands in secrets/api_key"
        " in each instance's folder), and take it out again after a run"
    ]
