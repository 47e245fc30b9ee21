# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All containers of ours on a host, by label: what is told of each, whichever way (readers) the engine was asked."""

from __future__ import annotations

import re
import typing as t

from .._compose.engine import LABEL_FLEET, LABEL_PROJECT, LABEL_SERVICE, EngineError, parse_container
from . import cgroup
from .readers import Reader

Found = dict[str, t.Any]

LABEL_VERSION = "org.opencontainers.image.version"
#: What the engine writes for a moment that has not come.
NEVER = "0001-"


def containers(reader: Reader, root: str = "/") -> list[Found]:
    """Running or not; EngineMissing or EngineError where the engine can't be asked."""
    found = reader.containers()
    digests = image_digests(reader, {str(one.get("Image") or "") for one in found})
    described = [_described(one, digests, root) for one in found]
    return sorted(described, key=lambda one: str(one["name"]))


def image_digests(reader: Reader, ids: t.Collection[str]) -> dict[str, list[str]]:
    """Image id to the names with digest that it was pulled by; an image that was built here has none."""
    found = reader.images([one for one in ids if one])
    return {str(one.get("Id")): [str(name) for name in one.get("RepoDigests") or []] for one in found}


def _described(found: Found, digests: t.Mapping[str, list[str]], root: str) -> Found:
    try:
        return describe(found, digests, root)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        name = found.get("Name") or found.get("Id")
        raise EngineError(f"what the engine says of the container {name} lacks its shape ({error!r})") from error


# ---- one container


def describe(found: Found, digests: t.Mapping[str, list[str]], root: str = "/") -> Found:
    """One container by plain names."""
    one = parse_container(found)
    state, host, config = found["State"], found.get("HostConfig") or {}, found["Config"]
    labels, running = config.get("Labels") or {}, one.status == "running"
    return {
        "name": one.name,
        "id": one.id,
        "project": str(labels.get(LABEL_FLEET) or labels.get(LABEL_PROJECT) or ""),
        "service": str(labels.get(LABEL_SERVICE) or ""),
        "state": one.status,
        "health": one.health,
        "exit_code": one.exit_code,
        "error": str(state.get("Error") or ""),
        "oom_killed": bool(state.get("OOMKilled")),
        "restarts": one.restarts,
        "created": str(found.get("Created") or ""),
        "started": moment(state.get("StartedAt")),
        "finished": moment(state.get("FinishedAt")),
        "image": one.image,
        "image_id": one.image_id,
        "digest": digest_of(one.image, digests.get(one.image_id) or []),
        "version": str(labels.get(LABEL_VERSION) or ""),
        "devices": devices(host),
        "ports": ports(found),
        "addresses": addresses(found),
        "memory_bytes": cgroup.memory(int(state.get("Pid") or 0), root) if running else None,
        "memory_limit_bytes": int(host.get("Memory") or 0) or None,
    }


def moment(said: t.Any) -> str:
    """A moment as the engine writes it; empty for one that has not come."""
    text = str(said or "")
    return "" if text.startswith(NEVER) else text


def digest_of(image: str, names: t.Sequence[str]) -> str:
    """The digest by which the image was pulled, of the repository that the container names where there are several."""
    repository = re.sub(r"(@.*|:[^/:]*)$", "", image)
    known = [name.partition("@") for name in names if "@" in name]
    own = [
        digest for name, _at, digest in known if repository and (name == repository or repository.endswith(f"/{name}"))
    ]
    return (own or [digest for _name, _at, digest in known] or [""])[0]


def devices(host: Found) -> list[str]:
    """GPUs by CDI's names, or as the engine's own driver was asked for them, and other devices by their path."""
    asked = host.get("DeviceRequests") or []
    named = [str(name) for request in asked for name in request.get("DeviceIDs") or []]
    counted = [f"{request.get('Driver') or 'gpu'}={request.get('Count')}" for request in asked if request.get("Count")]
    return [*named, *counted, *(str(one.get("PathOnHost")) for one in host.get("Devices") or [])]


def ports(found: Found) -> list[Found]:
    """What the host publishes of it."""
    listed = (found.get("NetworkSettings") or {}).get("Ports") or {}
    return [
        {"address": str(one.get("HostIp") or ""), "port": _number(one.get("HostPort")), "inside": _number(inside)}
        for inside, published in sorted(listed.items())
        for one in published or []
    ]


def _number(port: t.Any) -> int:
    digits = re.match(r"\d{1,5}", str(port or ""))
    return int(digits.group()) if digits else 0


def addresses(found: Found) -> dict[str, str]:
    """Of the container in each network, seen from the host."""
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    return {str(name): str(one["IPAddress"]) for name, one in networks.items() if one and one.get("IPAddress")}
