# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  api_url:
    description:
      - Address of the LiteLLM proxy, such as V(http://127.0.0.1:4000) or V(https://llm.example.com).
      - If not given, the environment variables E(LITELLM_PROXY_URL), E(LITELLM_API_URL) and E(LITELLM_API_BASE)
        are tried in this order, on the machine that the module runs on.
    type: str
    required: true
    version_added: 0.1.0
  api_key:
    description:
      - The master key, or a virtual key of a proxy administrator.
      - If not given, the environment variables E(LITELLM_PROXY_API_KEY), E(LITELLM_MASTER_KEY) and
        E(LITELLM_API_KEY) are tried in this order, on the machine that the module runs on.
    type: str
    required: true
    version_added: 0.1.0
  validate_certs:
    description: Whether the certificate of the proxy is checked.
    type: bool
    default: true
    version_added: 0.1.0
  ca_path:
    description: File with certificates of authorities to trust besides those of the system.
    type: path
    version_added: 0.1.0
  timeout:
    description:
      - Seconds to wait for an answer.
      - Requests that do no harm when they are done twice, and those that the proxy turned away with status 429,
        are tried up to four times.
    type: float
    default: 30
    version_added: 0.1.0
  changed_by:
    description: Who is named as the author of changes in the audit log of LiteLLM.
    type: str
    version_added: 0.1.0
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description:
      - Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled/queried by the module has not changed in a relevant way.
  action_group:
    description: Use C(group/llmfleet.gateway.litellm) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - llmfleet.gateway.litellm
notes:
  - Only options that are given are compared. An option that is left out stays as it is on the proxy, an option
    that is set to V(null) is cleared.
  - Requires no Python library besides the standard one.
"""

    # What the modules for one object have in common.
    OBJECT = r"""
options:
  state:
    description: Whether the object should exist.
    type: str
    choices: [present, absent]
    default: present
    version_added: 0.1.0
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - The options of the object carry the names of LiteLLM's own API.
"""

    # Another name for an object that is there.
    RENAME = r"""
options:
  previous_name:
    description:
      - The name that the object had. If there is none of the new name and one of this, that one is renamed; it keeps its id
        and all else.
      - Once it is renamed, this changes nothing.
    type: str
    version_added: 0.1.0
"""

    # What LiteLLM deletes or changes along with an object.
    CASCADE = r"""
options:
  cascade:
    description:
      - Whether what LiteLLM deletes or unlinks along with this object may go, whosever it is.
      - Without it, objects that do not carry the marker of the same owner and objects that are declared stop the deletion,
        which names them. What goes along is in the diff and in C(along) either way.
    type: bool
    default: false
    version_added: 0.1.0
"""

    # The user's own notes on an object.
    METADATA = r"""
options:
  metadata:
    description:
      - Free metadata. What LiteLLM or this collection keep in there is never lost.
    type: dict
    version_added: 0.1.0
  metadata_mode:
    description:
      - With V(merge) the entries of O(metadata) are added to those that exist, and an entry that is V(null) is removed.
      - With V(replace) all other entries are removed.
    type: str
    choices: [merge, replace]
    default: merge
    version_added: 0.1.0
"""

    # What an object may spend, and how fast.
    LIMITS = r"""
options:
  soft_budget:
    description:
      - The spend at which LiteLLM warns.
    type: float
    version_added: 0.1.0
  budget_duration:
    description:
      - After what time the spend starts anew, such as V(30d).
    type: str
    version_added: 0.1.0
  tpm_limit:
    description:
      - Tokens a minute.
    type: int
    version_added: 0.1.0
  rpm_limit:
    description:
      - Requests a minute.
    type: int
    version_added: 0.1.0
"""

    # How the action plugins of keys talk to their modules.
    CONTROLLER_STORE = r"""
options:
  controller_store:
    description: Used between the action plugin and the module. Do not set it.
    type: dict
    version_added: 0.1.0
    suboptions:
      where:
        description: Used between the action plugin and the module. Do not set it.
        type: dict
        version_added: 0.1.0
      held:
        description: Used between the action plugin and the module. Do not set it.
        type: dict
        version_added: 0.1.0
      loose:
        description: Used between the action plugin and the module. Do not set it.
        type: list
        elements: str
        version_added: 0.1.0
      pads:
        description: Used between the action plugin and the module. Do not set it.
        type: dict
        version_added: 0.1.0
      plan_only:
        description: Used between the action plugin and the module. Do not set it.
        type: bool
        default: false
        version_added: 0.1.0
      undo:
        description: Used between the action plugin and the module. Do not set it.
        type: list
        elements: str
        version_added: 0.1.0
"""
