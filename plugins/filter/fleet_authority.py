# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_authority
short_description: Certificates of the fleet's own authorities, to verify hosts with
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Makes the certificate of each authority whose secret is given. It holds nothing secret.
  - While an authority is replaced, both are trusted, so the secrets are a list. Empty ones are left out.
requirements:
  - cryptography 45 or newer on the controller
options:
  _input:
    description: The secrets, each with 32 characters or more, such as C(llm_ca_key), C(llm_ca_next_key) and C(llm_ca_previous_key).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Have the authorities that this host trusts
  ansible.builtin.copy:
    content: "{{ [llm_ca_key, llm_ca_next_key, llm_ca_previous_key] | llmfleet.gateway.fleet_authority }}"
    dest: /etc/llmfleet-authority.pem
    mode: '0644'
"""

RETURN = r"""
_value:
  description: The certificates, PEM, one after the other.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca.certificates import CaError, authority


def fleet_authority(secrets: t.Iterable[str]) -> str:
    held = [secrets] if isinstance(secrets, str) else list(secrets)
    try:
        return "".join(authority(secret) for secret in dict.fromkeys(held) if secret)
    except CaError as error:
        raise AnsibleFilterError(f"fleet_authority: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_authority": fleet_authority}
