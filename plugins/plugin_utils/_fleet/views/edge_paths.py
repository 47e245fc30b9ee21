# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LiteLLM's paths by who needs them. The edge lets through what is named here, and nothing else.

Data, and how Caddy reads it. Only views/edge_config.py and tests import it. The routes are those of LiteLLM 1.104.5.
"""

from __future__ import annotations

API, MANAGEMENT, UI, DOCS = "api", "management", "ui", "docs"
GROUPS = (API, MANAGEMENT, UI, DOCS)

#: Each with everything below it, and both as it is and below /v1.
_BOTH = """
a2a assistants audio batches chat completions containers decisions embeddings evals files fine_tuning images messages moderations ocr rag realtime
rerank responses search skills systemone threads vector_stores videos
"""
#: Each with everything below it.
_API = """
/cursor /engines /interactions /mcp /models /openai/deployments /openai/v1 /v1/models /v1beta /v2/rerank
"""
#: By themselves. What says only that the proxy lives is for balancers; readiness tells more.
_API_ALONE = "/health/liveliness /health/liveness /utils/token_counter"

_MANAGEMENT = """
/access_group /active /adaptive_router /agent /agents /apply_guardrail /audit /auto_router /budget /cache /callbacks /claude-code /cloudzero
/compliance /config /config_overrides /coordination_redis /cost /cost_optimization /credentials /customer /email /end_user /fallback /gateway /get
/global /guardrails /invitation /jwt /key /management /mcp-rest /model /model_group /model_hub /organization /policies /policy /project /prompts
/provider /public /router /scim /search_tools /settings /spend /tag /team /toolset /update /usage /user /utils /vantage /vector_store
/v1/access_group /v1/agents /v1/guardrails /v1/indexes /v1/mcp /v1/memory /v1/model /v1/tool /v1/unified_access_group /v1/vector_store
/v1/workflows /v2/guardrails /v2/key /v2/model /v2/organization /v2/team /v2/user
/add/allowed_ip /delete/allowed_ip /upload/logo
/health/services /health/history /health/latest /health/license /health/test_connection /health/shared-status
"""
_MANAGEMENT_ALONE = "/health /health/readiness"

_UI = """
/ui /_next /litellm-asset-prefix /login /v2/login /v3/login /fallback/login /logout /session /sso /onboarding
"""
_UI_ALONE = """
/favicon.ico /get_favicon /get_image /get_logo_url /.well-known/litellm-ui-config /litellm/.well-known/litellm-ui-config
"""

_DOCS = "/docs /redoc /swagger"
_DOCS_ALONE = "/ /openapi.json /routes"


def _below(*paths: str) -> list[str]:
    return [pattern for path in paths for pattern in (path, f"{path}/*")]


#: Caddy's patterns by group: a path by itself, or with /* everything below it.
PATHS: dict[str, list[str]] = {
    API: [
        *_below(*(f"{prefix}/{name}" for name in _BOTH.split() for prefix in ("", "/v1")), *_API.split()),
        *_API_ALONE.split(),
    ],
    MANAGEMENT: [*_below(*_MANAGEMENT.split()), *_MANAGEMENT_ALONE.split()],
    UI: [*_below(*_UI.split()), *_UI_ALONE.split()],
    DOCS: [*_below(*_DOCS.split()), *_DOCS_ALONE.split()],
}


def group_of(path: str) -> str:
    """The group of a path; empty for one that the edge closes."""
    return next((name for name in GROUPS if any(_matches(path, pattern) for pattern in PATHS[name])), "")


def _matches(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("/*") else path == pattern
