# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import reader
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.client import BadReplyError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KEY

from .scripted import Call, Script, key, listed, named


def page(number: int, keys: list[dict[str, t.Any]], total: int) -> Call:
    query = {"return_full_object": "true", "page": str(number), "size": "100"}
    return Call("GET", "/key/list", listed(*keys, total=total), query=query)


def keys(first: int, last: int) -> list[dict[str, t.Any]]:
    return [key(f"k{number}", f"sk-{number:016}") for number in range(first, last)]


def test_every_page_is_read_and_repeated_objects_count_once() -> None:
    script = Script(page(1, keys(0, 100), 250), page(2, keys(99, 199), 250), page(3, keys(199, 250), 250))
    found = reader.read(script.client(), KEY, workers=1)
    assert [item["key_alias"] for item in found] == [f"k{number}" for number in range(250)]
    script.assert_done()


def test_a_few_names_among_many_pages_are_looked_up_by_name() -> None:
    script = Script(page(1, keys(0, 100), 1000), named("k7", key("k7", "sk-0000000000000007")), named("absent"))
    assert [item["key_alias"] for item in reader.read(script.client(), KEY, ["k7", "absent"], workers=1)] == ["k7"]
    script.assert_done()


def test_one_name_is_one_request() -> None:
    script = Script(named("k7", key("k7")))
    assert len(reader.read(script.client(), KEY, ["k7"])) == 1
    script.assert_done()


@pytest.mark.parametrize("answer", [{"keys": ["hash"], "total_count": 1}, {"hello": 1}, [], {"keys": []}])
def test_another_programs_answer_is_refused(answer: t.Any) -> None:
    script = Script(Call("GET", "/key/list", answer))
    with pytest.raises(BadReplyError):
        reader.read(script.client(), KEY, ["a"])
