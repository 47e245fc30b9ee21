# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges the facts: what is wrong, where, and what mends it. Errors are what users notice or are about to, warnings what a person
should look at, notes what is meant to be so.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import VLLM
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import Mapping, amount

ERROR, WARNING, NOTE = "error", "warning", "note"
LEVELS = (ERROR, WARNING, NOTE)

DAY = 86400.0
#: Percent of a file system that is free.
DISK_ERROR, DISK_WARNING, INODES_WARNING = 5.0, 12.0, 5.0
FULL_ERROR_DAYS, FULL_WARNING_DAYS = 7.0, 30.0
MEMORY_WARNING = 5.0
HOT_CELSIUS = 88.0
KV_CACHE_WARNING = 95.0
#: Requests that wait for a model, from which they are too many whatever runs.
QUEUE_WARNING = 5.0
RESTART_SECONDS = DAY
CERTIFICATE_ERROR_DAYS, CERTIFICATE_WARNING_DAYS = 7.0, 21.0
BACKUP_WARNING_SECONDS, RESTORE_NOTE_SECONDS = 2 * DAY, 35 * DAY
CONNECTIONS_WARNING, TRANSACTION_WARNING_SECONDS = 80.0, 900.0
#: Services that do their work once and end.
ONCE = ("download",)
#: Of one kind so many are told by themselves.
MOST = 20


class Finding(t.NamedTuple):
    level: str
    where: str
    what: str
    remedy: str = ""


Found = t.Iterator[Finding]


def findings(status: Mapping) -> list[Finding]:
    """Of everything, the worst first, in the order of the fleet."""
    found: list[Finding] = []
    for host in status["hosts"]:
        found += [*_host(host), *_disks(host), *_gpus(host)]
    for judge in (_plan, _models, _services, _gates, _images, _keys, _database, _certificates, _backup, _drift):
        found += list(judge(status))
    return sorted(found, key=lambda one: LEVELS.index(one.level))


def verdict(found: t.Sequence[Finding]) -> str:
    return next((one.level for one in found if one.level != NOTE), "ok")


# ---- hosts


def _host(host: Mapping) -> Found:
    name = host["name"]
    if not host["read"]:
        why = host["reason"] or "it was not looked at"
        yield Finding(ERROR, name, f"can't be read: {why}", f"see that ssh {name} works, or leave it out by --limit")
        return
    for part, why in host["faults"].items():
        if part == "containers":
            yield Finding(ERROR, name, f"its containers can't be read: {why}", "see: systemctl status docker")
        else:
            yield Finding(WARNING, name, f"{part} can't be read: {why}", "see what is wrong on the host")
    free, total = host["memory_free_bytes"], host["memory_bytes"]
    if free is not None and total and 100 * free / total < MEMORY_WARNING:
        found = f"{values.size(free)} of {values.size(total)} memory are left"
        yield Finding(WARNING, name, found, "see which container takes it (memory below), and set its memory limit")


def _disks(host: Mapping) -> Found:
    for disk in host["disks"]:
        paths, free = ", ".join(disk["paths"]), disk["free_percent"]
        if free is not None and free < DISK_WARNING:
            found = f"{values.size(disk['free_bytes'])} ({free:.0f} %) are free at {paths}"
            remedy = "remove images, models and caches that nothing uses: playbook cleanup"
            yield Finding(ERROR if free < DISK_ERROR else WARNING, host["name"], found, remedy)
        inodes = disk["inodes_free_percent"]
        if inodes is not None and inodes < INODES_WARNING:
            found = f"{inodes:.0f} % of the inodes are free at {paths}"
            yield Finding(WARNING, host["name"], found, "remove small files, such as caches of models that are gone")


