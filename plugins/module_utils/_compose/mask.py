# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes secrets out of what is said. Mask first, cut then: of a value across the cut, nothing would match any more."""

from __future__ import annotations

import json
import re
import typing as t
import urllib.parse

MASKED = "********"
#: Shorter values are words of every text; masking them would only make it unreadable.
SHORTEST = 4
#: A log, a terminal or a wrapped message may break a value anywhere.
BREAK = r"(?:\r?\n)?"
LINE_END = re.compile(r"\r?\n")


def _forms(value: str) -> set[str]:
    """A value as it stands in logs: plain, in JSON, as Python's repr, in a URL; one of several lines also line by line."""
    lines = [line.strip() for line in value.splitlines()]
    plain = {value, value.strip(), *(lines if len(lines) > 1 else [])}
    quoted = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in plain for ascii_only in (True, False)}
    twice = {json.dumps(text)[1:-1] for text in quoted}
    urls = {quote(text, safe="") for text in plain for quote in (urllib.parse.quote, urllib.parse.quote_plus)}
    return plain | quoted | twice | urls | {repr(text)[1:-1] for text in plain}


class Mask:
    def __init__(self, values: t.Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        # The longest first, since one value may begin with another one.
        self._forms = {form: LINE_END.sub("", form) for form in sorted(forms, key=len, reverse=True)}

    def text(self, text: str) -> str:
        """Almost every text holds no secret, and that is found out cheaply."""
        flat = LINE_END.sub("", text)
        found = [form for form, flat_form in self._forms.items() if flat_form in flat]
        patterns = [BREAK.join(map(re.escape, form)) for form in found]
        return re.sub("|".join(patterns), MASKED, text) if patterns else text

    def tail(self, text: str, length: int) -> str:
        """The last characters of a text, masked before the cut."""
        return self.text(text)[-length:]

    def value(self, value: t.Any) -> t.Any:
        """The same for all texts of a result."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self.value(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value
