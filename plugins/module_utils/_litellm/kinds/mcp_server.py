# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MCP servers behind the proxy."""

from __future__ import annotations

import re
import typing as t

from ._table import EMPTY, INT32, NEVER, SECRETS, Field, Found, Kind, Listing, Write

VARIABLE = (
    Field("name", needed=True),
    Field("value", secret=True, default=""),
    Field("scope", default="global", choices=("global", "user")),
    Field("description"),
)

OAUTH = (
    "oauth2_flow",
    "issuer",
    "authorization_url",
    "token_url",
    "registration_url",
    "audience",
    "token_exchange_endpoint",
    "token_exchange_profile",
    "subject_token_type",
    "dcr_bridge",
)


def with_address(body: Found, found: Found) -> dict[str, t.Any]:
    """A transport is refused without the address that goes with it."""
    parts = ("url", "spec_path", "command", "args") if "transport" in body else ()
    return {name: found[name] for name in parts if found.get(name)}


def oauth_again(body: Found, found: Found) -> dict[str, t.Any]:
    """A new address, issuer or way of authentication empties what belongs to it, even what is sent along unchanged."""
    if not {"url", "issuer", "auth_type", "authorization_url"} & set(body):
        return {}
    return {name: found[name] for name in OAUTH if found.get(name) and name not in body}


def credentials_would_go(given: Found, changed: t.Collection[str], found: Found) -> str | None:
    if "auth_type" in changed and found.get("auth_type") and "credentials" not in given:
        return "a new auth_type drops the credentials: give `credentials` as well, or null for none"
    return None


def programs_are_off(read: t.Callable[[str], t.Any], name: str, given: Found, changed: t.Collection[str]) -> list[str]:
    """Whether the proxy starts programs as servers. Which ones besides the usual it doesn't say."""
    if given.get("transport") != "stdio" or "transport" not in changed:
        return []
    settings = read("/.well-known/litellm-ui-config")
    if not isinstance(settings, dict) or settings.get("mcp_stdio_enabled") is not False:
        return []
    return ["the proxy starts no programs as MCP servers: set LITELLM_ENABLE_MCP_STDIO=true in its environment"]


def address(given: Found) -> list[str]:
    if given.get("transport") == "stdio":
        return [part for part in ("command", "args") if not given.get(part)]
    remote = given.get("transport") in (None, "http", "sse") and not given.get("command")
    return [] if not remote or given.get("url") or given.get("spec_path") else ["url or spec_path"]


# A hyphen stands between a server's name and a tool's.
def usual_parts(found: Found) -> tuple[str, ...]:
    if str(found.get("auth_type")).startswith("oauth2"):
        return ("client_id", "client_secret")
    return ("aws_access_key_id", "aws_secret_access_key") if found.get("auth_type") == "aws_sigv4" else ("auth_value",)


NAME = re.compile(r"[A-Za-z0-9._]{1,128}")
NAMES = "LiteLLM takes names of up to 128 letters, digits, underscores and points only, without a hyphen: write an underscore"


TOOL_NAME = re.compile(r"[A-Za-z0-9_-]+")
ADDRESSES = ("issuer", "authorization_url", "token_url", "registration_url")


def plain_alias(name: str, given: Found) -> list[str]:
    wrong = [f"alias: {NAMES}"] if given.get("alias") and not NAME.fullmatch(given["alias"]) else []
    if "/" in str(given.get("server_id") or ""):
        wrong.append("server_id: LiteLLM can't delete a server whose id has a slash")
    shown = given.get("tool_name_to_display_name") or {}
    strange = (one for one in shown.values() if not TOOL_NAME.fullmatch(str(one)))
    wrong += [
        f"tool_name_to_display_name: {one!r} has other characters than letters, digits, _ and -" for one in strange
    ]
    spaced = (part for part in ADDRESSES if given.get(part) and given[part] != given[part].strip())
    return wrong + [f"{part} has white space around it" for part in spaced]


def plain_name(name: str) -> str | None:
    return None if NAME.fullmatch(name) else NAMES


MCP_SERVER = Kind(
    name="mcp_server",
    new_name=plain_name,
    lacking=address,
    not_taken=programs_are_off,
    faults=plain_alias,
    plural="mcp_servers",
    identity="server_name",
    one_name=("server_name", "alias"),
    id="server_id",
    fields=(
        Field("server_id", create_only=True, clear=NEVER),
        Field("alias", unique=True),
        Field("description"),
        Field("url"),
        Field("transport", choices=("http", "sse", "stdio"), clear=NEVER),
        Field("auth_type", described="NewMCPServerRequest.auth_type"),
        Field(
            "credentials",
            "dict",
            compare=SECRETS,
            all_secret=True,
            secret=True,
            clear=NEVER,
            usual_parts=usual_parts,
        ),
        Field("command"),
        Field("args", "list", "str", ordered=True, clear=EMPTY),
        Field("env", "dict", values="str", secret=True, clear=EMPTY),
        Field("static_headers", "dict", values="str", secret=True, clear=EMPTY),
        Field("extra_headers", "list", "str", clear=EMPTY),
        Field("mcp_access_groups", "list", "str", clear=EMPTY),
        Field("allowed_tools", "list", "str", clear=EMPTY),
        Field("allow_all_keys", "bool", default=False),
        Field("server_timeout", "float", path=("timeout",), api_name="timeout"),
        Field("instructions"),
        Field("spec_path"),
        Field("source_url"),
        Field("env_vars", "list", "dict", secret=True, clear=EMPTY, parts=VARIABLE),
        Field("tool_name_to_description", "dict", values="str", clear=EMPTY, plain=True, young=True),
        Field("tool_name_to_display_name", "dict", values="str", clear=EMPTY, plain=True, young=True),
        Field("max_concurrent_requests", "int", most=INT32, young=True),
        Field("available_on_public_internet", "bool", default=True),
        Field("is_byok", "bool", default=False),
        Field("byok_description", "list", "str", ordered=True, clear=EMPTY),
        Field("byok_api_key_help_url"),
        Field("delegate_auth_to_upstream", "bool", default=False),
        Field("oauth_passthrough", "bool", default=False),
        Field("dcr_bridge", "bool", default=False, young=True),
        Field("per_server_oauth_discovery", "bool", default=False, young=True),
        Field("oauth2_flow", choices=("client_credentials", "authorization_code"), young=True),
        Field("issuer", young=True),
        Field("authorization_url", clear=NEVER),
        Field("token_url", clear=NEVER),
        Field("registration_url", clear=NEVER),
        Field("audience", young=True),
        Field("token_exchange_endpoint", young=True),
        Field("token_exchange_profile", clear=NEVER, young=True),
        Field("subject_token_type", default="urn:ietf:params:oauth:token-type:access_token", young=True),
        Field("mcp_info", "dict"),
    ),
    listing=Listing("/v1/mcp/server"),
    create=Write("POST", "/v1/mcp/server"),
    renamable=True,
    update=Write("PUT", "/v1/mcp/server", id_field="server_id"),
    delete=Write("DELETE", "/v1/mcp/server/{id}"),
    annotations="mcp_info",
    declarable=lambda found: not found.get("is_config"),
    sent_along=with_address,
    companions=(("auth_type", "credentials"),),
    obstacle=credentials_would_go,
    restored=oauth_again,
    # A copy of the old description in here would win over a new description.
    always_there=frozenset({"no-mcp-servers", "all-proxy-mcpservers", "all-team-mcpservers"}),
    echoed_metadata=frozenset({"server_name", "description"}),
)
