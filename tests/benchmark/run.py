# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a run of site.yml takes that changes nothing, beside `ansible -m ping` in the same minutes.

    make demo && make benchmark-run
    PYTHONPATH=. python -m tests.benchmark.run [--inventory DIR] [--checkout DIR] [--rounds 3] [--role PLAYBOOK]

Rounds alternate, so that whatever else the machine does falls on both. Tasks are counted per host by a callback,
round trips by a stand-in for ssh that writes down each call. --role names one more playbook to time, such as one
with a single role of another author. --checkout times another checkout's playbook with this one's tools.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: The host is the last but one argument of Ansible's calls, the command the last.
SSH = """#!/bin/sh
host= last=
for argument; do host=$last; last=$argument; done
echo "$host" >> "$LLMFLEET_SSH_FILE"
exec ssh "$@"
"""


class Round(t.NamedTuple):
    seconds: float
    tasks: dict[str, Counter[str]]
    trips: Counter[str]


def timed(command: t.Sequence[str], checkout: Path, counted: bool = False) -> Round:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        folder = Path(scratch)
        environment = {**os.environ, **(counting(folder) if counted else {})}
        begin = time.monotonic()
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begin
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
        if not counted:
            return Round(seconds, {}, Counter())
        return Round(seconds, tasks_in(folder / "tasks"), Counter((folder / "ssh-calls").read_text().split()))


def tasks_in(path: Path) -> dict[str, Counter[str]]:
    """Empty after `ansible`, which loads no callbacks of ours."""
    found = json.loads(path.read_text()) if path.exists() else {}
    return {host: Counter(counted) for host, counted in found.items()}


def counting(folder: Path) -> dict[str, str]:
    ssh = folder / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "count_tasks",
        "LLMFLEET_COUNT_FILE": str(folder / "tasks"),
        "ANSIBLE_SSH_EXECUTABLE": str(ssh),
        "LLMFLEET_SSH_FILE": str(folder / "ssh-calls"),
    }


def figures(seconds: t.Sequence[float]) -> str:
    return f"least {min(seconds):5.1f} s, median {statistics.median(seconds):5.1f} s"


def report(names: t.Sequence[str], rounds: t.Mapping[str, t.Sequence[Round]]) -> list[str]:
    """The least of each is the fairest: what else the machine did only ever adds."""
    floor = [found.seconds for found in rounds[names[0]]]
    lines = []
    for name in names:
        seconds = [found.seconds for found in rounds[name]]
        times = min(seconds) / min(floor)
        between = statistics.median(mine / other for mine, other in zip(seconds, floor))
        lines.append(f"{name:24}  {figures(seconds)}; {times:.1f} times ping by the least, {between:.1f} by the median")
        last = rounds[name][-1]
        for host, found in sorted(last.tasks.items()):
            lines.append(f"  {host}: {counts(found)}")
        lines += [f"  ssh calls: {', '.join(f'{host} {count}' for host, count in last.trips.items())}"] * bool(
            last.trips
        )
    return lines


def counts(found: Counter[str]) -> str:
    text = f"{found['remote']} remote tasks, {found['controller']} on the controller, {found['skipped']} skipped"
    return text + (f", {found['changed']} CHANGED" if found["changed"] else "")


def main() -> None:
    parser = argparse.ArgumentParser(description="Times a run that changes nothing beside ping.")
    parser.add_argument("--inventory", default="inventory/demo", help="as for ansible-playbook (default: the demo's)")
    parser.add_argument("--checkout", type=Path, default=HERE.parent.parent, help="where site.yml is (default: here)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--role", help="another playbook to time beside them")
    args = parser.parse_args()
    commands = {
        "ping": ["ansible", "-m", "ping", "-i", args.inventory, "gateways:gpu_servers"],
        "site.yml": ["ansible-playbook", "site.yml", "-i", args.inventory],
    }
    if args.role:
        commands[args.role] = ["ansible-playbook", args.role, "-i", args.inventory]
    for command in commands.values():  # warms the controller's caches and the connections up
        timed(command, args.checkout)
    rounds: dict[str, list[Round]] = {name: [] for name in commands}
    for _round in range(args.rounds):
        for name, command in commands.items():
            rounds[name].append(timed(command, args.checkout, counted=True))
    print("\n".join(report(list(commands), rounds)))


if __name__ == "__main__":
    main()
