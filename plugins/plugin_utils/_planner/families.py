# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The families of models: which of vLLM's architectures are read how. Used by read_model.

A model's architecture decides, as in vLLM; its model_type where it names none. What is in no family is planned from the
checkpoint's size, where that agrees with a plain reading, or refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .fields import Fields
from .layers import (
    Traits,
    delta_net_layers,
    encoder_layers,
    gemma4_layers,
    latent_layers,
    llama4_layers,
    nemotron_h_layers,
    plain_layers,
)
from .model import Layer, MemoryPlanError


class Family(NamedTuple):
    """How the models of one architecture are read."""

    layers: Callable[[Fields, Traits], tuple[Layer, ...]] = plain_layers
    traits: Traits = Traits()
    # keys that tell layers apart and that the reader understands, beside COMMON_KEYS
    keys: frozenset[str] = frozenset()
    # what the architecture has where config.json leaves it out
    defaults: Mapping[str, Any] = {}
    tied: bool = False
    # vLLM gives it a head of its own, whatever config.json says of tie_word_embeddings: the model's file in vLLM 0.32 does not read it
    never_tied: bool = False
    encoder: bool = False
    # vLLM runs transformers' own code for it, which divides nothing between GPUs
    undivided: bool = False
    # every pipeline stage holds the embedding, or the head: the model's file in vLLM 0.32 makes it without asking for the stage
    embeds_everywhere: bool = False
    heads_everywhere: bool = False
    # tables of rotary angles: sliding layers may have one of their own
    ropes: int = 1
    # rows of a table of positions beyond the context; none where positions are rotated
    position_rows: int | None = None
    # why the formulas do not say what its weights take; the checkpoint's size does
    unsure: str = ""


