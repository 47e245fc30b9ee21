# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vllm_model_info on the controller: a hub that runs here, the catalogue, and what is left to the host."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.action.vllm_model_info import ActionModule, look_up
from ansible_collections.llmfleet.gateway.plugins.module_utils._model_directory import ModelInfoError, from_directory
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE

COMMIT = "a09a35458c702b33eeacc393d103063234e8bc28"
CONFIG = CATALOGUE["Qwen/Qwen2.5-0.5B-Instruct"]["config"]
TOKEN = "hf_right"
REQUIRED_BY_THE_CATALOGUE = (
    "Qwen/Qwen2.5-0.5B-Instruct",
    "Qwen/Qwen2.5-1.5B-Instruct",
    "Qwen/Qwen2.5-7B-Instruct",
    "Qwen/Qwen2.5-14B-Instruct",
    "Qwen/Qwen2.5-32B-Instruct",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-30B-A3B",
    "mistralai/Mistral-7B-Instruct-v0.3",
    "meta-llama/Llama-3.2-1B-Instruct",
    "meta-llama/Llama-3.2-3B-Instruct",
    "meta-llama/Meta-Llama-3-8B-Instruct",
    "meta-llama/Llama-3.1-8B",
    "google/gemma-2-9b",
    "microsoft/phi-4",
)


