# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory planner at work: what fits beside what, and the shares of those on one server. Pure.

It remembers what it has worked out, since most servers of a fleet are alike. Only the files of the placement call it.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.engine_answers import tells, with_answer
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpus import Gpu
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.lookups import description
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import option_name
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner import needs, sharing
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.answers import NAME
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import MemoryPlanError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.options import describe, settings_from
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.reader import canonical, read_model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.settings import GIB, SPARE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.stages import plausible_ratio

#: Options of vLLM, beside those that are keys of an entry, that the planner counts.
COUNTED_OPTIONS = (
    "max_num_seqs",
    "max_num_batched_tokens",
    "dtype",
    "quantization",
    "kv_cache_dtype",
    "enforce_eager",
    "enable_expert_parallel",
    "enable_prefix_caching",
    "runner",
    "pipeline_parallel_size",
    "kv_cache_memory_bytes",
)
#: Options that change what vLLM takes in a way that the planner does not know.
UNCOUNTED_OPTIONS = frozenset(
    {
        "block-size",
        "compilation-config",
        "cpu-offload-gb",
        "cudagraph-capture-sizes",
        "data-parallel-size",
        "decode-context-parallel-size",
        "disable-hybrid-kv-cache-manager",
        "disable-sliding-window",
        "enable-lora",
        "hf-overrides",
        "kv-cache-dtype-skip-layers",
        "kv-transfer-config",
        "mamba-block-size",
        "mamba-cache-dtype",
        "mamba-cache-mode",
        "mamba-ssm-cache-dtype",
        "max-cudagraph-capture-size",
        "num-gpu-blocks-override",
        "offload-backend",
        "prefill-context-parallel-size",
        "spec-model",
        "speculative-config",
    }
)
#: Of these, what a model's vLLM tells once it was asked: slots of adapters, a draft's weights and cache.
ANSWERED_OPTIONS = frozenset({"enable-lora", "spec-model", "speculative-config"})
#: vLLM's environment variable of its sampler.
FLASHINFER_SAMPLER = "VLLM_USE_FLASHINFER_SAMPLER"
#: vLLM instances measure the free memory while they start; above this share in sum the last one finds too little. Where
#: the planner knows all the models on a GPU, it knows better.
MAX_SHARE = 0.95

Plan = dict[str, t.Any]


class Demand(t.NamedTuple):
    """What an entry wants of each of its GPUs."""

    name: str
    share: float | None  # none: the planner's choice
    planned: needs.Instance | None  # none: the planner does not know the model
    note: str  # why it does not
    default_share: float
    deferred: bool  # the planner may come to know it when more has been read


class Placed(t.NamedTuple):
    """An instance with its GPUs on a server, and what it may be given where its demand goes with its neighbours no more."""

    demand: Demand
    gpus: list[int]
    otherwise: Demand | None = None


def unlike(gpus: t.Sequence[int], memory: t.Mapping[int, Gpu]) -> str:
    """Why these can't be the GPUs of one replica; empty where they can, or where they are not known."""
    try:
        sharing.check_alike(
            [{"name": memory[gpu].name, "memory_gib": memory[gpu].memory_gib} for gpu in gpus if gpu in memory]
        )
    except MemoryPlanError as error:
        return str(error)
    return ""


