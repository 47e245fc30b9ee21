#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_mcp_server
short_description: Manage MCP servers of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes MCP servers in the database of a LiteLLM proxy.
  - LiteLLM never shows O(credentials). A keyed fingerprint of them is kept in O(mcp_info), under C(llmfleet), so
    that a change is seen. Another O(api_key) leads to other fingerprints and so to one update.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.rename
options:
  server_name:
    description:
      - The name of the server, without a dash.
    type: str
    required: true
    version_added: 0.1.0
  server_id:
    description:
      - The id of the server. By default LiteLLM makes one up.
      - It can be set at creation only. Keys and teams name servers by it, so one of your own makes it the same everywhere.
    type: str
    version_added: 0.1.0
  alias:
    description:
      - Another name of the server in the API.
    type: str
    version_added: 0.1.0
  description:
    description:
      - What the mcp server is for.
    type: str
    version_added: 0.1.0
  url:
    description:
      - Address of the server.
    type: str
    version_added: 0.1.0
  transport:
    description:
      - How the server is reached.
      - It can be changed and not cleared.
    type: str
    choices: [http, sse, stdio]
    version_added: 0.1.0
  auth_type:
    description:
      - How LiteLLM authenticates to the server.
    type: str
    version_added: 0.1.0
  credentials:
    description:
      - What LiteLLM authenticates with.
      - It can't be cleared as a whole.
    type: dict
    version_added: 0.1.0
  command:
    description:
      - The program of a server with the transport V(stdio).
    type: str
    version_added: 0.1.0
  args:
    description:
      - Its arguments.
    type: list
    elements: str
    version_added: 0.1.0
  env:
    description:
      - Its environment.
    type: dict
    version_added: 0.1.0
  static_headers:
    description:
      - Headers that LiteLLM adds to every request.
    type: dict
    version_added: 0.1.0
  extra_headers:
    description:
      - Names of headers that LiteLLM passes on.
    type: list
    elements: str
    version_added: 0.1.0
  mcp_access_groups:
    description:
      - Access groups of the server.
    type: list
    elements: str
    version_added: 0.1.0
  allowed_tools:
    description:
      - Tools that may be called. An empty list means all.
    type: list
    elements: str
    version_added: 0.1.0
  allow_all_keys:
    description:
      - Whether every key may use the server.
    type: bool
    version_added: 0.1.0
  server_timeout:
    description:
      - Seconds to wait for the server. LiteLLM calls it C(timeout).
    type: float
    version_added: 0.1.0
  instructions:
    description:
      - What a model is told about the server.
    type: str
    version_added: 0.1.0
  spec_path:
    description:
      - Address or path of an OpenAPI specification to make the tools from.
    type: str
    version_added: 0.1.0
  source_url:
    description:
      - Where the source of the server is.
    type: str
    version_added: 0.1.0
  env_vars:
    description:
      - Variables of the server, each with C(name), C(value) and maybe C(scope) and C(description).
    type: list
    elements: dict
    version_added: 0.1.0
  tool_name_to_description:
    description:
      - Other descriptions of tools, by their name.
    type: dict
    version_added: 0.1.0
  tool_name_to_display_name:
    description:
      - Other names of tools to show, by their name.
    type: dict
    version_added: 0.1.0
  max_concurrent_requests:
    description:
      - Requests at the same time.
    type: int
    version_added: 0.1.0
  available_on_public_internet:
    description:
      - Whether callers from public addresses may use the server. The default of LiteLLM is V(true).
    type: bool
    version_added: 0.1.0
  is_byok:
    description:
      - Whether each user brings a key of their own.
    type: bool
    version_added: 0.1.0
  byok_description:
    description:
      - What users are told about the key to bring.
    type: list
    elements: str
    version_added: 0.1.0
  byok_api_key_help_url:
    description:
      - Where users find how to get that key.
    type: str
    version_added: 0.1.0
  delegate_auth_to_upstream:
    description:
      - Whether the server itself authenticates the callers.
    type: bool
    version_added: 0.1.0
  oauth_passthrough:
    description:
      - Whether the caller's OAuth token is passed on.
    type: bool
    version_added: 0.1.0
  dcr_bridge:
    description:
      - Whether LiteLLM registers clients on their behalf, with some of O(auth_type).
    type: bool
    version_added: 0.1.0
  per_server_oauth_discovery:
    description:
      - Whether OAuth is discovered for this server by itself, with some of O(auth_type).
    type: bool
    version_added: 0.1.0
  oauth2_flow:
    description:
      - The flow of OAuth 2, V(client_credentials) or V(authorization_code).
    type: str
    version_added: 0.1.0
  issuer:
    description:
      - The issuer of tokens.
    type: str
    version_added: 0.1.0
  authorization_url:
    description:
      - Where authorization is asked for.
      - It can be changed and not cleared.
    type: str
    version_added: 0.1.0
  token_url:
    description:
      - Where tokens are got.
      - It can be changed and not cleared.
    type: str
    version_added: 0.1.0
  registration_url:
    description:
      - Where clients are registered.
      - It can be changed and not cleared.
    type: str
    version_added: 0.1.0
  audience:
    description:
      - The audience of tokens.
    type: str
    version_added: 0.1.0
  token_exchange_endpoint:
    description:
      - Where tokens are exchanged.
    type: str
    version_added: 0.1.0
  token_exchange_profile:
    description:
      - The profile of the exchange.
      - It can be changed and not cleared.
    type: str
    version_added: 0.1.0
  subject_token_type:
    description:
      - The type of the token that is exchanged.
    type: str
    version_added: 0.1.0
  mcp_info:
    description:
      - Further information on the server.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Offer an MCP server to every key
  llmfleet.gateway.litellm_mcp_server:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    server_name: docs
    url: http://10.0.0.5:8080/mcp
    transport: http
    description: Company documents
    allow_all_keys: true

- name: Delete an MCP server
  llmfleet.gateway.litellm_mcp_server:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    server_name: docs
    state: absent
"""

RETURN = r"""
operation:
  description: What was done, or would be done in check mode.
  type: str
  returned: success
  choices: [create, update, delete, none]
  sample: create
changed_fields:
  description: The options that differed from what was wanted.
  type: list
  elements: str
  returned: success
  sample: [mcp_info]
server_name:
  description: The name of the mcp server.
  type: str
  returned: success
  sample: docs
server_id:
  description: The id of the server.
  type: str
  returned: success
  sample: d23415e2-85f8-4088-8d65-ac66e4246559
object:
  description:
    - The mcp server as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    server_name: docs
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import MCP_SERVER
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(MCP_SERVER)


if __name__ == "__main__":
    main()