COMMON_KEYS = frozenset(
    {
        "decoder_sparse_step",
        "first_k_dense_replace",
        "layer_types",
        "max_window_layers",
        "mlp_only_layers",
        "moe_layer_freq",
        "num_kv_shared_layers",
        "sliding_window_pattern",
        "_sliding_window_pattern",
    }
)
# Keys by which some family tells layers apart, or keeps more than keys and values: understood by its reader, or refused.
_TELLING = re.compile(
    r"hybrid_.*|attn_type_list|layer_types|layers_block_type|block_types?|block_configs|attn_layer_\w+|expert_layer_\w+"
    r"|mamba_\w+|ssm_\w+|conv_L_cache|conv_kernel|linear_\w+|full_attention_interval|full_attn_\w+|index_(head|n_heads|topk)\w*"
    r"|global_head_dim|num_global_key_value_heads|interleave_moe_layer_step|intermediate_size_mlp|moe_layers"
    r"|attention_chunk_size|compress_ratios|moe_latent_size|hidden_size_per_layer_input|altup_\w+|laurel_rank"
    r"|cross_attention_layers|is_encoder_decoder|enable_moe_block|attention_k_eq_v|use_double_wide_mlp"
    r"|moe_layer_(freq|start_index|end_index|interval|indices)|moe_num_experts|zero_expert_num|lru_width|rnn_\w+"
    r"|num_mem_blocks|meta_tokens|num_memory_tokens|lightning_\w+|swin_norm|kda_\w+|gdn_\w+|v_head_dim|kv_lora_rank"
    r"|word_embed_proj_dim|num_kv_shared_layers|(_)?sliding_window_pattern|decoder_sparse_step|first_k_dense_replace|mlp_only_layers"
)
# They say nothing of memory, or of layers that the readers know by another key.
_HARMLESS = frozenset({"max_window_layers", "layer_norm_types"})
_LATENT_KEYS = frozenset({"kv_lora_rank", "v_head_dim"})
_INDEX_KEYS = _LATENT_KEYS | {"index_head_dim", "index_n_heads", "index_topk", "index_topk_freq", "index_topk_pattern"}
_INDEX_KEYS |= {"indexer_types"}
_DELTA_KEYS = frozenset(
    {
        "full_attention_interval",
        "linear_conv_kernel_dim",
        "linear_key_head_dim",
        "linear_num_key_heads",
        "linear_num_value_heads",
        "linear_value_head_dim",
        "mamba_ssm_dtype",
    }
)
_NEMOTRON_KEYS = frozenset(
    {
        "conv_kernel",
        "hybrid_override_pattern",
        "layers_block_type",
        "mamba_head_dim",
        "mamba_hidden_act",
        "mamba_n_groups",
        "mamba_num_heads",
        "mamba_proj_bias",
        "mamba_ssm_cache_dtype",
        "moe_latent_size",
        "ssm_state_size",
    }
)
_GEMMA3 = {
    "vocab_size": 262208,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131072,
    "sliding_window": 4096,
}
_GEMMA4 = {
    "vocab_size": 262144,
    "head_dim": 256,
    "global_head_dim": 512,
    "max_position_embeddings": 131072,
    "sliding_window": 512,
}
_LLAMA4 = {
    "vocab_size": 202048,
    "hidden_size": 5120,
    "intermediate_size": 8192,
    "intermediate_size_mlp": 16384,
    "num_hidden_layers": 48,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 131072,
    "num_local_experts": 16,
}
_QWEN = Family(traits=Traits(window_asked_for=True), defaults={"max_position_embeddings": 32768})
_QWEN2 = _QWEN._replace(traits=Traits(window_asked_for=True, attention_bias=True))
_QWEN3 = _QWEN._replace(defaults={"max_position_embeddings": 32768, "head_dim": 128})
_UNGATED = Family(traits=Traits(gated=False, attention_bias=True))
# As many heads of keys and values as of queries, and one name for the width.
_OLD = Traits(gated=False, attention_bias=True, kv_names=())
_WIDE_BY_N_INNER = Family(traits=_OLD._replace(width_names=("n_inner",)))
_WIDE_BY_INTERMEDIATE = _OLD._replace(width_names=("intermediate_size",))
_LATENT = Family(layers=latent_layers, keys=_LATENT_KEYS)
_SPARSE_LATENT = Family(layers=latent_layers, keys=_INDEX_KEYS)
_DELTA = Family(layers=delta_net_layers, keys=_DELTA_KEYS, defaults={"head_dim": 256, "max_position_embeddings": 32768})
_ENCODER = Family(layers=encoder_layers, traits=_WIDE_BY_INTERMEDIATE, tied=True, encoder=True)
_ERNIE_KEYS = frozenset({"moe_num_experts", "moe_layer_start_index", "moe_layer_end_index", "moe_layer_interval"})
_GEMMA3N_KEYS = frozenset({"hidden_size_per_layer_input", "altup_active_idx", "altup_coef_clip", "altup_correct_scale"})
_GEMMA3N_KEYS |= {"altup_lr_multiplier", "altup_num_inputs", "laurel_rank"}

_UNGATED_PLAIN = Family(traits=Traits(gated=False))

