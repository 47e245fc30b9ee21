# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which servers of the gate get requests: ready, drain or hold. For the module gate_traffic.

`drain` sends new requests to other servers of the backend. `hold` is for the last one: the backend's own backup server
`hold`, a closed port, is switched on, so that every new request is tried again each second until a server is ready.
What is not ready is written down in HAProxy's own format, from which a new worker, and a new container, takes it.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.runtime import GateError, Runtime

READY, DRAIN, HOLD = "ready", "drain", "hold"
STATES = [READY, DRAIN, HOLD]
#: Name of the backup server that holds requests, in every backend that can.
HOLD_SERVER = "hold"
#: And of those that stand for no replica: beside it the one by which a request looks for a server once more.
NO_REPLICAS = (HOLD_SERVER, "retry")

#: Bits of HAProxy's srv_admin_state: set by a person, and by a name that is not resolved for now.
FORCED_MAINTENANCE, FORCED_DRAIN, UNRESOLVED = 0x01, 0x08, 0x20
VERSION = "1"
FIELDS = {"backend": 1, "server": 3, "admin": 6}

POLL_SECONDS = 0.5
#: A server that was started may need two checks, and its name a second, until the gate knows it as up.
UP_SECONDS = 15.0
#: A reload in between starts a worker that was told nothing.
ATTEMPTS = 5


class Server(t.NamedTuple):
    backend: str
    name: str

    def __str__(self) -> str:
        return f"{self.backend}/{self.name}"


class Load(t.NamedTuple):
    """What a server has to do, and how it is."""

    current: int
    queued: int
    status: str

    @property
    def up(self) -> bool:
        return self.status.startswith(("UP", "no check"))


# ---- what HAProxy says


def loads(text: str) -> dict[Server, Load]:
    """Of `show stat`."""
    rows = csv.DictReader(text.lstrip("# ").splitlines())
    return {
        Server(row["pxname"], row["svname"]): Load(int(row["scur"] or 0), int(row["qcur"] or 0), row["status"])
        for row in rows
        if row.get("type") == "2"
    }


def lines(text: str) -> dict[Server, list[str]]:
    """Of `show servers state`, by server."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {Server(row[FIELDS["backend"]], row[FIELDS["server"]]): row for row in rows if len(row) > FIELDS["admin"]}


def _admin(row: t.Sequence[str]) -> int:
    return int(row[FIELDS["admin"]])


def states(found: t.Mapping[Server, t.Sequence[str]]) -> dict[Server, str]:
    held = {server.backend for server, row in found.items() if server.name == HOLD_SERVER and _enabled(row)}
    away = {server for server, row in found.items() if _admin(row) & (FORCED_DRAIN | FORCED_MAINTENANCE)}
    return {
        server: (HOLD if server.backend in held else DRAIN) if server in away else READY
        for server in found
        if server.name not in NO_REPLICAS
    }


def _enabled(row: t.Sequence[str]) -> bool:
    return not _admin(row) & FORCED_MAINTENANCE


def kept(found: t.Mapping[Server, t.Sequence[str]], header: str) -> str:
    """The file that a new worker reads: only what differs from its configuration. Empty where nothing does."""
    away = states(found)
    rows = []
    for server, row in found.items():
        differs = _enabled(row) if server.name == HOLD_SERVER else away.get(server, READY) != READY
        if differs:
            # A name is resolved anew anyway.
            admin = str(_admin(row) & ~UNRESOLVED)
            rows.append(" ".join([*row[: FIELDS["admin"]], admin, *row[FIELDS["admin"] + 1 :]]))
    return "\n".join([VERSION, header, *rows, ""]) if rows else ""


def away(text: str) -> list[dict[str, str]]:
    """Of the file that is kept: the servers that get no requests. Whoever wrote it, a line that is none of HAProxy's says nothing."""
    found = []
    for row in (line.split() for line in text.splitlines() if not line.startswith("#")):
        if len(row) > FIELDS["admin"] and row[FIELDS["admin"]].isdigit():
            found.append({"backend": row[FIELDS["backend"]], "server": row[FIELDS["server"]]})
    return found


# ---- what is to be done


def commands(wanted: str, server: Server, found: t.Mapping[Server, str]) -> list[str]:
    """In an order in which no request finds neither a server nor the one that holds it."""
    hold = f"set server {server.backend}/{HOLD_SERVER} state"
    if wanted == HOLD:
        return [f"{hold} ready", f"set server {server} state drain"]
    if wanted == READY:
        return [f"set server {server} state ready"]
    others = [one for one, state in found.items() if one.backend == server.backend and one != server]
    kept_back = any(found[one] == HOLD for one in others) or found[server] != HOLD
    return [f"set server {server} state drain", *([] if kept_back else [f"{hold} maint"])]


