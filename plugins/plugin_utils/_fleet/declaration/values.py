# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of single values: numbers, addresses, durations, sizes, paths. Each answers what is wrong and what to write.

The tables in rules/ are made of these. A rule gets a value of the right type; text of it is shown, so none is for secrets.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import Rule, shown

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_COMPOSE_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+", re.ASCII)
_LITELLM_DURATION = re.compile(r"[1-9]\d*(?:mo|s|m|h|d|w)", re.ASCII)
_SYSTEMD_UNIT = "us|usec|ms|msec|s|sec|seconds?|m|min|minutes?|h|hr|hours?|d|days?|w|weeks?|M|months?|y|years?"
#: A number without a unit ends the text, or a space follows: any other form would be tried in all ways that digits can be cut.
_SYSTEMD_DURATION = re.compile(rf"(?:\d+(?:\.\d+)?(?: *(?:{_SYSTEMD_UNIT}) *| +|$))+", re.ASCII)
_DOCKER_SIZE = re.compile(r"\d+(?:\.\d+)? ?(?:[kmgtp]?(?:i?b)?)", re.IGNORECASE | re.ASCII)
_POSTGRES_SIZE = re.compile(r"\d+ *(?:B|kB|MB|GB|TB)?", re.ASCII)
_VERSION = re.compile(r"\d+(?:\.\d+){1,3}[0-9A-Za-z]*(?:[.+-][0-9A-Za-z]+)*", re.ASCII)
_THREE_NUMBERS = re.compile(r"\d+(?:\.\d+){2}", re.ASCII)
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*\.?"
)


def matching(pattern: re.Pattern[str], what: str, example: str) -> Rule:
    """A rule that the whole text has a form."""

    def rule(value: t.Any) -> str:
        return "" if pattern.fullmatch(str(value)) else f"{shown(value)} is no {what}; write one such as {example}"

    return rule


def optional(rule: Rule) -> Rule:
    """An empty text means that nothing is set."""
    return lambda value: "" if value == "" else rule(value)


def each(rule: Rule) -> Rule:
    """The first fault among the entries of a list."""
    return lambda values: next((fault for fault in map(rule, values) if fault), "")


def both(*rules: Rule) -> Rule:
    """The first fault of several rules."""
    return lambda value: next((fault for fault in (rule(value) for rule in rules) if fault), "")


def every(*rules: Rule) -> Rule:
    """The faults of several rules, each of which can judge what another refuses."""
    return lambda value: "; ".join(dict.fromkeys(fault for fault in (rule(value) for rule in rules) if fault))


def between(low: float, high: float = float("inf")) -> Rule:
    """A number in a range, with its ends."""
    wanted = f"a number from {low:g}" + ("" if high == float("inf") else f" to {high:g}")

    def rule(value: t.Any) -> str:
        return "" if low <= value <= high else f"{value} is out of range; write {wanted}"

    return rule


def above_zero(value: t.Any) -> str:
    return "" if value > 0 else f"{value} is out of range; write a number above 0"


def port(value: t.Any) -> str:
    return "" if 1 <= value <= 65535 else f"{value} is no port; write a number from 1 to 65535"


def unprivileged_port(value: t.Any) -> str:
    return "" if 1024 <= value <= 65535 else f"{value} is no port for it; write a number from 1024 to 65535"


def uid(value: t.Any) -> str:
    return "" if 0 <= value < 2**32 - 1 else f"{value} is no user or group id; write a number from 0 to 4294967294"


def address(value: t.Any) -> str:
    """An IPv4 or IPv6 address, IPv6 without brackets."""
    text = str(value)
    if text.startswith("[") and text.endswith("]") and not address(text[1:-1]):
        return f"{shown(value)} has brackets; write {text[1:-1]}"
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return f"{shown(value)} is no IP address; write one such as 10.0.0.5 or fd00::5"
    return f"{shown(value)} has a zone, which only one host knows; write an address without %" if "%" in text else ""


def reachable_address(value: t.Any) -> str:
    """An address that other hosts can connect to."""
    fault = address(value)
    if fault or not ipaddress.ip_address(str(value)).is_unspecified:
        return fault
    return f"{shown(value)} stands for all addresses; write the one that other hosts reach"