class GpuMemory:
    """Plans, remembered by who shares what."""

    def __init__(
        self,
        descriptions: t.Mapping[str, t.Any],
        models_unread: bool = False,
        answers: t.Sequence[t.Mapping[str, t.Any]] = (),
    ) -> None:
        self._descriptions = descriptions
        self._answers = answers
        self.models_unread = models_unread
        self._by_answer: set[str] = set()  # configurations with options that only an answer counts
        self._instances: dict[tuple[t.Any, ...], tuple[needs.Instance | None, str]] = {}
        self._lengths: dict[tuple[int, int], needs.Instance] = {}
        self._open: dict[int, needs.Instance] = {}  # before its context was fixed, by id
        self._settled: dict[tuple[int, float, int], needs.Instance] = {}
        self._beside: dict[tuple[t.Any, ...], str] = {}
        self._groups: dict[tuple[t.Any, ...], list[Plan] | str] = {}

    # ---- demands. Each instance is made once, so that its id stands for it in what is remembered.

    def instance(
        self, entry: t.Mapping[str, t.Any], position: int, share: float | None, version: str
    ) -> tuple[needs.Instance | None, str]:
        """The entry as the planner takes it, or why it can't."""
        key = (position, share, version)
        if key not in self._instances:
            self._instances[key] = self._made(entry, share, version)
        return self._instances[key]

    def _made(
        self, entry: t.Mapping[str, t.Any], share: float | None, version: str
    ) -> tuple[needs.Instance | None, str]:
        described = description(entry, self._descriptions)
        if not described.get("config"):
            return None, "the planner does not know this model"
        arguments = {option_name(str(key)): value for key, value in (entry.get("engine_args") or {}).items()}
        config, weight_bytes = describe(described)
        told = with_answer(config, entry, version, self._answers)
        odd = sorted(UNCOUNTED_OPTIONS & set(arguments))
        if odd and (NAME not in told or not ANSWERED_OPTIONS.issuperset(odd) or not tells(arguments)):
            return None, f"the planner does not know what {odd[0]} takes"
        # Beside what is declared, what belongs to the model and its mode.
        served = modes.options(entry, version)
        options = {name: served.get(option_name(name)) for name in COUNTED_OPTIONS}
        options |= {"max_model_len": entry.get("max_model_len"), "gpu_memory_utilization": share}
        options |= {"tensor_parallel_size": entry.get("tensor_parallel_size"), "vllm_version": version}
        if str((entry.get("environment") or {}).get(FLASHINFER_SAMPLER)) == "0":
            options["flashinfer_sampler"] = False
        try:
            settings = settings_from({**options, "gpu_memory_gib": 1.0, "weight_bytes": weight_bytes})
            text = canonical(told)
            model = read_model(text, settings.quantization, settings.dtype)
            plausible_ratio(model, settings.weight_bytes)
        except MemoryPlanError as error:
            return None, str(error)
        if odd and model.quantization:
            # What is told of quantized weights is what they are before vLLM has repacked them, and is not taken.
            return None, f"the planner does not know what {odd[0]} takes beside quantized weights"
        if odd:
            self._by_answer.add(text)
        return needs.Instance(entry["name"], text, settings), ""

    def only_answered(self, demand: Demand) -> bool:
        """Whether the model could not be planned before its vLLM was asked."""
        if demand.planned is None:
            return False
        return demand.planned.text in self._by_answer or read_model(demand.planned.text).only_answered

    def with_length(self, demand: Demand, length: int) -> Demand:
        """The same with this context, where it is left to the planner."""
        if not demand.planned:
            return demand
        base = self._open.get(id(demand.planned), demand.planned)
        if base.settings.max_model_len is not None:
            return demand
        key = (id(base), length)
        if key not in self._lengths:
            self._lengths[key] = replace(base, settings=replace(base.settings, max_model_len=length))
            self._open[id(self._lengths[key])] = base
        return demand._replace(planned=self._lengths[key])

    def settled(self, demand: Demand, share: float, length: int) -> Demand:
        """The same with the share and the context that it was given before, where they are left to the planner."""
        if not demand.planned:
            return demand
        key = (id(demand.planned), share, length)
        if key not in self._settled:
            settings = demand.planned.settings
            if settings.gpu_memory_utilization is None:
                settings = replace(settings, gpu_memory_utilization=share)
            if settings.max_model_len is None:
                settings = replace(settings, max_model_len=length)
            self._settled[key] = replace(demand.planned, settings=settings)
        return demand._replace(planned=self._settled[key])

    def weight(self, demand: Demand, gpu: Gpu | None) -> float:
        """Bytes that it takes of a GPU at least; one that the planner does not know takes it all."""
        if not demand.planned or not gpu:
            return float("inf")
        try:
            return needs.need(demand.planned, gpu.memory_gib)
        except MemoryPlanError:
            return float("inf")

    # ---- what fits beside what

    def alone(self, demand: Demand, gpu: Gpu | None) -> bool:
        """Whether an instance that has a GPU to itself starts there, as far as that is known."""
        return not demand.planned or not gpu or not self._crowded([demand.planned], gpu)

    def no_room(self, demand: Demand, others: t.Sequence[Demand], gpu: Gpu | None, where: str) -> str:
        """Why an instance can't join the others on a GPU; empty where it can."""
        everyone = [*others, demand]
        instances = [one.planned for one in everyone if one.planned]
        if gpu and len(instances) == len(everyone):
            reason = self._crowded(instances, gpu) if others else ""
            return f"On {where}: {reason}" if reason else ""
        shares = [(one.name, self._least_share(one, gpu)) for one in everyone]
        total = sum(share for _name, share in shares)
        if total <= MAX_SHARE + 1e-9:
            return ""
        listed = " + ".join(f"{name} {share:.2f}" for name, share in shares)
        return (
            f"The shares on {where} would sum to {total:.2f} ({listed}), above {MAX_SHARE}: lower"
            " gpu_memory_utilization, or pin to another GPU"
        )

    def _crowded(self, instances: t.Sequence[needs.Instance], gpu: Gpu) -> str:
        key = (*map(id, instances), gpu.memory_gib, gpu.reserved_gib)
        if key not in self._beside:
            found = self._shared([replace(one, gpus=(0,)) for one in instances], {0: gpu}, {0: gpu.reserved_gib})
            self._beside[key] = found if isinstance(found, str) else ""
        return self._beside[key]

    def _shared(
        self, instances: list[needs.Instance], memory: t.Mapping[int, Gpu], reserved: dict[int, float]
    ) -> list[Plan] | str:
        sizes = {index: gpu.memory_gib for index, gpu in memory.items()}
        try:
            return sharing.share_gpus(instances, sizes, {index: gib for index, gib in reserved.items() if gib})
        except MemoryPlanError as error:
            return str(error)

    def _least_share(self, demand: Demand, gpu: Gpu | None) -> float:
        """The share to reckon with by the plain rule."""
        if demand.share is not None:
            return demand.share
        if demand.planned and gpu:
            return min(1.0, self.weight(demand, gpu) / (gpu.memory_gib * GIB))
        return 0.0 if demand.deferred else demand.default_share

    # ---- a whole server

    def plan_server(
        self, placed: t.Sequence[Placed], memory: t.Mapping[int, Gpu]
    ) -> tuple[list[Plan | None], list[str]]:
        """The plan of every instance on a server, none for those that are not planned, and what can't be."""
        plans: list[Plan | None] = [None] * len(placed)
        errors = []
        for group in _groups(placed, memory):
            result = self._group(placed, group, memory)
            if isinstance(result, str) and any(placed[index].otherwise for index in group):
                result = self._group([Placed(one.otherwise or one.demand, one.gpus) for one in placed], group, memory)
            if isinstance(result, str):
                errors.append(result)
                continue
            for index, plan in zip(group, result):
                plans[index] = plan
        return plans, errors

    def _group(self, placed: t.Sequence[Placed], group: list[int], memory: t.Mapping[int, Gpu]) -> list[Plan] | str:
        """Those that share GPUs, with these numbered from 0, so that the same group elsewhere is the same here."""
        used = sorted({gpu for index in group for gpu in placed[index].gpus})
        number = {gpu: index for index, gpu in enumerate(used)}
        instances = []
        for index in group:
            planned = placed[index].demand.planned
            if planned:  # _groups leaves the others out
                instances.append((planned, tuple(number[gpu] for gpu in placed[index].gpus)))
        cards = {number[gpu]: memory[gpu] for gpu in used}
        reserved = {number[gpu]: _reserved(placed, gpu, memory[gpu]) for gpu in used}
        key = (tuple((id(one), gpus) for one, gpus in instances), tuple(cards.items()), tuple(reserved.items()))
        if key not in self._groups:
            self._groups[key] = self._shared([replace(one, gpus=gpus) for one, gpus in instances], cards, reserved)
        return self._groups[key]


def _groups(placed: t.Sequence[Placed], memory: t.Mapping[int, Gpu]) -> list[list[int]]:
    """Planned instances on GPUs of known memory; those that share a GPU, directly or through others, together."""
    groups: list[tuple[set[int], list[int]]] = []
    for index, one in enumerate(placed):
        if not one.demand.planned or not one.gpus or any(gpu not in memory for gpu in one.gpus):
            continue
        gpus, members = set(one.gpus), [index]
        for group in [group for group in groups if group[0] & gpus]:
            groups.remove(group)
            gpus |= group[0]
            members += group[1]
        groups.append((gpus, sorted(members)))
    return [members for _gpus, members in groups]


def _reserved(placed: t.Sequence[Placed], gpu: int, card: Gpu) -> float:
    """GiB of a GPU for the system and for models that the planner does not know, with what their shares leave out."""
    demands = [one.demand for one in placed if gpu in one.gpus and not one.demand.planned]
    unknown = [one for one in demands if one.share is not None or not one.deferred]
    if not unknown:
        return card.reserved_gib
    held = sum(one.share or one.default_share for one in unknown) + 1 - MAX_SHARE
    return card.reserved_gib + max(0.0, held * card.memory_gib - SPARE / GIB)
