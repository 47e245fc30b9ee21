# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory planner in the plan of the fleet: what it chooses, refuses in which words, and leaves alone."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import kinds, lookups, table
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import GpuMemory
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.table import lines
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import DECLARED, KNOWN, FleetError
from declared import Known, fleet_plan, hosts_of

ONE = {"gateways": ["box"], "gpu_servers": ["box"]}
TWO = {"gateways": ["gw"], "gpu_servers": ["gpu1", "gpu2"]}
H100 = 79.18
LLAMA = {"name": "llama", "model": "meta-llama/Llama-3.1-8B-Instruct"}
QWEN = {"name": "qwen", "model": "Qwen/Qwen2.5-0.5B-Instruct"}
LARGE = {"name": "large", "model": "Qwen/Qwen2.5-32B-Instruct"}
HUGE = {"name": "huge", "model": "meta-llama/Llama-3.3-70B-Instruct"}
UNKNOWN = {"name": "odd", "model": "who/knows"}


def info(*sizes: float, name: str = "NVIDIA H100 80GB HBM3") -> dict[str, t.Any]:
    gpus = [{"index": index, "name": name, "memory_usable_gib": size} for index, size in enumerate(sizes)]
    return {"llm_gpu_count": len(sizes), "llm_gpu_info": {"gpus": gpus}}


def plan(models: list[dict[str, t.Any]], stage: str = KNOWN, **box: t.Any) -> list[dict[str, t.Any]]:
    return fleet_plan(models, {"box": box}, ONE, stage=stage)


def refusal(models: list[dict[str, t.Any]], stage: str = KNOWN, **box: t.Any) -> str:
    with pytest.raises(FleetError) as caught:
        plan(models, stage, **box)
    return str(caught.value)


def test_absent_share_and_context_are_planned() -> None:
    (alone,) = plan([LLAMA], **info(H100))
    assert alone["options"]["gpu-memory-utilization"] == pytest.approx(0.948, abs=0.02)
    assert alone["options"]["max-model-len"] == 131072
    assert 1 <= alone["plan"]["free_gib"] < 1.2
    assert alone["note"] == ""


def test_declared_memory_is_the_same_as_read_memory() -> None:
    assert plan([LLAMA, QWEN], llm_gpu_memory_gib=H100) == plan([LLAMA, QWEN], **info(H100))


def test_the_memory_that_is_free_just_now_plays_no_part() -> None:
    busy = info(H100)
    busy["llm_gpu_info"]["gpus"][0]["memory_free_mib"] = 3
    assert plan([LLAMA], **busy) == plan([LLAMA], **info(H100))


@pytest.mark.parametrize(
    ("given", "kept", "planned"),
    [
        ({"max_model_len": "8k"}, ("max-model-len", "8k"), "gpu-memory-utilization"),
        ({"gpu_memory_utilization": 0.5}, ("gpu-memory-utilization", 0.5), "max-model-len"),
    ],
)
def test_what_is_given_is_kept_and_the_rest_is_planned(
    given: dict[str, t.Any], kept: tuple[str, t.Any], planned: str
) -> None:
    (alone,) = plan([{**LLAMA, **given}], **info(H100))
    assert alone["options"][kept[0]] == kept[1]
    assert planned in alone["options"]


def test_a_share_for_the_whole_fleet_is_kept_too() -> None:
    (alone,) = plan([LLAMA], vllm_gpu_memory_utilization=0.6, **info(H100))
    assert alone["options"]["gpu-memory-utilization"] == 0.6


def test_models_that_share_a_gpu_leave_a_gib() -> None:
    placed = plan([LLAMA, QWEN], **info(H100))
    assert [one["gpus"] for one in placed] == [[0], [0]]
    assert placed[-1]["plan"]["free_gib"] >= 1
    # Shares sum to less than 0.95, since graphs and samplers of both come on top.
    assert sum(one["options"]["gpu-memory-utilization"] for one in placed) < 0.95


def test_whoever_measures_starts_alone_on_the_gpu() -> None:
    two = [{**LLAMA, "gpus": [0]}, {**QWEN, "gpus": [0]}]
    first, second = plan(two, **info(H100))
    assert (first["locked_gpus"], second["locked_gpus"]) == ([0], [0])
    assert (first["start_after"], second["start_after"]) == ([], [first["name"]])


