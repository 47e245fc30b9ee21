# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each role reads of the fleet: one pure function view(fleet, host) a role, in views/ROLE.py, found by the service's name.

A view holds no secret. The `refusals` of its `plan`, if there are any, stop the run before any host is changed. A view may also have
look(host), what host_info is asked for by the names of its options. Only _fleet/assemble.py and _fleet/look.py read these tables.
"""

from __future__ import annotations

import typing as t
from importlib import import_module
from importlib.util import find_spec

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

View = t.Callable[[Fleet, Host], dict[str, t.Any]]
Look = t.Callable[[Host], dict[str, t.Any]]

_NAMES = [f"{__name__}.{row.name}" for row in SERVICES]
_MODULES = {name.rpartition(".")[2]: import_module(name) for name in _NAMES if find_spec(name)}

#: Views by the name of the service in _fleet/services.py. They are made in the stage known, for the hosts that the service
#: is on and that answered.
VIEWS: dict[str, View] = {name: module.view for name, module in _MODULES.items()}
#: What a service wants host_info to look at, by the names of its options.
LOOKS: dict[str, Look] = {name: module.look for name, module in _MODULES.items() if hasattr(module, "look")}
#: Those that need no look at the host, so that playbooks have them from the declaration alone.
DECLARED_VIEWS = frozenset({"gateway_state"})
