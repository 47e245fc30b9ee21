# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks a key and sees each LiteLLM process of a host refuse it. Asks every process from inside its own container, so that no gate and
no other process answers for it. The module key_revocation enters; keys go by standard input alone.
"""

from __future__ import annotations

import hashlib
import json
import time
import typing as t
import urllib.parse

#: Reads a request as JSON, asks until the status is one of `until` or `seconds` are over, and prints the last answer.
SCRIPT = """
import json, sys, time, urllib.error, urllib.request as r
q = json.load(sys.stdin)
end = time.time() + q["seconds"]
opener = r.build_opener(r.ProxyHandler({}))
while True:
    body = json.dumps(q["body"]).encode() if q["body"] is not None else None
    head = {"Authorization": "Bearer " + q["key"], "Content-Type": "application/json"}
    try:
        with opener.open(r.Request("http://127.0.0.1:4000" + q["path"], body, head), timeout=20) as a:
            status, text = a.status, a.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as e:
        status, text = e.code, e.read().decode("utf-8", "replace")
    except OSError as e:
        status, text = 0, str(e)
    if not q["until"] or status in q["until"] or time.time() > end:
        break
    time.sleep(0.1)
print(json.dumps({"status": status, "text": text, "at": time.time()}))
"""
REFUSED = (401, 403)
#: Any process knows the list of models, and none is asked for one.
PATH = "/v1/models"


class RevocationError(Exception):
    """What went wrong, with the remedy as the last line. Never a key."""


#: Container, standard input and seconds to what the script printed.
Execute = t.Callable[[str, "list[str]", str, float], str]


class Processes:
    """The LiteLLM containers of one host."""

    def __init__(self, names: t.Sequence[str], execute: Execute, clock: t.Callable[[], float] = time.time) -> None:
        self.names, self.execute, self.clock = names, execute, clock

    def ask(
        self, name: str, path: str, key: str, body: t.Any = None, until: t.Sequence[int] = (), seconds: float = 0
    ) -> dict[str, t.Any]:
        question = {"path": path, "key": key, "body": body, "until": list(until), "seconds": seconds}
        command = ["python3", "-c", SCRIPT]
        text = self.execute(name, command, json.dumps(question), seconds + 60)
        return json.loads(text.splitlines()[-1])

    # ---- the key

    def tokens(self, master: str, alias: str, value: str) -> list[str]:
        """Hashes of the keys that are meant; a value is never sent for that."""
        if value:
            return [hashlib.sha256(value.encode()).hexdigest()]
        query = urllib.parse.urlencode({"key_alias": alias, "return_full_object": "true", "size": 100})
        answer = self._managed(f"/key/list?{query}", master)
        found = [one for one in answer.get("keys") or [] if isinstance(one, dict) and one.get("key_alias") == alias]
        if not found:
            raise RevocationError(
                f"no key has the alias {alias}\nSee the aliases at the web UI, or give -e key_file=FILE"
            )
        return [str(one["token"]) for one in found if one.get("token")]

    def blocked(self, master: str, token: str) -> bool:
        query = urllib.parse.urlencode({"key": token})
        info = self._managed(f"/key/info?{query}", master).get("info") or {}
        return bool(info.get("blocked"))

    def block(self, master: str, token: str) -> None:
        self._managed("/key/block", master, {"key": token})

    def _managed(self, path: str, master: str, body: t.Any = None) -> dict[str, t.Any]:
        answer = self.ask(self.names[0], path, master, body)
        if answer["status"] == 404:
            raise RevocationError(
                "LiteLLM knows no such key\nSee the aliases at the web UI, and give that of the key or its value"
            )
        if answer["status"] != 200:
            where = path.partition("?")[0]
            raise RevocationError(
                f"{where} of {self.names[0]} answered {answer['status']}: {answer['text'][:300]}\n"
                "Mend LiteLLM (playbook logs -e service=litellm), and run it again"
            )
        found = json.loads(answer["text"])
        return found if isinstance(found, dict) else {}

    # ---- what each process says of it

    def accepted(self, value: str) -> dict[str, bool]:
        return {name: self.ask(name, PATH, value)["status"] == 200 for name in self.names}

    def refusals(self, value: str, since: float, timeout: float) -> list[dict[str, t.Any]]:
        """Seconds since the key was blocked, None for a process that still lets it in when the time is up."""
        found = []
        for name in self.names:
            left = max(0.0, since + timeout - self.clock())
            answer = self.ask(name, PATH, value, until=REFUSED, seconds=left)
            refused = answer["status"] in REFUSED
            seconds = max(0.0, round(answer["at"] - since, 2)) if refused else None
            found.append({"process": name, "status": answer["status"], "seconds": seconds})
        return found


def revoke(
    processes: Processes, params: t.Mapping[str, t.Any], check_mode: bool, since: float | None = None
) -> dict[str, t.Any]:
    """Blocks where it is told to, and measures where the value is known."""
    value, master = params["key"] or "", params["master_key"]
    before = processes.accepted(value) if value else {}
    changed, began = False, processes.clock() if since is None else since
    if params["block"]:
        tokens = processes.tokens(master, params["key_alias"] or "", value)
        due = [token for token in tokens if not processes.blocked(master, token)]
        changed, began = bool(due), processes.clock()
        for token in due if not check_mode else ():
            processes.block(master, token)
    found = processes.refusals(value, began, params["timeout"]) if value and not check_mode else []
    return {
        "changed": changed,
        "measured": bool(value),
        "processes": [{**one, "accepted_before": before[one["process"]]} for one in found],
    }
