# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prices are numbers, whatever YAML made of them: `1e-05` is a string in YAML 1.1.

Pure and of the standard library only: for all of this package, and for code on the controller.
"""

from __future__ import annotations

import math
import re
import typing as t

# LiteLLM tells prices from secrets by the same word: input_cost_per_token, cache_read_input_token_cost, ...
PRICE = re.compile(r"(^|_)(costs?|prices?)(_|$)")


def is_price(name: str) -> bool:
    return bool(PRICE.search(name.lower().replace("-", "_")))


def with_numbers(value: t.Any) -> t.Any:
    """The same structure with numbers in the place of prices that are written as text, at any depth."""
    if isinstance(value, dict):
        return {
            name: _number(part) if is_price(str(name)) and isinstance(part, str) else with_numbers(part)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [with_numbers(part) for part in value]
    return value


def _number(text: str) -> t.Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