def test_instances_of_a_given_size_start_independently_of_each_other() -> None:
    exact = {"engine_args": {"kv_cache_memory_bytes": 1 << 30}}
    two = [{**LLAMA, "gpus": [0], **exact}, {**QWEN, "gpus": [0], **exact}]
    for one in plan(two, **info(H100)):
        assert (one["locked_gpus"], one["start_after"]) == ([], [])
    # One that measures has to be alone with it, so the others wait too.
    first, second = plan([two[0], {**QWEN, "gpus": [0]}], **info(H100))
    assert (first["locked_gpus"], second["start_after"]) == ([0], [first["name"]])


def test_the_planned_size_can_be_given() -> None:
    two = [{**LLAMA, "gpus": [0]}, {**QWEN, "gpus": [0]}]
    for one in plan(two, vllm_exact_kv_cache=True, **info(H100)):
        assert one["options"]["kv-cache-memory-bytes"] == int(one["plan"]["kv_cache_gib"] * 2**30) > 2**30
        assert one["start_after"] == []
    (own,) = plan([{**QWEN, "engine_args": {"kv_cache_memory_bytes": 1 << 30}}], vllm_exact_kv_cache=True, **info(H100))
    assert own["options"]["kv-cache-memory-bytes"] == 1 << 30


def test_planned_models_take_the_emptiest_gpu() -> None:
    placed = plan([LLAMA, QWEN, {**QWEN, "name": "third"}], **info(H100, H100))
    assert [one["gpus"] for one in placed] == [[0], [1], [0]]


def test_a_model_on_two_gpus_shares_one_of_them() -> None:
    wide = {**LLAMA, "tensor_parallel_size": 2, "gpus": [0, 1]}
    first, second = plan([wide, {**QWEN, "gpus": [1]}], **info(H100, H100))
    (alone,) = plan([wide], **info(H100, H100))
    assert first["options"]["gpu-memory-utilization"] < alone["options"]["gpu-memory-utilization"] - 0.2
    assert second["plan"]["free_gib"] >= 1


def test_all_replicas_have_the_context_of_the_poorest() -> None:
    hosts = {"gw": {}, "gpu1": info(H100), "gpu2": info(23.55, name="RTX 4090")}
    first, second = fleet_plan([{**LLAMA, "replicas": "each"}], hosts, TWO)
    assert first["options"]["max-model-len"] == second["options"]["max-model-len"] < 131072
    assert first["plan"]["gpu_memory_gib"] == H100


def test_gpus_of_a_replica_are_of_one_kind() -> None:
    mixed = info(23.55, H100, H100)
    (instance,) = plan([{**LLAMA, "tensor_parallel_size": 2}], **mixed)
    assert instance["gpus"] == [1, 2]
    text = refusal([{**LLAMA, "tensor_parallel_size": 2, "gpus": [0, 1]}], **mixed)
    assert "must be alike, and these are not: NVIDIA H100 80GB HBM3 23.6 GiB, NVIDIA H100 80GB HBM3 79.2 GiB" in text


REMEDIES = ("context and share: ", "smaller numbers, at some quality: ")


@pytest.mark.parametrize(
    ("models", "box", "arithmetic"),
    [
        ([HUGE], info(H100), "weights (131.45 GiB)"),
        (
            [{**LARGE, "max_model_len": 32768, "gpu_memory_utilization": 0.85}],
            info(H100),
            "One request of 32768 tokens needs 8.00 GiB of KV cache",
        ),
        ([{**LLAMA, "gpu_memory_utilization": 0.5}], info(23.55), "0.5 x 23.55 = 11.78 GiB, less weights 14.99"),
        (
            [{**QWEN, "gpu_memory_utilization": 0.3}, {**LLAMA, "gpu_memory_utilization": 0.65}],
            info(H100),
            "do not fit one GPU of 79.18 GiB together. Least share plus what comes on top, in GiB: qwen 23.75 + ",
        ),
    ],
)
def test_refused_with_the_arithmetic_and_remedies_that_the_server_can_have(
    models: list[dict[str, t.Any]], box: dict[str, t.Any], arithmetic: str
) -> None:
    text = refusal(models, **box)
    assert arithmetic in text
    assert [
        kind for kind in REMEDIES if kind in text
    ] or "a server with more GPUs of one kind than the 1 of box" in text
    assert "tensor_parallel_size" not in text


