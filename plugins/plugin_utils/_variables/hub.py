# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the hub, from the controller, for the models that the catalogue lacks."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import lookups
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.cache import DEFAULT_FOLDER
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.describe import DEFAULT_ENDPOINT, describe


def descriptions(hosts: t.Mapping[str, Host], kept: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Of every model that needs one: from the servers' folders, from the hub, or as an earlier run read it."""
    servers = [host for host in hosts.values() if host.is_gpu_server]
    if not servers:
        return {}
    models = servers[0].variables["llm_models"]
    folders = [entry["model"] for entry in lookups.to_describe(models, servers) if entry["model"].startswith("/")]
    before = {path: {**kept[path], "source": "kept"} for path in folders if path in kept}
    return {
        **before,
        **lookups.from_folders(servers),
        **_from_hub(lookups.hub_models(models, servers), servers[0], kept),
    }


def _from_hub(keys: list[str], server: Host, kept: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    if not keys:
        return {}
    said = server.variables
    offline = bool(said["vllm_offline"])
    endpoint = said["vllm_hf_endpoint"]
    if endpoint == DEFAULT_ENDPOINT:
        endpoint = os.environ.get("HF_ENDPOINT") or endpoint
    token = said["vllm_hf_token"] or os.environ.get("HF_TOKEN") or ""
    found = describe(keys, endpoint, token, kept, DEFAULT_FOLDER, ask=not offline)
    # Offline is meant: a model that nobody knows is started by the plain rule, this time and every time.
    return {key: one for key, one in found.items() if not offline or "error" not in one}
