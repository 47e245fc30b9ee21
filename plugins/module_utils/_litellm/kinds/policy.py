# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies: which guardrails apply, and where. A policy that is in force can't be changed: its next version takes its place."""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from ._naming import Named, Naming
from ._table import (
    EMPTY,
    GUARDRAIL,
    MODEL_NAME,
    Call,
    Field,
    Found,
    Kind,
    Listing,
    Request,
    Rule,
    Write,
    dig,
    no_slash,
)

ATTACH = Write("POST", "/policies/attachments")
DETACH = Write("DELETE", "/policies/attachments/{id}")
ATTACHMENTS = "/policies/attachments/list"
ATTACHMENT = (
    Field("scope"),
    Field("teams", "list", "str", refers="teams", refers_by=("team_alias",), patterns=True),
    Field("keys", "list", "str", refers="keys", refers_by=("key_alias",), patterns=True),
    Field("models", "list", "str", refers="models", refers_by=MODEL_NAME, patterns=True),
    Field("tags", "list", "str"),
    Field("priority", "int"),
    Field("default", "bool", default=False),
)
PIPELINE, MODES = ("mode", "steps"), ("pre_call", "post_call")
ACTIONS = ("allow", "block", "modify_response", "next")
STEP = {"on_fail": "block", "on_pass": "allow", "on_error": None, "pass_data": False, "modify_response_message": None}
TARGETS = ("scope", "teams", "keys", "models", "tags")
Attachments = t.Sequence[Found]


def next_version(request: Request, found: Found, body: Found) -> None:
    """A draft of what is in force, changed, published and put in force."""
    name = urllib.parse.quote(str(found["policy_name"]), safe="")
    draft = request("POST", f"/policies/name/{name}/versions", {"source_policy_id": found["policy_id"]})
    path = f"/policies/{draft['policy_id']}"
    request("PUT", path, dict(body))
    for status in ("published", "production"):
        request("PUT", f"{path}/status", {"version_status": status})


def of_steps(value: t.Any) -> list[Named]:
    named = ((number, dig(step, ("guardrail",))) for number, step in enumerate(_steps(value)))
    return [Named("guardrails", str(name), f"steps #{number}.guardrail", GUARDRAIL) for number, name in named if name]


def _steps(value: t.Any) -> list[t.Any]:
    steps = dig(value, ("steps",))
    return steps if isinstance(steps, list) else []


def plain_steps(value: t.Any) -> t.Any:
    """LiteLLM adds to each step what it was not told."""
    steps = [
        {name: part for name, part in step.items() if part != STEP.get(name)} if isinstance(step, dict) else step
        for step in _steps(value)
    ]
    return {**value, "steps": steps} if steps else value


def wrong_pipeline(name: str, given: Found) -> list[str]:
    pipeline = given.get("pipeline")
    if not isinstance(pipeline, dict):
        return []
    wrong = [f"pipeline: there is no {part!r}; there are mode, steps" for part in pipeline if part not in PIPELINE]
    if pipeline.get("mode") not in MODES:
        wrong.append(f"pipeline.mode must be one of {', '.join(MODES)}")
    if not _steps(pipeline):
        wrong.append("pipeline.steps needs a step")
    return wrong + [one for number, step in enumerate(_steps(pipeline)) for one in _wrong_step(number, step)]


def _wrong_step(number: int, step: t.Any) -> list[str]:
    where = f"pipeline.steps #{number}"
    if not isinstance(step, dict) or not step.get("guardrail"):
        return [f"{where}: needs guardrail"]
    wrong = [f"{where}: there is no {part!r}" for part in step if part not in ("guardrail", *STEP)]
    actions = (part for part in ("on_pass", "on_fail", "on_error") if step.get(part) is not None)
    return wrong + [f"{where}.{one} must be one of {', '.join(ACTIONS)}" for one in actions if step[one] not in ACTIONS]


def attached(one: Found) -> dict[str, t.Any]:
    """An attachment has no name, and can't be changed: what it says is what it is."""
    said = {part.name: one.get(part.name) for part in ATTACHMENT}
    said = {name: sorted(value) if isinstance(value, list) else value for name, value in said.items()}
    return {name: value for name, value in said.items() if value not in (None, [], "", False)}


def _in_order(value: Attachments | None) -> list[dict[str, t.Any]]:
    return sorted((attached(one) for one in value or []), key=lambda one: json.dumps(one, sort_keys=True))


def attach(wanted: Attachments | None, found: Attachments | None) -> list[Call]:
    """New ones first, so that what applies now applies throughout. What they name may be made by the same run."""
    left = list(found or [])
    calls = []
    for one in _in_order(wanted):
        there = next((other for other in left if attached(other) == one), None)
        if there is not None:
            left.remove(there)
        else:
            calls.append(Call(ATTACH, {"policy_name": Call.SELF, **one}, late=True))
    return calls + [Call(DETACH, {}, id=str(one["attachment_id"]), late=True) for one in left]


def with_attachments(policy: Found, answer: t.Any) -> dict[str, t.Any]:
    """Those of one policy, without those of the configuration file."""
    name, all_of_them = policy["policy_name"], answer.get("attachments") or []
    own = [one for one in all_of_them if one.get("policy_name") == name and one.get("definition_location") != "config"]
    return {**policy, "attachments": own}


def detach(request: Request, name: str) -> None:
    """They would outlive the policy, and take hold again with the next one of its name."""
    for one in with_attachments({"policy_name": name}, request("GET", ATTACHMENTS, None))["attachments"]:
        request("DELETE", DETACH.path.replace("{id}", str(one["attachment_id"])), None)


ATTACHED = Rule(
    canonical=_in_order,
    created=lambda value: None,
    made=lambda value: attach(value, None),
    calls=attach,
    exported=_in_order,
    writes=(ATTACH, DETACH),
)

POLICY = Kind(
    name="policy",
    plural="policies",
    identity="policy_name",
    id="policy_name",
    fields=(
        Field("description", clear=EMPTY),
        Field("inherit", clear=EMPTY, refers="policies"),
        Field("guardrails_add", "list", "str", clear=EMPTY, refers="guardrails", refers_by=GUARDRAIL),
        Field("guardrails_remove", "list", "str", clear=EMPTY, refers="guardrails", refers_by=GUARDRAIL),
        Field("condition", "dict", clear=EMPTY, known_parts=("model",)),
        Field(
            "pipeline", "dict", without_added=plain_steps, refers_in=Naming(of_steps, {"steps.guardrail": "guardrails"})
        ),
        Field("attachments", "list", "dict", rule=ATTACHED, parts=ATTACHMENT, one_of=TARGETS, detail=True),
    ),
    listing=Listing(
        "/policies/list",
        envelope="policies",
        query={"version_status": "production"},
        detail=ATTACHMENTS,
        detail_more=with_attachments,
    ),
    create=Write("POST", "/policies"),
    update=Write("PUT", "/policies/{id}"),
    changed_by=next_version,
    more_routes=("/policies/name/{id}/versions", "/policies/{id}/status"),
    delete=Write("DELETE", "/policies/name/{id}/all-versions"),
    before_delete=detach,
    faults=wrong_pipeline,
    new_name=no_slash,
    reached_by_name=True,
    declarable=lambda found: found.get("definition_location") != "config",
)
