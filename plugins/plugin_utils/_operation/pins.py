# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images in use as variables that pin them by digest."""

from __future__ import annotations

import re
import typing as t

PREFIX = "llmfleet-"
NAME = re.compile(r"[a-z]+")
IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]+")
HEAD = "---\n# Images in use by their digests, written by the playbook digests. Without this file the releases are as declared.\n"


def pins(hosts: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]) -> dict[str, t.Any]:
    """Of the containers of each host: the variables, and why some image has none."""
    found: dict[str, dict[str, set[str]]] = {}
    for host, containers in hosts.items():
        for one in containers:
            image = pinned(str(one.get("image") or ""), str(one.get("digest") or ""))
            found.setdefault(variable(one), {}).setdefault(image, set()).add(host)
    faults = [fault for name, images in found.items() if name for fault in _faults(name, images)]
    good = {name: next(iter(images)) for name, images in sorted(found.items()) if name and not _faults(name, images)}
    return {
        "variables": good,
        "faults": faults,
        "text": HEAD + "".join(f"{name}: {image}\n" for name, image in good.items()),
    }


def variable(container: t.Mapping[str, t.Any]) -> str:
    """That of the service whose project has the container's name; a container beside it has an image of its own."""
    project, service = str(container.get("project") or ""), str(container.get("service") or "")
    name = project[len(PREFIX) :].partition("-")[0] if project.startswith(PREFIX) else ""
    return f"{name}_image" if NAME.fullmatch(name) and service == name else ""


def pinned(image: str, digest: str) -> str:
    """With the tag, which the engine ignores beside a digest and people read. Empty without a digest, and for what is no image: it becomes
    a variable of the inventory, whose texts are templates."""
    found = f"{image.partition('@')[0]}@{digest}"
    return found if IMAGE.fullmatch(found) else ""


def _faults(name: str, images: t.Mapping[str, set[str]]) -> list[str]:
    if "" in images:
        where = ", ".join(sorted(images[""]))
        return [f"{name} has no digest on {where}: its image was built or loaded there, and no registry knows it"]
    if len(images) > 1:
        told = "; ".join(f"{image} on {', '.join(sorted(hosts))}" for image, hosts in sorted(images.items()))
        return [f"{name} is not one: {told}. Run site.yml first"]
    return []
