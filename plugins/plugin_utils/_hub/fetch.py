# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP to the hub through Ansible's own opener."""

from __future__ import annotations

from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit

from ansible.module_utils.urls import open_url

from .repository import Fetch, http_status

REDIRECTS = (301, 302, 303, 307, 308)


def fetcher(timeout: int, validate_certs: bool) -> Fetch:
    """One GET through Ansible's own opener, which knows proxies and certificates."""

    def once(url: str, token: str) -> tuple[int, bytes, dict[str, str]]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = open_url(
                url, headers=headers, timeout=timeout, validate_certs=validate_certs, follow_redirects="none"
            )
        except HTTPError as error:
            return http_status(error)
        return answer.getcode(), answer.read(), {}

    def fetch(url: str, token: str) -> tuple[int, bytes, dict[str, str]]:
        for _redirect in range(5):
            status, body, headers = once(url, token)
            if status not in REDIRECTS or "location" not in headers:
                return status, body, headers
            target = urljoin(url, headers["location"])
            # The hub hands large files to other hosts, which must not see the token.
            token = token if urlsplit(target).netloc == urlsplit(url).netloc else ""
            url = target
        return status, body, headers

    return fetch
