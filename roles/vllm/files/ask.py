# Managed by Ansible: role llmfleet.gateway.vllm.
"""Asks for a few tokens of each of the models that are named, as a client would, and judges the answer by its content.

    ask.py URL MODEL...
    ask.py --probe SECONDS URL MODEL

With --probe it asks one model for that long, and prints what came of it as a line of JSON, so that two replicas can be
held against each other. URL ends in /v1. The program is read from standard input in the container of vLLM or LiteLLM,
which has the key in a file. A health check does not tell that a server answers: one that is being stopped says 200 and
gives no token.
"""

import hashlib
import itertools
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

#: Of vLLM, and of LiteLLM.
VLLM_SECRETS, LITELLM_SECRETS = "/run/llmfleet/secrets/environment.json", "/run/llmfleet/environment"
#: A model answers one of these; to the others it says that it can't.
QUESTIONS = (
    ("completions", {"prompt": "1, 2, 3,", "max_tokens": 4}),
    ("chat/completions", {"messages": [{"role": "user", "content": "Count to three."}], "max_tokens": 4}),
    ("embeddings", {"input": "one, two, three"}),
)
CANNOT = (400, 404, 405, 422, 501)
#: The first request after a start may have kernels to build.
SECONDS = 120
#: What is asked of a replica that is watched, one after the other and again, with this pause between them.
PROBES = (
    "1, 2, 3,",
    "Monday, Tuesday,",
    "The capital of France is",
    "def add(a, b):",
    "Once upon a time",
    "red, green,",
)
PAUSE = 0.5
# Without a proxy, whatever the environment says: all of this is the fleet's own network.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def key():
    if os.path.exists(VLLM_SECRETS):
        with open(VLLM_SECRETS, encoding="utf-8") as handle:
            return json.load(handle)["VLLM_API_KEY"]
    script = '. "$1"; printf %s "$LITELLM_MASTER_KEY"'
    words = ["sh", "-c", script, "sh", LITELLM_SECRETS]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def fault(answer):
    """What is wrong with the content of an answer; empty where it is whole."""
    if answer.get("data"):
        return "" if answer["data"][0].get("embedding") else "an embedding without numbers"
    choices = answer.get("choices") or []
    if not choices:
        return "no answer in it"
    if choices[0].get("finish_reason") not in ("stop", "length"):
        return "it ended by " + str(choices[0].get("finish_reason"))
    return "" if (answer.get("usage") or {}).get("completion_tokens") else "not one token"


def post(url, token, body):
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with OPENER.open(request, timeout=SECONDS) as response:
        return json.load(response)


def ask(base, token, model):
    """Empty, or why the model can't be used."""
    for path, body in QUESTIONS:
        try:
            found = fault(post(base + "/" + path, token, {"model": model, **body}))
        except urllib.error.HTTPError as error:
            if error.code in CANNOT:
                continue
            found = "status " + str(error.code) + ": " + error.read(500).decode(errors="replace")
        except (OSError, ValueError) as error:
            found = str(error)
        return found and "/v1/" + path + ": " + found
    print("llmfleet: " + model + " answers no kind of question that is known here", file=sys.stderr)
    return ""


def bodies(text):
    """As QUESTIONS, with a text of ours and always the same answer."""
    same = {"max_tokens": 16, "temperature": 0}
    return {
        "completions": {"prompt": text, **same},
        "chat/completions": {"messages": [{"role": "user", "content": text}], **same},
        "embeddings": {"input": text},
    }


def usable(base, token, model):
    """The kind of question that the model answers. None is no fault here either."""
    for path, body in QUESTIONS:
        try:
            post(base + "/" + path, token, {"model": model, **body})
        except urllib.error.HTTPError as error:
            if error.code in CANNOT:
                continue
        except (OSError, ValueError):
            pass
        return path
    return ""


def said(answer):
    """A fingerprint of an answer, and whether it is one character over and over, as broken weights give it."""
    if answer.get("data"):
        numbers = [round(float(one), 2) for one in answer["data"][0]["embedding"]]
        return {"same_as": fingerprint(numbers), "flat": len(set(numbers)) < 2}
    choice = answer["choices"][0]
    text = choice.get("text") or (choice.get("message") or {}).get("content") or ""
    return {"same_as": fingerprint(text), "flat": len(text.strip()) > 3 and len(set(text.strip())) == 1}


def fingerprint(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def probe(base, token, model, seconds):
    """How often and how fast it answered, what went wrong, and what it said to each question at last."""
    found = {"requests": 0, "errors": 0, "milliseconds": 0.0, "faults": [], "answers": {}}
    path, end = usable(base, token, model), time.monotonic() + seconds
    for text in itertools.cycle(PROBES) if path else ():
        if time.monotonic() >= end:
            break
        begin, wrong = time.monotonic(), ""
        try:
            answer = post(base + "/" + path, token, {"model": model, **bodies(text)[path]})
            wrong = fault(answer)
            if not wrong:
                found["answers"][text] = said(answer)
        except (OSError, ValueError, KeyError, TypeError) as error:
            wrong = str(error)[:200]
        found["requests"] += 1
        found["errors"] += bool(wrong)
        found["milliseconds"] += (time.monotonic() - begin) * 1000
        found["faults"] = [*found["faults"], wrong][-3:] if wrong else found["faults"]
        time.sleep(PAUSE)
    return found


def main(arguments):
    if arguments[0] == "--probe":
        seconds, base, model = arguments[1:]
        print(json.dumps(probe(base.rstrip("/"), key(), model, float(seconds))))
        return
    base, models = arguments[0].rstrip("/"), arguments[1:]
    token = key()
    faults = [model + ": " + found for model in models for found in [ask(base, token, model)] if found]
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main(sys.argv[1:])
