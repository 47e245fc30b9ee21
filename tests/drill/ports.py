# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which TCP ports of an address take connections, as somebody outside of the host sees it.

    python -m tests.drill.ports ADDRESS [--expected 22,443]

Exits with 1 where another port than the expected ones is open, or one of them is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import typing as t

EVERY = range(1, 65536)
#: Connections at once, and seconds that one may take: a port behind a filter does not answer at all.
AT_ONCE, PATIENCE = 400, 1.0
#: A busy host may be late once.
ROUNDS = 3


async def _open(address: str, port: int, turn: asyncio.Semaphore) -> bool:
    async with turn:
        try:
            _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE)
        except (OSError, asyncio.TimeoutError):
            return False
        writer.close()
        return True


async def _scan(address: str, ports: t.Sequence[int]) -> list[int]:
    turn = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_open(address, port, turn) for port in ports))
    return [port for port, is_open in zip(ports, found, strict=True) if is_open]


def open_ports(address: str, ports: t.Sequence[int] = EVERY, rounds: int = ROUNDS) -> list[int]:
    found = {port for _round in range(rounds) for port in asyncio.run(_scan(address, ports))}
    return sorted(found)


def main() -> int:
    parser = argparse.ArgumentParser(description="Which TCP ports of an address take connections.")
    parser.add_argument("address")
    parser.add_argument("--expected", default="", help="ports, with commas")
    said = parser.parse_args()
    found = open_ports(said.address)
    expected = sorted(int(port) for port in said.expected.split(",") if port)
    print(f"{said.address}: open are {', '.join(map(str, found)) or 'none'}")
    return 1 if said.expected and found != expected else 0


if __name__ == "__main__":
    sys.exit(main())
