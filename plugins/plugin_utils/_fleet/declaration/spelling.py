# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that nobody reads and that look like a misspelling of one that is read. Used by check.py and by _variables."""

from __future__ import annotations

import difflib
import typing as t

#: Variables of playbooks, and facts that they set, which no role's spec has.
_OTHERS = """
llm_fleet llm_host llm_looked llm_looked_outside llm_secrets_file llm_ca_step llm_ca_last_step
"""
OTHERS = frozenset(_OTHERS.split())
#: Variables of an earlier release, and what stands for them now.
RENAMED = {
    "litellm_api_url": "gateway_state_api_url",
    "litellm_num_workers": "litellm_instances",
    "litellm_project_dir": "llm_project_root",
    "llm_state_file": "gateway_state_export_file",
    "nvidia_container_toolkit_watch": "watch_manage",
    "nvidia_container_toolkit_watch_interval": "watch_interval",
    "nvidia_container_toolkit_watch_limit": "watch_limit",
    "vllm_project_dir": "llm_project_root",
}
#: Above it one or two letters differ, or their order.
ALIKE = 0.88


def prefixes(known: t.Iterable[str]) -> tuple[str, ...]:
    """First words of our variables: one that begins so is ours, or a misspelling of one. A new role brings its own."""
    return tuple(sorted({name.partition("_")[0] + "_" for name in known}))


def misspelled(variables: t.Iterable[str], known: t.Collection[str]) -> dict[str, str]:
    """Unknown variables with one of our prefixes, and what was probably meant."""
    names, ours = sorted({*known, *OTHERS}), prefixes(known)
    found = {}
    for name in variables:
        if name in names or name in RENAMED or not name.startswith(ours):
            continue
        close = difflib.get_close_matches(name, names, n=1, cutoff=ALIKE)
        # A name that goes on after a known one is the user's own, such as llm_models_small for a part of llm_models.
        if close and not name.startswith(f"{close[0]}_"):
            found[name] = close[0]
    return found
