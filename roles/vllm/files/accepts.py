# Managed by Ansible: role llmfleet.gateway.vllm.
"""Asks the vLLM of this image whether it takes what is declared: its own parser, and the architectures that it knows.

Runs in the image, without a GPU. The standard input is JSON: the options by the instances' names. Prints JSON: faults,
and notes on what could not be asked.
"""

import argparse
import contextlib
import glob
import io
import json
import os
import sys
import tempfile

MODELS = "/models/hub"


def parsed(options, parser):
    """What is wrong with the options by the words of the parser; empty where it takes them."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file, contextlib.redirect_stderr(io.StringIO()) as said:
        # JSON is YAML.
        json.dump(options, file)
        file.flush()
        try:
            parser.parse_args(["serve", "--config", file.name])
        except (SystemExit, argparse.ArgumentTypeError, ValueError, TypeError) as error:
            words = said.getvalue().strip().splitlines()
            return (words[-1].partition("error: ")[2] or words[-1]) if words else str(error) or type(error).__name__
    return ""


def configuration(model):
    """Where the model's config.json is here, if it is."""
    if model.startswith("/"):
        found = [os.path.join(model, "config.json")]
    else:
        found = glob.glob(os.path.join(MODELS, "models--" + model.replace("/", "--"), "snapshots", "*", "config.json"))
    return next((path for path in found if os.path.isfile(path)), "")


def architectures(model):
    try:
        with open(configuration(model), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return []
    named = found.get("architectures") if isinstance(found, dict) else None
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def judged(instances, parser, known):
    faults, notes = [], []
    for name, options in sorted(instances.items()):
        model = str(options.get("model") or "")
        named, fault = architectures(model), parsed(options, parser)
        if fault:
            faults.append(name + ": " + fault)
        if named and not set(named) & set(known):
            faults.append(name + ": its architecture " + ", ".join(named) + " is none that this release knows")
        if not named:
            notes.append(name + ": config.json of " + model + " is not here, so its architecture was not asked about")
    return {"faults": faults, "notes": notes}


def main():
    instances = json.load(sys.stdin)
    try:
        # What it says at the import is no answer.
        with contextlib.redirect_stdout(sys.stderr):
            import transformers
            from vllm.entrypoints.cli.serve import ServeSubcommand
            from vllm.model_executor.models import ModelRegistry
            from vllm.utils.argparse_utils import FlexibleArgumentParser

            parser = FlexibleArgumentParser()
            ServeSubcommand().subparser_init(parser.add_subparsers(dest="subparser"))
            # vLLM runs others by the classes of transformers.
            known = [*ModelRegistry.get_supported_archs(), *dir(transformers)]
            found = judged(instances, parser, known)
    except Exception as error:  # another release has other modules, and a host without a driver may lack a library
        found = {"faults": [], "notes": ["this image can't be asked: " + type(error).__name__ + ": " + str(error)]}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