def _gpus(host: Mapping) -> Found:
    name, wanted = host["name"], host["gpus_declared"]
    if not host["read"] or not wanted:
        return
    if host["gpu_error"]:
        yield Finding(
            ERROR, name, f"its GPUs can't be read: {host['gpu_error']}", "playbook preflight says what mends it"
        )
    elif len(host["gpus"]) < wanted:
        found = f"{len(host['gpus'])} of {values.several(wanted, 'GPU')} are there"
        yield Finding(ERROR, name, found, "see: dmesg | grep -i -e nvrm -e xid; power the host off and on")
    for card in host["gpus"]:
        if amount(card["celsius"]) >= HOT_CELSIUS:
            found = f"GPU {card['index']} has {card['celsius']:.0f} °C"
            yield Finding(WARNING, name, found, "see that air flows and fans turn; it slows down before it is damaged")


def _plan(status: Mapping) -> Found:
    if status["plan_error"]:
        found = f"which instances there should be is not known: {status['plan_error']}"
        yield Finding(WARNING, "fleet", found, "playbook plan says more; what runs is told all the same")


# ---- models and services


def _models(status: Mapping) -> Found:
    for model in status["models"]:
        for one in model["replicas"]:
            yield from _replica(model, one)
        states = [one["state"] for one in model["replicas"]]
        if model["wanted"] and not model["ready"] and "unknown" not in states:
            yield Finding(
                ERROR, model["name"], "no replica is ready: its users get errors", "mend a replica, see there"
            )
        yield from _load(model)


REMEDIES = {
    "missing": "run site.yml",
    "starting": "wait until it is healthy; docker logs {container} says how far it is",
    "unhealthy": "see: docker logs {container}; the watch starts it anew where its engine hangs",
    "silent": "see: docker logs {container}",
    "away": "see: docker logs llmfleet-gate on the gateways, and that the servers reach each other",
    "drained": "playbook undrain gives it its requests back",
}


def _replica(model: Mapping, one: Mapping) -> Found:
    state, where = one["state"], f"{one['server']}/{one['name']}"
    if state == "drained":
        yield Finding(NOTE, where, f"gets no requests, {one['detail']}", REMEDIES[state])
    elif state not in ("ready", "unknown"):
        found = f"{model['name']} is {state}" + (f": {one['detail']}" if one["detail"] else "")
        remedy = REMEDIES.get(state, "see: docker logs {container}, then run site.yml").format(
            container=one["container"]
        )
        yield Finding(WARNING if state == "starting" else ERROR, where, found, remedy)
    yield from _restarts(where, one, one["container"])


def _load(model: Mapping) -> Found:
    waiting, running = amount(model["waiting"]), amount(model["running"])
    if waiting >= max(QUEUE_WARNING, running / 2):
        found = f"{values.count(waiting)} requests wait, {values.count(running)} run"
        yield Finding(WARNING, model["name"], found, "add a replica (replicas), or limit who sends so many")
    full = model["kv_cache_percent"]
    if full >= KV_CACHE_WARNING:
        found = f"its KV cache is full to {full:.0f} %: requests are put off"
        yield Finding(WARNING, model["name"], found, "add a replica, or lower max_model_len or max_num_seqs")


def _restarts(where: str, one: Mapping, container: str) -> Found:
    if amount(one["restarts"]) and (one["age_seconds"] is None or one["age_seconds"] < RESTART_SECONDS):
        last = "" if one["age_seconds"] is None else f", last {values.duration(one['age_seconds'])} ago"
        found = f"the engine started it anew {values.several(int(one['restarts']), 'time')}{last}"
        yield Finding(WARNING, where, found, f"see: docker logs {container}")


