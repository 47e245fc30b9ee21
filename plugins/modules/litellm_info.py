#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_info
short_description: Read objects of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads objects of a LiteLLM proxy, all pages of them, without changing anything.
  - Also shows how to declare them for M(llmfleet.gateway.litellm_state).
extends_documentation_fragment:
  - llmfleet.gateway.litellm
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    support: full
    details:
      - This action does not modify state.
options:
  kinds:
    description:
      - Which kinds of objects to read, named as in O(llmfleet.gateway.litellm_state#module:desired). By default all that
        need no licence.
    type: list
    elements: str
    version_added: 0.1.0
  names:
    description: Read only objects of these names, which are aliases for keys and teams. Needs exactly one of O(kinds).
    type: list
    elements: str
    version_added: 0.1.0
  owner:
    description: Read only objects that carry the marker of this owner.
    type: str
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Read one key
  llmfleet.gateway.litellm_info:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    kinds: [keys]
    names: [my-app]
  register: info

- name: Read everything that this collection's state owns
  llmfleet.gateway.litellm_info:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    owner: llmfleet.gateway
"""

RETURN = r"""
objects:
  description: The objects as LiteLLM shows them, by kind.
  type: dict
  returned: success
  sample:
    keys:
      - key_alias: my-app
        max_budget: 100.0
desired:
  description:
    - The objects as one would declare them in O(llmfleet.gateway.litellm_state#module:desired).
    - Secrets, and the raw values of keys, can't be read from LiteLLM. They stand as variables of a vault to fill in.
    - Budgets that LiteLLM made by itself for limits of another object, models of the configuration file and the
      administrator of the proxy are left out.
    - Aliases, metadata and so on come from users of the gateway. To write this into a variables file, where Ansible takes
      texts for templates, use P(llmfleet.gateway.llm_state_yaml#filter).
  type: dict
  returned: success
  sample:
    keys:
      - key_alias: my-app
        key: "{{ vault_key_my_app_key }}"
        max_budget: 100
placeholders:
  description:
    - Where in RV(desired) the variables to fill in are. Any other text that looks like a template is what somebody wrote into
      LiteLLM.
  type: list
  elements: list
  returned: success
  sample:
    - [keys, '0', key]
"""

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import export, reader, refusals, showing
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.annotations import owner_of
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import connection_spec
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.client import Client
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.errors import NoKindError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import ACCESS_GROUP, KINDS, Kind
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.module import LiteLLMModule

ByKind = dict[str, reader.Objects]


def read_all(
    client: Client, kinds: t.Sequence[str], names: t.Sequence[str] | None, owner: str | None, named: bool
) -> dict[str, t.Any]:
    read: ByKind = {}
    for plural in kinds:
        try:
            read[plural] = read_kind(client, KINDS[plural], names, owner)
        except NoKindError:
            # An older proxy has not all kinds: one that was asked for by its name is missed.
            if named:
                raise
    portable = export.portable(read, group_names(client, read))
    declared = export.unambiguous({plural: export.desired(KINDS[plural], items) for plural, items in portable.items()})
    return {
        "changed": False,
        "objects": {p: [showing.visible(KINDS[p], item) for item in items] for p, items in read.items()},
        "desired": declared,
        "placeholders": export.placeholder_paths(declared),
    }


def read_kind(client: Client, kind: Kind, names: t.Sequence[str] | None, owner: str | None) -> reader.Objects:
    if kind.enterprise:
        refusals.refuse_without_licence(client, kind)
    items = reader.read(client, kind, names)
    if any(field.detail for field in kind.fields):
        items = [reader.with_detail(client, kind, item) for item in items]
    named = [item for item in items if not names or item.get(kind.identity) in names]
    return [item for item in named if owner is None or owner_of(kind, item) == owner]


def group_names(client: Client, read: ByKind) -> dict[str, str]:
    """The access groups that keys are in, also when they were not asked for."""
    named = any(key.get("access_group_ids") for key in read.get("keys", []))
    groups = reader.read(client, ACCESS_GROUP) if named else []
    return {group["access_group_id"]: group["access_group_name"] for group in groups}


def main() -> None:
    module = LiteLLMModule(
        argument_spec={
            **connection_spec(),
            "kinds": {"type": "list", "elements": "str"},
            "names": {"type": "list", "elements": "str"},
            "owner": {"type": "str"},
        },
        supports_check_mode=True,
    )
    named = module.params["kinds"]
    kinds = named or [plural for plural in KINDS if not KINDS[plural].enterprise]
    names, owner = module.params["names"], module.params["owner"]
    unknown = [plural for plural in kinds if plural not in KINDS]
    if unknown:
        module.refuse(f"kinds: there is no {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if names and len(kinds) != 1:
        module.refuse("names needs exactly one of kinds")
    client = module.client()
    module.run(lambda: read_all(client, kinds, names, owner, bool(named)))


if __name__ == "__main__":
    main()
