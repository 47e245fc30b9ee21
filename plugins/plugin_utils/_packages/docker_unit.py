# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine's systemd unit gets beside its own: connections wait while the engine starts.

With live-restore containers survive that, but the engine makes the rules of published ports anew, and until it is done (a
second or two) their connections are refused. One whose first packet is dropped is tried again by the client's TCP a second later.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import (
    Facts,
    Variables,
    digest,
    is_there,
    truth,
)

PATH = "/etc/systemd/system/docker.service.d/llmfleet.conf"
#: Ahead of the engine's own rules, which are in other tables. Over IPv6 it is the engine's own proxy that listens, and ends with it.
TABLES = ("iptables -w 5 -t raw", "ip6tables -w 5 -t raw")


def text(ports: t.Iterable[int]) -> str:
    """What fails here keeps no engine from starting: a host may be without iptables. Whichever way a start ends, the rules go."""
    listed = ",".join(str(port) for port in sorted(set(ports)))
    rule = f"PREROUTING -p tcp --syn -m addrtype --dst-type LOCAL -m multiport --dports {listed} -j DROP"
    lines = ["# Managed by Ansible (llmfleet.gateway.docker)", "[Service]"]
    lines += [f"ExecStartPre=-/bin/sh -c '{table} -I {rule}'" for table in TABLES]
    for moment in ("ExecStartPost", "ExecStopPost"):
        lines += [f"{moment}=-/bin/sh -c '{table} -D {rule} 2>/dev/null'" for table in TABLES]
    return "".join(f"{line}\n" for line in lines)


def unit(variables: Variables, facts: Facts, ports: t.Iterable[int]) -> dict[str, t.Any]:
    """The file, and whether the host lacks it. Without live-restore the containers end with the engine."""
    wanted = truth(variables["docker_manage_service"]) and truth(variables["docker_live_restore"])
    content = text(ports)
    return {"path": PATH, "text": content, "differs": wanted and not is_there(facts, PATH, digest(content))}
