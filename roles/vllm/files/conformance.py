# Managed by Ansible: role llmfleet.gateway.vllm.
"""Tries what a model can do, each by one small request as a client would send it, and judges the answers.

    conformance.py URL MODEL SECONDS CHECK...

URL ends in /v1. Read from standard input in the container of vLLM or LiteLLM, which has the key in a file. Prints JSON:
each check with its state and a sentence. works: proven; fails: refused, or an answer that no client could use;
unclear: the model did not do what would have shown it, as a weak one may, or the time was over.

What a model says is data of others: nothing of it is run or followed, and of it no more is printed than names a fault.
"""

import base64
import http.client
import io
import json
import math
import os
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
import zlib

#: Of vLLM, and of LiteLLM.
VLLM_SECRETS, LITELLM_SECRETS = "/run/llmfleet/secrets/environment.json", "/run/llmfleet/environment"
WORKS, FAILS, UNCLEAR = "works", "fails", "unclear"
#: Seconds of one request, and bytes of an answer that are read.
SECONDS, MOST = 60, 1 << 20
#: Tokens of an answer in which something is said, and of one that may need a thought before it.
FEW, MORE = 16, 512
#: How thoughts and calls look that nobody has parsed.
THOUGHTS = ("<think>", "</think>", "[THINK]", "[/THINK]", "<|channel|>analysis", "<seed:think>", "<reasoning>")
CALLS = ("<tool_call", "[TOOL_CALLS]", "<|tool_call", "<function=", "<|python_tag|>", "functools[", '"name": "weather"')
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"sure": {"type": "boolean"}},
    "required": ["sure"],
    "additionalProperties": False,
}
# Without a proxy, whatever the environment says: all of this is the fleet's own network.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


# ---- judgements: from an answer to a state and a sentence


def choice(answer):
    found = answer.get("choices") if isinstance(answer, dict) else None
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, dict) else {}


def message(answer):
    found = choice(answer).get("message")
    return found if isinstance(found, dict) else {}


def text(value):
    return value if isinstance(value, str) else ""


def thought(said):
    """vLLM's name of the field, and LiteLLM's."""
    return text(said.get("reasoning")) or text(said.get("reasoning_content"))


def unfinished(answer):
    """What is wrong with how an answer ended; empty where nothing is."""
    ended = choice(answer).get("finish_reason")
    return "" if ended in ("stop", "length", "tool_calls") else "it ended by " + str(ended)[:40]


def judge_chat(answer):
    if not message(answer):
        return FAILS, "no message in the answer"
    if unfinished(answer):
        return FAILS, unfinished(answer)
    said = message(answer)
    if text(said.get("content")) or thought(said):
        return WORKS, "answered"
    # Tokens of a tokenizer's own may be no text.
    usage = answer.get("usage") if isinstance(answer.get("usage"), dict) else {}
    return (WORKS, "answered without visible text") if usage.get("completion_tokens") else (FAILS, "not one token")


def judge_completion(answer):
    if not choice(answer):
        return FAILS, "no answer in it"
    if unfinished(answer):
        return FAILS, unfinished(answer)
    return (WORKS, "answered") if text(choice(answer).get("text")) else (UNCLEAR, "answered without visible text")


def judge_reasoning(answer):
    state, said = judge_chat(answer)
    if state == FAILS:
        return state, said
    content = text(message(answer).get("content"))
    if any(mark in content for mark in THOUGHTS):
        return FAILS, "its thoughts stand in the content: the reasoning parser is missing or of another family"
    if thought(message(answer)):
        return WORKS, "thoughts come apart from the content"
    return UNCLEAR, "answered without a thought"


def judge_tool(answer):
    if not message(answer):
        return FAILS, "no message in the answer"
    return judge_calls(message(answer).get("tool_calls"), text(message(answer).get("content")), choice(answer))


def judge_calls(calls, content, ended):
    if not isinstance(calls, list) or not calls:
        if any(mark in content for mark in CALLS):
            return FAILS, "its call stands in the content: the tool call parser is missing or of another family"
        return UNCLEAR, "called no tool"
    function = calls[0].get("function") if isinstance(calls[0], dict) else None
    function = function if isinstance(function, dict) else {}
    if function.get("name") != "weather":
        return FAILS, "called a tool that was not offered"
    try:
        arguments = json.loads(text(function.get("arguments")))
    except ValueError:
        cut = ended.get("finish_reason") == "length"
        return (UNCLEAR, "its call was cut off") if cut else (FAILS, "the arguments of its call are no JSON")
    if not isinstance(arguments, dict) or not isinstance(arguments.get("city"), str):
        return FAILS, "the arguments of its call do not keep to the tool's schema"
    return WORKS, "called the tool"


