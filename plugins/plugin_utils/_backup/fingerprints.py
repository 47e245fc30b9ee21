# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fingerprints of LiteLLM's secrets, by which a restore sees whether the database can be read with those of the host.

A fingerprint reveals nothing: all of them are keyed by the salt key, and that one's own is stretched with a salt of the backup's.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shlex
import typing as t

#: What LiteLLM encrypts credentials with. There is no way from one to another.
SALT_KEY = "LITELLM_SALT_KEY"
ROUNDS = 600_000
#: Names in LiteLLM's environment that are no secrets by themselves.
PLAIN = ("UI_USERNAME", "DATABASE_URL")


def read_environment(path: str) -> dict[str, str]:
    """LiteLLM's secrets as its container reads them; none where there is no LiteLLM."""
    try:
        with open(path, encoding="utf-8") as handle:
            words = shlex.split(handle.read(), comments=True)
    except (OSError, ValueError):
        return {}
    pairs = (word.partition("=") for word in words if "=" in word)
    return {name: value for name, _sign, value in pairs if name not in PLAIN}


def fingerprints(secrets: t.Mapping[str, str], salt: str = "") -> dict[str, str]:
    """By name, with the salt under `salt`. None without a salt key, which would leave weak secrets to be guessed."""
    if not secrets.get(SALT_KEY):
        return {}
    salt = salt or os.urandom(16).hex()
    key = hashlib.pbkdf2_hmac("sha256", secrets[SALT_KEY].encode(), bytes.fromhex(salt), ROUNDS)
    return {"salt": salt, **{name: _print(key, name, value) for name, value in secrets.items() if value}}


def _print(key: bytes, name: str, value: str) -> str:
    return hmac.new(key, f"{name}={value}".encode(), hashlib.sha256).hexdigest()[:32]


def differing(kept: t.Mapping[str, str], secrets: t.Mapping[str, str]) -> list[str]:
    """Names of secrets that are not those of the backup; all that is known of a backup without fingerprints is that it has none."""
    if not kept.get("salt"):
        return []
    now = fingerprints(secrets, kept["salt"])
    return [name for name in sorted(kept) if name != "salt" and not hmac.compare_digest(kept[name], now.get(name, ""))]
