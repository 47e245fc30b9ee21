# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of the primary keys in an OpenPGP file, armoured or not (RFC 9580); gpg is not on every host.

For host_info and repository_key. It verifies no signatures: subkeys count only as far as apt and rpm verify them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

PUBLIC_KEY = 6
ARMOUR = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----[^\S\n]*\n(?:[^\n]*:[^\n]*\n)*\s*\n?([A-Za-z0-9+/=\s]+?)"
    rb"(?:\n=[A-Za-z0-9+/]{4}\s*)?\n-----END PGP PUBLIC KEY BLOCK-----"
)


class KeyFormatError(ValueError):
    """A file holds no key that can be read."""


def fingerprints(raw: bytes) -> list[str]:
    """The fingerprint of each primary key, in capitals."""
    found = [fingerprint(body) for block in blocks(raw) for tag, body in packets(block) if tag == PUBLIC_KEY]
    if not found:
        raise KeyFormatError("it holds no OpenPGP public key")
    return found


def blocks(raw: bytes) -> list[bytes]:
    """The binary form of each key block."""
    text = raw.replace(b"\r\n", b"\n")
    if b"-----BEGIN PGP" not in text:
        return [raw]
    found = ARMOUR.findall(text)
    if len(found) != text.count(b"-----BEGIN PGP"):
        raise KeyFormatError("its armour is damaged")
    try:
        return [base64.b64decode(b"".join(block.split()), validate=True) for block in found]
    except (binascii.Error, ValueError) as exc:
        raise KeyFormatError(f"its armour is damaged ({exc})") from exc


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and body of each packet."""
    position = 0
    while position < len(data):
        first = data[position]
        if not first & 0x80:
            raise KeyFormatError("it is not made of OpenPGP packets")
        tag, position, size = (new_header if first & 0x40 else old_header)(data, position)
        if position + size > len(data):
            raise KeyFormatError("it breaks off")
        yield tag, data[position : position + size]
        position += size


def new_header(data: bytes, position: int) -> tuple[int, int, int]:
    """Tag, where the body begins and its size, for a packet of the newer format."""
    tag, head = data[position] & 0x3F, data[position + 1 : position + 6]
    if not head or 224 <= head[0] < 255:
        raise KeyFormatError("it has a packet of unknown length")
    if head[0] < 192:
        return tag, position + 2, head[0]
    if head[0] < 224:
        return tag, position + 3, ((head[0] - 192) << 8) + byte(head, 1) + 192
    return tag, position + 6, int.from_bytes(head[1:5], "big")


def old_header(data: bytes, position: int) -> tuple[int, int, int]:
    """The same for the older format."""
    kind = data[position] & 3
    if kind == 3:
        raise KeyFormatError("it has a packet of unknown length")
    width = 1 << kind
    size = int.from_bytes(data[position + 1 : position + 1 + width], "big")
    return (data[position] & 0x3C) >> 2, position + 1 + width, size


def byte(data: bytes, index: int) -> int:
    """One byte; the file may break off before it."""
    if index >= len(data):
        raise KeyFormatError("it breaks off")
    return data[index]


def fingerprint(body: bytes) -> str:
    """The fingerprint of a key packet."""
    version = byte(body, 0)
    if version == 4:
        # The fingerprint of version 4 is defined with SHA-1.
        digest = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body)
        return digest.hexdigest().upper()
    if version in (5, 6):
        head = b"\x9a" if version == 5 else b"\x9b"
        return hashlib.sha256(head + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise KeyFormatError(f"it has a key of version {version}, which is no longer safe")


def fingerprints_of(paths: list[str]) -> dict[str, list[str]]:
    """Fingerprints by file, for those that are there; a damaged one has none."""
    found: dict[str, list[str]] = {}
    for path in paths:
        try:
            with open(path, "rb") as handle:
                found[path] = fingerprints(handle.read())
        except OSError:
            continue
        except ValueError:
            found[path] = []
    return found
