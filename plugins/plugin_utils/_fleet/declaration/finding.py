# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule finds, and how findings become lines. Every file of this package may import it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts

#: A line names that many hosts; the rest is a number.
NAMED_HOSTS = 6
LONGEST = 60


class Unreadable(t.NamedTuple):
    """Stands in the place of a variable's value that can't be templated."""

    reason: str


class Finding(t.NamedTuple):
    """One fault or warning of a variable. Without a host it is one of the whole fleet."""

    variable: str
    text: str
    host: str = ""


class Place(t.NamedTuple):
    """The host that a rule looks at. `values` lacks what is wrong already, so that one mistake is one line."""

    host: str
    groups: frozenset[str]
    values: t.Mapping[str, t.Any]
    gateways: tuple[str, ...]
    gpu_servers: tuple[str, ...]

    @property
    def gpus(self) -> int:
        """GPUs of this host as declared; a host that is no GPU server has none that matter."""
        count = self.values.get("llm_gpu_count", 1)
        return int(count) if "gpu_servers" in self.groups and isinstance(count, int) else 0


#: A rule of one value: what is wrong and what to write, or nothing.
Rule = t.Callable[[t.Any], str]
#: A rule of several variables of one host.
Relation = t.Callable[[Place], t.Iterable[tuple[str, str]]]

_PREDICATE = re.compile(r"(?:is|has|must|does|can't|differs|stands|begins)\b")


def shown(value: t.Any) -> str:
    """A value as a message repeats it: short, and without what gives itself away as a secret, such as a URL's password."""
    if isinstance(value, (dict, list)):
        return "a dictionary" if isinstance(value, dict) else "a list"
    text = value if isinstance(value, str) else repr(value)
    text = secret_parts.mask_text(text)
    text = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return repr(text) if isinstance(value, str) else text


def lines(findings: t.Iterable[Finding], groups: t.Mapping[str, t.Sequence[str]]) -> list[str]:
    """One line for each fault; those that are alike on several hosts are one."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        known = hosts.setdefault((finding.variable, finding.text), [])
        if finding.host and finding.host not in known:
            known.append(finding.host)
    return [_line(variable, text, _where(found, groups)) for (variable, text), found in hosts.items()]


def _line(variable: str, text: str, where: str) -> str:
    subject = " on ".join(part for part in (variable, where) if part)
    if not subject:
        return text
    return f"{subject} {text}" if _PREDICATE.match(text) else f"{subject}: {text}"


def _where(hosts: list[str], groups: t.Mapping[str, t.Sequence[str]]) -> str:
    gateways, servers = (set(groups.get(name, ())) for name in ("gateways", "gpu_servers"))
    if len(hosts) < 2:
        return "".join(hosts)
    for name, members in (("all hosts", gateways | servers), ("gateways", gateways), ("gpu_servers", servers)):
        if set(hosts) == members:
            return name
    rest = len(hosts) - NAMED_HOSTS
    return ", ".join(hosts[:NAMED_HOSTS]) + (f" and {rest} more" if rest > 0 else "")
