# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a LiteLLM is asked, from inside its container: readiness, the models, keys of before, a new key, a request that is counted.

rehearsal.py gives the text of this file to the container's Python, so it imports nothing of its neighbours. Keys come by standard input.
"""

from __future__ import annotations

import json
import shlex
import sys
import typing as t
import urllib.error
import urllib.request

ENVIRONMENT = "/run/llmfleet/environment"
ADDRESS = "http://127.0.0.1:4000"
SECONDS = 60
#: A key's permission to have LiteLLM answer by itself.
MOCKING = {"allow_client_mock_response": True}
#: Without a proxy, whatever the environment says.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Answer = tuple[int, dict[str, t.Any]]
Ask = t.Callable[..., Answer]


def ask(path: str, key: str = "", body: dict[str, t.Any] | None = None) -> Answer:
    """Status and content; 0 where nothing came."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + path, data=data, headers=headers)
    try:
        with OPENER.open(request, timeout=SECONDS) as answer:
            return answer.status, content(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, content(error.read())
    except OSError as error:
        return 0, {"error": str(error)}


def content(text: bytes) -> dict[str, t.Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def questions(asked: Ask, master: str, keys: t.Sequence[str]) -> dict[str, t.Any]:
    """What was seen, and a fault for each question that was not answered as it has to be."""
    faults: list[str] = []

    def good(
        what: str, answer: Answer, wanted: t.Callable[[int], bool] = lambda status: status == 200
    ) -> dict[str, t.Any]:
        if not wanted(answer[0]):
            faults.append(f"{what}: {answer[0] or answer[1].get('error', 'no answer')}")
        return answer[1]

    ready = good("readiness", asked("/health/readiness"))
    if ready and ready.get("db") != "connected":
        faults.append(f"readiness: its database is {ready.get('db', 'unknown')}")
    listed = good("the models", asked("/v1/models", master)).get("data")
    models = (
        [str(one["id"]) for one in listed if isinstance(one, dict) and "id" in one] if isinstance(listed, list) else []
    )
    for number, key in enumerate(keys, 1):
        # One that may not do this is known all the same.
        good(
            f"key {number} of before", asked("/v1/models", key), lambda status: status not in (0, 401) and status < 500
        )
    made = good("a new key", asked("/key/generate", master, {"duration": "1h", "metadata": MOCKING}))
    new = str(made.get("key") or "")
    if new:
        good("the models by the new key", asked("/v1/models", new))
    counted = bool(new and models) and _completion(asked, good, new, models[0])
    return {"models": sorted(models), "keys": len(keys), "counted": counted, "faults": faults}


def _completion(asked: Ask, good: t.Callable[..., dict[str, t.Any]], key: str, model: str) -> bool:
    """LiteLLM answers it by itself and counts it as any other."""
    message = {"role": "user", "content": "Are you there?"}
    answer = asked("/v1/chat/completions", key, {"model": model, "messages": [message], "mock_response": "Yes."})
    good(f"a request to {model}", answer)
    return answer[0] == 200


def master_key() -> str:
    with open(ENVIRONMENT, encoding="utf-8") as stream:
        pairs = (word.partition("=") for word in shlex.split(stream.read(), comments=True))
        return {name: value for name, _sign, value in pairs}.get("LITELLM_MASTER_KEY", "")


if __name__ == "__main__":
    print(json.dumps(questions(ask, master_key(), json.load(sys.stdin)["keys"])))