FAMILIES: dict[str, Family] = {
    "apertus": _UNGATED_PLAIN,
    "arcee": _UNGATED_PLAIN,
    "bert": _ENCODER,
    "camembert": _ENCODER,
    "cohere": Family(tied=True, traits=Traits(norms=1)),
    "cohere2": Family(tied=True, traits=Traits(norms=1, window_every=4)),
    "cohere2_moe": Family(tied=True, traits=Traits(norms=1, window_every=4)),
    "cwm": Family(),
    "deepseek_v2": _LATENT,
    "deepseek_v3": _LATENT,
    "deepseek_v32": _SPARSE_LATENT,
    "ernie4_5": Family(),
    "ernie4_5_moe": Family(keys=_ERNIE_KEYS, tied=True),
    "exaone": Family(),
    "exaone4": Family(),
    "falcon": Family(
        traits=_OLD._replace(kv_names=("num_kv_heads", "n_head_kv"), width_names=("ffn_hidden_size",)),
        tied=True,
        defaults={"multi_query": True},
    ),
    "flex_olmo": Family(),
    "gemma": Family(tied=True, defaults={"max_position_embeddings": 8192, "head_dim": 256}),
    "gemma2": Family(
        tied=True,
        traits=Traits(norms=4, window_every=2),
        defaults={"max_position_embeddings": 8192, "head_dim": 256, "sliding_window": 4096},
    ),
    "gemma3": Family(tied=True, traits=Traits(norms=4, window_every=6), defaults=_GEMMA3, ropes=2),
    "gemma3n": Family(
        tied=True,
        traits=Traits(norms=4),
        keys=_GEMMA3N_KEYS,
        defaults={"intermediate_size": 16384},
        unsure="the formulas do not know Gemma 3n's embeddings for each layer",
    ),
    "gemma4": Family(
        layers=gemma4_layers,
        tied=True,
        traits=Traits(norms=4, window_every=6),
        keys=frozenset({"global_head_dim", "num_global_key_value_heads", "attention_k_eq_v", "enable_moe_block"}),
        defaults=_GEMMA4,
    ),
    "glm": Family(),
    "glm4": Family(traits=Traits(norms=4)),
    "glm4_moe": Family(),
    "glm_moe_dsa": _SPARSE_LATENT,
    "gpt2": _WIDE_BY_N_INNER._replace(tied=True, position_rows=0),
    "gpt_bigcode": _WIDE_BY_N_INNER._replace(
        tied=True, position_rows=0, undivided=True, defaults={"multi_query": True}
    ),
    "gptj": Family(traits=Traits(gated=False, kv_names=(), width_names=("n_inner",))),
    "gpt_neox": Family(traits=_WIDE_BY_INTERMEDIATE),
    "gpt_oss": Family(traits=Traits(window_every=2), defaults={"max_position_embeddings": 131072}),
    "granite": Family(),
    "granitemoe": Family(),
    "granitemoeshared": Family(),
    "hunyuan_dense_v1": Family(),
    "hyperclovax": Family(),
    "internlm2": Family(),
    "internlm3": Family(),
    "jais2": _UNGATED,
    "llama": Family(defaults={"max_position_embeddings": 2048}),
    "llama4": Family(
        layers=llama4_layers,
        keys=frozenset({"attention_chunk_size", "interleave_moe_layer_step", "intermediate_size_mlp", "moe_layers"}),
        defaults=_LLAMA4,
    ),
    "mimo": _QWEN2,
    "minimax_m2": Family(),
    "ministral": Family(),
    "ministral3": Family(),
    "mistral": Family(defaults={"max_position_embeddings": 131072}),
    "mixtral": Family(defaults={"max_position_embeddings": 131072}),
    "mpt": Family(traits=Traits(gated=False, kv_names=(), width_names=("ffn_hidden_size",)), tied=True),
    "nemotron": _UNGATED._replace(traits=Traits(gated=False)),
    "nemotron_h": Family(layers=nemotron_h_layers, traits=Traits(norms=1), keys=_NEMOTRON_KEYS),
    "olmo": Family(),
    "olmo2": Family(),
    "olmo3": Family(),
    "olmoe": Family(),
    "opt": Family(traits=_OLD._replace(width_names=("ffn_dim",)), tied=True, position_rows=2),
    "phi": _WIDE_BY_N_INNER,
    "phi3": Family(defaults={"max_position_embeddings": 4096}),
    "phimoe": Family(),
    "qwen2": _QWEN2,
    "qwen2_5_vl": _QWEN2,
    "qwen2_moe": _QWEN2,
    "qwen2_vl": _QWEN2,
    "qwen3": _QWEN3,
    "qwen3_5": _DELTA,
    "qwen3_5_moe": _DELTA,
    "qwen3_moe": _QWEN,
    "qwen3_next": _DELTA._replace(defaults={**_DELTA.defaults, "partial_rotary_factor": 0.25}),
    "qwen3_vl": _QWEN3,
    "qwen3_vl_moe": _QWEN3,
    "roberta": _ENCODER,
    "seed_oss": Family(),
    "smollm3": Family(),
    "stablelm": Family(),
    "starcoder2": _UNGATED._replace(tied=True),
    "xlm-roberta": _ENCODER,
}
_EMBEDS_EVERYWHERE = (
    "cohere cohere2 cohere2_moe falcon gemma gemma2 gemma3 gemma4 gpt2 gptj gpt_oss granitemoe granitemoeshared mixtral nemotron_h"
    " olmoe opt phimoe qwen2_moe qwen3_5 qwen3_5_moe qwen3_moe qwen3_next stablelm"
)
for _name in _EMBEDS_EVERYWHERE.split():
    _heads = not _name.startswith("qwen3_5")
    FAMILIES[_name] = FAMILIES[_name]._replace(embeds_everywhere=True, heads_everywhere=_heads)
