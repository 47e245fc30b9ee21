# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a PaliGemma of random weights, which takes a picture and talks nonsense: make.py FOLDER [UID:GID].

Its classes need no torchvision, which the bench's image does not have.
"""

from __future__ import annotations

import os
import sys

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration, PaliGemmaProcessor, PreTrainedTokenizerFast
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<image>"]
IMAGE, PATCH, WIDTH = 28, 14, 64
PATCHES = (IMAGE // PATCH) ** 2
# The words, and the 1152 places and segments that the processor adds.
VOCABULARY = 1472
CHAT_TEMPLATE = "{% for m in messages %}{{ m.content }}\n{% endfor %}"


def make_processor() -> PaliGemmaProcessor:
    words = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    # vLLM ends every prompt with it, by its name.
    tokenizer.add_tokens([AddedToken("\n", normalized=False)])
    named = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=2048, **named)
    fast.chat_template = CHAT_TEMPLATE
    pictures = SiglipImageProcessorPil(size={"height": IMAGE, "width": IMAGE}, image_seq_length=PATCHES)
    pictures.image_seq_length = PATCHES
    return PaliGemmaProcessor(image_processor=pictures, tokenizer=fast, chat_template=CHAT_TEMPLATE)


def make_model() -> PaliGemmaForConditionalGeneration:
    torch.manual_seed(0)
    shape = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    vision = {"hidden_size": 32, "image_size": IMAGE, "patch_size": PATCH, "vision_use_head": False}
    text = {
        "model_type": "gemma",
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "num_key_value_heads": 1,
        "head_dim": 32,
    }
    return PaliGemmaForConditionalGeneration(
        PaliGemmaConfig(
            vision_config={"model_type": "siglip_vision_model", **shape, **vision, "projection_dim": WIDTH},
            text_config={**shape, **text, "max_position_embeddings": 2048, "num_image_tokens": PATCHES},
            image_token_index=SPECIAL.index("<image>"),
            vocab_size=VOCABULARY,
            projection_dim=WIDTH,
            hidden_size=WIDTH,
            bos_token_id=2,
            eos_token_id=1,
            pad_token_id=0,
        )
    )


def main(folder: str, owner: str = "") -> None:
    make_processor().save_pretrained(folder)
    make_model().save_pretrained(folder)
    if owner:
        uid, gid = (int(number) for number in owner.split(":"))
        for path in (folder, *(os.path.join(folder, name) for name in os.listdir(folder))):
            os.chown(path, uid, gid)


if __name__ == "__main__":
    main(*sys.argv[1:])
