# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Goes through all hosts and roles, and collects. The package's only entry; nothing here knows a single variable's rule."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import reach
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import secrets, spelling
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.budgets import budget_warnings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import (
    Finding,
    Place,
    Relation,
    Rule,
    Unreadable,
    lines,
    shown,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.models import (
    Fleet,
    external_faults,
    model_faults,
    model_warnings,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.routing import routing_faults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.rules import (
    backup,
    edge,
    gate,
    litellm,
    postgres,
    redis,
    vllm,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.rules import host as of_host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.spec import Option, Options, judge
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.state import state_faults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.vllm_options import NEWEST

Hosts = t.Mapping[str, t.Mapping[str, t.Any]]
Groups = t.Mapping[str, t.Sequence[str]]

RULES: dict[str, Rule] = {
    **of_host.DOCKER,
    **of_host.DRIVER,
    **of_host.TOOLKIT,
    **of_host.WATCH,
    **of_host.PREFLIGHT,
    **backup.RULES,
    **edge.RULES,
    **postgres.RULES,
    **redis.RULES,
    **gate.RULES,
    **litellm.LITELLM,
    **litellm.STATE,
    **vllm.VLLM,
    **vllm.FLEET,
}
RELATIONS: dict[str, tuple[Relation, ...]] = {
    "backup": backup.RELATIONS,
    "docker": of_host.DOCKER_RELATIONS,
    "nvidia_driver": of_host.DRIVER_RELATIONS,
    "nvidia_container_toolkit": of_host.TOOLKIT_RELATIONS,
    "watch": of_host.WATCH_RELATIONS,
    "postgres": postgres.RELATIONS,
    "redis": redis.RELATIONS,
    "gate": gate.RELATIONS,
    "litellm": litellm.LITELLM_RELATIONS,
    "edge": edge.RELATIONS,
    "gateway_state": litellm.STATE_RELATIONS,
    "vllm": vllm.VLLM_RELATIONS,
    "llm": vllm.FLEET_RELATIONS,
}
#: Of a host in the inventory; an IPv6 address may be one.
NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.:-]*[A-Za-z0-9_])?")
#: What roles require and a play registers: nobody declares it.
REGISTERED = "llm_fleet"
#: Structures that have a check of their own, once for the fleet.
STRUCTURES = ("llm_models", "llm_external_models", "llm_state")
#: Roles whose variables are all beside the point while a variable of theirs is false.
SWITCHES = {
    "nvidia_container_toolkit": "nvidia_container_toolkit_manage",
    "nvidia_driver": "nvidia_driver_manage",
    "preflight": "preflight_enabled",
    "watch": "watch_manage",
}
#: Variables that have a null where their role's default is none: a null in them says "any".
NULLABLE = frozenset({"docker_containerd_version", "docker_buildx_version", "docker_compose_version"})
#: Variables that say where gateways, their database and their clients reach each other.
REACHED = (
    "litellm_database_host",
    "litellm_plain_http",
    "llm_domain",
    "litellm_publish_address",
    "postgres_mode",
    "postgres_publish_address",
    "redis_mode",
    "redis_publish_address",
)
#: Secrets that several hosts must have alike.
CA_KEYS = ("llm_ca_key", "llm_ca_next_key", "llm_ca_previous_key")
#: One that some hosts lack is a difference too.
PREVIOUS_KEY = "vllm_previous_api_key"
SHARED = ("vllm_api_key", PREVIOUS_KEY, "litellm_master_key", "litellm_salt_key", "redis_password", *CA_KEYS)


class Report(t.NamedTuple):
    """Lines that stop the run, lines that don't, and the hosts' variables as Ansible's conversion makes them."""

    faults: list[str]
    warnings: list[str]
    hosts: dict[str, dict[str, t.Any]]


def faults(
    hosts: Hosts, groups: Groups, specs: t.Mapping[str, Options], defaults: t.Mapping[str, t.Any] | None = None
) -> list[str]:
    """Every fault of the declaration, one a line."""
    return check(hosts, groups, specs, defaults).faults


def check(
    hosts: Hosts, groups: Groups, specs: t.Mapping[str, Options], defaults: t.Mapping[str, t.Any] | None = None
) -> Report:
    """Every fault and warning of the declaration.

    *hosts* are each host's variables, templated, defaults included; `Unreadable` stands for one that can't be templated.
    *specs* are the options of each role's main entry point. *defaults* are the roles' raw defaults: a variable whose default
    is null may be null, no other. Without them every null passes.
    """
    gateways, servers = (tuple(groups.get(name, ())) for name in ("gateways", "gpu_servers"))
    options = _by_variable(specs)
    places: dict[str, Place] = {}
    findings: list[Finding] = [] if gateways else [Finding("", _NO_GATEWAY)]
    for name in dict.fromkeys((*gateways, *servers)):
        member_of = frozenset(group for group, members in groups.items() if name in members)
        place = Place(name, member_of, dict(hosts.get(name, {})), gateways, servers)
        places[name], found = _one_host(place, options, defaults)
        findings += found
    findings += _structures(next(iter(places.values()), None), [places[name] for name in servers])
    findings += (
        _unwritable(places)
        + _unlike(places)
        + _unknown_to_each_other(places)
        + _reached([places[name] for name in gateways])
    )
    converted = {name: dict(place.values) for name, place in places.items()}
    return Report(lines(findings, groups), lines(_warnings(places, servers), groups), converted)


def _warnings(places: t.Mapping[str, Place], servers: tuple[str, ...]) -> list[Finding]:
    found = [Finding(*one, host=name) for name in servers for one in vllm.warnings(places[name])]
    said: t.Mapping[str, t.Any] = next((place.values for place in places.values()), {})
    models = said.get("llm_models")
    texts = model_warnings(models) + budget_warnings(models, said.get("llm_gpu_hour_price"), said.get("llm_state"))
    return found + [Finding("", line) for line in texts]


_NO_GATEWAY = "The inventory group gateways has no host: put the host that LiteLLM shall run on into it"


def _by_variable(specs: t.Mapping[str, Options]) -> dict[str, tuple[str, Option]]:
    """Each variable with its role and its option. The role whose name it carries has the say."""
    found: dict[str, tuple[str, Option]] = {}
    for role, options in specs.items():
        for name, option in options.items():
            if name == REGISTERED:
                continue
            owner = next((one for one in specs if name.startswith(f"{one}_")), role)
            if role == owner or name not in found:
                found[name] = (owner, option)
    return found


def applies(role: str, place: Place) -> bool:
    """Whether a role does anything on a host."""
    if place.values.get(SWITCHES.get(role, "")) is False:
        return False
    if role in ("postgres", "gateway_state"):
        return place.host in place.gateways[:1]
    if role == "litellm":
        return "gateways" in place.groups
    if role == "edge":
        return edge.applies(place)
    if role == "redis":
        return "gateways" in place.groups and redis.applies(place)
    if role in ("vllm", "watch"):
        return "gpu_servers" in place.groups
    return place.gpus > 0 if role.startswith("nvidia_") else True


# ---- one host


def _one_host(
    place: Place, options: t.Mapping[str, tuple[str, Option]], defaults: t.Mapping[str, t.Any] | None
) -> tuple[Place, list[Finding]]:
    """Converted first and judged then: whether a role applies depends on variables, and rules want the right types."""
    found: dict[str, str] = {}
    fine = dict(place.values)
    for name, (_role, option) in options.items():
        value, fault = _converted(name, option, place.values.get(name), defaults)
        if _follows(value, options, place):
            fine.pop(name, None)
        elif fault:
            found[name] = fault
            fine.pop(name, None)
        elif name in fine:
            fine[name] = value
    place = place._replace(values=fine)
    for name, rule in RULES.items():
        if fine.get(name) is None or _missing(options, name, fine[name]):
            continue
        if name not in found and (fault := rule(fine[name])):
            found[name] = fault
            fine.pop(name)
    findings = [Finding(name, fault, place.host) for name, fault in found.items() if _counts(name, options, place)]
    for role, relations in RELATIONS.items():
        for relation in relations if applies(role, place) else ():
            findings += [Finding(name, text, place.host) for name, text in relation(place) if name not in found]
    unread = {
        name: f"is read by nothing; did you mean {meant}?" for name, meant in spelling.misspelled(fine, options).items()
    }
    unread |= {
        name: f"is read by nothing any more; write {now}" for name, now in spelling.RENAMED.items() if name in fine
    }
    return place, findings + [Finding(name, text, place.host) for name, text in unread.items()]


def _counts(name: str, options: t.Mapping[str, tuple[str, Option]], place: Place) -> bool:
    if name == "vllm_api_key" and "gateways" in place.groups and place.values.get("llm_models"):
        return True
    role = options[name][0] if name in options else name.split("_", 1)[0]
    return name not in STRUCTURES and applies(role, place)


def _missing(options: t.Mapping[str, tuple[str, Option]], name: str, value: t.Any) -> bool:
    return value == "" and name in options and bool(options[name][1].get("required"))


def _converted(name: str, option: Option, value: t.Any, defaults: t.Mapping[str, t.Any] | None) -> tuple[t.Any, str]:
    if name in STRUCTURES:
        return value, ""
    if isinstance(value, Unreadable):
        return value, _unreadable(name, value, bool(option.get("no_log")))
    if value is None or (value == "" and option.get("required")):
        return value, _absent(name, option, (defaults or {}).get(name))
    if name.endswith("_version") and isinstance(value, float):
        return value, f"is {value} to YAML, which takes 1.10 for 1.1; write it in quotes"
    value, found = judge(option, value)
    return value, "; ".join(f"{where.lstrip('.')} {text}".strip() for where, text in found)


def _follows(value: t.Any, options: t.Mapping[str, tuple[str, Option]], place: Place) -> bool:
    """Whether a value can't be templated for a required variable that is missing, which has its own line."""
    undefined = re.fullmatch(r"'(\w+)' is undefined", value.reason) if isinstance(value, Unreadable) else None
    name = undefined.group(1) if undefined else ""
    return name in options and bool(options[name][1].get("required")) and name not in place.values


def _absent(name: str, option: Option, default: t.Any) -> str:
    if option.get("required"):
        return f"is missing. {secrets.MAKE_ONE}" if option.get("no_log") else "is missing; write it into the inventory"
    if default is None or name in NULLABLE:
        return ""
    return f"is null; write a value, or take the line out for the default {_short(default)}".rstrip()


def _short(default: t.Any) -> str:
    return "" if isinstance(default, (dict, list)) or "{{" in str(default) else str(default)


def _unreadable(name: str, value: Unreadable, secret: bool) -> str:
    """Reasons that Ansible gives may quote the template, and so a part of a secret."""
    secret = secret or secret_parts.is_secret_name(name) or name.endswith("environment")
    reason = (value.reason.strip().splitlines() or ["no reason given"])[0][:200]
    if not secret and "yntax error" not in reason:
        return f"can't be templated: {reason}; correct it"
    # Only what looks like the name of a variable: `{{ss}}` may be the middle of a password.
    undefined = re.fullmatch(r"'[a-z]+_[a-z0-9_]+' is undefined", reason)
    if undefined:
        return f"can't be templated: {reason}; define it, or write the value itself"
    lookup = re.match(r"The lookup plugin '([\w.]+)' (failed:)?", reason)
    if lookup:
        return _not_looked_up(*lookup.groups())
    return (
        "can't be templated (its text is not shown); a value with {{, {% or {# in it is written with !unsafe before it"
    )


def _not_looked_up(plugin: str, failed: str | None) -> str:
    """A store of secrets may be away."""
    if failed:
        return f"can't be looked up by {plugin} (its reason is not shown); see that its server is reached from here, and that it lets you in"
    return f"can't be looked up by {plugin}, which is not installed here, or a library that it needs; install them"


# ---- the fleet


def _structures(first: Place | None, servers: list[Place]) -> list[Finding]:
    """Fleet-wide variables are the same on every host by the time they come here."""
    if first is None:
        return []
    found = {name: first.values.get(name) for name in STRUCTURES}
    texts = [_unreadable_line(name, value) for name, value in found.items() if isinstance(value, Unreadable)]
    models, external, state = (None if isinstance(value, Unreadable) else value for value in found.values())
    if models is not None:
        texts += model_faults(models, _fleet(servers or [first]))
    if external is not None:
        texts += external_faults(external)
    if state is not None:
        texts += state_faults(state)
    said = first.values
    texts += routing_faults(
        models, external, said.get("llm_default_fallbacks"), state, said.get("litellm_router_settings")
    )
    if not texts and not models and not external:
        texts = ["No model is declared: give llm_models (served here) or llm_external_models at least one entry"]
    if models and not servers:
        texts.append("The inventory group gpu_servers has no host, but llm_models needs one")
    return [Finding("", text) for text in texts]


def _fleet(servers: list[Place]) -> Fleet:
    found = servers[0].values
    return Fleet(
        vllm_version=str(found.get("vllm_version") or NEWEST),
        allow_unknown_options=bool(found.get("vllm_allow_unknown_options")),
        gpu_servers=servers[0].gpu_servers,
        with_gateway=any("gateways" in server.groups for server in servers),
    )


def _unreadable_line(name: str, value: Unreadable) -> str:
    return f"{name} {_unreadable(name, value, False)}"


def _reached(gateways: list[Place]) -> list[Finding]:
    """What keeps gateways from their database, and what would be open to the world."""
    hosts = [Host(place.host, place.groups, place.values) for place in gateways]
    if not hosts or any(name not in host.variables for host in hosts for name in REACHED):
        return []
    texts = [fault for host in hosts for fault in reach.plain_http_faults(host)]
    texts += reach.database_faults(hosts[0], hosts[1:]) + reach.redis_faults(hosts[0], hosts[1:])
    return [Finding("", text) for text in texts]


def _unlike(places: t.Mapping[str, Place]) -> list[Finding]:
    """A secret by which hosts know each other."""
    found = []
    for name in SHARED:
        users = {host: place.values.get(name) for host, place in places.items() if _uses(name, place)}
        hosts = [host for host, value in users.items() if isinstance(value, str) and (value or name == PREVIOUS_KEY)]
        other = next((host for host in hosts if users[host] != users[hosts[0]]), None)
        if other:
            text = f"differs between {hosts[0]} and {other}, which must have the same; write it once, in group_vars/all"
            found.append(Finding(name, text))
    return found


def _unwritable(places: t.Mapping[str, Place]) -> list[Finding]:
    """Hosts know each other by their names, which stand in certificates and in what the gates are told."""
    return [
        Finding(
            "",
            f"{shown(name)} is no name for one of several hosts; write letters, digits, dots, dashes and _, and its address as ansible_host",
        )
        for name in places
        if len(places) > 1 and not NAME.fullmatch(name)
    ]


def _unknown_to_each_other(places: t.Mapping[str, Place]) -> list[Finding]:
    """Several hosts need an authority that their certificates are from."""
    if len(places) < 2:
        return []
    bare = [place.host for place in places.values() if place.values.get("llm_ca_key") == ""]
    return [Finding("llm_ca_key", f"is missing. {secrets.MAKE_ONE}", host) for host in bare]


def _uses(name: str, place: Place) -> bool:
    return name in CA_KEYS or "gateways" in place.groups or (name.startswith("vllm_") and "gpu_servers" in place.groups)
