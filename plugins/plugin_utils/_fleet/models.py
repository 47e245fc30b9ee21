# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An entry of llm_models: what it may hold, and every fault of it in words that name the remedy."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.lookup import catalogue_key, from_catalogue
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.vllm_options import instead, options_for
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import MemoryPlanError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.options import context_length
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.reader import longest_context

#: A name has to pass unchanged through URLs, LiteLLM's model list (where * is a wildcard) and --served-model-name.
#: Keys that an entry must have, and what to write there.
REQUIRED = {
    "name": 'write what clients send as "model"',
    "model": "write a repository of the hub, such as Qwen/Qwen2.5-7B-Instruct, or an absolute path on the servers",
}
SERVED_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,126}[A-Za-z0-9])?")

#: vLLM takes a context beyond the model's own only with this variable, or where the model's positions are overridden.
ALLOW_LONG = "VLLM_ALLOW_LONG_MAX_MODEL_LEN"
POSITION_OPTIONS = frozenset({"hf-config-path", "hf-overrides", "rope-scaling", "rope-theta"})

#: Keys of an entry and the types that they take.
KEYS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "aliases": (list,),
    "model": (str,),
    "mode": (str,),
    "model_info": (dict,),
    "revision": (str,),
    "replicas": (int, str),
    "tensor_parallel_size": (int,),
    "nodes": (int,),
    "max_model_len": (int, str),
    "gpu_memory_utilization": (float, int),
    "memory_check": (bool,),
    "max_parallel_requests": (int, str),
    "servers": (list,),
    "gpus": (list,),
    "port": (int,),
    "fallbacks": (list,),
    "order": (int,),
    "weight": (float, int),
    "price": (dict,),
    "tokens_per_second": (dict,),
    "trust_remote_code": (bool,),
    "engine_args": (dict,),
    "environment": (dict,),
}

TYPE_NAMES: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a dictionary",
}

#: vLLM options that the role sets itself, and where their value comes from.
OWNED_OPTIONS: dict[str, str] = {
    "api-key": "vllm_api_key",
    "config": "this role's rendered file",
    "gpu-memory-utilization": "gpu_memory_utilization of the model",
    "headless": "nodes of the model",
    "host": "vllm_publish_address",
    "master-addr": "nodes of the model",
    "master-port": "nodes of the model",
    "max-model-len": "max_model_len of the model",
    "model": "model of the model",
    "nnodes": "nodes of the model",
    "node-rank": "nodes of the model",
    "port": "port of the model",
    "revision": "revision of the model",
    "served-model-name": "name of the model",
    "shutdown-timeout": "vllm_shutdown_timeout",
    "tensor-parallel-size": "tensor_parallel_size of the model",
    "trust-remote-code": "trust_remote_code of the model",
}


def known(model: str) -> dict[str, t.Any]:
    """What the catalogue says of a repository; nothing for one that it lacks, and for a path on the servers."""
    return from_catalogue(model) if not model.startswith("/") and catalogue_key(model) else {}


def option_name(name: str) -> str:
    """vLLM takes underscores and dashes alike; its help and its configuration files have dashes."""
    return name.replace("_", "-")


def nodes(entry: t.Mapping[str, t.Any]) -> int:
    """Servers that a replica runs on together."""
    return entry.get("nodes") or 1


def gpus_of_replica(entry: t.Mapping[str, t.Any]) -> int:
    arguments = {option_name(str(key)): value for key, value in (entry.get("engine_args") or {}).items()}
    stages = arguments.get("pipeline-parallel-size") or 1
    return (entry.get("tensor_parallel_size") or 1) * (stages if _positive(stages) else 1)


