# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a token of a local model costs: as declared, or what its GPUs cost in the time that it takes. Pure.

LiteLLM counts in dollars and calls it so; any currency serves, as long as budgets are in the same. The derived price is

    price of 1,000,000 tokens = llm_gpu_hour_price x GPUs of a replica / 3600 s / tokens a second x 1,000,000

with the tokens a second of one replica, input and output each measured alone under the load that it is to have. It counts
every GPU of the replica whole, also one that others share, and no hour in which nothing is asked.
"""

from __future__ import annotations

import math
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import gpus_of_replica

Entry = t.Mapping[str, t.Any]

MILLION = 1_000_000
SECONDS = 3600
#: Keys of price and tokens_per_second, and LiteLLM's names of a token's cost.
COSTS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
}
#: Kinds of a price that a measurement can give: nobody measures what a token from the cache costs.
MEASURED = ("input", "output")
#: A cost has this many digits that mean something, so that a file does not show what is left of binary fractions.
DIGITS = 6


class Price(t.NamedTuple):
    """Of one million tokens, by the keys of COSTS, and where it comes from, in words."""

    per_million: dict[str, float]
    source: str


def price(entry: Entry, gpu_hour: float) -> Price | None:
    """None for a model that costs nothing that anyone told. *gpu_hour* is llm_gpu_hour_price."""
    if entry.get("price"):
        return Price({kind: float(entry["price"][kind]) for kind in COSTS if kind in entry["price"]}, "as declared")
    speeds = entry.get("tokens_per_second")
    if not speeds or not gpu_hour:
        return None
    gpus = gpus_of_replica(entry)
    found = {kind: gpu_hour * gpus / SECONDS / speeds[kind] * MILLION for kind in MEASURED if kind in speeds}
    ways = [f"{gpu_hour:g} x {gpus} / {SECONDS} / {speeds[kind]:g} tokens a second of {kind}" for kind in found]
    return Price(found, ", ".join(ways) + ", each x 1,000,000")


def costs(entry: Entry, gpu_hour: float) -> dict[str, float]:
    """By the names of LiteLLM's litellm_params; nothing for a model without a price."""
    found = price(entry, gpu_hour)
    return {COSTS[kind]: _rounded(value / MILLION) for kind, value in found.per_million.items()} if found else {}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def lines(models: t.Sequence[Entry], gpu_hour: float) -> list[str]:
    """Each priced model with its arithmetic, for people."""
    found = [(entry["name"], price(entry, gpu_hour)) for entry in models]
    return [f"{name}: {_told(one)} per million tokens ({one.source})" for name, one in found if one]


def _told(one: Price) -> str:
    return ", ".join(f"{kind.replace('_', ' ')} {value:.4g}" for kind, value in one.per_million.items())


# ---- faults and warnings


def faults(entry: Entry) -> list[str]:
    """Of price and tokens_per_second of one entry of llm_models."""
    found = [*_number_faults(entry, "price", COSTS, least=0), *_number_faults(entry, "tokens_per_second", MEASURED)]
    if entry.get("price") and entry.get("tokens_per_second"):
        found.append("price and tokens_per_second each say what a token costs; take one of them out")
    return found


def _number_faults(entry: Entry, key: str, known: t.Collection[str], least: float | None = None) -> list[str]:
    """*least* may be reached; without it a number must be above 0."""
    said = entry.get(key)
    if not isinstance(said, dict):
        return []
    bound = "above 0" if least is None else f"{least:g} or more"
    found = [f"{key} has no {name}; write {' or '.join(known)}" for name in sorted(map(str, said)) if name not in known]
    for name, value in said.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if name in known and not (number and (value > 0 if least is None else value >= least)):
            found.append(f"{key}.{name} must be a number {bound}")
    missing = [name for name in MEASURED if name not in said]
    return found or [f"{key} lacks {name}" for name in missing]


def unpriced(models: t.Sequence[Entry], gpu_hour: float) -> list[str]:
    """Names of the local models that count nothing."""
    return [entry["name"] for entry in models if price(entry, gpu_hour) is None]
