# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks and listens for a language model: parameters of vision and audio encoders and of what joins them. Used by read_model.

Each follows the model's file in vllm/model_executor/models, or transformers' where vLLM takes the encoder from there. The outer
model_type decides; an encoder that is in no table is counted as a plain transformer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .fields import Fields
from .model import MemoryPlanError

_SECTIONS = ("vision_config", "audio_config", "encoder_config")


class Tower(NamedTuple):
    """Parameters that tensor parallelism divides, and those that every GPU has whole."""

    shared: int = 0
    whole: int = 0

    def beside(self, shared: int, whole: int) -> Tower:
        """With as many more."""
        return Tower(self.shared + shared, self.whole + whole)


def tower(outer: Fields, text_width: int) -> Tower:
    """Of a model; nothing of one that only reads."""
    part = outer.section("vlm_config") or outer
    section = next((found for name in _SECTIONS if (found := part.section(name))), None)
    if section is None:
        return Tower()
    kind = outer.text("model_type").removesuffix("_moe").removesuffix("_plus")
    try:
        return _KINDS.get(kind, _plain)(section, part, text_width)
    except MemoryPlanError:
        # A file that leaves out what the exact count needs.
        return _plain(section, part, text_width)


def _plain(vision: Fields, _outer: Fields, _text: int) -> Tower:
    """A plain transformer; the safetensors index is exact where it is at hand."""
    if vision.get("hidden_size") is None or isinstance(vision.get("hidden_size"), (list, tuple)):
        return Tower()
    hidden = vision.whole("hidden_size", most=2**20)
    layers = vision.count("num_hidden_layers", "depth", most=1000)
    return Tower(layers * _block(hidden, vision.whole("intermediate_size", default=4 * hidden)))


def _block(hidden: int, width: int, gated: bool = False) -> int:
    """Attention and its feed-forward part."""
    return 4 * hidden * hidden + (3 if gated else 2) * hidden * width


def _layers(vision: Fields) -> int:
    return vision.whole("depth", "num_hidden_layers", "encoder_layers", most=1000)


def _patches(vision: Fields, hidden: int) -> int:
    """The convolution that makes a vector of a patch."""
    size = _side(vision, "patch_size")
    channels = vision.whole("in_channels", "in_chans", "num_channels", default=3)
    return hidden * channels * size * size * vision.whole("temporal_patch_size", default=1)


def _side(vision: Fields, name: str) -> int:
    value = vision.get(name)
    return Fields({name: value[0]}).whole(name) if isinstance(value, (list, tuple)) and value else vision.whole(name)