class Hub(BaseHTTPRequestHandler):
    """The few pages of the hub that the module reads."""

    seen: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.seen.append((self.path, token))
        path = self.path.split("?")[0]
        if "/gated/" in path and token != TOKEN:
            status = 403 if token == "hf_other" else 401
            self._answer(status, b"", {"X-Error-Code": "GatedRepo"})
        elif path == f"/org/open/resolve/{COMMIT}/config.json":
            self._answer(307, b"", {"Location": f"/cdn/{COMMIT}/config.json"})
        elif path in self.pages():
            self._answer(200, self.pages()[path], {})
        else:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    @staticmethod
    def pages() -> dict[str, bytes]:
        index = {"rfilename": "model.safetensors.index.json", "size": 10}
        shard = {"rfilename": "model-00001-of-00001.safetensors", "size": 988097824}
        copy = {"rfilename": "consolidated.safetensors", "size": 988097824}
        about = {"sha": COMMIT, "gated": False, "cardData": {"license": "apache-2.0"}, "siblings": [index, shard]}
        single = {**about, "gated": "auto", "siblings": [shard, copy]}
        config = json.dumps(CONFIG).encode()
        return {
            "/api/models/org/open/revision/main": json.dumps(about).encode(),
            f"/api/models/org/open/revision/{COMMIT}": json.dumps(about).encode(),
            f"/cdn/{COMMIT}/config.json": config,
            f"/org/open/resolve/{COMMIT}/model.safetensors.index.json": b'{"metadata": {"total_size": 988065824}}',
            "/api/models/gated/one/revision/main": json.dumps(single).encode(),
            f"/gated/one/resolve/{COMMIT}/config.json": config,
        }

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("HF_TOKEN", "HF_ENDPOINT", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Hub.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def params(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    return {
        "model": None,
        "revision": "main",
        "source": "auto",
        "token": None,
        "endpoint": None,
        "cache_dir": str(tmp_path / "cache"),
        "refresh": False,
        "timeout": 5,
        "validate_certs": True,
        **changes,
    }


def test_catalogue_needs_no_network(tmp_path: Path) -> None:
    found = look_up(params(tmp_path, model="qwen2.5-7B-instruct"))
    assert found["source"] == "catalogue"
    assert found["repository"] == "Qwen/Qwen2.5-7B-Instruct"
    assert found["disk_gb"] == 15.23
    assert found["recommended"]["24"]["max_model_len"] >= 8192
    assert found["recommended"]["12"] is None


def test_catalogue_has_what_it_must_have(tmp_path: Path) -> None:
    listed = {entry["repository"]: entry for entry in look_up(params(tmp_path))["catalogue"]}
    assert set(REQUIRED_BY_THE_CATALOGUE) <= set(listed)
    for entry in (one for one in listed.values() if "config" in one):
        assert entry["license"] and entry["purpose"] and entry["disk_gb"] > 0
        assert set(entry["recommended"]) == {"8", "12", "16", "24", "48", "80", "141"}
        assert any(entry["recommended"].values()) or entry["disk_gb"] > 130


def test_unknown_model_of_the_catalogue(tmp_path: Path) -> None:
    with pytest.raises(ModelInfoError, match="The catalogue does not have a/b") as caught:
        look_up(params(tmp_path, model="a/b", source="catalogue"))
    assert caught.value.kind == "unknown"


def test_repository(tmp_path: Path, hub: str) -> None:
    found = look_up(params(tmp_path, model="org/open", endpoint=hub))
    assert (found["source"], found["revision"], found["gated"]) == ("hub", COMMIT, False)
    assert found["weight_bytes"] == 988065824
    assert found["config"] == CONFIG
    assert found["license"] == "apache-2.0"


def test_endpoint_and_token_from_the_environment(tmp_path: Path, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    found = look_up(params(tmp_path, model="gated/one"))
    assert found["gated"] is True
    assert found["weight_bytes"] == 988097824


@pytest.mark.parametrize(
    ("token", "kind", "advice"),
    [
        (None, "token_missing", "HF_TOKEN"),
        ("hf_wrong", "token_invalid", "revoked or expired"),
        ("hf_other", "license_not_accepted", "accept the licence"),
    ],
)
def test_closed_doors_are_told_apart(tmp_path: Path, hub: str, token: str | None, kind: str, advice: str) -> None:
    with pytest.raises(ModelInfoError, match=advice) as caught:
        look_up(params(tmp_path, model="gated/one", endpoint=hub, token=token))
    assert caught.value.kind == kind
    assert f"{hub}/gated/one" in str(caught.value) or kind == "token_invalid"
    assert not token or token not in str(caught.value)


def test_repository_that_is_not_there(tmp_path: Path, hub: str) -> None:
    with pytest.raises(ModelInfoError, match="has no model org/none") as caught:
        look_up(params(tmp_path, model="org/none", endpoint=hub))
    assert caught.value.kind == "not_found"


def test_commit_is_asked_for_once(tmp_path: Path, hub: str) -> None:
    wanted = params(tmp_path, model="org/open", endpoint=hub, revision=COMMIT)
    first = look_up(wanted)
    requests = len(Hub.seen)
    second = look_up(wanted)
    assert len(Hub.seen) == requests
    assert second == {**first, "source": "cache"}
    look_up({**wanted, "refresh": True})
    assert len(Hub.seen) > requests


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_cache_serves_a_branch_when_the_hub_refuses(
    tmp_path: Path, hub: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    wanted = params(tmp_path, model="org/open", endpoint=hub)
    first = look_up(wanted)
    monkeypatch.setattr(Hub, "do_GET", lambda self: self._answer(status, b"", {}))
    second = look_up(wanted)
    assert second.pop("hub_error")
    assert second == {**first, "source": "cache"}
    with pytest.raises(ModelInfoError):
        look_up({**wanted, "refresh": True})


def test_token_stays_with_the_hub_and_out_of_the_cache(tmp_path: Path, hub: str) -> None:
    look_up(params(tmp_path, model="gated/one", endpoint=hub, token=TOKEN))
    assert {token for _path, token in Hub.seen} == {TOKEN}
    assert all(TOKEN not in file.read_text() for file in (tmp_path / "cache").iterdir())


def test_token_does_not_follow_to_another_host(tmp_path: Path, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = hub.replace("127.0.0.1", "localhost")
    answer = Hub._answer

    def elsewhere(self: Hub, status: int, body: bytes, headers: dict[str, str]) -> None:
        moved = {name: f"{other}{value}" if name == "Location" else value for name, value in headers.items()}
        answer(self, status, body, moved)

    monkeypatch.setattr(Hub, "_answer", elsewhere)
    look_up(params(tmp_path, model="org/open", endpoint=hub, token=TOKEN))
    assert [token for path, token in Hub.seen if path.startswith("/cdn/")] == [""]


def run(options: dict[str, Any], answer: dict[str, Any] | None = None) -> dict[str, Any]:
    """The whole action; answer is what the module says on the host."""
    task = Task.load({"name": "t", "llmfleet.gateway.vllm_model_info": options})
    task.args = options
    loader = DataLoader()
    connection = connection_loader.get("ansible.builtin.local", PlayContext())
    action: Any = ActionModule(task, connection, PlayContext(), loader, Templar(loader=loader), None)
    action._execute_module = lambda *_words, **_options: answer
    return dict(action.run(task_vars={}))


def test_a_directory_is_read_on_the_host_and_planned_here(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    found = run({"model": str(tmp_path)}, from_directory(str(tmp_path)))
    assert found["source"] == "path"
    assert found["recommended"]["24"]["max_model_len"] >= 8192


def test_what_the_host_cannot_read_is_passed_on() -> None:
    failed = {"failed": True, "msg": "no", "error_kind": "not_found"}
    assert run({"model": "/nowhere"}, failed) == failed


def test_refusals_have_their_kind() -> None:
    found = run({"model": "a/b", "source": "catalogue"})
    assert found["failed"] and found["error_kind"] == "unknown"


def test_model_that_cannot_be_planned_is_still_described() -> None:
    found = run({"model": "/models/m"}, {"config": {**CONFIG, "layer_types": ["mamba"] * 24}, "weight_bytes": None})
    assert found["recommended"] == {}
    assert "state-space" in found["planner_note"]
