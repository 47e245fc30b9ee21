# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which parts of a structure are secret, at any depth: the one place that knows names of secrets.

Pure and of the standard library only: for all of this package, and for code on the controller (what goes into a
configuration file, and what into the environment). Secret are
- every text under the name of a secret (`is_secret_name`), also far below it, and all values of `...headers...`;
- in an entry with `name` and `value`, a value whose name is one of a secret;
- texts that give themselves away: a URL with a user or with a token in its query, `--token=...`, `Bearer ...`, a raw key;
- in a list, what follows `--token` and its like.

Numbers and truth values are no secrets, nor are prices, which LiteLLM names after tokens.
"""

from __future__ import annotations

import functools
import re
import typing as t

from .prices import is_price

MASK = "********"
Path = tuple[str, ...]
Replace = t.Callable[[Path, str], t.Any]

# The last word of a name tells what its value is.
_LAST = (
    r"key|key_id|token|secrets?|passw(or)?ds?|pass|pwd|passphrase|credentials?|auth|authorization|bearer|cookies?|auth_value|"
    r"basic_auth|dsn|connection_string|webhooks?|webhook_urls?|salt|service_accounts?(_json)?"
)
SECRET = re.compile(
    rf"(^|_)({_LAST})$|secret|passw|credential|webhook|(api|access|private|service|account|master)_?key"
)
# What is said about a secret is none: litellm_credential_name, api_key_tpm_limit, token_url, credential_type.
ABOUT = re.compile(
    r"(^|_)(alias|aliases|names?|url|uri|endpoint|types?|modes?|duration|interval|ttl|path|file|limits?|budgets?|counts?|"
    r"enabled|required|expires|expiry|version|length|region|provider|description)$"
)
# Keys that open nothing.
NO_KEY = re.compile(r"^key$|(^|_)(public|cache|sort|partition|primary|foreign|group|idempotency)_key$")
HEADERS = re.compile(r"(^|_)headers?(_|$)")

_USER = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://)(?P<secret>[^/\s?#]+)(?=@)", re.IGNORECASE)
_QUERY = re.compile(r"(?P<before>[?&;](?P<name>[\w.-]+)=)(?P<secret>[^&;#\s]+)")
_NAMED = re.compile(r"^(?P<before>-{0,2}(?P<name>[A-Za-z][\w.-]*)=)(?P<secret>.+)$", re.DOTALL)
_HEADER = re.compile(r"^(?P<before>\s*(?P<name>[A-Za-z][\w-]*)\s*:\s*)(?P<secret>[^\s/].*)$", re.DOTALL)
_SCHEME = re.compile(r"^(?P<before>\s*(?:bearer|basic|token)\s+)(?P<secret>\S{6,})\s*$", re.IGNORECASE)
_RAW_KEY = re.compile(r"(?P<before>\bsk-)(?P<secret>[A-Za-z0-9_-]{8,})")
_GIVEAWAYS = (_USER, _QUERY, _NAMED, _HEADER, _SCHEME)
# Most texts have none of these, and need no closer look.
_TELLING = re.compile(r"[:=\s]|sk-|^-")
_FLAG = re.compile(r"^--?(?P<name>[A-Za-z][\w.-]*)$")
# Of a query, these are secrets too; as names of options they are too common.
_QUERY_NAMES = ("key", "sig", "code", "jwt")


@functools.lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a text under this name is a secret."""
    plain = _plain(name)
    if is_price(plain) or NO_KEY.search(plain):
        return False
    if ABOUT.search(plain) and not plain.endswith(("webhook_url", "webhook_urls")):
        return False
    return bool(SECRET.search(plain))


