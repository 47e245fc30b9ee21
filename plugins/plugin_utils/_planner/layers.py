# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of a model from the text part of its config.json, by what its family writes there. Used by families.

Each reader follows the model's file in vllm/model_executor/models. What a family's config.json may say of its layers
beyond COMMON_KEYS stands with the family; anything else that tells layers apart is refused before a reader is asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from .fields import Fields, shown
from .model import Attention, Dense, Experts, FeedForward, Latent, Layer, MemoryPlanError, Mixer, State

MOST_LAYERS = 1000


class Traits(NamedTuple):
    """What a family's model has without its config.json saying so."""

    norms: int = 2
    gated: bool = True
    attention_bias: bool = False
    # every n-th layer has full attention where a window is given; 0: all layers have the window
    window_every: int = 0
    # the window counts only where use_sliding_window is true
    window_asked_for: bool = False
    # where its file has the number of heads of keys and values, and the width of its dense parts; nothing else of the kind counts, even if
    # the file has it
    kv_names: tuple[str, ...] = ("num_key_value_heads", "num_kv_heads", "n_head_kv")
    width_names: tuple[str, ...] = ("intermediate_size", "ffn_hidden_size", "n_inner")


def layer_count(text: Fields) -> int:
    """Layers of the model; a file that names the kind of each may leave the number out."""
    kinds = text.get("layers_block_type")
    if text.get("num_hidden_layers") is None and isinstance(kinds, (list, tuple)) and 0 < len(kinds) <= MOST_LAYERS:
        return len(kinds)
    return text.whole("num_hidden_layers", "n_layer", "n_layers", most=MOST_LAYERS)


def own_layers(text: Fields) -> int:
    """Layers that keep keys and values of their own; the last ones may use those of earlier ones."""
    count = layer_count(text)
    return count - text.count("num_kv_shared_layers", most=count - 1)


def plain_layers(text: Fields, traits: Traits) -> tuple[Layer, ...]:
    """Attention, full or sliding, with a dense part or experts: most models."""
    attention = _attention(text, traits)
    parts = feed_forwards(text, traits)
    own = own_layers(text)
    return tuple(
        Layer(_with_window(attention, window, cached=index < own), part, traits.norms)
        for index, (window, part) in enumerate(zip(windows(text, traits), parts))
    )


def encoder_layers(text: Fields, traits: Traits) -> tuple[Layer, ...]:
    """BERT and its kin: nothing is kept between steps."""
    attention = _with_window(_attention(text, traits), 0, cached=False)
    part = Dense(_intermediate(text, traits), traits.gated)
    return (Layer(attention, part, traits.norms),) * layer_count(text)


def latent_layers(text: Fields, traits: Traits) -> tuple[Layer, ...]:
    """DeepSeek V2 to V3.2 and those built like them: deepseek_v2.py."""
    if not text.says("kv_lora_rank") and not text.count("qk_nope_head_dim"):
        return plain_layers(text, traits)
    indexer = text.says("index_topk") or text.says("index_n_heads")
    latent = Latent(
        heads=_heads(text),
        kv_rank=text.whole("kv_lora_rank"),
        rope_dim=text.whole("qk_rope_head_dim"),
        nope_dim=text.whole("qk_nope_head_dim"),
        value_dim=text.whole("v_head_dim"),
        query_rank=text.count("q_lora_rank"),
        index_heads=text.whole("index_n_heads") if indexer else 0,
        index_dim=text.whole("index_head_dim") if indexer else 0,
    )
    shared = replace(latent, index_heads=0, index_dim=0)
    searches = _searching(text) if indexer else (False,) * layer_count(text)
    return tuple(
        Layer(latent if own else shared, part, traits.norms) for own, part in zip(searches, feed_forwards(text, traits))
    )


def _searching(text: Fields) -> tuple[bool, ...]:
    """Layers with an indexer of their own; the others take what the last one before them chose (deepseek_v2.py, DeepseekV2MLAAttention)."""
    count, pattern = layer_count(text), text.text("index_topk_pattern")
    every, first = text.whole("index_topk_freq", default=1), text.count("index_skip_topk_offset", default=2)
    found = tuple(
        pattern[layer] != "S" if layer < len(pattern) else bool(pattern) or max(layer - first + 1, 0) % every == 0
        for layer in range(count)
    )
    kinds = text.words("indexer_types")
    if kinds and tuple(kind == "full" for kind in kinds[:count]) != found:
        raise MemoryPlanError(
            "indexer_types in the model's config.json says of other layers that they have an indexer than index_topk_freq does. "
            "Set gpu_memory_utilization and max_model_len by hand."
        )
    return found


