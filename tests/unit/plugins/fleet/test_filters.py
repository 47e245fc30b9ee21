# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LiteLLM's model list, PostgreSQL's verifier and the virtual key's file."""

from __future__ import annotations

import base64
import hmac

from ansible_collections.llmfleet.gateway.plugins.filter.scram_sha_256 import scram_sha_256


def test_verifier_of_the_published_example() -> None:
    """RFC 7677, section 3: password "pencil", this salt, 4096 rounds. The ServerKey must yield the RFC's signature."""
    verifier = scram_sha_256("pencil", "user", salt="W22ZaJ0SNY7soEsUEjb6gQ==")
    head, keys = verifier.rsplit("$", 1)
    assert head == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    message = (
        "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
        "i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    server_key = base64.b64decode(keys.split(":")[1])
    signature = base64.b64encode(hmac.digest(server_key, message.encode(), "sha256")).decode()
    assert signature == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_verifier_is_the_same_again_and_differs_by_role() -> None:
    assert scram_sha_256("a password", "one") == scram_sha_256("a password", "one")
    assert scram_sha_256("a password", "one") != scram_sha_256("a password", "two")
