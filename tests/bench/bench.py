# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and images for the demo and the tests, from nothing but a Debian mirror and package registries.

Standard library only, Python 3.9 or newer: it runs before any environment exists. See README.md beside it.
"""

from __future__ import annotations

import sys

from llmbench.cli import main

if __name__ == "__main__":
    sys.exit(main())
