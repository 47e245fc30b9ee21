# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People and programs with tools of their own: a browser, openai's library, LangChain. They run in a container."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from scenario import CHECKOUT

ALIAS = "made-in-the-browser"


@pytest.fixture(scope="module")
def run() -> t.Callable[[str, dict[str, str]], dict[str, t.Any]]:
    """Runs one of tests/clients in the image `clients`, which is told by standard input, since that has secrets."""
    bench = [sys.executable, str(CHECKOUT / "tests/bench/bench.py")]
    built = subprocess.run([*bench, "images", "--json", "clients"], capture_output=True, text=True, check=True)
    image = json.loads(built.stdout)["clients"]

    def runner(program: str, said: dict[str, str]) -> dict[str, t.Any]:
        command = ["docker", "run", "--rm", "--interactive", "--network", "host"]
        command += ["--volume", f"{CHECKOUT}/tests/clients:/clients:ro", image, "python", f"/clients/{program}.py"]
        done = subprocess.run(command, input=json.dumps(said), capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return runner


def test_libraries(run: t.Any, gateway: t.Any) -> None:
    found = run("api", {"url": gateway.url, "key": gateway.key, "model": gateway.model})
    assert found["models"] == [gateway.model]
    # It may end before the eight tokens that it is let write.
    assert found["chat"] > 0, found
    assert found["stream"] > 0, found
    assert found["responses"] == "response", found
    name, arguments = found["tools"]
    assert (name, list(arguments)) == ("door", ["open"])
    assert list(found["structured"]) == ["open"]
    whole, chunks = found["langchain"]
    assert whole > 0
    assert chunks > 1


def test_curl_as_the_readme_shows(gateway: t.Any, tmp_path: Path) -> None:
    """The line itself, from the folder of a fleet; only the server's address and the model are this scenario's."""
    found = re.search(r"^    (curl http://YOUR-SERVER:4000.*\n.*)$", (CHECKOUT / "README.md").read_text(), re.MULTILINE)
    assert found
    line = found[1].replace("http://YOUR-SERVER:4000", gateway.url).replace("qwen2.5-0.5b", gateway.model)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "my-app").write_text(gateway.key + "\n")
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=400, check=False)
    answer = json.loads(done.stdout)
    assert answer["object"] == "chat.completion", answer
    assert answer["usage"]["completion_tokens"] > 0


def test_the_web_ui(run: t.Any, gateway: t.Any, secrets: dict[str, str]) -> None:
    said = {"user": "admin", "password": secrets["litellm_ui_password"], "model": gateway.model, "key_alias": ALIAS}
    found = run("browser", {"url": gateway.url, **said})
    key = found.pop("key")
    try:
        assert found["page"].startswith("/ui")
        assert found["models"] is True
        assert found["swagger"] > 100
        assert gateway.chat(key=key)[0] == 200
    finally:
        status, _text = gateway.call("/key/delete", {"key_aliases": [ALIAS]}, secrets["litellm_master_key"])
    assert status == 200


def test_a_limit_of_requests_is_kept(gateway: t.Any, secrets: dict[str, str]) -> None:
    body = {"key_alias": "slow", "models": [gateway.model], "rpm_limit": 1}
    key = json.loads(gateway.call("/key/generate", body, secrets["litellm_master_key"])[1])["key"]
    try:
        seen = [gateway.chat(key=key)[0] for _request in range(3)]
    finally:
        gateway.call("/key/delete", {"keys": [key]}, secrets["litellm_master_key"])
    # A minute may end between two of them.
    assert seen[0] == 200
    assert 429 in seen[1:]