def test_a_remedy_that_was_offered_does_fit() -> None:
    four = info(H100, H100, H100, H100)
    assert "more GPUs for each replica: tensor_parallel_size: 4\n" in refusal([HUGE], **four)
    wanted = {**HUGE, "tensor_parallel_size": 4, "max_model_len": 131072}
    assert plan([wanted], **info(H100, H100, H100, H100))[0]["plan"]["max_concurrency"] >= 1


def test_every_model_that_does_not_fit_is_named() -> None:
    text = refusal([HUGE, {**HUGE, "name": "other"}], **info(H100, H100))
    assert "On box: huge does not fit" in text
    assert "On box: other does not fit" in text
    assert "memory_check: false" in text


@pytest.mark.parametrize(
    ("entry", "box"),
    [
        ({**HUGE, "memory_check": False}, info(H100)),
        (HUGE, {**info(H100), "vllm_memory_check": False}),
        (HUGE, {**info(H100), "vllm_memory_check": "false"}),
    ],
)
def test_the_check_can_be_switched_off(entry: dict[str, t.Any], box: dict[str, t.Any]) -> None:
    (instance,) = plan([entry], **box)
    assert instance["options"]["gpu-memory-utilization"] == 0.9
    assert "max-model-len" not in instance["options"]
    assert instance["plan"] is None
    assert instance["note"].endswith("memory_check is false")


def test_a_cpu_server_plans_nothing() -> None:
    (instance,) = plan([HUGE], llm_gpu_count=0)
    assert instance["plan"] is None
    assert "max-model-len" not in instance["options"]


def test_unknown_models_have_the_plain_defaults() -> None:
    (instance,) = plan([UNKNOWN], **info(H100))
    assert instance["options"]["gpu-memory-utilization"] == 0.9
    assert instance["note"] == "the planner does not know this model"
    assert "odd 0.90 + odd2 0.90), above 0.95" in refusal([UNKNOWN, {**UNKNOWN, "name": "odd2"}], **info(H100))


def test_options_that_the_planner_can_not_count_leave_the_defaults() -> None:
    (instance,) = plan([{**LLAMA, "engine_args": {"enable_lora": True}}], **info(H100))
    assert instance["note"] == "the planner does not know what enable-lora takes"


def test_options_that_it_counts_are_counted() -> None:
    (plain,) = plan([LLAMA], **info(H100))
    (fewer,) = plan([{**LLAMA, "engine_args": {"max_num_seqs": 64, "kv-cache-dtype": "fp8"}}], **info(H100))
    assert fewer["plan"]["kv_cache_tokens"] > 2 * plain["plan"]["kv_cache_tokens"]
    assert fewer["plan"]["max_num_seqs"] == 64


def test_a_known_model_beside_an_unknown_one_gets_what_that_leaves() -> None:
    known, unknown = plan([LLAMA, {**UNKNOWN, "gpu_memory_utilization": 0.5}], **info(H100))
    assert unknown["options"]["gpu-memory-utilization"] == 0.5
    assert known["options"]["gpu-memory-utilization"] < 0.45


def looked_up(entry: dict[str, t.Any], found: dict[str, t.Any], **facts: t.Any) -> list[dict[str, t.Any]]:
    box = {**info(H100), "more_facts": facts}
    return fleet_plan([entry], {"box": box}, ONE, known=Known(models={entry["model"]: found} if found else {}))


def test_models_that_were_looked_up_are_planned() -> None:
    config = CATALOGUE["meta-llama/Llama-3.1-8B"]["config"]
    (instance,) = looked_up(UNKNOWN, {"config": config, "weight_bytes": None, "gated": True})
    assert (instance["options"]["max-model-len"], instance["gated"]) == (131072, True)
    with pytest.raises(FleetError, match="does not divide the 32 attention heads"):
        looked_up({**UNKNOWN, "tensor_parallel_size": 3}, {"config": config})
    on_disk = {**UNKNOWN, "model": "/srv/models/x"}
    folder = {"/srv/models/x": {"config": config, "weight_bytes": None, "error": ""}}
    assert looked_up(on_disk, {}, model_folders=folder)[0]["plan"]


