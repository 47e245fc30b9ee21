# Managed by Ansible: role llmfleet.gateway.vllm.
"""Brings a model's files into the cache of the Hugging Face hub, before the server that reads them starts.

It runs no code of the model, and it alone has the token and a writable folder of weights: the server only reads them.
Which files a server needs is decided as vLLM does: safetensors where there are any, else .bin, else .pt.
"""

import contextlib
import json
import os
import stat
import sys

SECRETS = "/run/llmfleet/secrets/environment.json"
#: In order of preference: of several forms of the same weights one is needed.
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack", ".ckpt")
#: Copies in the form of the model's authors, which vLLM does not read.
UNUSED = ("original/", "metal/")


def say(text):
    print("llmfleet: " + text, file=sys.stderr, flush=True)


def is_weight(name):
    return name.endswith(WEIGHTS)


def needed(names):
    """The files of a repository that a server reads."""
    used = [name for name in names if not name.startswith(UNUSED)]
    form = next((form for form in WEIGHTS if any(name.endswith(form) for name in used)), None)
    return [name for name in used if not is_weight(name) or name.endswith(form)]


def repositories_of_code(folder):
    """Repositories whose code a model's config.json names, as in nomic-ai/nomic-bert-2048--modeling.NomicBert."""
    try:
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as handle:
            named = json.load(handle).get("auto_map") or {}
    except (OSError, ValueError):
        return []
    texts = [text for value in named.values() for text in (value if isinstance(value, list) else [value])]
    return sorted({text.split("--")[0] for text in texts if isinstance(text, str) and "--" in text})


def fetch(hub, repository, revision):
    """The folder of the files. A hub that does not answer, or not any more, is no failure while they are here."""
    try:
        names = needed(hub.HfApi().list_repo_files(repository, revision=revision))
        folder = hub.snapshot_download(repository, revision=revision, allow_patterns=[_literal(name) for name in names])
    except Exception as error:
        folder = kept(repository, revision)
        if not folder:
            raise
        say(repository + ": the hub can't be used (" + type(error).__name__ + "); the files are here already")
    open_to_all(store(repository))
    return folder


def _literal(name):
    """A name as a pattern that fits only this name."""
    return "".join("[" + letter + "]" if letter in "*?[" else letter for letter in name)


def store(repository):
    """Where the hub's cache keeps a repository."""
    return os.path.join(os.environ["HF_HUB_CACHE"], "models--" + repository.replace("/", "--"))


def kept(repository, revision):
    """The folder of an earlier download, where that is whole; its own check asks for files that are not needed."""
    wanted = revision or "main"
    try:
        with open(os.path.join(store(repository), "refs", wanted), encoding="utf-8") as handle:
            wanted = handle.read().strip()
    except OSError:
        pass  # a commit has no name
    folder = os.path.join(store(repository), "snapshots", wanted)
    return folder if os.path.isdir(folder) and is_whole(folder) else None


def is_whole(folder):
    """Links lead to files, and all the parts are there that an index of the weights names."""
    names = os.listdir(folder)
    wanted = set(names)
    for name in names:
        if name.endswith(".index.json"):
            with open(os.path.join(folder, name), encoding="utf-8") as handle:
                wanted.update(json.load(handle).get("weight_map", {}).values())
    return bool(names) and all(os.path.exists(os.path.join(folder, name)) for name in wanted)


def open_to_all(folder):
    """The server is another user. Files that were here before may be another's, who has seen to that."""
    for place, _folders, names in os.walk(folder):
        for path in (place, *(os.path.join(place, name) for name in names)):
            mode = os.lstat(path).st_mode
            wanted = mode | (0o055 if stat.S_ISDIR(mode) else 0o044)
            if wanted != mode and not stat.S_ISLNK(mode):
                with contextlib.suppress(PermissionError):
                    os.chmod(path, stat.S_IMODE(wanted))


def main(arguments):
    if os.path.exists(SECRETS):
        with open(SECRETS, encoding="utf-8") as handle:
            os.environ.update({name: str(value) for name, value in json.load(handle).items()})
    # Only now: it reads its settings from the environment when it is imported.
    import huggingface_hub as hub

    for entry in json.loads(arguments[0]):
        say("looking for " + entry["repository"] + (" at " + entry["revision"] if entry["revision"] else ""))
        folder = fetch(hub, entry["repository"], entry["revision"])
        for other in repositories_of_code(folder):
            fetch(hub, other, None)


if __name__ == "__main__":
    main(sys.argv[1:])
