# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each role reads of the fleet: one pure function view(fleet, host) a role, in views/ROLE.py, registered here.

A view holds no secret. It may have `faults`, lines that refuse the run before any host is changed; they don't go on.
Only _fleet/assemble.py and _fleet/look.py read these tables.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import (
    docker,
    litellm,
    nvidia_container_toolkit,
    nvidia_driver,
    postgres,
    vllm,
    watch,
)

View = t.Callable[[Fleet, Host], dict[str, t.Any]]
Look = t.Callable[[Host], dict[str, t.Any]]

#: Views by the name of the service in _fleet/services.py. They are made in the stage known, for the hosts that the service
#: is on and that answered.
VIEWS: dict[str, View] = {
    "docker": docker.view,
    "nvidia_driver": nvidia_driver.view,
    "nvidia_container_toolkit": nvidia_container_toolkit.view,
    "litellm": litellm.view,
    "postgres": postgres.view,
    "vllm": vllm.view,
    "watch": watch.view,
}
#: What a service wants host_info to look at, by the names of its options.
LOOKS: dict[str, Look] = {
    "docker": docker.look,
    "nvidia_driver": nvidia_driver.look,
    "nvidia_container_toolkit": nvidia_container_toolkit.look,
    "watch": watch.look,
}
