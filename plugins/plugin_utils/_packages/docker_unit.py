# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine's systemd unit gets beside its own: connections wait while the engine starts, and it may start often.

With live-restore containers survive that, but the engine makes the rules of published ports anew, and until it is done (a
second or two) their connections are refused. One whose first packet is dropped is tried again by the client's TCP a second later.
Docker's unit gives up after three starts in a minute, whoever asked for them, and then its socket is down too, for good: packages that
change and a configuration after them come to as many.
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
#: More than is ever asked for. One that fails each time comes to it within a minute (RestartSec is 2 s), and is seen as failed.
STARTS_A_MINUTE = 10
HEAD = ("# Managed by Ansible (llmfleet.gateway.docker)", "[Unit]", f"StartLimitBurst={STARTS_A_MINUTE}")


def text(ports: t.Iterable[int], live_restore: bool) -> str:
    """Without live-restore the containers end with the engine, so no connection can wait for it."""
    lines = [*HEAD, *(_rules(ports) if live_restore else [])]
    return "".join(f"{line}\n" for line in lines)


def _rules(ports: t.Iterable[int]) -> list[str]:
    """What fails here keeps no engine from starting: a host may be without iptables. Whichever way a start ends, the rules go."""
    listed = ",".join(str(port) for port in sorted(set(ports)))
    rule = f"PREROUTING -p tcp --syn -m addrtype --dst-type LOCAL -m multiport --dports {listed} -j DROP"
    lines = ["[Service]", *(f"ExecStartPre=-/bin/sh -c '{table} -I {rule}'" for table in TABLES)]
    for moment in ("ExecStartPost", "ExecStopPost"):
        lines += [f"{moment}=-/bin/sh -c '{table} -D {rule} 2>/dev/null'" for table in TABLES]
    return lines


def unit(variables: Variables, facts: Facts, ports: t.Iterable[int]) -> dict[str, t.Any]:
    """The file, and whether the host lacks it."""
    content = text(ports, truth(variables["docker_live_restore"]))
    wanted = truth(variables["docker_manage_service"])
    return {"path": PATH, "text": content, "differs": wanted and not is_there(facts, PATH, digest(content))}