def unproven(wanted: str, server: Server, found: t.Mapping[Server, str]) -> list[str]:
    """What a gate thinks of a server that comes back is from before it went, or a check by which another gate is about to be found
    away: it gets requests after a check from now on, and those that are held wait for that."""
    return [f"set server {server} health down"] if wanted == READY and found[server] != READY else []


def releases(servers: t.Iterable[Server], found: t.Mapping[Server, str], load: t.Mapping[Server, Load]) -> list[str]:
    """Ends the hold of backends, but for those in which another server is away and none would answer."""
    told = []
    for backend in dict.fromkeys(server.backend for server in servers):
        own = [one for one in found if one.backend == backend]
        alone = any(found[one] != READY for one in own) and not any(load[one].up for one in own if one in load)
        if Server(backend, HOLD_SERVER) in load and not alone:
            told.append(f"set server {backend}/{HOLD_SERVER} state maint")
    return told


class Traffic:
    def __init__(
        self,
        runtime: Runtime,
        servers: t.Sequence[Server],
        now: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self.runtime = runtime
        self.servers = list(servers)
        self.now = now
        self.sleep = sleep

    # ---- reading

    def _rows(self, worker: int) -> dict[Server, list[str]]:
        return lines(self.runtime.tell(worker, "show servers state"))

    def before(self) -> dict[Server, str]:
        """States in the current worker; GateError where a server is not there."""
        found = states(self._rows(self.runtime.workers()[0]))
        missing = [str(server) for server in self.servers if server not in found]
        if missing:
            raise GateError(
                f"the gate knows no {', '.join(missing)}; it knows what llm_models said when it was last brought up, so run site.yml"
                " with this host in --limit, and with the tag gate where tags are given"
            )
        return found

    def load(self) -> dict[Server, Load]:
        """Of all workers together; a former one still has requests, and does not know how servers are."""
        current, *former = self.runtime.workers()
        found = loads(self.runtime.tell(current, "show stat"))
        for worker in former:
            for server, more in loads(self.runtime.tell(worker, "show stat")).items():
                if server in found:
                    one = found[server]
                    found[server] = one._replace(current=one.current + more.current, queued=one.queued + more.queued)
        return found

    # ---- acting

    def set(self, wanted: str) -> None:
        """In every worker: a former one may hold requests that wait for this server."""
        self._refuse_without_hold(wanted)
        for _attempt in range(ATTEMPTS):
            workers = self.runtime.workers()
            found = states(self._rows(workers[0]))
            for server in self.servers:
                # A former worker checks nothing any more.
                self._tell(workers[:1], unproven(wanted, server, found))
                self._tell(workers, commands(wanted, server, found))
            self._keep(workers[0])
            if self.runtime.workers()[0] == workers[0]:
                return
        raise GateError("the gate is reloaded again and again; run again when it is not")

    def release(self) -> None:
        """Requests that were held go on as soon as the server is up; if it does not come up, they are told so."""
        end = self.now() + UP_SECONDS
        while self.now() < end and not all(one.up for server, one in self.load().items() if server in self.servers):
            self.sleep(POLL_SECONDS)
        workers = self.runtime.workers()
        self._tell(workers, releases(self.servers, states(self._rows(workers[0])), self.load()))
        self._keep(workers[0])

    def wait(self, seconds: float) -> tuple[float, dict[Server, Load]]:
        """Seconds that passed until no request of the servers was left, or until the time was up, and what is left."""
        began = self.now()
        while True:
            found = self.load()
            left = {server: found[server] for server in self.servers if found[server].current or found[server].queued}
            if not left or self.now() - began >= seconds:
                return self.now() - began, left
            self.sleep(POLL_SECONDS)

    def _refuse_without_hold(self, wanted: str) -> None:
        there = self._rows(self.runtime.workers()[0]) if wanted == HOLD else {}
        for server in self.servers if wanted == HOLD else ():
            if Server(server.backend, HOLD_SERVER) not in there:
                raise GateError(f"backend {server.backend} can't hold requests, since it has no server {HOLD_SERVER}")

    def _tell(self, workers: t.Sequence[int], told: t.Sequence[str]) -> None:
        for number, worker in enumerate(workers):
            for command in told:
                said = self.runtime.tell(worker, command)
                if said and number == 0:  # a former worker may just have ended
                    raise GateError(f"the gate does not take {command!r}: {said}")

    def _keep(self, worker: int) -> None:
        text = self.runtime.tell(worker, "show servers state")
        header = next((line for line in text.splitlines() if line.startswith("#")), "")
        write(state_file(self.runtime.path), kept(lines(text), header))


def state_file(path: str) -> str:
    """Beside the folder of the sockets, where the gate can't write."""
    return os.path.join(os.path.dirname(os.path.dirname(path)), "state", "servers")


def write(path: str, text: str) -> None:
    """Whole or not at all; a worker may be starting."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        os.fchmod(handle.fileno(), 0o644)
        handle.write(text)
    os.replace(temporary, path)