def is_public(value: t.Any) -> bool:
    """Whether the internet can reach an address; text that is none is not."""
    try:
        return ipaddress.ip_address(str(value)).is_global
    except ValueError:
        return False


def host(value: t.Any) -> str:
    """A name or an address."""
    if not address(value) or _HOST.fullmatch(str(value)):
        return ""
    return f"{shown(value)} is no host; write a name such as db.example.com, or an address without brackets and port"


def network(value: t.Any) -> str:
    try:
        ipaddress.ip_network(str(value), strict=False)
    except ValueError:
        return f"{shown(value)} is no network; write one such as 10.200.0.0/16"
    return "" if "/" in str(value) else f"{shown(value)} has no prefix; write it as 10.200.0.0/16"


compose_duration = matching(_COMPOSE_DURATION, "duration of Docker Compose", "90s, 15m or 1h30m")
litellm_duration = matching(_LITELLM_DURATION, "duration of LiteLLM", "30s, 10m, 12h, 30d, 4w or 1mo")
systemd_duration = matching(_SYSTEMD_DURATION, "time span of systemd", "60s or 5min")
postgres_size = matching(_POSTGRES_SIZE, "size of PostgreSQL", "512MB or 2GB")
version = matching(_VERSION, "version", "0.32.0")
three_numbers = matching(
    _THREE_NUMBERS, "released version", "29.8.2, three numbers without epoch and packaging revision"
)
checksum = matching(re.compile(r"[0-9a-f]{64}"), "SHA-256", "the 64 hexadecimal digits that sha256sum prints")


def docker_size(value: t.Any) -> str:
    text = str(value)
    if _DOCKER_SIZE.fullmatch(text) and float(re.split(r"[^\d.]", text)[0]) > 0:
        return ""
    return f"{shown(value)} is no size; write a number with k, m or g, such as 256m or 16g"


def log_size(value: t.Any) -> str:
    if re.fullmatch(r"[1-9][0-9]*[kmg]", str(value)):
        return ""
    return f"{shown(value)} is no size of a log; write a whole number with k, m or g, such as 50m"


def one_line(value: t.Any) -> str:
    """Text that goes into a file by itself."""
    return "has a control character or a line end; take it out" if _CONTROL.search(str(value)) else ""


def not_empty(value: t.Any) -> str:
    return one_line(value) if str(value).strip() else "is empty; write a text, or leave it out for the default"


def path(value: t.Any) -> str:
    """An absolute path on a host."""
    text = str(value)
    if one_line(text):
        return "has a control character or a line end; write an absolute path such as /opt/llmfleet"
    if not text.startswith("/") or text.startswith("//") or {".", ".."} & set(text.split("/")):
        return f"{shown(value)} is no absolute path; write one such as /opt/llmfleet, without .. and ."
    return "" if text.strip("/") else "is /, the whole host; write a directory such as /opt/llmfleet"


#: Folders of the system, or of everybody.
_OTHERS = """
/bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/lib /usr/local /usr/local/lib
/usr/share /var /var/lib /var/lib/docker /var/log /var/opt /var/tmp
"""
_SHARED = frozenset(_OTHERS.split())


def own_path(value: t.Any) -> str:
    """A folder in which models, postgres, backup and the like are the fleet's, so that they may be removed one day."""
    if str(value).rstrip("/") in _SHARED:
        return f"{shown(value)} is a folder that others use too; write one of the fleet's own, such as {str(value).rstrip('/')}/llmfleet"
    return path(value)


def url(value: t.Any) -> str:
    if re.fullmatch(r"https?://[^\s/]+(?:/\S*)?", str(value)) and not one_line(value):
        return ""
    return f"{shown(value)} is no address; write one with http:// or https://"


def repository_url(value: t.Any) -> str:
    if re.fullmatch(r"(?:https?|file)://\S*[^/\s]", str(value)):
        return ""
    return f"{shown(value)} is no repository's address; write one with https:// and without a slash at its end"


def public_key(value: t.Any) -> str:
    if "-----BEGIN PGP PUBLIC KEY BLOCK-----" in str(value) or (
        re.match(r"[~./\w]", str(value)) and not one_line(value)
    ):
        return ""
    return "is no key; write an armoured public key, or the path of one on the controller"
