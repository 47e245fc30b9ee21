# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What operations do to containers, images and folders of ours, and that they leave others' alone."""

from __future__ import annotations

import errno
import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Engine, EngineError
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.state import Store
from ansible_collections.llmfleet.gateway.plugins.module_utils._containers import (
    leftovers,
    logs,
    moving,
    states,
    uninstalling,
)

Box = dict[str, t.Any]


def box(name: str, status: str = "running", fleet: str = "", image: str = "i", **more: t.Any) -> Box:
    return {
        "name": name,
        "fleet": fleet,
        "status": status,
        "image": image,
        "code": 0,
        "restart": "unless-stopped",
        **more,
    }


class Docker:
    """An engine as the command line shows it."""

    def __init__(
        self, *boxes: Box, images: dict[str, str] | None = None, networks: dict[str, list[str]] | None = None
    ) -> None:
        self.boxes = {one["name"]: one for one in boxes}
        self.images, self.networks = images or {}, networks or {}
        self.calls: list[list[str]] = []
        self.logs: dict[str, str] = {}

    def __call__(self, args: list[str], stdin: str | None = None, timeout: float = 60) -> tuple[int, str, str]:
        del stdin, timeout
        words = args[1:]
        self.calls.append(words)
        return getattr(self, f"_{words[0]}")(words[1:])

    def _ps(self, words: list[str]) -> tuple[int, str, str]:
        if "--quiet" in words:
            network = words[-1].partition("network=")[2]
            return 0, "\n".join(self.networks.get(network, []) if network else self.boxes), ""
        rows = [[n, n, b["fleet"], "s", "/", b["fleet"], "False"] for n, b in self.boxes.items()]
        return 0, "\n".join(map(json.dumps, rows)), ""

    def _inspect(self, words: list[str]) -> tuple[int, str, str]:
        found = [self.boxes[name] for name in words[2:]]
        return 0, json.dumps([_inspected(one) for one in found]), ""

    def _image(self, words: list[str]) -> tuple[int, str, str]:
        if words[0] == "rm":
            del self.images[words[1]]
            return 0, "", ""
        names = words[3:]
        if "{{.Size}}" in words[2]:
            return 0, "\n".join(f"{name} 1000" for name in names), ""
        missing = [name for name in names if name not in self.images]
        return (1, "", "No such image") if missing else (0, "\n".join(self.images[name] for name in names), "")

    def _network(self, words: list[str]) -> tuple[int, str, str]:
        if words[0] == "rm":
            for name in words[1:]:
                del self.networks[name]
        return 0, "\n".join(self.networks), ""

    def _logs(self, words: list[str]) -> tuple[int, str, str]:
        return 0, self.logs.get(words[-1], ""), ""

    def _stop(self, words: list[str]) -> tuple[int, str, str]:
        return self._become(words, "exited")

    def _start(self, words: list[str]) -> tuple[int, str, str]:
        return self._become(words, "running")

    def _become(self, names: list[str], status: str) -> tuple[int, str, str]:
        for name in names:
            self.boxes[name]["status"] = status
        return 0, "", ""


def _inspected(one: Box) -> dict[str, t.Any]:
    labels = {"com.docker.compose.project": one["fleet"], "io.llmfleet.project": one["fleet"]}
    health = {"Health": {"Status": one["health"]}} if "health" in one else {}
    return {
        "Id": one["name"],
        "Name": f"/{one['name']}",
        "Image": one["image"],
        "Config": {"Labels": labels, "Image": one["image"]},
        "State": {"Status": one["status"], "ExitCode": one["code"], **health},
        "HostConfig": {"RestartPolicy": {"Name": one["restart"]}},
    }


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


# ---- states


def bring(docker: Docker, state: str, check: bool = False) -> dict[str, t.Any]:
    return states.Projects(Engine(docker), ["llmfleet-redis"], Clock()).bring(state, 10, check)


def touched(docker: Docker) -> list[list[str]]:
    return [call for call in docker.calls if call[0] in ("start", "stop")]


@pytest.fixture(autouse=True)
def docker_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")


def redis(**more: t.Any) -> Docker:
    return Docker(box("redis", fleet="llmfleet-redis", **more), box("theirs"))