def test_a_model_whose_folder_is_empty_is_unknown() -> None:
    on_disk = {**UNKNOWN, "model": "/srv/models/x"}
    folder = {"/srv/models/x": {"config": None, "weight_bytes": None, "error": "absent"}}
    assert looked_up(on_disk, {}, model_folders=folder)[0]["plan"] is None


def test_a_model_that_the_planner_can_not_read_is_unknown() -> None:
    (instance,) = looked_up(UNKNOWN, {"config": {"architectures": ["MambaForCausalLM"], "model_type": "mamba"}})
    assert instance["plan"] is None
    assert instance["note"]


def test_an_architecture_that_the_planner_does_not_know_is_said_so() -> None:
    config = {**CATALOGUE["Qwen/Qwen3-8B"]["config"], "architectures": ["MysteryForCausalLM"]}
    (instance,) = looked_up(UNKNOWN, {"config": config, "weight_bytes": None})
    assert instance["plan"] is None
    assert "MysteryForCausalLM" in instance["note"]


@pytest.mark.parametrize("heads", [[32, 16], "many", {"a": 1}, -4, True, 1e400])
def test_heads_of_any_type_crash_nothing(heads: t.Any) -> None:
    config = {**CATALOGUE["Qwen/Qwen3-8B"]["config"], "num_attention_heads": heads}
    (instance,) = looked_up(UNKNOWN, {"config": config, "weight_bytes": 16381470720})
    assert instance["plan"] is None
    assert "num_attention_heads" in instance["note"]


@pytest.mark.parametrize("option", ["disable-hybrid-kv-cache-manager", "mamba_cache_mode", "disable-sliding-window"])
def test_options_that_change_the_cache_are_not_planned(option: str) -> None:
    (instance,) = fleet_plan([{**LLAMA, "engine_args": {option: True}}], {"box": info(H100)}, ONE)
    assert instance["plan"] is None
    assert option.replace("_", "-") in instance["note"]


def test_a_plan_that_relies_on_the_checkpoints_size_says_so() -> None:
    config = {**CATALOGUE["Qwen/Qwen3-8B"]["config"], "architectures": ["MysteryForCausalLM"]}
    (instance,) = looked_up(UNKNOWN, {"config": config, "weight_bytes": 16381470720})
    assert instance["plan"]["weights_gib"] > 15
    assert "size of its checkpoint" in instance["note"]
    assert lines([instance])[-1] == f"{instance['name']} on box: {instance['note']}"


def test_what_may_still_be_read_is_not_judged_yet() -> None:
    pair = [LLAMA, QWEN]
    assert "no room for a replica" in refusal(pair)
    assert [one["gpus"] for one in plan(pair, DECLARED)] == [[0], [0]]
    directories = [{**UNKNOWN, "model": "/a"}, {**UNKNOWN, "name": "odd2", "model": "/b"}]
    assert plan(directories, DECLARED, llm_gpu_memory_gib=H100)
    # What is not known yet takes nothing from what is.
    assert plan([QWEN, directories[0]], DECLARED, llm_gpu_memory_gib=H100)[0]["plan"]
    assert "above 0.95" in refusal(directories, llm_gpu_memory_gib=H100)


def test_unknown_memory_says_what_to_declare() -> None:
    assert "With llm_gpu_memory_gib declared" in refusal([LLAMA, QWEN])
    assert plan([LLAMA])[0]["note"] == "the memory of the GPUs is not known: set llm_gpu_memory_gib"


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ({"llm_gpu_memory_gib": [79.18, 79.18]}, "must be the usable GiB of each GPU, one number or 1 of them"),
        ({"llm_gpu_memory_gib": "plenty"}, "llm_gpu_memory_gib of box must be the usable GiB of each GPU"),
        ({"llm_gpu_memory_gib": -1}, "llm_gpu_memory_gib of box must be the usable GiB of each GPU"),
        ({"llm_gpu_memory_gib": 79.18, **info(23.55)}, "but its NVIDIA H100 80GB HBM3 has 23.55 GiB: correct it"),
    ],
)
def test_declared_memory_that_is_wrong(box: dict[str, t.Any], message: str) -> None:
    assert message in refusal([LLAMA], **box)


def test_gpus_that_are_cut_into_instances_are_unknown() -> None:
    cut = info(H100)
    cut["llm_gpu_info"]["gpus"][0]["mig_mode"] = "Enabled"
    assert plan([LLAMA], **cut)[0]["plan"] is None


