# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AnsibleModule.run_command does, as far as the Compose project asks it."""

from __future__ import annotations

import subprocess


def run_command(args: list[str], data: str | None = None, binary_data: bool = False) -> tuple[int, str, str]:
    text = data if data is None or binary_data else data + "\n"
    done = subprocess.run(args, input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
