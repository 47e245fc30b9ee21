# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an instance of vLLM says of its load: figures of /metrics, and rates between two readings of it. Pure but for `ask`."""

from __future__ import annotations

import math
import re
import typing as t

from .http import Answer, get

Figures = dict[str, float]

SAMPLE = re.compile(r"^(vllm:\w+)(?:\{([^\n]*)\})? (\S+)$", re.MULTILINE)
RUNNING, WAITING, CACHE = "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"
PROMPT, GENERATED, ENDED = "vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:request_success_total"
QUERIES, HITS = "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total"
PREEMPTED = "vllm:num_preemptions_total"
FIRST_SUM, FIRST_COUNT = "vllm:time_to_first_token_seconds_sum", "vllm:time_to_first_token_seconds_count"
WHOLE_SUM, WHOLE_COUNT = "vllm:e2e_request_latency_seconds_sum", "vllm:e2e_request_latency_seconds_count"
#: Summed up over the engines of a server; of the KV cache the fullest counts.
SUMMED = (
    RUNNING,
    WAITING,
    PROMPT,
    GENERATED,
    ENDED,
    QUERIES,
    HITS,
    PREEMPTED,
    FIRST_SUM,
    FIRST_COUNT,
    WHOLE_SUM,
    WHOLE_COUNT,
)
ABORTED = re.compile(r'finished_reason="(?:abort|error)"')


class Reading(t.NamedTuple):
    """One look at /metrics, at a moment of the monotonic clock."""

    answer: Answer
    at: float

    @property
    def figures(self) -> Figures:
        return figures(self.answer.text) if self.answer.status == 200 else {}


def figures(text: str) -> Figures:
    """By the names above, of those that are on the page."""
    found: Figures = {}
    for name, labels, said in SAMPLE.findall(text):
        value = _number(said)
        if value is None:
            continue
        if name in SUMMED:
            found[name] = found.get(name, 0.0) + value
        if name == CACHE:
            found[name] = max(found.get(name, 0.0), value)
        if name == ENDED and ABORTED.search(labels):
            found["aborted"] = found.get("aborted", 0.0) + value
    return found


def _number(said: str) -> float | None:
    try:
        value = float(said)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def report(before: Reading, after: Reading) -> dict[str, t.Any]:
    """What is told of an instance. Rates are between both readings; None where they can't be told."""
    first, last = before.figures, after.figures
    passed = after.at - before.at
    return {
        "answers": bool(last),
        "error": "" if last else _error(after.answer),
        "running": _whole(last.get(RUNNING)),
        "waiting": _whole(last.get(WAITING)),
        "kv_cache_percent": _percent(last.get(CACHE), 1.0),
        "requests": _whole(last.get(ENDED)),
        "requests_aborted": _whole(last.get("aborted", 0.0 if ENDED in last else None)),
        "prompt_tokens": _whole(last.get(PROMPT)),
        "generation_tokens": _whole(last.get(GENERATED)),
        "preemptions": _whole(last.get(PREEMPTED)),
        "prefix_hit_percent": _percent(last.get(HITS), last.get(QUERIES)),
        "first_token_ms": _mean_ms(first, last, FIRST_SUM, FIRST_COUNT),
        "request_ms": _mean_ms(first, last, WHOLE_SUM, WHOLE_COUNT),
        "requests_per_second": _rate(first, last, ENDED, passed),
        "prompt_tokens_per_second": _rate(first, last, PROMPT, passed),
        "generation_tokens_per_second": _rate(first, last, GENERATED, passed),
    }


def _error(answer: Answer) -> str:
    if answer.status == 200:
        return "/metrics has no figures of vLLM"
    return f"/metrics answers {answer.status}" if answer.status else f"/metrics does not answer: {answer.text}"[:200]


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _percent(part: float | None, whole: float | None) -> float | None:
    return round(100 * part / whole, 1) if part is not None and whole else None


def _rate(first: Figures, last: Figures, name: str, passed: float) -> float | None:
    """None after a restart, which begins to count anew."""
    if name not in first or name not in last or passed <= 0 or last[name] < first[name]:
        return None
    return round((last[name] - first[name]) / passed, 2)


def _mean_ms(first: Figures, last: Figures, total: str, count: str) -> float | None:
    """Of the requests that ended between both readings; where none did, of all since the start."""
    seconds, number = last.get(total, 0.0), last.get(count, 0.0)
    if number > first.get(count, 0.0) and seconds >= first.get(total, 0.0):
        seconds, number = seconds - first.get(total, 0.0), number - first.get(count, 0.0)
    return round(1000 * seconds / number, 1) if number else None


# ---- the server of a container


def address(box: t.Mapping[str, t.Any], port: int) -> str:
    """Where the server of a container is, seen from its host; empty where it has no address of its own."""
    inside = [one for one in box["addresses"].values() if one] if box["state"] == "running" else []
    if not inside:
        return ""
    host = f"[{inside[0]}]" if ":" in inside[0] else inside[0]
    return f"http://{host}:{port}"


def version(url: str) -> str:
    return str(get(f"{url}/version").mapping().get("version") or "")[:80]
