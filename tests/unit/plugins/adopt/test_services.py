# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a server's containers, and that what was stopped comes back as it was."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._adopt import reading, services
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import Done


def box(service: str, **more: t.Any) -> dict[str, t.Any]:
    return {
        "id": service * 3,
        "name": f"llm-{service}-1",
        "service": service,
        "state": "running",
        "restart": "always",
        **more,
    }


class Docker:
    """Answers commands by their first words, and keeps them."""

    def __init__(self, answers: dict[str, Done] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []

    def __call__(
        self, argv: t.Sequence[str], timeout: float = 0, environment: t.Any = None, stdin: t.Any = None
    ) -> Done:
        line = " ".join(argv)
        self.asked.append(line)
        return next((done for start, done in self.answers.items() if line.startswith(start)), Done(0, "", ""))


def inspected(folder: str, **labels: str) -> dict[str, t.Any]:
    named = {f"com.docker.compose.{name.replace('_', '.')}": value for name, value in labels.items()}
    return {
        "Id": "a" * 64,
        "Name": "/llm-db-1",
        "Config": {
            "Labels": {"com.docker.compose.project.working_dir": folder, "com.docker.compose.service": "db", **named},
            "Image": "postgres:15",
            "Env": ["POSTGRES_PASSWORD=secret"],
        },
        "State": {"Status": "running"},
        "HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}},
        "Mounts": [{"Source": "/data", "Destination": "/var/lib/postgresql/data"}],
    }


def test_containers_of_the_folder_only_and_without_their_environment(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    listed = [inspected(str(tmp_path)), inspected("/elsewhere"), inspected(str(tmp_path), oneoff="True")]
    docker = Docker({"docker ps": Done(0, "a b c", ""), "docker inspect": Done(0, json.dumps(listed), "")})
    found = reading.containers(docker, str(link))
    assert [one["name"] for one in found] == ["llm-db-1"]
    assert found[0]["restart"] == "on-failure:3" and found[0]["mounts"][0]["source"] == "/data"
    assert found[0]["environment"] == ["POSTGRES_PASSWORD"] and "secret" not in repr(found)


def test_without_docker_the_reason_is_told() -> None:
    with pytest.raises(reading.ReadingError, match="docker ps failed"):
        reading.containers(Docker({"docker": Done(127, "", "no docker")}), "/srv")


def test_files_are_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large").write_bytes(b"x" * (reading.LARGEST + 1))
    assert reading.text(str(tmp_path / "a")) == "x\n"
    assert reading.text(str(tmp_path / "gone")) is None and reading.text(str(tmp_path)) is None
    assert reading.text(str(tmp_path / "a" / "b")) is None
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    assert reading.text(str(tmp_path / "pipe")) is None, "it would never end"
    for name, said in (("binary", "no text in UTF-8"), ("large", "is larger"), ("loop", "Too many levels")):
        with pytest.raises(reading.ReadingError, match=said):
            reading.text(str(tmp_path / name))


def test_the_commit_of_a_model_is_read_from_the_hubs_cache(tmp_path: Path) -> None:
    refs = tmp_path / "hub" / "models--q--w" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text("c" * 40 + "\n")
    assert reading.commit(str(tmp_path), "q/w") == "c" * 40
    assert reading.commit(str(tmp_path), "q/x") == reading.commit("", "q/w") == ""


def test_what_runs_is_stopped_in_order_and_not_started_again_at_a_boot(tmp_path: Path) -> None:
    path, docker = str(tmp_path / "adopted" / "containers.json"), Docker()
    there = [box("db"), box("litellm"), box("other"), box("vllm", state="exited", restart="no")]
    chosen = services.to_stop(there, ["litellm", "vllm", "db"])
    assert [one["service"] for one in chosen] == ["litellm", "db"]
    services.stop(docker, path, chosen, 60)
    assert docker.asked == [
        "docker update --restart no litellmlitellmlitellm",
        "docker stop -t 60 litellmlitellmlitellm",
        "docker update --restart no dbdbdb",
        "docker stop -t 60 dbdbdb",
    ]
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_another_project_in_the_folder_is_somebodys() -> None:
    there = [box("litellm", project="llm-staging"), box("litellm", id="ours", project="llm")]
    assert [one["id"] for one in services.to_stop(there, ["litellm"], "llm")] == ["ours"]


def test_they_come_back_as_they_were_the_database_first(tmp_path: Path) -> None:
    path, docker = str(tmp_path / "containers.json"), Docker()
    services.stop(docker, path, [box("litellm"), box("db", restart="unless-stopped")], 60)
    # A second stop must not take what the first one left for how it was.
    stopped = [box("litellm", state="exited", restart="no"), box("db", state="exited", restart="no")]
    services.stop(docker, path, stopped, 60)
    chosen = services.to_start(stopped, services.remembered(path))
    assert [(one["service"], one["restart"]) for one in chosen] == [("db", "unless-stopped"), ("litellm", "always")]
    docker.asked.clear()
    services.start(docker, path, chosen)
    assert docker.asked[:2] == ["docker update --restart unless-stopped dbdbdb", "docker start dbdbdb"]
    assert services.remembered(path) == {} and not Path(path).exists()


def test_a_container_that_is_gone_is_named_before_anything_starts(tmp_path: Path) -> None:
    path = str(tmp_path / "containers.json")
    services.stop(Docker(), path, [box("db")], 60)
    with pytest.raises(services.ServicesError, match=r"llm-db-1 .* docker compose up -d"):
        services.to_start([], services.remembered(path))


def test_a_stop_that_fails_is_told(tmp_path: Path) -> None:
    docker = Docker({"docker stop": Done(1, "", "hangs")})
    with pytest.raises(services.ServicesError, match="the stop of llm-db-1 failed: hangs"):
        services.stop(docker, str(tmp_path / "c.json"), [box("db")], 60)
