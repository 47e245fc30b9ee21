# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: models_to_read
short_description: Declared models that have to be looked up before they can be planned
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Names the models of C(llm_models) that the catalogue lacks and whose memory is to be planned, each once.
  - There are none where the servers have no GPU or C(vllm_memory_check) is off, and none at a hub with C(vllm_offline).
positional: _input, hostvars, groups
options:
  _input:
    description: The models, C(llm_models). What is no list of entries gives nothing here.
    type: list
    elements: dict
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  groups:
    description: Ansible's C(groups). C(gpu_servers) is used.
    type: dict
    required: true
  source:
    description: V(hub) for repositories, V(path) for directories on the servers.
    type: str
    choices: [hub, path]
    default: hub
"""

EXAMPLES = r"""
- name: Show which models the hub is asked for
  ansible.builtin.debug:
    msg: "{{ llm_models | llmfleet.gateway.models_to_read(hostvars, groups) }}"
"""

RETURN = r"""
_value:
  description: The models, each with C(model) and C(revision).
  type: list
  elements: dict
"""

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils._fleet.models import known


def models_to_read(
    models: t.Any, hostvars: t.Mapping[str, t.Any], groups: t.Mapping[str, list[str]], source: str = "hub"
) -> list[dict[str, str]]:
    """Models to look up; see DOCUMENTATION."""
    servers = [hostvars[name] for name in groups.get("gpu_servers", [])]
    first = servers[0] if servers else {}
    if not isinstance(models, list) or not boolean(first.get("vllm_memory_check", True)):
        return []
    if servers and not any(int(server.get("llm_gpu_count", 1)) for server in servers):
        return []
    if source == "hub" and boolean(first.get("vllm_offline", False)):
        return []
    found: dict[str, str] = {}
    for entry in models:
        if _to_read(entry, source):
            found.setdefault(entry["model"], str(entry.get("revision") or "main"))
    return [{"model": model, "revision": revision} for model, revision in found.items()]


def _to_read(entry: t.Any, source: str) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("model"), str) or entry.get("memory_check") is False:
        return False
    return entry["model"].startswith("/") == (source == "path") and not known(entry["model"])


class FilterModule:
    """Models that the catalogue lacks."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names and functions of the filters here."""
        return {"models_to_read": models_to_read}
