# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GET requests to the hub: bounded in time and size, the token for the hub's own address only.

Used by describe and by the action plugin vllm_model_info.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

# (url, token) -> status, body, headers by lower-case name
Fetch = Callable[[str, str], tuple[int, bytes, dict[str, str]]]

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5
# The largest index of a safetensors checkpoint is some 10 MiB.
MOST_BYTES = 64 * 1024**2


class _NoRedirect(HTTPRedirectHandler):
    """Redirects are followed below, where the token can be dropped."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


def fetcher(timeout: float, validate_certs: bool = True) -> Fetch:
    """A function that gets one page within timeout seconds, through the proxies of the environment."""
    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    opener = build_opener(HTTPSHandler(context=context), _NoRedirect())

    def fetch(url: str, token: str) -> tuple[int, bytes, dict[str, str]]:
        end = time.monotonic() + timeout
        for _redirect in range(MOST_REDIRECTS + 1):
            status, body, headers = _get(opener, url, token, end)
            if status not in REDIRECTS or "location" not in headers:
                return status, body, headers
            target = urljoin(url, headers["location"])
            # The hub hands large files to other hosts, which must not see the token.
            token = token if _origin(target) == _origin(url) else ""
            url = target
        raise OSError("too many redirects")

    return fetch


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise OSError("redirected to something that is not HTTP")
    return parts.scheme, parts.netloc


def _get(opener: OpenerDirector, url: str, token: str, end: float) -> tuple[int, bytes, dict[str, str]]:
    request = Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    try:
        with opener.open(request, timeout=left) as answer:
            return answer.status, _body(answer, end), _names(answer.headers)
    except HTTPError as error:
        with error:
            return error.code, b"", _names(error.headers)


def _names(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _body(answer: Any, end: float) -> bytes:
    """The whole body; a server that trickles or never ends gets no more than its time and its size."""
    parts, size = [], 0
    while part := answer.read1(65536):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise OSError("the answer is too large for a model's description")
        if time.monotonic() > end:
            raise TimeoutError("no answer in time")
    return b"".join(parts)
