# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from .engine import ensure_engine, stop_engine
from .hosts import Bench, bring_up, clean, take_down
from .images import ensure_image, ensure_images, image_names, image_source, recipe, usual_image_names
from .loading import image_references, load_images
from .models import model_names, put_model
from .shell import (
    BenchError,
    say,
)


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def host_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of small letters, digits and hyphens")
    return text


def host_names(text: str) -> list[str]:
    return [host_name(name) for name in text.split(",")]


def command_engine(args: argparse.Namespace) -> None:
    if args.stop:
        stop_engine()
    else:
        ensure_engine()
        say("the Docker engine answers")


def command_images(args: argparse.Namespace) -> None:
    wanted = [recipe(name, args.distro, args.bare) for name in args.names or usual_image_names()]
    tags = ensure_images(wanted, args.jobs)
    print(json.dumps(tags) if args.json else "\n".join(f"{name}={tag}" for name, tag in tags.items()))


def command_source(args: argparse.Namespace) -> None:
    print(image_source())


def command_up(args: argparse.Namespace) -> None:
    wanted = recipe("host", args.distro, args.bare)
    bench = Bench(args.dir.resolve(), args.name, args.hosts)
    bring_up(bench, ensure_image(wanted))
    if args.images:
        load_images(bench, bench.hosts, image_references(args.images))
    say(f"{', '.join(bench.hosts)} up; ssh -F {bench.folder / 'ssh_config'} {bench.hosts[0]}")


def command_load(args: argparse.Namespace) -> None:
    bench = Bench.load(args.dir.resolve())
    load_images(bench, args.hosts or bench.hosts, image_references(args.images))


def command_model(args: argparse.Namespace) -> None:
    put_model(Bench.load(args.dir.resolve()), args.host, args.name, args.path, args.image)


def command_down(args: argparse.Namespace) -> None:
    take_down(args.dir.resolve())


def command_clean(args: argparse.Namespace) -> None:
    clean()


class Commands:
    """The commands of a parser, and the arguments that several of them have."""

    def __init__(self, top: argparse.ArgumentParser) -> None:
        self.commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(self, name: str, action: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = self.commands.add_parser(name, help=text, description=text)
        sub.set_defaults(action=action, needs_engine=name not in ("engine", "source"))
        return sub

    def add_with_folder(
        self, name: str, action: Callable[[argparse.Namespace], None], text: str
    ) -> argparse.ArgumentParser:
        sub = self.add(name, action, text)
        sub.add_argument("--dir", type=Path, required=True, help="folder of the bench's key, ssh_config and hosts.json")
        return sub


def host_image(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--distro", choices=("trixie", "bookworm"), help="Debian of the hosts (default: trixie)")
    sub.add_argument("--bare", action="store_true", help="hosts without Docker")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="bench.py", description="Hosts and images for the demo and the tests.")
    commands = Commands(top)
    commands_of_the_machine(commands)
    commands_of_hosts(commands)
    return top


def commands_of_the_machine(commands: Commands) -> None:
    sub = commands.add("engine", command_engine, "make sure that a Docker engine answers")
    sub.add_argument("--stop", action="store_true", help="stop the engine, if it was started from here")

    sub = commands.add("images", command_images, "build the images that are absent; print NAME=TAG")
    sub.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(image_names())} (default: all but older versions)"
    )
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.add_argument("--jobs", type=int, default=1, help="builds at a time (default: 1)")
    host_image(sub)

    commands.add("source", command_source, "print where images come from here: official or built")
    commands.add("clean", command_clean, "remove all images and caches of the bench")


def commands_of_hosts(commands: Commands) -> None:
    sub = commands.add_with_folder("up", command_up, "make hosts, or start those that are there")
    sub.add_argument("--name", type=host_name, required=True, help="prefix of the network, containers and volumes")
    sub.add_argument("--hosts", type=host_names, required=True, help="names of the hosts, with commas")
    sub.add_argument("--images", type=names, default=[], help="images to load into every host, with commas")
    host_image(sub)

    sub = commands.add_with_folder("load", command_load, "load images into hosts that have Docker by now")
    sub.add_argument("--hosts", type=host_names, help="names of the hosts, with commas (default: all)")
    sub.add_argument("--images", type=names, required=True, help="recipes' names or references, with commas")

    sub = commands.add_with_folder("model", command_model, "put a model on a host, made if it is absent")
    sub.add_argument("--name", choices=model_names(), default="tiny", help="which (default: tiny)")
    sub.add_argument("--host", required=True, help="name of the host")
    sub.add_argument("--path", required=True, help="folder on the host")
    sub.add_argument("--image", help="image with torch and transformers to make it with (default: the vllm recipe's)")

    commands.add_with_folder("down", command_down, "remove the hosts of a bench and the files that `up` wrote")


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    if getattr(args, "json", False):
        say.stream = sys.stderr
    try:
        if args.needs_engine:
            ensure_engine()
        args.action(args)
    except BenchError as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
