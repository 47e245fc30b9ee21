# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in the files: faults or leftovers, and never an error of Python."""

from __future__ import annotations

import copy
import random
import typing as t

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import documents
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.translate import Translation, translate
from deployed import COMPOSE, CONFIG, ENV, FOLDER, MASTER, PASSWORD, SALT, Deployment

#: Stands where something else was expected.
WRONG: tuple[t.Any, ...] = (None, [], {}, 7, True, "x", [[1]], {"a": {"b": [1]}}, [None, {"c": None}], 1.5)
#: What a slip of the hand may leave.
SIGNS = (
    *(
        "\t",
        "\x00",
        "\ufeff",
        "$",
        "${",
        "}",
        "{{ x }}",
        "'",
        '"',
        ":",
        "- ",
        "\r\n",
        "\n",
        "#",
        "&a ",
        "*a",
        "!x ",
        "|",
        "%",
        "\\",
    ),
    *(
        "=",
        "<<: ",
        ">",
        "[",
        "{",
        "  ",
        "? ",
        "---\n",
        "...\n",
        "1e999",
        "0x",
        "9" * 20,
        "~",
        "@",
        ",",
        "\x85",
        "\u2028",
    ),
)
#: Everything that the translation looks into, in forms that the deployment of the other tests has not.
FULL = """\
    healthcheck: {test: [CMD, x]}
    profiles: [gpu]
    networks: {front: {aliases: [llm]}}
    configs: [{source: c, target: /etc/c}]
    env_file: [{path: x.env, required: false}]
    ulimits: {memlock: -1}
    shm_size: 8gb
    gpus: [{device_ids: ["0"]}]
"""
MORE = """\
  cache: true
  cache_params: {type: redis, host: redis}
  callbacks: [prometheus, my.code]
  default_fallbacks: [qwen]
"""


def whole() -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    compose = COMPOSE.replace("    ipc: host\n", FULL) + "configs: {c: {content: x}}\nvolumes: {v: {external: true}}\n"
    config = CONFIG.replace("litellm_settings:\n", f"litellm_settings:\n{MORE}").replace(
        "router_settings:\n", "router_settings:\n  model_group_alias: {a: {model: qwen, hidden: true}}\n"
    )
    return yaml.safe_load(compose), yaml.safe_load(f"{config}environment_variables: {{A: b}}\n")


def places(value: t.Any, path: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[t.Any, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


def put(value: t.Any, path: tuple[t.Any, ...], new: t.Any) -> t.Any:
    if not path:
        return new
    found = copy.deepcopy(value)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = new
    return found


class Known(dict[str, str | None]):
    """Files that were all fetched: what is not among them is not there."""

    def __contains__(self, _name: object) -> bool:
        return True

    def __missing__(self, _name: str) -> None:
        return None


def translated(old: Deployment) -> Translation:
    files = Known({f"{FOLDER}/{name}": text for name, text in old.files.items()})
    return translate(FOLDER, files, old.facts, new_salt=True)


@pytest.mark.parametrize("first", [0, 3, 7])
@pytest.mark.parametrize("file", ["docker-compose.yml", "config.yaml"])
def test_what_is_of_another_kind_than_expected_is_no_error_of_python(file: str, first: int) -> None:
    value = whole()[file == "config.yaml"]
    for number, path in enumerate(places(value), first):
        old = Deployment()
        old.files[file] = yaml.safe_dump(put(value, path, WRONG[number % len(WRONG)]))
        found = translated(old)
        assert found.notes.faults or found.variables, path


def test_damaged_text_is_no_error_of_python_and_no_secret_is_told() -> None:
    chance = random.Random(12)
    texts = {".env": ENV, "docker-compose.yml": COMPOSE, "config.yaml": CONFIG}
    for _number in range(150):
        old = Deployment()
        file = chance.choice(list(texts))
        old.files[file] = damaged(texts[file], chance)
        told = repr(translated(old).notes.told())
        assert not any(secret in told for secret in (MASTER, SALT, PASSWORD)), old.files[file]


def damaged(text: str, chance: random.Random) -> str:
    for _number in range(chance.randint(1, 3)):
        place, other = chance.randrange(len(text)), chance.randrange(len(text))
        cut = text[:place] + text[place + chance.randint(1, 30) :]
        twice = text[:place] + text[other : other + chance.randint(1, 80)] + text[place:]
        text = chance.choice([text[:place] + chance.choice(SIGNS) + text[place:], cut, twice])
    return text


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("config.yaml", "[" * 5000, ["config.yaml:1: is nested too deep"]),
        ("config.yaml", "model_list:\n\t- x: y\n", ["config.yaml:2: is no YAML", "'\\t'"]),
        ("config.yaml", "a: 1\n---\nb: 1\n", ["config.yaml:2: is no YAML", "another document"]),
        ("config.yaml", "- a\n", ["config.yaml:1: is no mapping of keys"]),
        ("config.yaml", "a: \x00b\n", ["config.yaml", "is no YAML"]),
        ("config.yaml", "a: !!bool sk-abcdefghijkl\n", ["config.yaml:1: a value is none of its kind"]),
        ("config.yaml", "a: 2024-13-45\n", ["config.yaml:1: a value is none of its kind; put it in quotes"]),
        ("config.yaml", "a: *sk-abcdefghijkl\n", ["config.yaml:1: is no YAML", "put the value in quotes"]),
        ("config.yaml", "a: !sk-abcdefghijkl x\n", ["config.yaml:1: a tag", "put a value in quotes"]),
        ("docker-compose.yml", "", ["docker-compose.yml:1: has no services"]),
        ("docker-compose.yml", "services: [a]\n", ["docker-compose.yml:1 services: is no mapping"]),
        (".env", "A=${A}\nLITELLM_MASTER_KEY=$LITELLM_MASTER_KEY\n", ["POSTGRES_PASSWORD is set nowhere"]),
    ],
)
def test_broken_files_are_named_with_the_remedy(file: str, text: str, said: list[str]) -> None:
    old = Deployment()
    old.files[file] = text
    told = "\n".join(translated(old).notes.told()["faults"])
    assert [one for one in said if one not in told] == [], told
    assert "abcdefghijkl" not in told


def test_a_variable_of_env_that_uses_itself_is_told() -> None:
    found = translated(Deployment().add(".env", "A=${A}\n"))
    assert ".env:10: uses A, which is set nowhere, so that nothing stands in its place" in found.notes.told()["changed"]


@pytest.mark.parametrize("text", ["2024-13-45", "!!int x", "!!bool x", "!!timestamp x", "[" * 5000, "0x_", "1" * 5000])
def test_a_word_of_a_command_that_yaml_makes_no_value_of_is_text(text: str) -> None:
    assert documents.scalar(text) == text


def test_signs_of_windows_are_none() -> None:
    old = Deployment()
    for name, text in old.files.items():
        old.files[name] = "\ufeff" + (text or "").replace("\n", "\r\n")
    found, before = translated(old), translated(Deployment())
    assert (found.variables, found.secrets) == (before.variables, before.secrets)