def _positions(vision: Fields) -> int:
    return (_side(vision, "image_size") // _side(vision, "patch_size")) ** 2


def _siglip(vision: Fields) -> Tower:
    """SigLIP's encoder: siglip.py, idefics2_vision_model.py."""
    hidden = vision.whole("hidden_size")
    shared = _layers(vision) * _block(hidden, vision.whole("intermediate_size"))
    return Tower(shared, _patches(vision, hidden) + _positions(vision) * hidden)


# ---- pictures


def _qwen2_vl(vision: Fields, _outer: Fields, _text: int) -> Tower:
    hidden, out = vision.whole("embed_dim"), vision.whole("hidden_size")
    merged = hidden * vision.whole("spatial_merge_size", default=2) ** 2
    width = hidden * vision.whole("mlp_ratio", default=4)
    shared = _layers(vision) * _block(hidden, width) + merged * (merged + out)
    return Tower(shared, _patches(vision, hidden))


def _qwen2_5_vl(vision: Fields, _outer: Fields, _text: int) -> Tower:
    """Also EXAONE 4.5's, which has fewer heads of keys and values."""
    hidden, heads = vision.whole("hidden_size"), vision.whole("num_heads")
    merged = hidden * vision.whole("spatial_merge_size", default=2) ** 2
    keys = 2 * hidden * hidden * vision.whole("num_key_value_heads", default=heads) // heads
    block = 2 * hidden * hidden + keys + 3 * hidden * vision.whole("intermediate_size")
    shared = _layers(vision) * block + merged * (merged + vision.whole("out_hidden_size"))
    return Tower(shared, _patches(vision, hidden))


def _qwen3_vl(vision: Fields, _outer: Fields, _text: int) -> Tower:
    """With one joint more for each layer that is read earlier (DeepStack)."""
    hidden = vision.whole("hidden_size")
    merged = hidden * vision.whole("spatial_merge_size", default=2) ** 2
    joints = 1 + len(vision.wholes("deepstack_visual_indexes"))
    blocks = _layers(vision) * _block(hidden, vision.whole("intermediate_size"))
    shared = blocks + joints * merged * (merged + vision.whole("out_hidden_size"))
    return Tower(shared, _patches(vision, hidden) + vision.whole("num_position_embeddings") * hidden)


def _internvl(vision: Fields, _outer: Fields, text: int) -> Tower:
    """Attention is whole on every GPU: interns1_vit.py."""
    hidden, layers = vision.whole("hidden_size"), _layers(vision)
    merged = hidden * 4
    whole = layers * 4 * hidden * hidden + _patches(vision, hidden) + (_positions(vision) + 1) * hidden
    shared = layers * 2 * hidden * vision.whole("intermediate_size")
    return Tower(shared, whole + merged * text + text * text)


def _idefics3(vision: Fields, outer: Fields, text: int) -> Tower:
    joint = vision.whole("hidden_size") * outer.whole("scale_factor", default=2) ** 2 * text
    return _siglip(vision).beside(0, joint)


def _paligemma(vision: Fields, _outer: Fields, text: int) -> Tower:
    return _siglip(vision).beside(0, vision.whole("hidden_size") * text)


def _colpali(vision: Fields, outer: Fields, text: int) -> Tower:
    """The vector that it gives out is made in 32 bits."""
    return _paligemma(vision, outer, text).beside(0, 2 * 128 * text)


def _cohere2_vision(vision: Fields, outer: Fields, text: int) -> Tower:
    width = outer.whole("alignment_intermediate_size")
    merged = vision.whole("hidden_size") * outer.whole("downsample_factor") ** 2
    return _siglip(vision).beside(merged * width + width // 2 * text, 0)


def _minicpmv(vision: Fields, _outer: Fields, text: int) -> Tower:
    """With attention and a feed-forward part where it merges patches: minicpmv4_6.py."""
    hidden = vision.whole("hidden_size")
    merging = 16 * hidden * (4 * hidden + hidden) + 4 * hidden * (4 * hidden + text)
    return _siglip(vision).beside(4 * hidden * hidden, merging)


def _blip2(vision: Fields, outer: Fields, text: int) -> Tower:
    hidden = vision.whole("hidden_size")
    shared = _layers(vision) * _block(hidden, vision.whole("intermediate_size"))
    joint = _query_former(outer.section("qformer_config"), text)
    return Tower(shared, _patches(vision, hidden) + (_positions(vision) + 1) * hidden + joint)


def _query_former(said: Fields | None, text: int) -> int:
    """BERT's layers, some of which look at the encoder's output: blip2.py, Blip2QFormerModel. No GPU has only a part of it."""
    if said is None:
        raise MemoryPlanError("The model's config.json does not describe its Q-Former.")
    hidden, layers = said.whole("hidden_size"), _layers(said)
    looking = -(-layers // said.whole("cross_attention_frequency", default=2))
    across = 2 * hidden * hidden + 2 * hidden * said.whole("encoder_hidden_size")
    return layers * _block(hidden, said.whole("intermediate_size")) + looking * across + hidden * text


# ---- sound


def _whisper_like(audio: Fields, hidden: int) -> int:
    """Convolutions and positions of Whisper's encoder."""
    mels = audio.whole("num_mel_bins", default=128)
    return 3 * hidden * (mels + hidden) + audio.count("max_source_positions") * hidden


def _transformers_audio(audio: Fields, outer: Fields, text: int) -> Tower:
    """Qwen2-Audio and Audio Flamingo 3 run transformers' encoder, whole on every GPU."""
    hidden = audio.whole("d_model", "hidden_size")
    blocks = _layers(audio) * _block(hidden, audio.whole("encoder_ffn_dim", "intermediate_size"))
    joint = hidden * text + (text * text if outer.text("model_type") == "audioflamingo3" else 0)
    return Tower(0, blocks + _whisper_like(audio, hidden) + joint)


def _glmasr(audio: Fields, _outer: Fields, text: int) -> Tower:
    hidden, width = audio.whole("hidden_size"), audio.whole("intermediate_size")
    shared = _layers(audio) * _block(hidden, width) + 2 * text * (width + text)
    return Tower(shared, _whisper_like(audio, hidden))


def _qwen3_asr(audio: Fields, _outer: Fields, _text: int) -> Tower:
    hidden, channels = audio.whole("d_model"), audio.whole("downsample_hidden_size")
    # Three convolutions halve the bins of mel each.
    bins = -(-audio.whole("num_mel_bins", default=128) // 8)
    convolutions = 9 * channels * (1 + 2 * channels) + channels * bins * hidden
    joint = hidden * (hidden + audio.whole("output_dim"))
    return Tower(_layers(audio) * _block(hidden, audio.whole("encoder_ffn_dim")), convolutions + joint)


def _granite_speech(encoder: Fields, outer: Fields, text: int) -> Tower:
    """A conformer, whose feed-forward parts alone are divided, and a Q-Former."""
    hidden, layers = encoder.whole("hidden_dim"), encoder.whole("num_layers", most=1000)
    inner = encoder.whole("num_heads") * encoder.whole("dim_head")
    wider = hidden * encoder.whole("conv_expansion_factor", default=2)
    feed_forward = 4 * hidden * hidden * encoder.whole("feedforward_mult", default=4)
    convolution = hidden * 2 * wider + wider * hidden + wider * encoder.whole("conv_kernel_size")
    positions = (2 * encoder.whole("max_pos_emb") + 1) * encoder.whole("dim_head")
    whole = layers * (4 * hidden * inner + convolution + positions) + hidden * encoder.whole("input_dim")
    joint = _query_former(outer.section("projector_config"), text)
    return Tower(layers * feed_forward + 2 * hidden * encoder.whole("output_dim"), whole + joint)


_KINDS: dict[str, Callable[[Fields, Fields, int], Tower]] = {
    "audioflamingo3": _transformers_audio,
    "blip-2": _blip2,
    "cohere2_vision": _cohere2_vision,
    "colpali": _colpali,
    "exaone4_5": _qwen2_5_vl,
    "glmasr": _glmasr,
    "granite_speech": _granite_speech,
    "idefics3": _idefics3,
    "internvl": _internvl,
    "minicpmv4_6": _minicpmv,
    "paligemma": _paligemma,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen2_audio": _transformers_audio,
    "qwen2_vl": _qwen2_vl,
    "qwen3_5": _qwen3_vl,
    "qwen3_asr": _qwen3_asr,
    "qwen3_vl": _qwen3_vl,
    "smolvlm": _idefics3,
}
