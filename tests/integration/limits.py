# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several LiteLLM instances let through, when they know that a key is revoked, and what happens without Redis.

    python -m tests.integration.limits [4]            # docs/limits.md's table, for so many instances
    python -m tests.integration.limits database 60    # docs/failures.md: known keys, believed for so many seconds

Each function measures one thing and returns figures; test_limits.py says what they must be.
"""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
import secrets
import sys
import threading
import time
import typing as t
import urllib.error
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from . import conftest, harness
from .proxy import Proxy, docker
from .several import Several, running, until

PAUSES = (4, 6, 30, 61, 119, 130)
#: Of a request to the model with a price: ten tokens each way.
COST = 0.2


@dataclass
class Answer:
    status: int
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""


class Client:
    """One connection, kept."""

    def __init__(self, proxy: Proxy, key: str, timeout: float = 60) -> None:
        self.key = key
        self.connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=timeout)

    def send(self, model: str = "main", stream: bool = False, **told: t.Any) -> None:
        messages = [{"role": "user", "content": json.dumps(told)}]
        # What it may cost is reserved before it is asked, and so must be said.
        body = json.dumps({"model": model, "messages": messages, "stream": stream, "max_tokens": 10})
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        self.connection.request("POST", "/v1/chat/completions", body, headers)

    def ask(self, model: str = "main", stream: bool = False, **told: t.Any) -> Answer:
        """Status 0: no answer."""
        began = time.monotonic()
        try:
            self.send(model, stream, **told)
            answer = self.connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            return Answer(0, time.monotonic() - began, {}, repr(error))
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, time.monotonic() - began, headers, text)


def ask(proxy: Proxy, key: str, **told: t.Any) -> Answer:
    client = Client(proxy, key)
    try:
        return client.ask(**told)
    finally:
        client.connection.close()


def at_once(several: Several, key: str, count: int, **told: t.Any) -> list[Answer]:
    """So many requests over all instances in turn, as nearly at once as threads can."""
    start = threading.Barrier(count)

    def one(number: int) -> Answer:
        start.wait()
        return ask(several.proxies[number % len(several.proxies)], key, **told)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def statuses(answers: t.Iterable[Answer]) -> dict[int, int]:
    return dict(sorted(Counter(answer.status for answer in answers).items()))


def warm(several: Several, key: str) -> None:
    """Every instance has the key in its cache."""
    for proxy in several.proxies:
        answer = ask(proxy, key)
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {answer.text}")


# ---- limits


def rpm(several: Several, limit: int = 5, count: int = 40) -> list[Answer]:
    return at_once(several, several.key(rpm_limit=limit), count)


def parallel(several: Several, limit: int = 5, count: int = 40, seconds: float = 3) -> list[Answer]:
    return at_once(several, several.key(max_parallel_requests=limit), count, seconds=seconds)


def budget(several: Several, worth: int = 5, written: bool = True) -> int:
    """Requests of 0.20 that a budget for so many lets through, one after the other over all instances.

    Each comes once the cost of the one before is *written*, or at once, when what it may cost at most still counts."""
    key = several.key(max_budget=COST * worth)
    for number in range(4 * worth):
        answer = ask(several.proxies[number % len(several.proxies)], key, model="priced")
        if answer.status != 200:
            return number
        if written:
            until_spent(several, key, COST * (number + 0.5))
    return 4 * worth


def until_spent(several: Several, key: str, least: float) -> None:
    until(60, lambda: spent(several, key) > least, 0.2)


def spent(several: Several, key: str) -> float:
    """As the database has it, which learns it after the counters in Redis."""
    return float(several.proxies[0].call("GET", f"/key/info?key={hashed(key)}")["info"]["spend"])


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def budget_at_once(several: Several, worth: int = 5, count: int = 40) -> list[Answer]:
    return at_once(several, several.key(max_budget=COST * worth), count, model="priced", seconds=1)


def after_the_minute(several: Several, limit: int = 5) -> list[float]:
    """Seconds from the first request, after which the limit was reached, until each instance takes another. All have
    refused one shortly before the minute was over."""
    key = several.key(rpm_limit=limit)
    began = time.monotonic()
    at_once(several, key, limit)
    time.sleep(max(0.0, 50 - (time.monotonic() - began)))
    refused = [ask(proxy, key).status for proxy in several.proxies]
    if set(refused) != {429}:
        raise AssertionError(f"not refused: {refused}")

    def one(proxy: Proxy) -> float:
        until(180, lambda: ask(proxy, key).status == 200, 1)
        return time.monotonic() - began

    with ThreadPoolExecutor(len(several.proxies)) as pool:
        return list(pool.map(one, several.proxies))


def beside_a_long_one(several: Several, limit: int = 5) -> dict[int, int]:
    """One request is left of as many as may run at once, the last one that came. What its instance and the others let
    through beside it, where one fewer than the limit could."""
    key = several.key(max_parallel_requests=limit)
    first, *others = several.proxies
    with ThreadPoolExecutor(limit) as pool:
        short = [pool.submit(ask, others[number % len(others)], key, seconds=3) for number in range(limit - 1)]
        until(20, lambda: several.running()["running"] >= limit - 1)
        last = pool.submit(ask, first, key, seconds=20)
        for one in short:
            one.result()
        found = {
            0: statuses(at_once(Several([first], several.backend), key, 1)).get(200, 0),
            1: statuses(at_once(Several([others[0]], several.backend), key, 1)).get(200, 0),
        }
        last.result()
    return found


# ---- revocation


def _revoke(proxy: Proxy, key: str, how: str) -> None:
    if how in ("absent", "rotate"):
        alias = proxy.call("GET", f"/key/info?key={hashed(key)}")["info"]["key_alias"]
    if how == "absent":
        harness.succeed(proxy, "litellm_key", key_alias=alias, state="absent")
    elif how == "rotate":
        successor = {"key_alias": alias, "key": f"sk-{secrets.token_hex(16)}", "rotate": {"grace": "1s"}}
        harness.succeed(proxy, "litellm_key", **successor)
        time.sleep(1.1)
        # The run after the grace of the old value ends it.
        harness.succeed(proxy, "litellm_key", **successor)
    else:
        proxy.call("POST", f"/key/{how}", {"keys": [key]} if how == "delete" else {"key": key})


def revoked(several: Several, how: str, longest: float = 90) -> list[float]:
    """Seconds after the answer to the revocation until each instance refuses the key, all of which had just used it.

    The revocation is a call of LiteLLM's or, where it says absent or rotate, the module's."""
    key = several.key(key_alias=f"revoked-{secrets.token_hex(4)}")
    warm(several, key)
    seconds: list[float] = [-1.0] * len(several.proxies)
    try:
        _revoke(several.proxies[0], key, how)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.code}: {error.read().decode()}") from error
    began = time.monotonic()

    def watch(number: int) -> None:
        until(longest, lambda: ask(several.proxies[number], key).status in (401, 403), 0.02)
        seconds[number] = time.monotonic() - began

    with ThreadPoolExecutor(len(several.proxies)) as pool:
        list(pool.map(watch, range(len(several.proxies))))
    return seconds


# ---- clients that leave, and too many


def left(several: Several, stream: bool) -> float:
    """Seconds until the backend has its place back, and the key its own, after a client has gone."""
    key = several.key(max_parallel_requests=1)
    before = several.running()["running"]
    client = Client(several.proxies[0], key)
    client.send(stream=stream, seconds=60, chunks=60)
    until(20, lambda: several.running()["running"] == before + 1)
    began = time.monotonic()
    client.connection.close()
    until(20, lambda: several.running()["running"] == before, 0.02)
    until(20, lambda: ask(several.proxies[-1], key).status == 200, 0.02)
    return time.monotonic() - began


def overload(several: Several, count: int, seconds: float = 2) -> tuple[list[Answer], float]:
    """Answers of so many at once to one instance, and after how many seconds one began that it took then."""
    key = several.key()
    one = Several([several.proxies[0]], several.backend)
    answers = at_once(one, key, count, seconds=seconds)
    began = time.monotonic()
    for _try in range(100):
        again = time.monotonic() - began
        if ask(several.proxies[0], key).status == 200:
            return answers, again
        time.sleep(0.05)
    raise AssertionError(f"it takes none {time.monotonic() - began:.1f} s later")


def after_errors(several: Several, status: int, count: int = 8) -> tuple[list[Answer], Answer]:
    """Answers while the backend says the status, and the first one after that."""
    key = several.key()
    bad = [ask(several.proxies[0], key, status=status) for _number in range(count)]
    return bad, ask(several.proxies[0], key)


def stopped(several: Several, seconds: float = 5) -> tuple[Answer, float, float]:
    """The answer to a request that ran when its instance, the last one, was stopped; seconds of that stop, and of one
    with nothing to do."""
    number = len(several.proxies)
    container, key = several.containers[f"litellm-{number}"], several.key()
    with ThreadPoolExecutor(1) as pool:
        running_one = pool.submit(ask, several.proxies[-1], key, seconds=seconds)
        until(20, lambda: several.running()["running"] >= 1)
        began = time.monotonic()
        docker("stop", "--time", "620", container)
        busy = time.monotonic() - began
        answer = running_one.result()
    began = time.monotonic()
    docker("stop", "--time", "620", several.containers[f"litellm-{number - 1}"])
    return answer, busy, time.monotonic() - began


# ---- idle connections


def idle(proxy: Proxy, pause: float, model: str, key: str) -> list[Answer]:
    """On a connection that a pause lies in, to an instance whose connection to the model has the same pause."""
    client = Client(proxy, key)
    answers = [client.ask(model=model)]
    for _number in range(3 if pause < 10 else 1):
        time.sleep(pause)
        answers.append(client.ask(model=model))
    return answers


def idles(several: Several, pauses: t.Sequence[float]) -> dict[float, list[Answer]]:
    """Straight to an instance, through the gate, and to a model that LiteLLM reaches without the gate."""
    key, entrance = several.key(), several.entrance or several.proxies[0]
    with ThreadPoolExecutor(3 * len(pauses)) as pool:
        found = {
            pause: [
                pool.submit(idle, several.proxies[0], pause, f"idle{number}", key),
                pool.submit(idle, entrance, pause, f"idle{number + 6}", key),
                pool.submit(idle, several.proxies[0], pause, f"far{number}", key),
            ]
            for number, pause in enumerate(pauses)
        }
        return {pause: [answer for one in parts for answer in one.result()] for pause, parts in found.items()}


# ---- Redis is away


@dataclass
class Outage:
    """Of an outage: requests while it lasted, limits and revocation meanwhile, and when both are right again."""

    answers: list[Answer]
    rpm_let_through: int
    parallel_let_through: int
    revoked: list[float]
    left_over: int  # places of requests that ended meanwhile, and that stay taken
    limits_again: float = -1
    revocation_again: float = -1


def redis_away(several: Several, command: tuple[str, str], seconds: float) -> Outage:
    """*command* takes it away and brings it back: stop and start (refused), or pause and unpause (no answer)."""
    steady, limited, parallel_key = several.key(), several.key(rpm_limit=5), several.key(max_parallel_requests=5)
    ending = several.key(max_parallel_requests=5)
    warm(several, steady)
    warm(several, ending)
    in_flight = [
        threading.Thread(target=ask, args=(several.proxies[0], ending), kwargs={"seconds": 6}) for _number in range(3)
    ]
    for thread in in_flight:
        thread.start()
    until(20, lambda: several.running()["running"] >= 3)
    answers: list[Answer] = []
    done = threading.Event()

    def load(proxy: Proxy) -> None:
        client = Client(proxy, steady)
        while not done.is_set():
            answers.append(client.ask())
            time.sleep(0.2)

    threads = [threading.Thread(target=load, args=(proxy,)) for proxy in several.proxies]
    began = time.monotonic()
    docker(command[0], several.containers["redis"])
    for thread in threads:
        thread.start()
    time.sleep(2)
    let = statuses(at_once(several, limited, 40)).get(200, 0)
    held = statuses(at_once(several, parallel_key, 40, seconds=3)).get(200, 0)
    gone = revoked(several, "delete", 120)
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    docker(command[1], several.containers["redis"])
    done.set()
    for thread in threads:
        thread.join()
    outage = Outage(answers, let, held, gone, 0)
    back = time.monotonic()
    until(240, lambda: statuses(rpm(several)).get(200) == 5, 1)
    outage.limits_again = time.monotonic() - back
    until(240, lambda: max(revoked(several, "delete")) < 2, 1)
    outage.revocation_again = time.monotonic() - back
    outage.left_over = 5 - statuses(at_once(several, ending, 20, seconds=2)).get(200, 0)
    return outage


# ---- the database is away


class Seen(t.NamedTuple):
    """One answer to a key, by its name here, and when it began, in seconds since the database went."""

    name: str
    instance: int
    at: float
    status: int


def database_away(several: Several, seconds: float, ages: t.Sequence[float], after: float = 20) -> list[Seen]:
    """What each instance says meanwhile and afterwards to keys.

    It had looked up `known N` so many seconds before, it never saw `unknown`, and all had just used `deleted` when
    `/key/delete` took it."""
    keys = {f"known {age:g}": several.key() for age in sorted(ages, reverse=True)}
    keys |= {"deleted": several.key(), "unknown": several.key()}
    begin = time.monotonic()
    for age, (_name, key) in zip(sorted(ages, reverse=True), keys.items()):
        time.sleep(max(0.0, begin + max(ages) - age - time.monotonic()))
        warm(several, key)
    warm(several, keys["deleted"])
    several.proxies[0].call("POST", "/key/delete", {"keys": [keys["deleted"]]})
    docker("stop", several.containers["postgres"])
    gone, done, seen = time.monotonic(), threading.Event(), list[Seen]()

    def watch(name: str, number: int) -> None:
        while not done.is_set():
            at = time.monotonic() - gone
            seen.append(Seen(name, number, at, ask(several.proxies[number], keys[name]).status))
            time.sleep(1)

    each = [(name, number) for name in keys for number in range(len(several.proxies))]
    with ThreadPoolExecutor(len(each)) as pool:
        watching = [pool.submit(watch, *one) for one in each]
        time.sleep(max(0.0, gone + seconds - time.monotonic()))
        docker("start", several.containers["postgres"])
        time.sleep(after)
        done.set()
        for one in watching:
            one.result()
    return seen


def percentile(values: t.Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# ---- the table


def rows(several: Several) -> t.Iterator[tuple[str, str]]:
    for how in ("delete", "block", "absent", "rotate"):
        each = [revoked(several, how) for _number in range(5)]
        yield f"key {how}, refused everywhere", f"{max(max(one) for one in each):.2f} s, longest of 5"
    with ThreadPoolExecutor(2) as pool:
        waiting, minute = pool.submit(idles, several, PAUSES), pool.submit(after_the_minute, several)
        yield from quick_rows(several)
        yield "rpm_limit reached: taken again after", ", ".join(f"{one:.0f} s" for one in sorted(minute.result()))
        for pause, answers in waiting.result().items():
            yield f"pause of {pause} s", str(statuses(answers))
    yield from redis_rows(several)
    answer, busy, free = stopped(several)
    yield (
        "an instance is stopped, a request of 5 s on it",
        f"{answer.status} in a stop of {busy:.1f} s, idle {free:.1f} s",
    )


def quick_rows(several: Several) -> t.Iterator[tuple[str, str]]:
    yield "rpm_limit 5, 40 at once", str(statuses(rpm(several)))
    yield "max_parallel_requests 5, 40 at once of 3 s", str(statuses(parallel(several)))
    first, other = beside_a_long_one(several).values()
    yield "one left of 5 at once: a further one", f"{first} of 1 on its instance, {other} of 1 on another"
    for written, how in ((True, "once the one before is written"), (False, "at once after its answer")):
        yield f"budget for 5, each {how}", f"{budget(several, 5, written)} let through"
    yield "budget for 5, 40 at once", str(statuses(budget_at_once(several)))
    for stream in (False, True):
        each_left = [left(several, stream) for _number in range(5)]
        yield f"client left, stream {stream}", f"{max(each_left):.2f} s, longest of 5"
    for status in (503, 404):
        bad, good = after_errors(several, status)
        yield f"8 times {status} of the only deployment, then good", f"{statuses(bad)}, then {good.status}"
    answers, again = overload(several, 100)
    yield "100 at once to an instance for 50 and 10 waiting", f"{statuses(answers)}, open again after {again:.2f} s"


def redis_rows(several: Several) -> t.Iterator[tuple[str, str]]:
    for command in (("stop", "start"), ("pause", "unpause")):
        found = redis_away(several, command, 60)
        times = [answer.seconds for answer in found.answers]
        name = f"Redis {command[0]}, 60 s"
        yield f"{name}: requests", str(statuses(found.answers))
        figures = f"p50 {percentile(times, 0.5):.2f}, p95 {percentile(times, 0.95):.2f}, longest {max(times):.2f} s"
        yield f"{name}: time of a request", figures
        yield f"{name}: rpm_limit 5", f"{found.rpm_let_through} let through"
        yield f"{name}: max_parallel_requests 5", f"{found.parallel_let_through} let through"
        yield f"{name}: key deleted", f"{max(found.revoked):.1f} s"
        yield f"{name}: places that stay taken", str(found.left_over)
        yield f"{name}: back, limits exact", f"{found.limits_again:.1f} s"
        yield f"{name}: back, deleted key within 2 s", f"{found.revocation_again:.1f} s"


def database_rows(several: Several) -> t.Iterator[tuple[str, str]]:
    seen = database_away(several, 60, [0, 30])
    for name, number in dict.fromkeys((one.name, one.instance) for one in seen):
        told = sorted((one.at, one.status) for one in seen if (one.name, one.instance) == (name, number))
        spans = [list(span) for _status, span in itertools.groupby(told, lambda one: one[1])]
        figures = [f"{span[0][1]} from {span[0][0]:.0f} to {span[-1][0]:.0f} s ({len(span)})" for span in spans]
        yield f"database stopped for 60 s: key {name}, instance {number + 1}", ", ".join(figures)


def main(arguments: t.Sequence[str]) -> None:
    conftest.collections_path()
    if arguments[:1] == ["database"]:
        with running(2, litellm_general_settings={"user_api_key_cache_ttl": int(arguments[1])}) as several:
            for name, figure in database_rows(several):
                print(f"| {name} | {figure} |", flush=True)
        return
    with running(int(arguments[0]) if arguments else 4, litellm_max_in_flight=50) as several:
        for name, figure in rows(several):
            print(f"| {name} | {figure} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
