# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of secrets, and where a secret may not stand. No function here puts a value into its answer.

The tables in rules/ and the checks of models, settings and llm_state use them.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible.template import is_trusted_as_template
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import Rule

#: Names that end like a secret's and are none: parts of a tokenizer, which stand in overrides of a model's configuration.
_TOKENIZER = re.compile(
    r"(?:^|[_-])(?:audio|bos|cls|end|eos|image|mask|pad|sep|start|stop|think|unk|video)[_-]token$", re.I
)
_TEMPLATE = re.compile(r"\{\{|\{%|\{#")
MAKE_ONE = "Make one with ansible-playbook llmfleet.gateway.secrets -i YOUR_INVENTORY, or set it in the vault"


def secrets_in(value: t.Any) -> list[str]:
    """Where in a structure secrets stand in plain text, at any depth. A reference to the environment is none."""
    return [
        path
        for path, text in secret_parts.by_path(value).items()
        if not secret_parts.is_reference(text) and not _TOKENIZER.search(path.rpartition(".")[2])
    ]


def plain(value: t.Any) -> str:
    """What every secret is: text without white space, control characters and templates."""
    if not isinstance(value, str):
        return "must be text; write it in quotes"
    if is_trusted_as_template(value) and _TEMPLATE.search(value):
        return "has {{, {% or {# in it, which Ansible takes for a template; write it as !unsafe '…', or choose another"
    if value != value.strip():
        return (
            "has white space or a line end at its beginning or end; take it out"
            " (printf %s instead of echo before ansible-vault encrypt_string, and no | in YAML)"
        )
    if re.search(r"\s|[\x00-\x1f\x7f-\x9f]", value):
        return "has white space or a control character in it; choose one without"
    return ""


def header(value: t.Any) -> str:
    """A secret that goes into an HTTP header."""
    fault = plain(value)
    if fault or re.fullmatch(r"[\x21-\x7e]*", value):
        return fault
    return "has a character that is not printable ASCII and can't stand in an HTTP header; choose one without"


def of_length(least: int, form: Rule = plain) -> Rule:
    """A secret that the role needs, with a least length."""

    def rule(value: t.Any) -> str:
        fault = form(value)
        if fault:
            return fault
        return "" if len(value) >= least else f"is shorter than {least} characters. {MAKE_ONE}"

    return rule


def master_key(value: t.Any) -> str:
    if value == "sk-1234":
        return "is sk-1234, which LiteLLM refuses to start with. Make a random one"
    fault = header(value)
    if fault:
        return fault
    if value.startswith("sk-") and len(value) >= 32:
        return ""
    return "must start with sk- and have 32 characters or more. Make a random one"


def hub_token(value: t.Any) -> str:
    if not value:
        return ""
    fault = header(value)
    if fault or value.startswith("hf_"):
        return fault
    return "does not start with hf_. Make a token of type read at https://huggingface.co/settings/tokens"


def secret_environment(value: t.Mapping[str, t.Any]) -> str:
    """Values of environment variables that are secret. A document such as a service account's JSON may have spaces."""
    for name, part in value.items():
        if isinstance(part, (dict, list)):
            return f"{name} must be text; write it with | to_json"
        fault = plain(part) if isinstance(part, str) and not _is_document(part) else ""
        if fault:
            return f"{name} {fault}"
    return ""


def _is_document(value: str) -> bool:
    try:
        return isinstance(json.loads(value), dict)
    except ValueError:
        return False


def no_secrets(remedy: str) -> Rule:
    """A structure that ends up in a file or a log which others read."""

    def rule(value: t.Any) -> str:
        found = secrets_in(value)
        if not found:
            return ""
        be = "look like secrets" if len(found) > 1 else "looks like a secret"
        return f"{', '.join(found)} {be} and would be readable; {remedy}"

    return rule
