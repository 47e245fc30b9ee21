# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients get by their own libraries: openai's and LangChain's. Runs in the image `clients`.

Standard input: {"url": …, "key": …, "model": …} as JSON. Prints one JSON object: what each call brought.
"""

from __future__ import annotations

import json
import sys
import typing as t

from langchain_openai import ChatOpenAI
from openai import OpenAI

#: Small enough for a model that writes nonsense: what is written is forced by the schema.
SCHEMA = {
    "type": "object",
    "properties": {"open": {"type": "boolean"}},
    "required": ["open"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "door", "description": "Opens a door.", "parameters": SCHEMA}}
QUESTION = [{"role": "user", "content": "Is the door open?"}]


def models(client: OpenAI, model: str) -> list[str]:
    return [found.id for found in client.models.list()]


def chat(client: OpenAI, model: str) -> int:
    return client.chat.completions.create(model=model, messages=QUESTION, max_tokens=8).usage.completion_tokens


def stream(client: OpenAI, model: str) -> int:
    options = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(
            model=model, messages=QUESTION, max_tokens=8, stream=True, stream_options=options
        )
    )
    return chunks[-1].usage.completion_tokens if len(chunks) > 1 else 0


def responses(client: OpenAI, model: str) -> str:
    return client.responses.create(model=model, input="Is the door open?", max_output_tokens=16).object


def tools(client: OpenAI, model: str) -> t.Any:
    choice = {"type": "function", "function": {"name": "door"}}
    answer = client.chat.completions.create(
        model=model, messages=QUESTION, tools=[TOOL], tool_choice=choice, max_tokens=200, temperature=0
    )
    call = answer.choices[0].message.tool_calls[0].function
    return [call.name, json.loads(call.arguments)]


def structured(client: OpenAI, model: str) -> t.Any:
    shape = {"type": "json_schema", "json_schema": {"name": "door", "schema": SCHEMA, "strict": True}}
    answer = client.chat.completions.create(
        model=model, messages=QUESTION, response_format=shape, max_tokens=200, temperature=0
    )
    return json.loads(answer.choices[0].message.content)


def langchain(client: OpenAI, model: str) -> list[int]:
    chain = ChatOpenAI(model=model, base_url=str(client.base_url), api_key=client.api_key, max_tokens=8)
    whole = chain.invoke("Is the door open?").usage_metadata["output_tokens"]
    return [whole, len(list(chain.stream("Is the door open?")))]


def main() -> None:
    said = json.load(sys.stdin)
    client = OpenAI(base_url=f"{said['url']}/v1", api_key=said["key"], max_retries=0, timeout=120)
    found: dict[str, t.Any] = {}
    for call in (models, chat, stream, responses, tools, structured, langchain):
        try:
            found[call.__name__] = call(client, said["model"])
        except Exception as error:  # each call is judged by itself
            found[call.__name__] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))


if __name__ == "__main__":
    main()
