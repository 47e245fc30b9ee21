# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a LLaVA of random weights, which takes pictures: make.py FOLDER [UID:GID].

Of the models that vLLM serves this kind needs no torchvision: its pictures are prepared by Pillow.
"""

from __future__ import annotations

import os
import sys

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"]
POSITIONS = 2048
SIDE, PATCH = 56, 14
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


def make_model() -> LlavaForConditionalGeneration:
    torch.manual_seed(0)
    small = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = Qwen2Config(
        **small,
        num_key_value_heads=2,
        vocab_size=320,
        max_position_embeddings=POSITIONS,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
    )
    eyes = CLIPVisionConfig(**small, image_size=SIDE, patch_size=PATCH, projection_dim=64)
    config = LlavaConfig(
        vision_config=eyes,
        text_config=text,
        image_token_index=SPECIAL.index("<image>"),
        vision_feature_layer=-2,
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    return LlavaForConditionalGeneration(config)


def main(folder: str, owner: str = "") -> None:
    picture = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    processor = LlavaProcessor(
        image_processor=picture,
        tokenizer=make_tokenizer(),
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        chat_template=CHAT_TEMPLATE,
        num_additional_image_tokens=1,
    )
    processor.save_pretrained(folder)
    make_model().save_pretrained(folder)
    if owner:
        uid, gid = (int(number) for number in owner.split(":"))
        for path in (folder, *(os.path.join(folder, name) for name in os.listdir(folder))):
            os.chown(path, uid, gid)


if __name__ == "__main__":
    main(*sys.argv[1:])
