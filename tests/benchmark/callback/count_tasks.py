# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what each host was asked, for tests.benchmark.run, which names this folder to Ansible. It alone loads it."""

from __future__ import annotations

import json
import os
import typing as t
from collections import Counter

from ansible.plugins.callback import CallbackBase

#: Actions that never leave the controller.
CONTROLLER_ONLY = frozenset(
    (
        "add_host",
        "assert",
        "debug",
        "fail",
        "fleet",
        "group_by",
        "import_playbook",
        "import_role",
        "import_tasks",
        "include_role",
        "include_tasks",
        "include_vars",
        "meta",
        "pause",
        "set_fact",
        "set_stats",
        "validate_argument_spec",
    )
)
DOCUMENTATION = """
name: count_tasks
type: aggregate
short_description: Counts the tasks of each host
description: [Writes a JSON object to the file that the environment variable LLMFLEET_COUNT_FILE names.]
"""


def kind_of(action: str, delegated_to: str | None) -> str:
    """Where a task that was not skipped ran."""
    here = action.rsplit(".", 1)[-1] in CONTROLLER_ONLY or delegated_to in ("localhost", "127.0.0.1")
    return "controller" if here else "remote"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "count_tasks"

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self.counted: dict[str, Counter[str]] = {}

    def add(self, result: t.Any, kind: str) -> None:
        self.counted.setdefault(result.host.get_name(), Counter())[kind] += 1

    def ran(self, result: t.Any) -> None:
        """A loop is as many tasks as it had items that were not skipped."""
        delegated = (result.result.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host")
        for item in result.result.get("results") or [{}]:
            skipped = isinstance(item, dict) and item.get("skipped")
            self.add(result, "skipped" if skipped else kind_of(result.task.action, delegated))
        if result.result.get("changed"):
            self.add(result, "changed")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self.ran(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self.ran(result)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self.add(result, "skipped")

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        with open(os.environ["LLMFLEET_COUNT_FILE"], "w") as handle:
            json.dump(self.counted, handle)