def test_only_what_is_ours_stops_and_starts() -> None:
    docker = redis()
    assert bring(docker, "stopped")["changed"] is True
    assert touched(docker) == [["stop", "redis"]]
    assert bring(docker, "stopped")["changed"] is False
    assert bring(docker, "started")["changed"] is True
    assert docker.boxes["theirs"]["status"] == "running"


def test_check_mode_touches_nothing() -> None:
    docker = redis()
    assert bring(docker, "restarted", check=True)["changed"] is True
    assert touched(docker) == []


def test_a_restart_stops_what_runs_and_starts_what_does_not() -> None:
    assert [call[0] for call in touched_by("running")] == ["stop", "start"]
    assert [call[0] for call in touched_by("exited", code=1)] == ["start"]


def touched_by(status: str, **more: t.Any) -> list[list[str]]:
    docker = redis(status=status, **more)
    bring(docker, "restarted")
    return touched(docker)


def test_what_only_prepares_is_not_started_again() -> None:
    docker = Docker(
        box("fetch", "exited", fleet="llmfleet-redis", restart="no"), box("redis", "exited", fleet="llmfleet-redis")
    )
    bring(docker, "started")
    assert touched(docker) == [["start", "redis"]]


def test_what_does_not_become_healthy_is_a_failure() -> None:
    with pytest.raises(EngineError, match="not healthy after 10 s: redis: starting"):
        bring(redis(health="starting"), "restarted")


def test_a_project_that_was_never_here_is_named() -> None:
    with pytest.raises(EngineError, match="llmfleet-redis has no container here"):
        bring(Docker(box("theirs")), "started")


# ---- logs


def test_logs_are_of_ours_alone_in_the_order_of_time_and_harmless() -> None:
    docker = Docker(box("a", fleet="llmfleet-litellm-1"), box("b", fleet="llmfleet-vllm-chat"), box("theirs"))
    docker.logs = {
        "a": "2026-11-26T01:00:02.000000001Z second \x1b[31mred\x1b[0m\x07\n",
        "b": "2026-11-26T01:00:01.000000001Z first {{ 1 + 1 }}\nError: of the engine\n",
        "theirs": "2026-11-26T01:00:00.000000001Z secret\n",
    }
    found = logs.read(Engine(docker), [], "", "", 10)
    assert [line["text"] for line in found] == ["first {{ 1 + 1 }}", "second red"]
    assert [line["service"] for line in logs.read(Engine(docker), ["chat"], "5m", "", 10)] == ["vllm-chat/s"]
    assert docker.calls[-1][4:6] == ["--since", "5m"]


def test_health_checks_that_went_well_are_left_out_and_hide_nothing() -> None:
    docker = Docker(box("a", fleet="llmfleet-vllm-chat"))
    said = ['"GET /health HTTP/1.1" 200 OK', '"GET /health/liveliness HTTP/1.1" 200 OK', '"GET /health HTTP/1.1" 503']
    said += ['"POST /v1/chat/completions HTTP/1.1" 200 OK', *['"GET /metrics HTTP/1.1" 200 OK'] * 5]
    docker.logs = {"a": "".join(f"2026-11-26T01:00:{n:02d}.000000001Z {text}\n" for n, text in enumerate(said))}
    assert [line["text"] for line in logs.read(Engine(docker), [], "", "", 2)] == said[2:4]
    assert docker.calls[-1][2:4] == ["--tail", "40"]
    assert [line["text"] for line in logs.read(Engine(docker), [], "", "", 2, True)] == said[-2:]


# ---- leftovers


def ran(root: Path, name: str, *images: str) -> None:
    """A project that ran images, the last one now."""
    store = Store(str(root / name))
    store.ensure()
    pending = {
        "project": name,
        "made": [],
        "services": {},
        "hashes": {},
        "names": {},
        "compose": "",
        "hooks": [],
        "files": [],
    }
    for image in images:
        store.keep_good({**pending, "images": {"s": image}})


def look(root: Path, **more: t.Any) -> leftovers.Look:
    found = {"models": ["o/used"], "instances": ["chat"], "images": ["declared"], **more}
    return leftovers.Look(root=str(root), models_dir=str(root / "models"), **{"cache_dir": "", **found})