def judge_json(answer):
    state, said = judge_chat(answer)
    if state == FAILS:
        return state, said
    content = text(message(answer).get("content"))
    if not content and thought(message(answer)) and choice(answer).get("finish_reason") == "stop":
        return FAILS, "the answer stands among its thoughts: the reasoning parser is of another family"
    try:
        found = json.loads(content)
    except ValueError:
        if choice(answer).get("finish_reason") == "length":
            return UNCLEAR, "was cut off before the JSON ended"
        return FAILS, "the answer is no JSON"
    if isinstance(found, dict) and list(found) == ["sure"] and isinstance(found["sure"], bool):
        return WORKS, "kept to the schema"
    return FAILS, "the answer does not keep to the schema"


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def judge_embedding(answer):
    data = answer.get("data") if isinstance(answer, dict) else None
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
    numbers = first.get("embedding")
    if not isinstance(numbers, list) or not numbers or not all(number(one) for one in numbers):
        return FAILS, "no numbers in the answer"
    if len(set(numbers)) < 2 and len(numbers) > 1:
        return FAILS, "all its numbers are the same"
    return WORKS, str(len(numbers)) + " numbers"


def judge_rerank(answer):
    results = answer.get("results") if isinstance(answer, dict) else None
    results = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    if sorted(one.get("index") for one in results if number(one.get("index"))) != [0, 1]:
        return FAILS, "it does not order the two documents"
    if not all(number(one.get("relevance_score")) for one in results):
        return FAILS, "a document has no score"
    return WORKS, "ordered two documents"


def judge_transcription(answer):
    if not isinstance(answer, dict) or not isinstance(answer.get("text"), str):
        return FAILS, "no text in the answer"
    return WORKS, "transcribed"


# ---- streams


def events(lines):
    """The chunks of a stream, and whether it ended as it has to."""
    found, done = [], False
    for line in lines:
        if line.startswith("data:"):
            data = line[5:].strip()
            if data == "[DONE]":
                done = True
                break
            try:
                found.append(json.loads(data))
            except ValueError:
                found.append({"error": "a chunk is no JSON"})
    return found, done


def folded(chunks):
    """One answer of the chunks of a chat or a completion."""
    said = {"content": "", "reasoning": "", "tool_calls": [], "text": ""}
    ended, usage = None, {}
    for chunk in chunks:
        first = choice(chunk)
        delta = first.get("delta") if isinstance(first.get("delta"), dict) else {}
        said["content"] += text(delta.get("content"))
        said["reasoning"] += thought(delta)
        said["text"] += text(first.get("text"))
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            fold_call(said["tool_calls"], call)
        ended = first.get("finish_reason") or ended
        if isinstance(chunk, dict) and isinstance(chunk.get("usage"), dict):
            usage = chunk["usage"]
    message = {key: said[key] for key in ("content", "reasoning", "tool_calls")}
    return {"choices": [{"message": message, "text": said["text"], "finish_reason": ended}], "usage": usage}


def fold_call(calls, part):
    """Its pieces have the number of their call."""
    if not isinstance(part, dict):
        return
    index = part.get("index")
    # A server may say any number; nobody has to remember as many calls.
    index = min(max(index, 0), 7) if isinstance(index, int) else 0
    while len(calls) <= index:
        calls.append({"function": {"name": "", "arguments": ""}})
    function = part.get("function") if isinstance(part.get("function"), dict) else {}
    for key in ("name", "arguments"):
        calls[index]["function"][key] += text(function.get(key))


def judged_stream(judge):
    def judged(lines):
        chunks, done = events(lines)
        broken = [one for one in chunks if not isinstance(one, dict) or one.get("error")]
        if broken:
            return FAILS, "the stream broke off with an error"
        if not done:
            return FAILS, "the stream has no end"
        state, said = judge(folded(chunks))
        return state, said + " in " + str(len(chunks)) + " chunks" if state == WORKS else said

    return judged


# ---- requests


def asks(content, most=FEW, **more):
    return {"messages": [{"role": "user", "content": content}], "max_tokens": most, **more}


