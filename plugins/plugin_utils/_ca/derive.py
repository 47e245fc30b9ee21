# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys, serial numbers and times that follow from the secret of the authority: the same input gives the same ones. Pure."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import typing as t

PURPOSE = "llmfleet.gateway fleet authority"
MINIMUM = 32
#: Order of the group of P-256.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

UTC = datetime.timezone.utc
#: Every so many days a host gets another certificate, counted from 1 January 1970, so that a run between two of these days changes
#: nothing.
WINDOW_DAYS = 180
#: Days that a certificate is good for after its window has begun. A fleet that is left alone for so long, less a window, still works.
LEAF_DAYS = 730
#: Clocks of hosts may be behind by that much.
EARLIER = datetime.timedelta(days=1)
AUTHORITY_FROM = datetime.datetime(2026, 1, 1, tzinfo=UTC)
AUTHORITY_UNTIL = datetime.datetime(2076, 1, 1, tzinfo=UTC)


class Window(t.NamedTuple):
    """The time of a certificate."""

    number: int
    begin: datetime.datetime
    end: datetime.datetime


def window(now: datetime.datetime) -> Window:
    """That which a moment lies in."""
    length = datetime.timedelta(days=WINDOW_DAYS)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=UTC)
    number = (now - epoch) // length
    begin = epoch + number * length
    return Window(number, begin - EARLIER, begin + datetime.timedelta(days=LEAF_DAYS))


def scalar(secret: str, *purpose: t.Any) -> int:
    """Number of a private key on P-256, from 1 to the order less one."""
    # 48 bytes for a number of 32: what is left over by the division then favours no key.
    return int.from_bytes(_bytes(secret, 48, "key", *purpose), "big") % (ORDER - 1) + 1


def serial(secret: str, *purpose: t.Any) -> int:
    """A serial number of a certificate: above zero, of at most 20 bytes, another one whenever anything differs."""
    return int.from_bytes(_bytes(secret, 19, "serial", *purpose), "big") + 1


def name_of(secret: str) -> str:
    """A short name that tells an authority from another and its secret to nobody."""
    return _bytes(secret, 4, "name").hex()


def _bytes(secret: str, count: int, *purpose: t.Any) -> bytes:
    """By HMAC in counter mode. The lengths keep one list of purposes from reading like another."""
    parts = [f"{len(str(part))}:{part}" for part in (PURPOSE, *purpose)]
    found = b""
    for number in range(-(-count // 32)):
        message = "\0".join([*parts, str(number)])
        found += hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()
    return found[:count]
