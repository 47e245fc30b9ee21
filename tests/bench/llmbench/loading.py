# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images and the tiny model, put into hosts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from .hosts import HOST_OPTIONS, LABEL_DISTRO, Bench, put_files
from .images import ensure_image, image_names, recipe
from .shell import (
    BENCH,
    CACHE,
    NAMESPACE,
    BenchError,
    docker,
    docker_list,
    image_id,
    locked,
    run_logged,
    say,
    succeeds,
    wait_for,
)


def load_images(bench: Bench, hosts: Iterable[str], tags: Sequence[str]) -> None:
    for host in hosts:
        container = bench.container(host)
        if not succeeds("docker", "exec", container, "sh", "-c", "command -v dockerd"):
            raise BenchError(
                f"{host} has no Docker yet, so it can take no images. Install it there (role docker), then run "
                f"`load --dir {bench.folder} --hosts {host} --images …`."
            )
        docker("exec", container, "systemctl", "start", "docker")
        missing = missing_images(container, tags)
        if missing:
            began = time.monotonic()
            say(f"{host}: loading {', '.join(missing)}")
            if len(missing) < len(tags) or not seed_from_store(container, tags):
                copy_images(container, missing)
            say(f"{host}: loaded in {time.monotonic() - began:.0f} s")


def missing_images(container: str, tags: Iterable[str]) -> list[str]:
    return [tag for tag in tags if image_id(tag) != image_id(tag, "exec", container, "docker")]


def copy_images(container: str, tags: Sequence[str]) -> None:
    save = subprocess.Popen(["docker", "save", *tags], stdout=subprocess.PIPE)
    load = subprocess.run(
        ["docker", "exec", "-i", container, "docker", "load", "-q"], stdin=save.stdout, capture_output=True, check=False
    )
    if save.wait() or load.returncode:
        raise BenchError(f"loading {', '.join(tags)} into {container} failed: {load.stderr.decode()}")


# Saving and loading the vLLM image takes a minute and more each time. So an engine loads every image once, into a
# volume of its own; a host gets that engine's layers as hard links, in seconds. That is safe since an engine
# only ever reads a finished layer: what a container writes goes to a layer of its own. All else is copied.
SEED_SCRIPT = """\
set -eu
cd "/volumes/$1/_data"
into="/volumes/$2/_data"
rm -rf "$into/image" "$into/overlay2"
cp -a image "$into/image"
mkdir -m 710 "$into/overlay2"
cp -a overlay2/l "$into/overlay2/l"
for layer in overlay2/*/diff; do
  layer=${layer%/diff}
  mkdir -m 710 "$into/$layer"
  find "$layer" -mindepth 1 -maxdepth 1 ! -name diff -exec cp -a -t "$into/$layer" {} +
  cp -al "$layer/diff" "$into/$layer/diff"
done
"""


def seed_from_store(container: str, tags: Sequence[str]) -> bool:
    """Give an engine that has nothing yet the layers of the store; False when it can't be done that way."""
    inside = ("exec", container, "docker")
    layout = docker(*inside, "info", "--format", "{{.Driver}} {{.DockerRootDir}}").split()
    in_use = docker_list(*inside, "ps", "-aq") or docker_list(*inside, "images", "-aq")
    if layout != ["overlay2", "/var/lib/docker"] or in_use:
        return False
    label = f'{{{{index .Config.Labels "{LABEL_DISTRO}"}}}}'
    image = ensure_image(recipe("host", docker("inspect", "--format", label, container).strip()))
    store = f"{NAMESPACE}-store-{image.rpartition(':')[2]}"
    volumes = Path(docker("info", "--format", "{{.DockerRootDir}}").strip()) / "volumes"
    with locked(store):
        if not store_holds(store, image, tags):
            fill_store(store, image, tags)
        docker("exec", container, "systemctl", "stop", "docker.socket", "docker.service")
        seeded = succeeds(
            "docker", "run", "--rm", "--network", "none", "-v", f"{volumes}:/volumes", "--entrypoint", "/bin/sh",
            image, "-c", SEED_SCRIPT, "seed", store, f"{container}-docker",
        )  # fmt: skip
    docker("exec", container, "systemctl", "start", "docker.service")
    surplus = set(docker_list(*inside, "images", "--format", "{{.Repository}}:{{.Tag}}")) - set(tags)
    if surplus:
        docker(*inside, "rmi", *surplus)
    return seeded and not missing_images(container, tags)


