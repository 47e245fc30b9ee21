# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_certificate
short_description: Certificate and private key of a host, by the fleet's own authority
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Makes the certificate by which a host of the fleet proves to the others who it is, as a server and as a client, with its
    private key on P-256.
  - Everything is derived from the secret of the authority, so that the same input gives the same bytes, and nothing beside the
    secret has to be kept.
  - Certificates change every 180 days by themselves, with a new key. Each is good for 730 days from the begin of its 180 days.
requirements:
  - cryptography 45 or newer on the controller
positional: host, addresses
options:
  _input:
    description: The secret of the authority, with 32 characters or more, C(llm_ca_key).
    type: str
    required: true
  host:
    description: Name of the host. It is the certificate's name, and one of those that it is good for.
    type: str
    required: true
  addresses:
    description: Further names and IP addresses that it is good for.
    type: list
    elements: str
    default: []
  now:
    description: The time by which it is made, as ISO 8601 with a time zone. By default the present.
    type: str
"""

EXAMPLES = r"""
- name: Have the certificate of this host
  ansible.builtin.copy:
    content: "{{ llm_ca_key | llmfleet.gateway.fleet_certificate(inventory_hostname, ['10.0.0.21']) }}"
    dest: /etc/llmfleet-host.pem
    mode: '0600'
  diff: false
"""

RETURN = r"""
_value:
  description: The certificate and the private key, PEM, as HAProxy and Caddy read them from one file.
  type: str
"""

import datetime
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca.certificates import CaError, certificate


def fleet_certificate(secret: str, host: str, addresses: t.Iterable[str] = (), now: str | None = None) -> str:
    moment = datetime.datetime.fromisoformat(now) if now else datetime.datetime.now(datetime.timezone.utc)
    try:
        return certificate(secret, host, addresses, moment)
    except CaError as error:
        raise AnsibleFilterError(f"fleet_certificate: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_certificate": fleet_certificate}