def _services(status: Mapping) -> Found:
    for one in status["services"]:
        where, look = f"{one['host']}/{one['name']}", f"see: docker logs {one['name']}"
        ended = one["state"] != "running"
        if ended and not (one["service"] in ONCE and one["exit_code"] == 0):
            yield Finding(
                ERROR, where, f"is {one['state']} (exit code {one['exit_code']})", f"{look}, then run site.yml"
            )
        elif one["health"] in ("unhealthy", "starting"):
            yield Finding(ERROR if one["health"] == "unhealthy" else WARNING, where, f"is {one['health']}", look)
        elif one.get("answers") is False:
            yield Finding(ERROR, where, f"does not answer: {one['error']}", look)
        elif one.get("database") and one["database"] != "connected":
            yield Finding(ERROR, where, f"its database is {one['database']}", "see: docker logs llmfleet-postgres")
        yield from _restarts(where, one, one["name"])
    versions = sorted({one["version"] for one in status["services"] if "answers" in one and one["version"]})
    if len(versions) > 1:
        yield Finding(WARNING, "litellm", f"several versions run: {', '.join(versions)}", "run site.yml to the end")


def _gates(status: Mapping) -> Found:
    for one in status["gates"]:
        if not one["answers"]:
            yield Finding(ERROR, f"{one['host']}/llmfleet-gate", one["error"], "see: docker logs llmfleet-gate")


def _images(status: Mapping) -> Found:
    for one in status["images"]:
        if len(one["digests"]) > 1:
            hosts = "; ".join(
                f"{digest['digest'][:19]} on {', '.join(digest['hosts'][:3])}" for digest in one["digests"]
            )
            remedy = "pin it by its digest, so that all hosts run the same"
            yield Finding(WARNING, "images", f"{one['image']} is not the same everywhere: {hosts}", remedy)


# ---- what comes to an end


def _keys(status: Mapping) -> Found:
    keys = status["keys"]
    if keys is None:
        return
    if not keys["read"]:
        yield Finding(
            WARNING, "keys", f"can't be read: {keys['error']}", "see that LiteLLM answers on the first gateway"
        )
    for one in keys["near"][:MOST]:
        yield from _key(one)
    if len(keys["near"]) > MOST:
        more = values.several(len(keys["near"]) - MOST, "more key")
        yield Finding(WARNING, "keys", f"{more} near the end of budget or time", "see the result for all of them")
    for one in keys["budgets"][:MOST]:
        yield _budget(f"{one['kind']} {one['name']}", one)


def _key(one: Mapping) -> Found:
    where, days = f"key {one['name']}", one["expires_days"]
    if one["percent"] is not None and one["percent"] >= 80:
        yield _budget(where, one)
    if days is not None and days < 0:
        yield Finding(NOTE, where, f"ended {values.duration(-days * DAY)} ago", "give it a new duration, or delete it")
    elif days is not None and days <= 14:
        remedy = "give it a new duration in llm_state before its users are refused"
        yield Finding(WARNING, where, f"ends in {values.duration(days * DAY)}", remedy)


def _budget(where: str, one: Mapping) -> Finding:
    spent = f"{values.money(one['spend'])} of {values.money(one['budget'])} are spent"
    if amount(one["percent"]) >= 100:
        return Finding(
            WARNING, where, f"{spent}: it is refused", "raise max_budget, or wait until the budget begins anew"
        )
    return Finding(WARNING, where, f"{spent} ({values.percent(one['percent'])})", "raise max_budget in time")


def _database(status: Mapping) -> Found:
    found = status["database"]
    if found is None:
        return
    if not found["read"]:
        why = found["error"] or next(iter(found["faults"].values()), "it was not asked")
        yield Finding(ERROR, "database", f"can't be read: {why}", "see: docker logs llmfleet-postgres")
        return
    for part, why in found["faults"].items():
        yield Finding(WARNING, "database", f"{part} can't be read: {why}", "an older LiteLLM may lack the table")
    share = 100 * amount(found["connections"]) / (found["max_connections"] or 1)
    if share >= CONNECTIONS_WARNING:
        said = f"{found['connections']} of {found['max_connections']} connections are taken"
        yield Finding(WARNING, "database", said, "raise postgres_max_connections")
    if amount(found["longest_transaction_seconds"]) >= TRANSACTION_WARNING_SECONDS:
        said = f"a transaction is open for {values.duration(found['longest_transaction_seconds'])}"
        yield Finding(WARNING, "database", said, "see pg_stat_activity; it keeps old rows from being removed")
    days = found["full_in_days"]
    if days is not None and days < FULL_WARNING_DAYS:
        said = f"its disk is full in {days:.0f} days at {values.size(found['grows_bytes_a_day'])} a day"
        remedy = "shorten litellm_spend_logs_retention, or give the database a larger disk"
        yield Finding(ERROR if days < FULL_ERROR_DAYS else WARNING, "database", said, remedy)