def test_wrong_keys_are_refused() -> None:
    assert "memory_check must be true or false" in refusal([{**LLAMA, "memory_check": "no"}])
    assert "max_parallel_requests must be a number from 1 or auto" in refusal([{**LLAMA, "max_parallel_requests": 0}])


def test_table_of_the_plan() -> None:
    lines = table.lines(plan([LLAMA, {**UNKNOWN, "gpu_memory_utilization": 0.4}], **info(H100)))
    assert lines[0].split() == [
        *("server", "gpu", "instance", "model", "share", "context", "tokens", "requests", "peak", "free"),
    ]
    assert lines[1].split()[:4] == ["box", "0", "llama", "meta-llama/Llama-3.1-8B-Instruct"]
    assert lines[2].split()[4:] == ["0.4", "-", "-", "-", "-", "-"]
    assert lines[3] == "odd on box is not planned: the planner does not know this model"


def test_models_that_have_to_be_looked_up() -> None:
    models = [LLAMA, UNKNOWN, {**UNKNOWN, "revision": "v2"}, {"name": "d", "model": "/srv/x"}, "odd", {"name": "e"}]

    def asked(**box: t.Any) -> tuple[list[str], list[str]]:
        host = hosts_of([], {"box": box}, ONE)["box"]
        return lookups.hub_models(models, [host]), lookups.model_folders(models, host)

    assert asked() == (["who/knows", "who/knows@v2"], ["/srv/x"])
    for off in ({"llm_gpu_count": 0}, {"vllm_memory_check": False}):
        assert asked(**off) == ([], [])


def test_limit_from_what_vllm_said() -> None:
    figures: dict[str, t.Any] = {
        "more_facts": {"figures": {"instances": {"llama": {"parallel_limit": 12, "warnings": []}}}}
    }
    assert plan([LLAMA], **figures)[0]["max_parallel_requests"] is None
    assert plan([LLAMA], litellm_limit_from_vllm=True, **figures)[0]["max_parallel_requests"] == 12
    assert plan([{**LLAMA, "max_parallel_requests": "auto"}], **figures)[0]["max_parallel_requests"] == 12
    assert plan([{**LLAMA, "max_parallel_requests": 7}], **figures)[0]["max_parallel_requests"] == 7
    assert plan([{**LLAMA, "max_parallel_requests": "auto"}])[0]["max_parallel_requests"] is None


def test_an_embedding_is_planned_without_a_sampler() -> None:
    """On the fixed share, what comes on top of it is smaller; left to the planner, the share is larger."""
    (writes,), (reads,) = plan([LLAMA], **info(H100)), plan([{**LLAMA, "mode": "embedding"}], **info(H100))
    assert reads["options"]["runner"] == "pooling"
    assert reads["options"]["gpu-memory-utilization"] > writes["options"]["gpu-memory-utilization"]


@pytest.mark.parametrize("said", [True, False, None])
def test_prefix_caching_is_counted(said: bool | None) -> None:
    entry = {**LLAMA, "engine_args": {"enable_prefix_caching": said}}
    found, _why = GpuMemory({}).instance(entry, 0, 0.9, "0.32.0")
    assert found and found.settings.enable_prefix_caching is said


def test_a_model_alone_on_a_kind_of_gpu_has_the_hubs_word_where_that_did_not_answer() -> None:
    entry = {"name": "m", "model": "who/knows"}
    found = {"who/knows@main": {"error": "the hub is away"}, "who/knows": {"error": "the hub is away"}}
    (line,) = [one for one in kinds.lines([entry], {"L40S": 44.4}, found, "0.32.0") if one.startswith("m: ")]
    assert line == "m: the planner does not know this model (the hub is away)"


def test_the_sampler_that_the_environment_asks_for_is_counted() -> None:
    entry = {**LLAMA, "environment": {"VLLM_USE_FLASHINFER_SAMPLER": "0"}}
    without, _why = GpuMemory({}).instance(entry, 0, 0.9, "0.32.0")
    by_default, _why = GpuMemory({}).instance(LLAMA, 0, 0.9, "0.32.0")
    assert without and by_default
    assert (without.settings.flashinfer_sampler, by_default.settings.flashinfer_sampler) == (False, True)
