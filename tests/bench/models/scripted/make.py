# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a Qwen2 model that says by heart what a good one would: thoughts, a tool call, JSON. make.py FOLDER.

Its layers add nothing, so the next token follows from the last one alone, by a table in the head. Which script it says
is decided by the chat template: with tools the call, else thoughts and an answer, or JSON where a grammar asks for it.
"""

from __future__ import annotations

import sys

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

SPECIAL = ["<|im_end|>", "<|im_start|>", "<|say|>", "<|use|>"]
#: Each piece is a token and stands in one script only, since it has one successor.
SCRIPTS = {
    "<|say|>": ["<think>", "51 is 3 times 17.", "</think>", "It is", " no prime."],
    "<|use|>": ["<tool_call>", '\n{"name": "weather", ', '"arguments": {"city": ', '"Paris"}}\n', "</tool_call>"],
    '{"sure": ': ["false}"],
    ",": [" 4", " and", " so on"],
}
#: What is said where a grammar forbids the next piece.
INSTEAD = {"<|say|>": '{"sure": ', "</think>": '{"sure": '}
HEADS, HEAD = 5, 64
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if tools %}<|use|>{% else %}<|say|>{% endif %}{% endif %}"
)


def make_tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    pieces = [*(piece for script in SCRIPTS.values() for piece in script), *INSTEAD.values()]
    tokenizer.add_tokens([AddedToken(piece, normalized=False, special=False) for piece in pieces])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=SPECIAL[0], pad_token=SPECIAL[0])
    fast.chat_template = TEMPLATE
    return fast


def make_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    size = HEADS * HEAD
    if len(tokenizer) > size:
        raise SystemExit(f"{len(tokenizer)} tokens need a hidden size of as many")
    config = Qwen2Config(
        vocab_size=size,
        hidden_size=size,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=4096,
        eos_token_id=0,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        for norm in (model.model.norm, *(layer.input_layernorm for layer in model.model.layers)):
            norm.weight.fill_(1)
        head = model.lm_head.weight
        head[0] = 1  # what has no successor is the end
        for start, script in SCRIPTS.items():
            words = [start, *script, SPECIAL[0]]
            for one, following in zip(words, words[1:]):
                head[tokenizer.convert_tokens_to_ids(following), tokenizer.convert_tokens_to_ids(one)] = 10
        for one, other in INSTEAD.items():
            head[tokenizer.convert_tokens_to_ids(other), tokenizer.convert_tokens_to_ids(one)] = 5
    return model


def main(folder: str) -> None:
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder)
    make_model(tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
