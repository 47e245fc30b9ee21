# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What placement does with a large fleet to which things happen: how long each run takes, and what moves.

    .venv/bin/python -m tests.benchmark.simulation [--servers 200] [--instances 1000] [--events 20] [--seed 1]

Without a host or a container. Moved are instances that could have stayed where they were.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

from tests.integration import conftest

SIMULATED = Path(__file__).resolve().parents[1] / "unit" / "plugins" / "fleet"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in (("servers", 200), ("instances", 1000), ("events", 20), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    conftest.collections_path()
    sys.path.insert(0, str(SIMULATED))
    from simulated import Large, overfull

    large = Large(options.seed, options.servers, options.instances)
    spent, moved, before = [], 0, None
    for number in range(options.events + 1):
        event = large.event() if number else "the first run"
        begin = time.process_time()
        after = large.fleet.run()
        spent.append(time.process_time() - begin)
        lost = large.moved(before, after) if before else 0
        moved += lost
        said = f"{len(after.places):5} instances, {len(after.changes):3} said to change, {lost} moved without need"
        print(f"{spent[-1]:6.2f} s  {event:<28} {said}")
        assert not overfull(after)
        before = after
    print(f"median {statistics.median(spent):.2f} s of processor time, longest {max(spent):.2f} s; moved: {moved}")


if __name__ == "__main__":
    main()