def picture():
    """A red square, as the URL of its data."""
    side = 64
    rows = b"".join(b"\0" + b"\xff\0\0" * side for _row in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


def sound():
    """A second of a tone, as a WAV file."""
    rate, out = 16000, io.BytesIO()
    with wave.open(out, "wb") as handle:
        handle.setnchannels(1)
        handle.setsampwidth(2)
        handle.setframerate(rate)
        tone = (int(8000 * math.sin(2 * math.pi * 440 * step / rate)) for step in range(rate))
        handle.writeframes(struct.pack("<" + str(rate) + "h", *tone))
    return out.getvalue()


def form(fields, file):
    """A multipart body and its type."""
    edge = "llmfleet" + os.urandom(8).hex()
    begin = "--" + edge + '\r\nContent-Disposition: form-data; name="'
    said = "".join(begin + name + '"\r\n\r\n' + value + "\r\n" for name, value in fields.items())
    head = said + begin + 'file"; filename="tone.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    end = "\r\n--" + edge + "--\r\n"
    return head.encode() + file + end.encode(), "multipart/form-data; boundary=" + edge


COUNT, CITY = "Count to three.", "What is the weather in Paris? Ask the tool weather."
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
LOOK = [
    {"type": "text", "text": "Which colour is this?"},
    {"type": "image_url", "image_url": {"url": picture()}},
]
TOOLS = {"tools": [TOOL], "tool_choice": "auto"}
CHAT, TEXT = "chat/completions", "completions"
#: Path, body and judgement of each.
CHECKS = {
    "chat": (CHAT, asks(COUNT), judge_chat),
    "stream": (CHAT, asks(COUNT, stream=True, stream_options={"include_usage": True}), judged_stream(judge_chat)),
    "tool_call": (CHAT, asks(CITY, MORE, **TOOLS), judge_tool),
    "tool_call_stream": (CHAT, asks(CITY, MORE, stream=True, **TOOLS), judged_stream(judge_tool)),
    "reasoning": (CHAT, asks("Is 51 a prime number?", MORE), judge_reasoning),
    "json_schema": (CHAT, asks("Is 7 a prime number? Say it in JSON.", MORE, response_format=FORMAT), judge_json),
    "vision": (CHAT, asks(LOOK), judge_chat),
    "completion": (TEXT, {"prompt": "1, 2, 3,", "max_tokens": FEW}, judge_completion),
    "completion_stream": (
        TEXT,
        {"prompt": "1, 2, 3,", "max_tokens": FEW, "stream": True},
        judged_stream(judge_completion),
    ),
    "embedding": ("embeddings", {"input": "one, two, three"}, judge_embedding),
    "rerank": ("rerank", {"query": "What is red?", "documents": ["A cherry.", "The sea."]}, judge_rerank),
    "transcription": ("audio/transcriptions", None, judge_transcription),
}


def key():
    if os.path.exists(VLLM_SECRETS):
        with open(VLLM_SECRETS, encoding="utf-8") as handle:
            return json.load(handle)["VLLM_API_KEY"]
    script = '. "$1"; printf %s "$LITELLM_MASTER_KEY"'
    words = ["sh", "-c", script, "sh", LITELLM_SECRETS]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def shown(words, token):
    """What a server says of a fault, on one short line and without the key."""
    line = " ".join(str(words).replace(token, "***").split())
    return "".join(one for one in line if one.isprintable())[:200]


def post(url, token, body, kind):
    """What a request gives, and whether it is a stream."""
    end = time.monotonic() + SECONDS
    request = urllib.request.Request(url, body, {"Authorization": "Bearer " + token, "Content-Type": kind})
    with OPENER.open(request, timeout=SECONDS) as response:
        read = whole(response, end).decode(errors="replace")
        return read, "event-stream" in (response.headers.get("Content-Type") or "")


def whole(response, end):
    """One that drips is given up as well."""
    read = b""
    while len(read) < MOST:
        part = response.read1(MOST)
        if not part:
            break
        read += part
        if time.monotonic() > end:
            raise TimeoutError
    return read


def tried(base, token, model, name):
    path, body, judge = CHECKS[name]
    if body is None:
        sent, kind = form({"model": model}, sound())
    else:
        sent, kind = json.dumps({"model": model, **body}).encode(), "application/json"
    try:
        answer, stream = post(base + "/" + path, token, sent, kind)
        if stream != bool(body and body.get("stream")):
            return FAILS, "a stream came and was not asked for" if stream else "a stream was asked for and none came"
        return judge(answer.splitlines() if stream else json.loads(answer))
    except urllib.error.HTTPError as error:
        return FAILS, "status " + str(error.code) + ": " + shown(error.read(2000).decode(errors="replace"), token)
    except TimeoutError:
        return UNCLEAR, "no answer within " + str(SECONDS) + " s"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return FAILS, shown(error, token)


def conform(base, token, model, limit, names):
    end, found = time.monotonic() + limit, {}
    for name in names:
        begin = time.monotonic()
        state, said = (UNCLEAR, "the time was over") if begin >= end else tried(base, token, model, name)
        found[name] = {"state": state, "said": said, "seconds": round(time.monotonic() - begin, 1)}
    return found


def main(arguments):
    base, model, limit, *names = arguments
    print(json.dumps(conform(base.rstrip("/"), key(), model, float(limit), names)))


if __name__ == "__main__":
    main(sys.argv[1:])