def gpus_of_node(entry: t.Mapping[str, t.Any]) -> int:
    """GPUs that a replica takes on each of its nodes."""
    return max(1, gpus_of_replica(entry) // nodes(entry))


def suggest(word: str, known: t.Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def label(entry: t.Any, index: int) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"llm_models[{index}] ({name})" if name else f"llm_models[{index}]"


def shape_errors(models: t.Any, external: t.Any, gateways: t.Sequence[str], servers: t.Sequence[str]) -> list[str]:
    """What keeps the declaration from being read at all."""
    errors = []
    if not gateways:
        errors.append("The inventory group gateways has no host: put the host that LiteLLM shall run on into it")
    if not isinstance(models, list) or not isinstance(external, list):
        return [*errors, "llm_models and llm_external_models must be lists"]
    if not models and not external:
        errors.append("No model is declared: give llm_models (served here) or llm_external_models at least one entry")
    if models and not servers:
        errors.append("The inventory group gpu_servers has no host, but llm_models needs one")
    for index, entry in enumerate(external):
        if not isinstance(entry, dict) or not entry.get("name") or not isinstance(entry.get("litellm_params"), dict):
            errors.append(f"llm_external_models[{index}] needs name and litellm_params, see the role llm")
    return errors


def name_errors(models: t.Sequence[dict[str, t.Any]]) -> list[str]:
    """Names are the API's: each is one model here. A provider may serve the same name beside it."""
    errors: list[str] = []
    seen: dict[str, int] = {}
    for index, entry in enumerate(models):
        if entry["name"] in seen:
            errors.append(
                f"{label(entry, index)}: the name {entry['name']} is also that of llm_models[{seen[entry['name']]}];"
                " give each model its own name, or raise replicas"
            )
        seen.setdefault(entry["name"], index)
    return errors


def model_errors(
    entry: t.Any,
    index: int,
    vllm_version: str,
    allow_unknown_options: bool,
    described: dict[str, t.Any],
    environment: t.Mapping[str, t.Any] | None = None,
) -> list[str]:
    """Every fault of one entry by itself, with what is known of its model and the environment of all instances."""
    if not isinstance(entry, dict):
        return [f"llm_models[{index}] is not a dictionary; write it as {{name: ..., model: ...}}"]
    where = label(entry, index)
    errors = [f"{where}: unknown key {key}{suggest(key, KEYS)}" for key in sorted(map(str, set(entry) - set(KEYS)))]
    errors += [f"{where}: {key} is missing; {remedy}" for key, remedy in REQUIRED.items() if not entry.get(key)]
    mistyped = _type_errors(entry, where)
    # What is of a wrong type hides nothing of the rest, but without a name and a model there is little to judge.
    doubtful = {*mistyped, "gpus"} if "tensor_parallel_size" in mistyped else set(mistyped)
    rest = {key: value for key, value in entry.items() if key not in doubtful}
    errors += mistyped.values()
    if not (rest.get("name") and rest.get("model")):
        return errors
    wrong = _value_errors(rest, where, described)
    errors += wrong or _length_errors(rest, where, described, environment or {})
    return errors + _engine_arg_errors(rest, where, vllm_version, allow_unknown_options)


def _length_errors(
    entry: dict[str, t.Any], where: str, described: dict[str, t.Any], environment: t.Mapping[str, t.Any]
) -> list[str]:
    """vLLM refuses a context beyond the model's own, minutes after the container has started."""
    arguments = {option_name(str(key)) for key in entry.get("engine_args") or {}}
    allowed = {**environment, **(entry.get("environment") or {})}.get(ALLOW_LONG)
    if entry.get("max_model_len") is None or arguments & POSITION_OPTIONS or str(allowed).lower() in ("1", "true"):
        return []
    try:
        wanted = context_length(entry["max_model_len"])
        longest = longest_context(described["config"]) if described.get("config") else wanted
    except MemoryPlanError:
        return []
    if wanted <= longest:
        return []
    return [
        f"{where}: max_model_len {entry['max_model_len']} is above the {longest} tokens of {entry['model']}, so vLLM would"
        f" not start; lower it or leave it out. Where the model can do it, say so by engine_args.hf-overrides, or by"
        f" {ALLOW_LONG}: '1' in its environment"
    ]


def _type_errors(entry: dict[str, t.Any], where: str) -> dict[str, str]:
    """Key to what is wrong with the type of its value."""
    errors = {}
    for key, kinds in KEYS.items():
        value = entry.get(key)
        # bool is an int to Python, and never what was meant where a number is asked for
        wrong = not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)
        if value is not None and wrong:
            names = " or ".join(TYPE_NAMES[kind] for kind in kinds)
            # the text of an environment or of options may hold a secret
            found = "" if dict in kinds else f", not {value!r}"
            errors[key] = f"{where}: {key} must be {names}{found}"
    return errors


def _value_errors(entry: dict[str, t.Any], where: str, described: dict[str, t.Any]) -> list[str]:
    checks = [
        (
            SERVED_NAME.fullmatch(entry["name"]),
            f"name {entry['name']!r} is no valid served name: letters, digits and . _ : / - inside, at most 128",
        ),
        (
            entry.get("replicas") is None or entry["replicas"] == "each" or _positive(entry["replicas"]),
            f"replicas must be a number from 1 or each, not {entry.get('replicas')!r}",
        ),
        (
            entry.get("tensor_parallel_size") is None or _positive(entry["tensor_parallel_size"]),
            f"tensor_parallel_size must be 1 or more, not {entry.get('tensor_parallel_size')!r}",
        ),
        (
            entry.get("gpu_memory_utilization") is None or 0 < entry["gpu_memory_utilization"] <= 1,
            f"gpu_memory_utilization must be above 0 and at most 1, not {entry.get('gpu_memory_utilization')!r}",
        ),
        (
            entry.get("port") is None or 1024 <= entry["port"] <= 65535,
            f"port must be between 1024 and 65535, not {entry.get('port')!r}",
        ),
        (
            entry.get("max_model_len") is None
            or re.fullmatch(r"auto|-1|[1-9][0-9]*(\.[0-9]+)?[kKmM]?", str(entry["max_model_len"])),
            f"max_model_len must be tokens as 8192 or 8k, or auto, not {entry.get('max_model_len')!r}",
        ),
        (
            entry.get("max_parallel_requests") in (None, "auto") or _positive(entry["max_parallel_requests"]),
            f"max_parallel_requests must be a number from 1 or auto, not {entry.get('max_parallel_requests')!r}",
        ),
    ]
    wrong = [message for fine, message in checks if not fine] + modes.faults(entry, described)
    return [f"{where}: {message}" for message in wrong] + _gpu_errors(entry, where, described)


def _positive(value: t.Any) -> bool:
    return isinstance(value, int) and value >= 1


def _gpu_errors(entry: dict[str, t.Any], where: str, described: dict[str, t.Any]) -> list[str]:
    size, gpus = entry.get("tensor_parallel_size") or 1, entry.get("gpus")
    errors = _node_errors(entry, where)
    whole = errors or gpus_of_node(entry)
    if gpus is not None and (len(set(map(str, gpus))) != len(gpus) or not all(_index(gpu) for gpu in gpus)):
        errors.append(f"{where}: gpus must be different GPU indexes such as [0, 1], not {gpus!r}")
    elif gpus is not None and isinstance(whole, int) and len(gpus) != whole:
        what = f"it takes {whole} on each of its nodes" if nodes(entry) > 1 else f"tensor_parallel_size is {whole}"
        errors.append(f"{where}: gpus names {len(gpus)} GPUs, but {what}; make them equal")
    heads = _heads(described.get("config") or {})
    if heads and _positive(size) and heads % size:
        fits = [str(number) for number in range(1, heads + 1) if heads % number == 0 and number <= 8]
        errors.append(
            f"{where}: tensor_parallel_size {size} does not divide the {heads} attention heads of {entry['model']};"
            f" use one of {', '.join(fits)}"
        )
    return errors


#: Options of vLLM that share a model out in ways that its nodes are not started for here.
_OTHER_WAYS = ("data-parallel-size", "prefill-context-parallel-size")
#: What brings the nodes of a replica together: vLLM's own multi-node mode, or Ray.
BACKEND, OWN, RAY = "distributed-executor-backend", "mp", "ray"


def _node_errors(entry: dict[str, t.Any], where: str) -> list[str]:
    """Of a replica that runs on several servers together."""
    wanted = entry.get("nodes")
    if wanted is None or wanted == 1:
        return []
    if not _positive(wanted):
        return [f"{where}: nodes must be 1 or more, not {wanted!r}"]
    errors = []
    arguments = {option_name(str(key)): value for key, value in (entry.get("engine_args") or {}).items()}
    if entry.get("replicas") == "each":
        errors.append(f"replicas is each, but a replica takes {wanted} servers (nodes); write a number")
    if gpus_of_replica(entry) % wanted:
        errors.append(
            f"tensor_parallel_size times pipeline-parallel-size (engine_args) is {gpus_of_replica(entry)}, which {wanted}"
            f" nodes can't share evenly; write a multiple of {wanted}"
        )
    if entry.get("servers") is not None and len(set(map(str, entry["servers"]))) < wanted:
        errors.append(f"servers names fewer servers than the {wanted} nodes of a replica; name more")
    errors += [f"engine_args.{name} does not go with nodes; leave it out" for name in _OTHER_WAYS if name in arguments]
    if arguments.get(BACKEND, OWN) not in (OWN, RAY):
        errors.append(
            f"engine_args.{BACKEND} of a replica with nodes is {OWN}, vLLM's own multi-node mode and the default, or {RAY}"
        )
    return [f"{where}: {error}" for error in errors]


def _heads(config: dict[str, t.Any]) -> int:
    """Models with pictures describe their language part in a section of its own."""
    nested = [config.get(part) for part in ("text_config", "llm_config", "language_config")]
    for source in [config, *(part for part in nested if isinstance(part, dict))]:
        heads = source.get("num_attention_heads")
        if isinstance(heads, int) and not isinstance(heads, bool) and heads > 0:
            return heads
    return 0


def _index(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _engine_arg_errors(entry: dict[str, t.Any], where: str, version: str, allow_unknown: bool) -> list[str]:
    errors = []
    made_from, options = options_for(version)
    for key in sorted(map(str, entry.get("engine_args") or {})):
        name = option_name(key)
        if name in OWNED_OPTIONS:
            errors.append(
                f"{where}: engine_args.{key} is set through {OWNED_OPTIONS[name]}; remove it from engine_args"
            )
        elif name not in options and not allow_unknown:
            errors.append(
                f"{where}: vLLM {version} has no option {name} (known options are those of {made_from})"
                f"{_instead(name, options, version)}"
            )
    return errors


def _instead(name: str, options: t.Collection[str], version: str) -> str:
    """What to write for an option that there is not."""
    told = instead(name, version)
    if told:
        return f": {told}"
    if name.startswith("no-") and name[3:] in options:
        return f"; write {name[3:]}: false"
    return f"{suggest(name, options)}. Where a newer vLLM has it, set vllm_allow_unknown_options: true"