def _certificates(status: Mapping) -> Found:
    for one in status["certificates"]:
        where, days = f"{one['host']}/{one['name']}", one["days"]
        if one["error"]:
            yield Finding(
                WARNING, where, f"its certificate can't be read: {one['error']}", "see: docker logs llmfleet-edge-1"
            )
        elif days is not None and days < CERTIFICATE_WARNING_DAYS:
            left = f"ended {-days:.0f} days ago" if days < 0 else f"ends in {days:.0f} days"
            remedy = "run site.yml; one by an authority on the internet renews itself, see: docker logs llmfleet-edge-1"
            level = ERROR if days < CERTIFICATE_ERROR_DAYS else WARNING
            yield Finding(level, where, f"its certificate ({one['subject']}) {left}", remedy)


def _backup(status: Mapping) -> Found:
    found = status["backup"]
    if found is None:
        if status["database"] is not None:
            yield Finding(
                WARNING,
                "backup",
                "there never was one",
                "playbook backup makes one now; the timer of the role backup makes one every night",
            )
        return
    if not found["ok"]:
        yield Finding(
            ERROR, "backup", f"the last one failed: {found['message'] or 'it does not say why'}", "playbook backup"
        )
    elif found["age_seconds"] is None or found["age_seconds"] > BACKUP_WARNING_SECONDS:
        age = "of no known time" if found["age_seconds"] is None else f"{values.duration(found['age_seconds'])} old"
        said = f"the last one is {age}"
        yield Finding(
            WARNING, "backup", said, f"see on {found['host']}: systemctl list-timers 'llmfleet-*'; or playbook backup"
        )
    if found["restore_tested_seconds"] is None or found["restore_tested_seconds"] > RESTORE_NOTE_SECONDS:
        yield Finding(
            NOTE,
            "backup",
            "no restore was tested lately",
            f"on {found['host']}: systemctl start llmfleet-backup-test.service",
        )


def _drift(status: Mapping) -> Found:
    drift = status["drift"]
    for one in drift["containers"][:MOST]:
        if one["what"] == "missing" and one["container"].startswith(VLLM):
            continue  # a replica that is missing is told with its model
        if one["what"] == "missing":
            yield Finding(ERROR, f"{one['host']}/{one['container']}", "the container is missing", "run site.yml")
        else:
            image = f" ({one['image']})" if one["what"] == "other image" else ""
            found = f"is {one['what'] if one['what'] == 'not declared' else 'of another image than declared'}{image}"
            yield Finding(WARNING, f"{one['host']}/{one['container']}", found, "run site.yml")
    objects = drift["objects"]
    if objects:
        names = ", ".join(f"{one['operation']} {one['kind']} {one['name']}" for one in objects[:3])
        more = f" and {len(objects) - 3} more" if len(objects) > 3 else ""
        said = f"{values.several(len(objects), 'object differs', 'objects differ')} from llm_state: {names}{more}"
        yield Finding(WARNING, "drift", said, "playbook drift --diff shows it, site.yml brings it back")
    elif drift["objects_error"]:
        said = f"objects can't be compared: {drift['objects_error']}"
        yield Finding(WARNING, "drift", said, "see that LiteLLM answers on the first gateway")