def llama4_layers(text: Fields, traits: Traits) -> tuple[Layer, ...]:
    """llama4.py: every n-th layer has experts, with a shared one of their width; the others are wider.

    Layers with rotated positions look at the chunk of attention_chunk_size tokens that they are in, the others at all.
    """
    attention = _attention(text, traits)
    chunk = text.count("attention_chunk_size")
    local = replace(attention, window=chunk, chunked=bool(chunk))
    width = _intermediate(text, traits)
    experts = Experts(
        text.whole("num_local_experts", most=65536), text.whole("num_experts_per_tok", default=1), width, width
    )
    dense = Dense(text.whole("intermediate_size_mlp"))
    step, count = text.count("interleave_moe_layer_step", default=1), layer_count(text)
    chosen = set(text.wholes("moe_layers"))
    sparse = [index in chosen if chosen else bool(step) and (index + 1) % step == 0 for index in range(count)]
    rotated = text.wholes("no_rope_layers") or [int((index + 1) % 4 != 0) for index in range(count)]
    return tuple(
        Layer(local if is_local else attention, experts if is_sparse else dense, traits.norms)
        for is_local, is_sparse in zip(rotated, sparse)
    )


def gemma4_layers(text: Fields, traits: Traits) -> tuple[Layer, ...]:
    """gemma4.py: layers with full attention have heads of another size; the last ones may use earlier layers' cache."""
    sliding = _attention(text, traits)
    full = Attention(
        heads=sliding.heads,
        kv_heads=text.whole("num_global_key_value_heads", default=sliding.kv_heads),
        head_dim=text.whole("global_head_dim", default=sliding.head_dim),
        values_are_keys=text.flag("attention_k_eq_v"),
    )
    own = own_layers(text)
    parts = feed_forwards(text, traits)
    if text.flag("enable_moe_block"):
        parts = _with_experts_beside(text, traits, parts)
    layers = []
    for index, (window, part) in enumerate(zip(windows(text, traits), parts)):
        base = sliding if window else full
        layers.append(Layer(_with_window(base, window, index < own, projects_keys=index < own), part, traits.norms))
    return tuple(layers)


def _with_experts_beside(text: Fields, traits: Traits, parts: tuple[FeedForward, ...]) -> tuple[FeedForward, ...]:
    """Experts that run beside the dense part of the same layer."""
    count, width = text.whole("num_experts"), text.whole("moe_intermediate_size", "expert_intermediate_size")
    per_token = text.whole("top_k_experts", "num_experts_per_tok")
    return tuple(Experts(count, per_token, width, _intermediate(text, traits)) for _part in parts)


def delta_net_layers(text: Fields, traits: Traits) -> tuple[Layer, ...]:
    """Qwen3-Next and Qwen3.5: every n-th layer has gated attention, the others a gated delta net (qwen3_next.py)."""
    plain = _attention(text, traits)
    attention = Attention(
        plain.heads, plain.kv_heads, plain.head_dim, gated=text.flag("attn_output_gate", default=True)
    )
    value_heads, value_dim = text.whole("linear_num_value_heads"), text.whole("linear_value_head_dim")
    key_dim = text.whole("linear_key_head_dim")
    state = State(
        inner=value_heads * value_dim,
        groups=text.whole("linear_num_key_heads"),
        group_width=key_dim,
        heads=value_heads,
        head_dim=value_dim,
        state_size=key_dim,
        conv_kernel=text.whole("linear_conv_kernel_dim", default=4, most=1024),
        head_scalars=2,
        state_bytes=4 if text.text("mamba_ssm_dtype") == "float32" else 0,
    )
    mixers: dict[str, Mixer] = {"full_attention": attention, "linear_attention": state}
    kinds = _kinds(text, tuple(mixers)) or _every(text.whole("full_attention_interval", default=4), layer_count(text))
    return tuple(Layer(mixers[kind], part, traits.norms) for kind, part in zip(kinds, feed_forwards(text, traits)))


