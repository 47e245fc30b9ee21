# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of vllm_model_info: catalogue and hub are asked here, directories on the host."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.module_utils._model_directory import ModelInfoError
from ansible_collections.llmfleet.gateway.plugins.modules.vllm_model_info import ARGUMENTS
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.lookup import (
    catalogue_key,
    catalogue_listing,
    complete,
    from_catalogue,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.cache import Cache
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.describe import DEFAULT_ENDPOINT, describe
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.fetch import fetcher
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.names import model_key
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.repository import from_hub, hub_at
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import default_vllm_version

MODULE = "llmfleet.gateway.vllm_model_info"


def pick_source(params: dict[str, Any]) -> str:
    """Resolve auto."""
    if params["source"] != "auto":
        return str(params["source"])
    if os.path.isabs(params["model"]):
        return "path"
    if params["revision"] == "main" and catalogue_key(params["model"]):
        return "catalogue"
    return "hub"


def ask_hub(params: dict[str, Any]) -> dict[str, Any]:
    """The hub, behind its cache unless its own answer is wanted."""
    model, revision = params["model"], params["revision"]
    endpoint = params["endpoint"] or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    token = params["token"] or os.environ.get("HF_TOKEN") or ""
    fetch = fetcher(params["timeout"], params["validate_certs"])
    if params["refresh"]:
        found = from_hub(hub_at(endpoint, token, fetch), model, revision)
        Cache(params["cache_dir"], endpoint).write(model, revision, found)
        return found
    key = model_key(model, revision)
    found = describe([key], endpoint, token, {}, params["cache_dir"], fetch=fetch)[key]
    if "error" in found:
        raise ModelInfoError(found["error_kind"], found["error"])
    return found


def look_up(params: dict[str, Any]) -> dict[str, Any]:
    """What is known on the controller."""
    if not params["model"]:
        return {"catalogue": catalogue_listing(default_vllm_version())}
    if pick_source(params) == "catalogue":
        return complete(from_catalogue(params["model"]), default_vllm_version())
    return complete(ask_hub(params), default_vllm_version())


class ActionModule(ActionBase):
    """See the module's documentation."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer here, or ask the host."""
        super().run(tmp, task_vars)
        _validated, params = self.validate_argument_spec(ARGUMENTS)
        if params["model"] and pick_source(params) == "path":
            found = self._execute_module(MODULE, module_args=self._task.args, task_vars=task_vars)
            return found if found.get("failed") else complete(found, default_vllm_version())
        try:
            return {"changed": False, **look_up(params)}
        except ModelInfoError as error:
            return {"failed": True, "msg": str(error), "error_kind": error.kind}
