# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for HAProxy's command line: one current worker, and any number of former ones."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.runtime import Runtime
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.traffic import Server, Traffic

HEADER = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight"
ONE, TWO, OTHER = Server("vllm-a", "gpu1-a"), Server("vllm-a", "gpu2-a"), Server("vllm-b", "gpu1-b")
HOLD_A, RETRY_A = Server("vllm-a", "hold"), Server("vllm-a", "retry")


class Worker:
    def __init__(self) -> None:
        self.admin = {ONE: 0, TWO: 0, OTHER: 0, RETRY_A: 0, HOLD_A: 5, Server("vllm-b", "hold"): 5}
        self.status = {server: "UP" if server in (ONE, TWO, OTHER) else "no check" for server in self.admin}
        self.current = dict.fromkeys(self.admin, 0)
        #: What the next check of a server finds that was told to be down.
        self.checks: dict[Server, str] = {}
        self.told: list[str] = []

    def answer(self, command: str) -> str:
        if command == "show stat":
            rows = [f"{one.backend},{one.name},0,{self.current[one]},{self.status[one]},2," for one in self.admin]
            return "\n".join(["# pxname,svname,qcur,scur,status,type,", "f,FRONTEND,,3,OPEN,0,", *rows])
        if command == "show servers state":
            rows = [f"3 {one.backend} 1 {one.name} 172.18.0.4 2 {admin} 1" for one, admin in self.admin.items()]
            return "\n".join(["1", HEADER, *rows])
        self.told.append(command)
        _set, _server, name, what, wanted = command.split()
        server = Server(*name.split("/"))
        if server not in self.admin:
            return "No such server."
        if what == "health":
            self.checks[server], self.status[server] = self.status[server], "DOWN"
            return ""
        base = self.admin[server] & ~9
        self.admin[server] = base | {"ready": 0, "drain": 8, "maint": 1}[wanted]
        return ""


class Gate:
    """Time passes with every sleep, and `events` happen when it is theirs."""

    def __init__(self, root: Path, master: bool = True) -> None:
        self.workers = {8: Worker()}
        self.order = [8]
        self.root = root
        (root / "state").mkdir()
        self.clock = 0.0
        self.events: dict[float, t.Callable[[], None]] = {}
        self.runtime = Runtime(str(root / "run/admin.sock"), self.ask, lambda path: master)

    @property
    def worker(self) -> Worker:
        return self.workers[self.order[0]]

    def ask(self, path: str, command: str) -> str:
        if path.endswith("admin.sock"):
            return self.worker.answer(command)
        if command == "show proc":
            rows = [f"{pid}  worker  0  0d00h00m11s  3.0.11" for pid in self.order]
            head = ["#<PID> <type> <reloads> <uptime> <version>", "1 master 0 0d00h00m11s 3.0.11", "# workers"]
            return "\n".join([*head, rows[0], "# old workers", *rows[1:], "# programs"])
        to, _space, rest = command.partition(" ")
        return self.workers[int(to[2:])].answer(rest)

    def reload(self) -> None:
        """A new worker that was told nothing."""
        pid = max(self.order) + 1
        self.workers[pid] = Worker()
        self.order.insert(0, pid)

    def sleep(self, seconds: float) -> None:
        self.clock += seconds
        self.worker.status.update(self.worker.checks)
        self.worker.checks.clear()
        for moment in [moment for moment in self.events if moment <= self.clock]:
            self.events.pop(moment)()

    def traffic(self, *servers: Server) -> Traffic:
        return Traffic(self.runtime, servers or (ONE,), lambda: self.clock, self.sleep)

    @property
    def kept(self) -> str:
        return (self.root / "state/servers").read_text()
