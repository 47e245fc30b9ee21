# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes to an end: keys and budgets, certificates; the last backup; and what differs from the declaration."""

from __future__ import annotations

import datetime

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import Readings, expected
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import (
    UTC,
    Mapping,
    items,
    mapping,
    moment,
    number,
    seconds_since,
    text,
    texts,
)

try:
    from cryptography import x509
except ImportError:  # pragma: no cover - ansible-core depends on it
    x509 = None  # type: ignore[assignment]

DAY = 86400.0
NEAR_BUDGET_PERCENT = 80.0
NEAR_EXPIRY_DAYS = 14.0
#: Keys of sessions of LiteLLM's UI, which end by themselves within a day.
SESSIONS = "litellm-dashboard"


# ---- keys


def keys(readings: Readings) -> Mapping | None:
    """None where the proxy was not asked."""
    if readings.keys is None:
        return None
    said = mapping(readings.keys)
    listed = mapping(said.get("objects")).get("keys")
    found = [key(one, readings.now) for one in items(listed) if one.get("team_id") != SESSIONS]
    near = [one for one in found if one["near"]]
    budgets = [_budget(one) for one in items(mapping(readings.database).get("budgets"))]
    return {
        "read": isinstance(listed, list),
        "error": "" if isinstance(listed, list) else text(said.get("msg")) or "the proxy did not say its keys",
        "total": len(found),
        "blocked": sum(1 for one in found if one["blocked"]),
        "expired": sum(1 for one in found if (one["expires_days"] or 0.0) < 0),
        "near": sorted(near, key=lambda one: (-(one["percent"] or 0.0), one["expires_days"] or 1e9))[:200],
        "budgets": budgets[:50],
    }


def key(one: Mapping, now: datetime.datetime) -> Mapping:
    """A name that people know, never the key."""
    linked = mapping(one.get("litellm_budget_table"))
    budget, spend = number(one.get("max_budget")) or number(linked.get("max_budget")), number(one.get("spend"))
    passed = seconds_since(one.get("expires"), now)
    days = None if passed is None else -passed / DAY
    share = 100 * spend / budget if budget and spend is not None else None
    expiring = days is not None and -NEAR_EXPIRY_DAYS <= days <= NEAR_EXPIRY_DAYS
    return {
        "name": text(one.get("key_alias"), 80) or text(one.get("key_name"), 20) or "without a name",
        "spend": spend,
        "budget": budget,
        "percent": share,
        "budget_resets": text(one.get("budget_reset_at"), 40),
        "expires_days": days,
        "blocked": one.get("blocked") is True,
        "near": expiring or (share is not None and share >= NEAR_BUDGET_PERCENT),
    }


def _budget(one: Mapping) -> Mapping:
    spend, budget = number(one.get("spend")), number(one.get("max_budget"))
    share = 100 * spend / budget if budget and spend is not None else None
    kind = "team" if one.get("kind") == "team" else "user"
    return {"kind": kind, "name": text(one.get("name"), 80), "spend": spend, "budget": budget, "percent": share}


# ---- certificates


def certificates(readings: Readings) -> list[Mapping]:
    return [
        {"host": name, **certificate(one, readings.now)}
        for name in readings.names
        for one in items(readings.host(name).get("certificates"))
    ]


def certificate(one: Mapping, now: datetime.datetime) -> Mapping:
    found: Mapping = {"name": text(one.get("name"), 40), "error": text(one.get("error")), "subject": "", "days": None}
    if found["error"] or x509 is None:
        return found
    try:
        read = x509.load_pem_x509_certificate(str(one.get("pem")).encode())
        end = read.not_valid_after_utc
    except (ValueError, TypeError) as error:
        return {**found, "error": f"it can't be read: {text(error, 80)}"}
    days = (end - now).total_seconds() / DAY
    return {**found, "subject": _subject(read), "ends": end.astimezone(UTC).isoformat(), "days": days}


def _subject(read: x509.Certificate) -> str:
    """Its names, or what it is called where it has none."""
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        told = [text(str(getattr(one, "value", "")), 80) for one in names]
    except (x509.ExtensionNotFound, ValueError):
        told = [text(str(one.value), 80) for one in read.subject]
    return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


# ---- backup


def backup(readings: Readings) -> Mapping | None:
    """The newest that a host knows of; None where nobody does."""
    found = [_backup(readings, name) for name in readings.names if isinstance(readings.host(name).get("backup"), dict)]
    return max(found, key=lambda one: str(one["finished"]), default=None)


def _backup(readings: Readings, name: str) -> Mapping:
    said = mapping(readings.host(name).get("backup"))
    ended, tested = moment(said.get("finished")), moment(said.get("restore_tested"))
    return {
        "host": name,
        "ok": said.get("ok") is True,
        "finished": ended.isoformat() if ended else "",
        "age_seconds": seconds_since(said.get("finished"), readings.now),
        "file": text(said.get("file")),
        "bytes": number(said.get("bytes")),
        "seconds": number(said.get("seconds")),
        "restore_tested": tested.isoformat() if tested else "",
        "restore_tested_seconds": seconds_since(said.get("restore_tested"), readings.now),
        "message": text(said.get("message")),
    }


# ---- drift


def drift(readings: Readings) -> Mapping:
    """Of the proxy's objects and of the hosts' containers."""
    said = mapping(readings.drift)
    compared = isinstance(said.get("operations"), list)
    operations = [
        {
            "kind": text(one.get("kind"), 40),
            "name": text(one.get("name"), 80),
            "operation": text(one.get("operation"), 20),
        }
        for one in items(said.get("operations"))
    ]
    return {
        "objects_compared": compared,
        "objects_error": "" if compared or readings.drift is None else text(said.get("msg")),
        "objects": operations,
        "containers": [one for name in readings.names for one in containers(readings, name)],
    }


def containers(readings: Readings, name: str) -> list[Mapping]:
    """Missing, of another image than declared, or ours and not declared any more."""
    if not readings.planned or not readings.read(name) or readings.fault(name, "containers"):
        return []
    wanted = {one["container"]: one for one in expected(readings.value, name) if one["container"]}
    there = {text(box.get("name")): text(box.get("image")) for box in readings.boxes(name)}
    projects = {one["project"] for one in expected(readings.value, name)}
    leaving = {text(one.get("container")) for one in items(readings.value.get("leaving")) if one.get("server") == name}
    found = [{"host": name, "container": one, "what": "missing", "image": ""} for one in wanted if one not in there]
    found += [
        {"host": name, "container": one, "what": "other image", "image": there[one]}
        for one, said in wanted.items()
        if one in there and said["image"] and there[one] != said["image"]
    ]
    undeclared = [
        text(box.get("name"))
        for box in readings.boxes(name)
        if text(box.get("project")) not in projects and text(box.get("name")) not in leaving
    ]
    return found + [{"host": name, "container": one, "what": "not declared", "image": there[one]} for one in undeclared]


def digests_of(images: list[Mapping]) -> list[str]:
    """Images that are not the same on every host under one name."""
    return [one["image"] for one in images if len([digest for digest in one["digests"] if texts(digest["hosts"])]) > 1]