_NEVER_TIED = "deepseek_v2 deepseek_v3 deepseek_v32 glm4_moe glm_moe_dsa gpt_oss minimax_m2 nemotron_h olmoe qwen3_next"
for _name in _NEVER_TIED.split():
    FAMILIES[_name] = FAMILIES[_name]._replace(never_tied=True)
# Architectures whose name is not their family's.
_ALIASES = {
    "rw": "falcon",
    "baichuan": "llama",
    "mistral3": "mistral",
    "gemma3text": "gemma3",
    "kimik2": "deepseekv3",
    "ernie45": "ernie45",
}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().removesuffix("_text"))


_BY_NAME = {_plain(name): family for name, family in FAMILIES.items()}


def _named(name: str) -> Family | None:
    plain = _plain(name)
    return _BY_NAME.get(_ALIASES.get(plain, plain))


def family_of(architectures: tuple[str, ...], model_type: str, nested: bool) -> tuple[Family, bool]:
    """The family of a model, and whether it is known; a plain one where it is not.

    Of a model with pictures only the text part is read, and its model_type says what that is.
    """
    if not nested:
        for architecture in architectures:
            found = _named(re.sub(r"(For[A-Z]\w*|LMHeadModel|Model)$", "", architecture))
            if found:
                return found, True
    found = _named(model_type)
    return found or Family(), bool(found) and (nested or not architectures)


def refuse_untold(text: Fields, family: Family, name: str) -> None:
    """Refuse a model whose file tells its layers apart in words that its family's reader does not understand."""
    if "mamba" in name.lower():
        raise _unknown(name, "state-space layers")
    for key in text.names:
        if key in family.keys | COMMON_KEYS | _HARMLESS or not text.says(key) or not _TELLING.fullmatch(key):
            continue
        if key == "attn_type_list" and set(text.wholes(key)) == {1}:
            # MiniMax M2 says of every layer that it has full attention, as its forerunners did of some.
            continue
        if key == "word_embed_proj_dim" and text.get(key) == text.get("hidden_size"):
            continue
        raise _unknown(name, key)


def refuse_lists(text: Fields, family: Family, name: str, count: int) -> None:
    """Refuse a model with values for each layer that no reader looks at."""
    for key in text.names:
        if key not in family.keys | COMMON_KEYS | _HARMLESS | _LISTS and _differs_by_layer(text.get(key), count):
            raise _unknown(name, f"{key}, a value for each layer")


def _differs_by_layer(value: Any, count: int) -> bool:
    is_list = isinstance(value, (list, tuple)) and len(value) == count > 2
    return is_list and any(item != value[0] for item in value)


# Lists that may by chance be as long as the model is deep, or that do not matter to memory.
_LISTS = frozenset(
    {
        "no_rope_layers",
        "eos_token_id",
        "architectures",
        "activation_sparsity_pattern",
        "intermediate_size",
        # compared with the other keys by feed_forwards
        "mlp_layer_types",
        "bad_words_ids",
    }
)


def _unknown(name: str, what: str) -> MemoryPlanError:
    return MemoryPlanError(
        f"The planner does not know how {name[:80]} differs from layer to layer ({what[:60]}: state-space or linear "
        "attention, other heads or other widths). Set gpu_memory_utilization and max_model_len by hand."
    )
