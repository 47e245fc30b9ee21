# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make an Idefics 3 of random weights, which takes pictures: make.py FOLDER.

It is one of the few with eyes that vLLM imports without torchvision, which the bench's image lacks.
"""

from __future__ import annotations

import sys

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    LlamaConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<fake_token_around_image>", "<global-img>"]
SPECIAL += ["<end_of_utterance>"]
POSITIONS = 2048
SIDE, PATCH, SCALE = 56, 14, 2
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer() -> PreTrainedTokenizerFast:
    words = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(word, special=True) for word in SPECIAL])
    named = {"eos_token": SPECIAL[2], "pad_token": SPECIAL[0], "extra_special_tokens": {"image_token": SPECIAL[3]}}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, **named)


def make_model() -> Idefics3ForConditionalGeneration:
    torch.manual_seed(0)
    small = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = LlamaConfig(
        **small,
        num_key_value_heads=2,
        vocab_size=320,
        max_position_embeddings=POSITIONS,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
    )
    config = Idefics3Config(
        vision_config={**small, "image_size": SIDE, "patch_size": PATCH, "model_type": "idefics3_vision"},
        text_config=text,
        image_token_id=SPECIAL.index("<image>"),
        scale_factor=SCALE,
        pad_token_id=0,
    )
    return Idefics3ForConditionalGeneration(config)


def main(folder: str) -> None:
    side = {"longest_edge": SIDE}
    picture = Idefics3ImageProcessorPil(size=side, max_image_size=side, do_image_splitting=False)
    processor = Idefics3Processor(
        image_processor=picture,
        tokenizer=make_tokenizer(),
        image_seq_len=(SIDE // PATCH) ** 2 // SCALE**2,
        chat_template=CHAT_TEMPLATE,
    )
    processor.save_pretrained(folder)
    make_model().save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
