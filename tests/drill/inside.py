# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container that was broken into can reach, asked from inside it."""

from __future__ import annotations

import base64
import json
import typing as t
from pathlib import Path

from tests.drill import in_container
from tests.drill.secrets import Ssh, as_sent


def look(
    ssh: Ssh, secrets: t.Mapping[str, str], elsewhere: t.Mapping[str, t.Sequence[t.Any]]
) -> dict[str, dict[str, t.Any]]:
    """in_container.look() of each running container of a host. *elsewhere*: targets beside the host's own."""
    packed = base64.b64encode(Path(in_container.__file__).read_bytes()).decode()
    # The program is no secret; what it looks for goes by standard input, since in an argument it would be the leak.
    command = f"PROGRAM=$(echo {packed} | base64 -d) sh -c 'python3 -c \"$PROGRAM\"'"
    answer = ssh(command, json.dumps({"targets": dict(elsewhere), "forms": as_sent(secrets)}))
    if not answer.startswith("{"):
        raise ValueError(f"nothing was found out: {answer[-500:]}")
    return dict(json.loads(answer))