def _every(interval: int, count: int) -> tuple[str, ...]:
    return tuple("linear_attention" if (index + 1) % interval else "full_attention" for index in range(count))


def nemotron_h_layers(text: Fields, traits: Traits) -> tuple[Layer, ...]:
    """nemotron_h.py: a letter for each layer, which has one part only: Mamba 2, attention, dense or experts."""
    pattern = text.text("hybrid_override_pattern") or _letters(text.words("layers_block_type"))
    if len(pattern) != layer_count(text) or set(pattern) - set("M*-E"):
        raise MemoryPlanError(
            f"hybrid_override_pattern {shown(pattern)} does not give one of M, *, -, E for each layer."
        )
    heads, head_dim = text.whole("mamba_num_heads"), text.whole("mamba_head_dim")
    state = State(
        inner=heads * head_dim,
        groups=text.whole("n_groups", "mamba_n_groups", default=8),
        group_width=text.whole("ssm_state_size"),
        heads=heads,
        head_dim=head_dim,
        state_size=text.whole("ssm_state_size"),
        conv_kernel=text.whole("conv_kernel", default=4, most=1024),
        head_scalars=1,
        # vLLM keeps it in 32 bits unless the file names another type.
        state_bytes=2 if text.text("mamba_ssm_cache_dtype") in {"float16", "bfloat16"} else 4,
    )
    attention = _attention(text, traits)
    made = {
        "M": lambda: Layer(state, None, 1),
        "*": lambda: Layer(attention, None, 1),
        "-": lambda: Layer(None, Dense(_intermediate(text, traits), gated=False), 1),
        "E": lambda: Layer(None, _nemotron_experts(text), 1),
    }
    by_letter = {letter: made[letter]() for letter in set(pattern)}
    return tuple(by_letter[letter] for letter in pattern)


def _letters(kinds: tuple[str, ...]) -> str:
    letters = {"mamba": "M", "attention": "*", "mlp": "-", "moe": "E"}
    return "".join(letters.get(kind, "?") for kind in kinds)


def _nemotron_experts(text: Fields) -> Experts:
    shared = text.count("n_shared_experts")
    return Experts(
        count=text.whole("n_routed_experts", most=65536),
        per_token=text.whole("num_experts_per_tok"),
        width=text.whole("moe_intermediate_size"),
        shared_width=shared * text.whole("moe_shared_expert_intermediate_size") if shared else 0,
        gated=False,
        latent=text.count("moe_latent_size"),
    )


def _heads(text: Fields) -> int:
    return text.whole("num_attention_heads", "n_head", "n_heads", most=65536)


def _intermediate(text: Fields, traits: Traits) -> int:
    return text.whole(*traits.width_names, default=4 * hidden_size(text))


def hidden_size(text: Fields) -> int:
    """Width of the model."""
    return text.whole("hidden_size", "n_embd", "d_model")