def store_holds(store: str, image: str, tags: Iterable[str]) -> bool:
    """Whether the store has these very images, asked without starting its engine."""
    command = ["docker", "run", "--rm", "--network", "none", "-v", f"{store}:/store", "--entrypoint", "cat", image]
    done = subprocess.run([*command, "/store/image/overlay2/repositories.json"], capture_output=True, check=False)
    if done.returncode:
        return False
    repositories = json.loads(done.stdout)["Repositories"].values()
    ids = {tag: digest for repository in repositories for tag, digest in repository.items()}
    return all(ids.get(tag) == image_id(tag) for tag in tags)


def fill_store(store: str, image: str, tags: Sequence[str]) -> None:
    docker("volume", "create", "--label", f"{NAMESPACE}.store={image}", store)
    name = f"{store}-engine"
    succeeds("docker", "rm", "-f", name)
    options = [*HOST_OPTIONS, "--network", "none", "--stop-signal", "SIGTERM", "-v", f"{store}:/var/lib/docker"]
    engine = ["--entrypoint", "dockerd", image, "--bridge=none", "--iptables=false"]
    docker("run", "-d", "--rm", "--name", name, *options, *engine)
    try:
        wait_for("the store's engine", lambda: succeeds("docker", "exec", name, "docker", "info"), 60)
        kept = set(docker_list("exec", name, "docker", "images", "--format", "{{.Repository}}:{{.Tag}}"))
        outdated = [tag for tag in kept if not image_id(tag)]
        if outdated:
            docker("exec", name, "docker", "rmi", *outdated)
        missing = missing_images(name, tags)
        if missing:
            copy_images(name, missing)
    finally:
        succeeds("docker", "stop", "-t", "60", name)


def image_references(names: Iterable[str]) -> list[str]:
    """Recipes' names as the tags of their images, built if absent; any other reference as it is."""
    known = image_names()
    return [ensure_image(recipe(name)) if name in known else name for name in names]


def put_model(bench: Bench, host: str, path: str, image: str | None) -> None:
    script = BENCH / "make_tiny_model.py"
    model = CACHE / "models" / hashlib.sha256(script.read_bytes()).hexdigest()[:12]
    with locked(model.name):
        if not model.exists():
            make_model(script, model, image or ensure_image(recipe("vllm")))
    files = {file.name: file.read_bytes() for file in sorted(model.iterdir())}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    container = bench.container(host)
    check = ["docker", "exec", "-i", "-w", path, container, "sha256sum", "--check", "--status"]
    if subprocess.run(check, input=sums.encode(), capture_output=True, check=False).returncode == 0:
        return
    docker("exec", container, "install", "-d", "-m", "755", path)
    put_files(container, path, files)
    say(f"{host}: the model is at {path}")


def make_model(script: Path, model: Path, image: str) -> None:
    model.parent.mkdir(parents=True, exist_ok=True)
    say(f"making the tiny model with {image}")
    with tempfile.TemporaryDirectory(prefix="model-", dir=CACHE) as scratch:
        run_logged(
            "model", CACHE / "logs" / "model.log",
            "docker", "run", "--rm", "--network", "none", "--entrypoint", "python3", "-v", f"{script}:/make.py:ro",
            "-v", f"{scratch}:/out", image, "/make.py", "/out/model", f"{os.getuid()}:{os.getgid()}",
        )  # fmt: skip
        (Path(scratch) / "model").rename(model)