def test_images_that_no_project_ran_or_somebody_uses_are_left(tmp_path: Path) -> None:
    ran(tmp_path, "vllm/chat", "v1", "used", "v2", "declared", "v3")
    docker = Docker(
        box("theirs", image="id-used"),
        images={name: f"id-{name}" for name in ("v1", "v2", "v3", "used", "declared", "foreign")},
    )
    found = leftovers.perform(Engine(docker), look(tmp_path), None, False)
    # v3 runs; the one before it, declared, is what rollback needs.
    assert [one["name"] for one in found["leftovers"]] == ["v1", "v2"]
    assert found["changed"] is False
    assert leftovers.perform(Engine(docker), look(tmp_path), ["v1", "foreign"], True)["changed"] is True
    assert "v1" in docker.images
    leftovers.perform(Engine(docker), look(tmp_path), ["v1", "foreign"], False)
    assert sorted(docker.images) == ["declared", "foreign", "used", "v2", "v3"]


def test_weights_and_caches_go_only_below_the_root(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for path in (
        *(base / "hub" / name for base in (root / "models", other) for name in ("models--o--used", "models--o--old")),
        root / "models" / "mine",
        root / "vllm" / "gone" / "cache",
        root / "vllm" / "chat" / "cache",
    ):
        path.mkdir(parents=True)
        (path / "file").write_text("12345")
    (root / "vllm" / "chat" / "compose.yml").write_text("")
    found = leftovers.find(Engine(Docker()), look(root))
    assert [(one["kind"], os.path.relpath(one["name"], root), one["bytes"]) for one in found] == [
        ("model", "models/hub/models--o--old", 5),
        ("cache", "vllm/gone/cache", 5),
    ]
    assert leftovers.models(look(root)._replace(models_dir=str(other))) == []
    leftovers.perform(Engine(Docker()), look(root), [found[0]["name"]], False)
    assert not (root / "models/hub/models--o--old").exists()
    assert (root / "vllm/gone/cache/file").exists()


@pytest.mark.parametrize("folder", ["vllm", "models", "."])
def test_a_folder_of_caches_that_holds_more_is_left(tmp_path: Path, folder: str) -> None:
    root = tmp_path / "root"
    for path in ("models/hub/models--o--used", "vllm/chat/.llmfleet", "vllm/old", "mine"):
        (root / path).mkdir(parents=True)
    said = look(root, cache_dir=str(root / folder))
    assert [one["name"] for one in leftovers.caches(said)] == []


def test_a_cache_in_which_a_program_is_at_work_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = os.walk

    def before_it_went(path: str) -> t.Iterator[t.Any]:
        return ((folder, names, [*files, "gone"]) for folder, names, files in walked(path))

    monkeypatch.setattr(os, "walk", before_it_went)
    (tmp_path / "file").write_text("12345")
    assert leftovers._folder("cache", str(tmp_path))["bytes"] == 5


# ---- uninstalling


def installed(root: Path) -> None:
    for path in ("locks/gpu-0", "reading.json", "postgres/data/base", "models/hub/x", "mine/file", "gate/run/socket"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")
    (root / "vllm" / "chat" / "secrets").mkdir(parents=True)


def test_data_and_what_is_not_ours_stay(tmp_path: Path) -> None:
    installed(tmp_path)
    docker = Docker(networks={"llmfleet-a": [], "llmfleet-b": ["theirs"]})
    before = uninstalling.perform(Engine(docker), str(tmp_path), False, True)
    assert before["changed"] is True and (tmp_path / "reading.json").exists()
    found = uninstalling.perform(Engine(docker), str(tmp_path), False, False)
    assert sorted(os.path.basename(path) for path in found["kept"]) == ["mine", "models", "postgres"]
    assert list(docker.networks) == ["llmfleet-b"]
    assert uninstalling.perform(Engine(docker), str(tmp_path), False, False)["changed"] is False
    again = uninstalling.perform(None, str(tmp_path), True, False)
    assert [os.path.basename(path) for path in again["kept"]] == ["mine"]


def test_what_links_lead_to_and_disks_that_are_mounted_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    (elsewhere / "empty").mkdir(parents=True)
    (root / "postgres" / "data").mkdir(parents=True)
    (root / "postgres" / "data" / "base").write_text("x")
    (root / "redis").symlink_to(elsewhere)
    (root / "vllm").symlink_to(tmp_path / "nowhere")
    uninstalling.perform(None, str(root), False, False)
    assert (elsewhere / "empty").is_dir() and (root / "redis").is_symlink()

    disk, rmdir = str(root / "postgres" / "data"), os.rmdir

    def busy(path: str, **more: t.Any) -> None:
        if os.path.basename(path) == "data":
            raise OSError(errno.EBUSY, "Device or resource busy", path)
        rmdir(path, **more)

    monkeypatch.setattr(os, "rmdir", busy)
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == disk)
    uninstalling.perform(None, str(root), True, False)
    assert os.listdir(disk) == [] and sorted(os.listdir(root)) == ["postgres"]
    assert (elsewhere / "empty").is_dir()
    assert uninstalling.perform(None, str(root), True, False)["changed"] is False


def test_a_root_that_is_a_link_does_not_end_in_an_error(tmp_path: Path) -> None:
    (tmp_path / "disk" / "locks").mkdir(parents=True)
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    assert uninstalling.perform(None, str(tmp_path / "root"), True, False)["changed"] is True
    assert os.listdir(tmp_path / "disk") == []


# ---- moving


def weights(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "hub" / "blobs").mkdir(parents=True)
    (old / "hub" / "blobs" / "b").write_bytes(b"x" * 1000)
    (old / "hub" / "link").symlink_to("blobs/b")
    return old, new


@pytest.mark.parametrize("linked", [True, False])
def test_weights_come_over_once_and_the_old_ones_stay(
    tmp_path: Path, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving.Move, "links", lambda self: linked)
    old, new = weights(tmp_path)
    assert moving.perform(str(old), str(new), False, True)["bytes"] == 1000
    assert not new.exists()
    found = moving.perform(str(old), str(new), False, False)
    assert (found["changed"], found["linked"]) == (True, linked)
    assert (new / "hub" / "link").read_bytes() == b"x" * 1000
    assert os.readlink(new / "hub" / "link") == "blobs/b"
    assert os.path.samefile(old / "hub/blobs/b", new / "hub/blobs/b") is linked
    assert moving.perform(str(old), str(new), False, False)["changed"] is False
    assert (old / "hub" / "blobs" / "b").exists()


def test_of_the_old_folder_only_what_is_at_the_new_place_goes(tmp_path: Path) -> None:
    old, new = weights(tmp_path)
    moving.perform(str(old), str(new), False, False)
    (old / "hub" / "mine").write_text("not moved")
    assert moving.perform(str(old), str(new), True, False)["kept"] == ["hub/mine"]
    assert [path.name for path in (old / "hub").iterdir()] == ["mine"]
    (old / "hub" / "mine").unlink()
    moving.perform(str(old), str(new), True, False)
    assert not old.exists()
    assert moving.perform(str(old), str(new), True, False)["changed"] is False


def test_a_move_without_room_or_into_itself_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = weights(tmp_path)
    for target in (old, old / "deeper", tmp_path):
        with pytest.raises(moving.MoveError, match="Declare another"):
            moving.perform(str(old), str(target), False, False)
    with pytest.raises(moving.MoveError, match="-e from_dir="):
        moving.perform(str(tmp_path / "nowhere"), str(new), False, False)
    monkeypatch.setattr(moving.Move, "links", lambda self: False)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("U", (), {"free": 10}))
    with pytest.raises(moving.MoveError, match="10 bytes free, and 1000"):
        moving.perform(str(old), str(new), False, False)
    assert not new.exists()


@pytest.mark.parametrize("source", ["", "models", "/etc/systemd"])
def test_a_folder_that_is_none_of_weights_is_not_brought_where_containers_see_it(tmp_path: Path, source: str) -> None:
    """An empty name would be root's home."""
    with pytest.raises(moving.MoveError, match="-e from_dir=FOLDER"):
        moving.perform(source, str(tmp_path / "new"), False, False)
    assert not (tmp_path / "new").exists()


def test_a_folder_of_models_without_a_cache_is_one(tmp_path: Path) -> None:
    (tmp_path / "old" / "tiny").mkdir(parents=True)
    (tmp_path / "old" / "tiny" / "config.json").write_text("{}")
    assert moving.perform(str(tmp_path / "old"), str(tmp_path / "new"), False, False)["changed"] is True
