# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation of the fleet's authority: at no step is a certificate in use that some host does not trust."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca.rotation import (
    DROP,
    ISSUE,
    KEY,
    NEXT,
    PREVIOUS,
    STEPS,
    TRUST,
    RotationError,
    rotated,
)

FILE = '---\n# mine\nother: "x: y"\nllm_ca_key: old\nlast: 1\n'


def step(text: str, name: str) -> str:
    return rotated(text, name, lambda: "new")


def trusted(text: str) -> set[str]:
    found = yaml.safe_load(text)
    return {found[name] for name in (KEY, NEXT, PREVIOUS) if found.get(name)}


def test_the_three_steps() -> None:
    trusting = step(FILE, TRUST)
    assert yaml.safe_load(trusting) == {"other": "x: y", KEY: "old", "last": 1, NEXT: "new"}
    issuing = step(trusting, ISSUE)
    assert yaml.safe_load(issuing) == {"other": "x: y", KEY: "new", "last": 1, PREVIOUS: "old"}
    done = step(issuing, DROP)
    assert yaml.safe_load(done) == {"other": "x: y", KEY: "new", "last": 1}
    assert done == FILE.replace("old", "new")


def test_hosts_that_lag_a_step_behind_trust_each_other() -> None:
    texts = [FILE]
    for name in STEPS:
        texts.append(step(texts[-1], name))
    for before, after in zip(texts, texts[1:]):
        for one, another in ((before, after), (after, before)):
            assert yaml.safe_load(one)[KEY] in trusted(another)


@pytest.mark.parametrize("done", [1, 2, 3])
def test_a_step_that_was_made_is_not_made_again(done: int) -> None:
    text = FILE
    for name in STEPS[:done]:
        text = step(text, name)
    assert step(text, STEPS[done - 1]) == text


def test_a_rotation_that_was_cut_off_goes_on() -> None:
    issuing = step(step(FILE, TRUST), ISSUE)
    text = issuing
    for name in STEPS:
        text = rotated(text, name, lambda: "newest")
    assert text == FILE.replace("old", "new")


def test_quotes_stay_as_they_are() -> None:
    text = step(step(FILE.replace("old", "'o #ld'"), TRUST), ISSUE)
    assert yaml.safe_load(text)[PREVIOUS] == "o #ld"


@pytest.mark.parametrize("line", ["", "llm_ca_key: ''\n", "llm_ca_key: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\n"])
def test_a_key_that_is_not_in_the_file_is_not_replaced(line: str) -> None:
    with pytest.raises(RotationError, match="has no llm_ca_key as a line of its own"):
        step(f"---\nother: 1\n{line}", TRUST)
