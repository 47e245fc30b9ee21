# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a worker makes beside a model: the draft that speculates for it, the slots of its adapters. Only made.py imports it, by its name, inside an image."""

from __future__ import annotations

import typing as t

#: Where a layer that takes adapters keeps its slots: vllm/lora/layers.
SLOTS = ("lora_a_stacked", "lora_b_stacked")
#: What a draft may have of the model that it speculates for.
SHARED = ("embed_tokens.weight", "lm_head.weight", "lm_head.base_layer.weight")


def draft(config: t.Any, module: t.Any) -> list[t.Any]:
    """Tensors of the model that speculates; none where nothing does, or n-grams do. Its layers join the cache's.

    A head that continues the model's own thoughts (EAGLE, MTP) has the embedding of the model, and its head where that is of the same size
    (v1/spec_decode/llm_base_proposer.py, _maybe_share_embeddings); in a pipeline the embedding is its own.
    """
    made = _made(config)
    if made is None:
        return []
    tensors = [*made.named_parameters(), *made.named_buffers()]
    if config.speculative_config.method == "draft_model" or config.parallel_config.pipeline_parallel_size > 1:
        return [tensor for _name, tensor in tensors]
    own = {(name.split(".")[-2], tensor.shape) for name, tensor in module.named_parameters() if name.endswith(SHARED)}
    return [one for name, one in tensors if not (name.endswith(SHARED) and (name.split(".")[-2], one.shape) in own)]


def _made(config: t.Any) -> t.Any:
    said = config.speculative_config
    named = getattr(said, "draft_model_config", None)
    if named is None or said.method in ("ngram", "ngram_gpu", "suffix"):
        return None
    from vllm.model_executor.model_loader.utils import initialize_model

    if said.method == "draft_model":
        # One of its own kind: its layers' names begin otherwise than the model's.
        return initialize_model(vllm_config=_of_draft(config, named), prefix="draft_model")
    return initialize_model(vllm_config=config, model_config=named)


def _of_draft(config: t.Any, named: t.Any) -> t.Any:
    """The configuration of a draft that is a whole model, with the layers' register of the other."""
    from vllm.config.utils import replace

    return replace(config, model_config=named, quant_config=None)


def adapter_slots(config: t.Any, module: t.Any) -> list[t.Any]:
    """Tensors for max_loras adapters of max_lora_rank (vllm/lora/worker_manager.py); none without LoRA. Layers of the module are replaced."""
    if config.lora_config is None:
        return []
    import torch
    from vllm.lora.worker_manager import LRUCacheWorkerLoRAManager

    device = torch.device("meta")
    manager = LRUCacheWorkerLoRAManager(config, device, module.embedding_modules)
    manager.create_lora_manager(module, config)
    found: list[t.Any] = []
    for layer in module.modules():
        for name in SLOTS:
            value = getattr(layer, name, None)
            found += value if isinstance(value, (list, tuple)) else [value] if isinstance(value, torch.Tensor) else []
    return found
