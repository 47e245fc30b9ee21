# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every fault of a declaration at once, each with its remedy, before any host is touched.

Pure: variables go in as plain mappings, lines of text come out. The action plugin `fleet` calls `check` in its stage
`declared`; nothing else enters here. `check.py` goes through hosts and roles, `spec.py` judges types by the roles'
argument specs, `rules/` holds one table for each role of what a spec can't say, `values.py`, `names.py` and `secrets.py`
the functions that the tables are made of.
"""

from __future__ import annotations

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.check import (
    Report,
    check,
    faults,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import Unreadable
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.spec import read_specs

__all__ = ["Report", "Unreadable", "check", "faults", "read_specs"]
