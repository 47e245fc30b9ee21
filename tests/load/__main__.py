# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line. Ends with 1 where a request failed, with 2 where fewer were sent than --at-least says."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import signal
import ssl
import sys
import typing as t
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path

from .client import Target
from .generator import Load, Plan, Record, summary


class Fewest:
    """The smallest number of ready servers that a watcher saw, by backend, and how often its gate did not answer."""

    def __init__(self) -> None:
        self.ready: dict[str, int] = {}
        self.samples = self.unanswered = 0

    def take(self, line: str) -> None:
        sample = json.loads(line)
        self.samples += 1
        self.unanswered += "error" in sample
        for backend, count in sample.get("ready", {}).items():
            self.ready[backend] = min(count, self.ready.get(backend, count))

    async def follow(self, command: str) -> None:
        process = await asyncio.create_subprocess_exec(*shlex.split(command), stdout=asyncio.subprocess.PIPE)
        assert process.stdout
        try:
            async for line in process.stdout:
                self.take(line.decode())
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def parsed(arguments: t.Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="Steady load, judged by content.")
    parser.add_argument("--url", required=True, help="of the API, without /v1")
    parser.add_argument("--connect", default="", help="addresses to dial in place of the URL's host, with commas")
    parser.add_argument("--ca-file", help="certificates to trust")
    parser.add_argument("--key-file", type=Path, help="holds the key (default: no key)")
    parser.add_argument("--model", required=True)
    parser.add_argument("--expected-model", default="", help="what answers call it (default: the same)")
    parser.add_argument("--seconds", type=float, default=60, help="the longest that requests are sent")
    parser.add_argument("--requests", type=int, default=100_000, help="the most that are sent")
    parser.add_argument("--at-least", type=int, default=0, help="requests, before --until may end it")
    parser.add_argument("--until", type=Path, help="ends once this file exists")
    parser.add_argument("--rate", type=float, default=5, help="requests a second; 0 is as fast as answers come")
    parser.add_argument("--concurrency", type=int, default=16, help="the most in flight")
    parser.add_argument("--tokens", type=int, default=8, help="asked for in each request")
    parser.add_argument("--stream-share", type=float, default=0.5)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--keep-alive", action="store_true", help="use connections again")
    parser.add_argument("--chats", type=int, default=0, help="as many chats, each with a prefix of its own")
    parser.add_argument("--prefix-chars", type=int, default=0)
    parser.add_argument("--shared-chars", type=int, default=0, help="of the instructions that all --turns begin with")
    parser.add_argument("--sessions", action="store_true", help="name the chat to LiteLLM as the session's id")
    parser.add_argument("--marked", action="store_true", help="mark the prefix by cache_control, as Anthropic does")
    parser.add_argument("--turns", action="store_true", help="a chat's prefix is its first turn, not its instructions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=Path, help="one JSON line a request")
    parser.add_argument("--summary", type=Path, help="the summary, beside standard output")
    parser.add_argument("--watch", default="", help="a command that prints lines as tests/load/watch.py does")
    return parser.parse_args(arguments)


def plan_of(args: argparse.Namespace) -> Plan:
    names = Plan.__dataclass_fields__
    return Plan(**{name: value for name, value in vars(args).items() if name in names})


def target_of(args: argparse.Namespace) -> Target:
    key = args.key_file.read_text().strip() if args.key_file else ""
    context = ssl.create_default_context(cafile=args.ca_file) if args.ca_file else None
    return Target(args.url.rstrip("/"), key, args.connect, context)


async def run(args: argparse.Namespace) -> dict[str, t.Any]:
    fewest = Fewest()
    watching = asyncio.create_task(fewest.follow(args.watch)) if args.watch else None
    with args.record.open("w") if args.record else nullcontext() as stream:

        def write(record: Record) -> None:
            if stream:
                print(json.dumps(asdict(record)), file=stream, flush=True)

        load = Load(target_of(args), plan_of(args), write)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, load.stop)
        found = summary(await load.run())
    if watching:
        watching.cancel()
        await asyncio.wait([watching])
        found["fewest_ready"] = fewest.ready
        found["samples"], found["gate_unanswered"] = fewest.samples, fewest.unanswered
    return found


def main() -> int:
    args = parsed()
    found = asyncio.run(run(args))
    text = json.dumps(found, indent=2)
    if args.summary:
        args.summary.write_text(text + "\n")
    print(text)
    if found["failed"]:
        return 1
    return 2 if found["requests"] < args.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
