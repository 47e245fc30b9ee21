# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is declared for daemon.json, as a JSON merge patch: absent here is left alone there, null is removed."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._docker_daemon import (
    default_mode,
    has_secrets,
    merge,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import Facts, Variables, truth

#: The variables that make the options; some may hold credentials, so they are read where the file is written.
VARIABLES = (
    "docker_log_max_size",
    "docker_log_max_file",
    "docker_live_restore",
    "docker_cdi",
    "docker_data_root",
    "docker_registry_mirrors",
    "docker_insecure_registries",
    "docker_default_address_pools",
    "docker_http_proxy",
    "docker_https_proxy",
    "docker_no_proxy",
    "docker_daemon_options",
)
PROXIES = {"http-proxy": "docker_http_proxy", "https-proxy": "docker_https_proxy", "no-proxy": "docker_no_proxy"}
OPTIONAL = {
    "data-root": "docker_data_root",
    "registry-mirrors": "docker_registry_mirrors",
    "insecure-registries": "docker_insecure_registries",
    "default-address-pools": "docker_default_address_pools",
}


def daemon_options(variables: Variables) -> dict[str, t.Any]:
    """The options that are merged into daemon.json."""
    features: dict[str, t.Any] = {"cdi": truth(variables["docker_cdi"])}
    if variables["docker_data_root"]:
        # Engine 29 keeps the images of a fresh host in containerd's directory, not under data-root, unless told otherwise.
        features["containerd-snapshotter"] = False
    options: dict[str, t.Any] = {
        "log-driver": "json-file",
        "log-opts": {
            "max-size": str(variables["docker_log_max_size"]),
            "max-file": str(variables["docker_log_max_file"]),
        },
        "live-restore": truth(variables["docker_live_restore"]),
        "features": features,
        **_given(OPTIONAL, variables),
    }
    proxies = _given(PROXIES, variables)
    if proxies:
        options["proxies"] = proxies
    return _combined(options, variables["docker_daemon_options"] or {})


def _given(names: t.Mapping[str, str], variables: Variables) -> dict[str, t.Any]:
    """Options that were given; one that is empty is taken out of the file."""
    return {key: variables[name] or None for key, name in names.items() if variables[name] is not None}


def _combined(below: dict[str, t.Any], above: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Dictionaries are merged, everything else of the upper one wins; a null stays one, for the merge patch."""
    combined = copy.deepcopy(below)
    for key, value in above.items():
        under = combined.get(key)
        both = isinstance(value, dict) and isinstance(under, dict)
        combined[key] = _combined(t.cast("dict[str, t.Any]", under), value) if both else copy.deepcopy(value)
    return combined


def daemon_secret(variables: Variables) -> bool:
    """Whether the options hold credentials, so that the task that writes them must not be shown."""
    return has_secrets(daemon_options(variables))


def config_differs(variables: Variables, docker: Facts) -> bool:
    """Whether daemon.json needs the task that writes it. Credentials are masked in the look, so only the host can tell."""
    options = daemon_options(variables)
    if has_secrets(options) or docker["daemon_error"] or docker["restart_pending"]:
        return True
    wanted = merge(docker["daemon"], options)
    mode = "0600" if docker["daemon_secret"] else default_mode(wanted)
    return wanted != docker["daemon"] or docker["daemon_mode"] != mode