def _plain(name: str) -> str:
    """clientSecret, client-secret and CLIENT_SECRET are one name."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name)).lower()).strip("_")


def is_reference(text: str) -> bool:
    """Whether LiteLLM looks the value up elsewhere, so that the text itself says nothing."""
    return text.startswith("os.environ/")


def replaced(value: t.Any, replace: Replace) -> t.Any:
    """The same structure with every secret text as the function gives it for its path and the text."""
    return _replaced(value, replace, (), False)


def _replaced(value: t.Any, replace: Replace, path: Path, below: bool) -> t.Any:
    if isinstance(value, dict):
        return _replaced_entries(value, replace, path, below)
    if isinstance(value, list):
        return [
            _replaced(part, replace, (*path, str(place)), below or _follows_flag(value, place))
            for place, part in enumerate(value)
        ]
    if isinstance(value, str) and value and (below or mask_text(value) != value):
        return replace(path, value)
    return value


def _replaced_entries(value: t.Mapping[str, t.Any], replace: Replace, path: Path, below: bool) -> dict[str, t.Any]:
    named = isinstance(value.get("name"), str) and is_secret_name(value["name"])
    return {
        name: _replaced(
            part, replace, (*path, str(name)), below or _hides(str(name), part) or (named and name == "value")
        )
        for name, part in value.items()
    }


def _hides(name: str, part: t.Any) -> bool:
    # A list of headers is one of their names, which are passed on.
    return is_secret_name(name) or (isinstance(part, dict) and _is_headers(name))


@functools.lru_cache(maxsize=4096)
def _is_headers(name: str) -> bool:
    return bool(HEADERS.search(_plain(name)))


def _follows_flag(entries: t.Sequence[t.Any], place: int) -> bool:
    before = entries[place - 1] if place else None
    flag = _FLAG.match(before) if isinstance(before, str) else None
    return flag is not None and is_secret_name(flag.group("name"))


def mask_text(text: str) -> str:
    """A text without the secrets that it gives away by itself."""
    if not _TELLING.search(text):
        return text
    text = _USER.sub(rf"\g<before>{MASK}", text)
    text = _QUERY.sub(
        lambda match: _masked_if(match, is_secret_name(match["name"]) or match["name"] in _QUERY_NAMES), text
    )
    text = _NAMED.sub(lambda match: _masked_if(match, is_secret_name(match["name"])), text)
    text = _HEADER.sub(lambda match: _masked_if(match, is_secret_name(match["name"])), text)
    text = _SCHEME.sub(rf"\g<before>{MASK}", text)
    return _RAW_KEY.sub(rf"\g<before>{MASK}", text)


def _masked_if(match: t.Match[str], secret: bool) -> str:
    return match["before"] + MASK if secret else match[0]


def is_plain(value: t.Any) -> bool:
    """Whether nothing in a value could be a secret: of most that is seen without a closer look at every text."""
    if isinstance(value, str):
        return not _TELLING.search(value)
    if isinstance(value, list):
        return all(is_plain(part) for part in value)
    if not isinstance(value, dict):
        return True
    return "name" not in value and all(_is_plain_entry(name, part) for name, part in value.items())


def _is_plain_entry(name: t.Any, part: t.Any) -> bool:
    return is_plain(part) and (not isinstance(part, (str, list, dict)) or not _hides(str(name), part))


def masked(value: t.Any, mask: str = MASK) -> t.Any:
    """The same structure for showing: of a URL and its like only the secret part is masked."""
    if is_plain(value):
        return value

    def shown(path: Path, text: str) -> str:
        partly = mask_text(text)
        return partly.replace(MASK, mask) if partly != text else mask

    return replaced(value, shown)


def masked_pair(old: t.Any, new: t.Any) -> tuple[t.Any, t.Any]:
    """Two values for a diff: where only their secrets differ, that much is still to be seen."""
    if old == new:
        shown = masked(old)
        return shown, shown
    shown = masked(old), masked(new)
    if shown[0] == shown[1]:
        return masked(old, f"{MASK} (found)"), masked(new, f"{MASK} (wanted)")
    return shown


def strings(value: t.Any) -> set[str]:
    """Every secret text of a structure, and of a URL and its like the secret part as well."""
    found: set[str] = set()
    if is_plain(value):
        return found

    def collect(path: Path, text: str) -> str:
        found.add(text)
        if mask_text(text) != text:
            found.update(match["secret"] for pattern in _GIVEAWAYS for match in pattern.finditer(text))
            found.update(match["secret"].partition(":")[2] for match in _USER.finditer(text))
        return text

    replaced(value, collect)
    return found - {""}


def by_path(value: t.Any) -> dict[str, str]:
    """Every secret text of a structure by its place, such as `extra_headers.Authorization`."""
    found: dict[str, str] = {}

    def collect(path: Path, text: str) -> str:
        found[".".join(path)] = text
        return text

    replaced(value, collect)
    return found