def _attention(text: Fields, traits: Traits) -> Attention:
    heads = _heads(text)
    if text.flag("multi_query") and not text.flag("new_decoder_architecture"):
        kv_heads = 1
    elif text.get("multi_query") is not None and not text.flag("new_decoder_architecture"):
        kv_heads = heads
    else:
        kv_heads = text.whole(*traits.kv_names, default=heads, most=65536)
    if heads % kv_heads:
        raise MemoryPlanError(
            f"The model's config.json has {heads} attention heads (num_attention_heads), which {kv_heads} heads of keys and values "
            "(num_key_value_heads) can't share; no vLLM starts with it."
        )
    return Attention(
        heads=heads,
        kv_heads=kv_heads,
        head_dim=text.count("head_dim", "attention_head_dim") or max(1, hidden_size(text) // heads),
        bias=traits.attention_bias or text.flag("attention_bias"),
    )


def _with_window(base: Attention, window: int, cached: bool, projects_keys: bool = True) -> Attention:
    return replace(base, window=window, cached=cached, projects_keys=projects_keys)


def _kinds(text: Fields, known: tuple[str, ...]) -> tuple[str, ...]:
    """layer_types, which must name a known kind for each layer; empty where the file has none."""
    kinds = text.words("layer_types")
    strange = sorted(set(kinds) - set(known))
    if strange:
        raise MemoryPlanError(
            f"This model has layers of the kind {strange[0][:40]}, whose memory the planner does not know "
            f"(state-space, linear attention or new). Set gpu_memory_utilization and max_model_len by hand."
        )
    if kinds and len(kinds) < layer_count(text):
        raise MemoryPlanError(
            f"layer_types in the model's config.json names {len(kinds)} of {layer_count(text)} layers."
        )
    return kinds[: layer_count(text)]


def windows(text: Fields, traits: Traits) -> tuple[int, ...]:
    """The sliding window of each layer; 0 is full attention."""
    count = layer_count(text)
    kinds = _kinds(text, ("full_attention", "sliding_attention"))
    if kinds:
        window = text.whole("sliding_window") if "sliding_attention" in kinds else 0
        return tuple(window if kind == "sliding_attention" else 0 for kind in kinds)
    window = text.count("sliding_window")
    if not window or not text.flag("use_sliding_window", default=not traits.window_asked_for):
        return (0,) * count
    if text.flag("use_sliding_window") and text.get("max_window_layers") is not None:
        first = text.count("max_window_layers")
        return tuple(window if layer >= first else 0 for layer in range(count))
    every = text.count("sliding_window_pattern", "_sliding_window_pattern", default=traits.window_every)
    return tuple(0 if every and (layer + 1) % every == 0 else window for layer in range(count))


def feed_forwards(text: Fields, traits: Traits) -> tuple[FeedForward, ...]:
    """Each layer's dense part or experts, by the names that the families use."""
    count = layer_count(text)
    experts = _experts(text, traits)
    sparse = _sparse(text, count) if experts else [False] * count
    _refuse_other_kinds(text, sparse)
    if experts is None:
        return (Dense(_intermediate(text, traits), traits.gated),) * count
    # Where all layers have experts, the dense width may be absent.
    dense = None if all(sparse) else Dense(_intermediate(text, traits), traits.gated)
    return tuple(experts if is_sparse or dense is None else dense for is_sparse in sparse)


def _refuse_other_kinds(text: Fields, sparse: list[bool]) -> None:
    """mlp_layer_types, which transformers writes and most of vLLM's models do not read, must say the same as the other keys."""
    kinds = text.words("mlp_layer_types")
    if kinds and [kind == "sparse" for kind in kinds[: len(sparse)]] != sparse:
        raise MemoryPlanError(
            "mlp_layer_types in the model's config.json says of other layers that they have experts than its other keys do. "
            "Set gpu_memory_utilization and max_model_len by hand."
        )


def _experts(text: Fields, traits: Traits) -> Experts | None:
    count = text.count("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts", most=65536)
    if count <= 1:
        return None
    if text.get("n_routed_experts") is not None:
        # Of these families none has experts as wide as its dense layers.
        width = text.whole("moe_intermediate_size")
    else:
        width = text.count("moe_intermediate_size") or text.whole("intermediate_size")
    per_token = text.whole("num_experts_per_tok", "num_experts_per_token", "moe_k", default=2, most=65536)
    if per_token > count:
        raise MemoryPlanError(
            f"The model's config.json sends each token to {per_token} of {count} experts (num_experts_per_tok)."
        )
    shared = text.count("n_shared_experts", "num_shared_experts", "moe_num_shared_experts", most=65536)
    return Experts(
        count=count,
        per_token=per_token,
        width=width,
        shared_width=text.count("shared_expert_intermediate_size", "shared_intermediate_size") or width * shared,
        gated=traits.gated,
    )


def _sparse(text: Fields, count: int) -> list[bool]:
    """Which layers route to experts: each family has its own way to name the dense ones."""
    first = text.count("first_k_dense_replace", "moe_layer_start_index")
    dense = set(text.wholes("mlp_only_layers"))
    step = text.whole("decoder_sparse_step", "moe_layer_interval", default=1)
    if isinstance(text.get("moe_layer_freq"), (list, tuple)):
        marked = text.wholes("moe_layer_freq")
        if len(marked) < count:
            raise MemoryPlanError(f"moe_layer_freq in the model's config.json names {len(marked)} of {count} layers.")
        return [bool(mark) for mark in marked[:count]]
    every = text.whole("moe_layer_freq", default=1)
    return [
        layer >= first and layer not in dense and (layer + 1) % step == 0 and layer % every == 0
        for layer in range(count)
    ]
