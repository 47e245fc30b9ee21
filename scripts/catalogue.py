# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write how known models are served: plugins/plugin_utils/_catalogue/serving.json.

    python scripts/catalogue.py --recipes FOLDER --vllm FOLDER --version 0.32.0

Recipes is a clone of github.com/vllm-project/recipes, vllm the package's folder of that version: its registries say
which parsers there are. What neither says is in catalogue.yml, with where it was read. What nobody says is left out.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import json
import subprocess
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "plugins" / "plugin_utils" / "_catalogue" / "serving.json"
Row = dict[str, t.Any]

TOOL, REASONING = "tool-call-parser", "reasoning-parser"
TOKENIZER, LOADER = "tokenizer-mode", "load-format"
#: Options that belong to the model. What depends on the machine is the planner's.
OPTIONS = (
    "enable-auto-tool-choice",
    TOOL,
    REASONING,
    "tokenizer-mode",
    "config-format",
    "load-format",
    "default-chat-template-kwargs",
    "chat-template-content-format",
    "hf-overrides",
)
POOLING = ("embedding", "rerank")


# ---- vLLM's registries


def registered(folder: Path, package: str) -> list[str]:
    """Names of a registry: the keys of the dictionaries whose values are (module, class), and names given to calls."""
    tree = ast.parse((folder / package / "__init__.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            found |= {
                str(key.value)
                for key, value in zip(node.keys, node.values)
                if isinstance(key, ast.Constant) and isinstance(value, ast.Tuple)
            }
        if isinstance(node, ast.keyword) and node.arg == "name" and isinstance(node.value, ast.Constant):
            found.add(str(node.value.value))
    return sorted(found)


def literal(folder: Path, file: str, name: str) -> list[str]:
    """The words of NAME = Literal[...]."""
    for node in ast.parse((folder / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == [name]:
            return sorted(str(one.value) for one in ast.walk(node.value) if isinstance(one, ast.Constant))
    raise SystemExit(f"{file} has no {name}")


def release(folder: Path) -> dict[str, list[str]]:
    """What the release has, by the option that names it."""
    return {
        "tool": registered(folder, "tool_parsers"),
        "reasoning": registered(folder, "reasoning"),
        TOKENIZER: literal(folder, "config/model.py", "TokenizerMode"),
        LOADER: literal(folder, "model_executor/model_loader/__init__.py", "LoadFormats"),
    }


# ---- recipes


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def options_of(words: t.Sequence[t.Any]) -> dict[str, t.Any]:
    """Arguments as vLLM's options: --a=b, --a b, --a."""
    found: dict[str, t.Any] = {}
    parts = [part for word in words for part in str(word).split("=", 1)] if words else []
    name = ""
    for part in parts:
        if part.startswith("--"):
            name = part[2:].replace("_", "-")
            found[name] = True
        elif name:
            found[name] = json.loads(part) if part.startswith("{") else part
    return found


def mode_of(name: str, tasks: t.Sequence[str], said: Row) -> str:
    if name in said["completion"] or name.lower().endswith("-base") or "-Base-" in name:
        return "completion"
    if "embedding" in tasks:
        return "rerank" if "rerank" in name.lower() else "embedding"
    hears = "whisper" in name or "-ASR-" in name or "Transcribe" in name
    return "audio_transcription" if hears else "chat"


def recipe_rows(recipe: Row, source: str, said: Row) -> dict[str, Row]:
    """The model of a recipe and its other precisions."""
    model, features = recipe["model"], recipe.get("features") or {}
    parts = [(features.get(name) or {}).get("args") for name in ("tool_calling", "reasoning")]
    words = [word for part in [model.get("base_args"), *parts] for word in part or ()]
    given = options_of(words)
    options = {name: value for name, value in given.items() if name in OPTIONS}
    for name in options.keys() & {TOOL, REASONING}:
        options[name] = said["parsers"].get(options[name], options[name])
    row: Row = {"options": options, "source": [source]}
    if given.get("trust-remote-code"):
        row["asks_trust_remote_code"] = True
    if isinstance(given.get("chat-template"), str):
        row["chat_template"] = given["chat-template"]
    tasks = recipe["meta"].get("tasks") or []
    found: dict[str, Row] = {}
    variants = recipe.get("variants") or {"default": {}}
    for variant in variants.values():
        name = variant.get("model_id") or model["model_id"]
        # A recipe may list models of other sizes among its variants.
        same = _bare(name).startswith(_bare(model["model_id"]))
        found.setdefault(name, _variant(name, {**row, **(_size(model) if same else {})}, variant, tasks, said))
    found.setdefault(model["model_id"], _variant(model["model_id"], {**row, **_size(model)}, {}, tasks, said))
    return found


def _bare(name: str) -> str:
    return name.rpartition("/")[2].lower()


def _size(model: Row) -> Row:
    length = model.get("context_length")
    context = {"context": length} if isinstance(length, int) and length > 0 else {}
    return {"parameters": model["parameter_count"], **context}


def _variant(name: str, row: Row, variant: Row, tasks: t.Sequence[str], said: Row) -> Row:
    mode = mode_of(name, tasks, said)
    found = {"mode": mode, **row, "options": dict(row["options"]) if mode == "chat" else {}}
    if mode in POOLING:
        found["options"]["runner"] = "pooling"
    if "multimodal" in tasks and mode == "chat" and name not in said["blind"]:
        found["vision"] = True
    if variant.get("precision"):
        found["precision"] = variant["precision"]
    if variant.get("vram_minimum_gb"):
        found["gpu_memory_gib"] = variant["vram_minimum_gb"]
    return found


def recipes(folder: Path, said: Row) -> dict[str, Row]:
    listed = git(folder, "ls-tree", "-r", "--name-only", "HEAD", "models/").splitlines()
    found: dict[str, Row] = {}
    for name in (one for one in listed if one.endswith(".yaml")):
        recipe = yaml.safe_load(git(folder, "show", f"HEAD:{name}"))
        if "omni" in (recipe["meta"].get("tasks") or []):
            continue
        for repository, row in recipe_rows(recipe, f"recipes {name}", said).items():
            own = repository == recipe["model"]["model_id"]
            if repository not in found or own:
                found[repository] = row
    return {name: row for name, row in found.items() if not _matches(name, said["left_out"])}


def _matches(name: str, patterns: t.Iterable[str]) -> bool:
    return any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in patterns)


# ---- families


def family(one: Row, sources: Row) -> Row:
    mode: str = one.get("mode", "chat")
    options: Row = {}
    if one.get("tool"):
        options |= {"enable-auto-tool-choice": True, TOOL: one["tool"]}
    if one.get("reasoning"):
        options[REASONING] = one["reasoning"]
    if mode in POOLING:
        options["runner"] = "pooling"
    found: Row = {"match": one["match"], "mode": mode, "options": {**options, **one.get("options", {})}}
    found |= {key: one[key] for key in ("without", "vision", "chat_template") if key in one}
    if unknown := [name for name in one["source"] if name.split()[0] not in (*sources, "recipes")]:
        raise SystemExit(f"{one['match']}: no source is named {unknown}")
    return {**found, "source": one["source"]}


def with_family(name: str, row: Row, families: t.Sequence[Row]) -> Row:
    """What a recipe leaves open, the documentation may say: options of a chat model."""
    for one in families:
        known = _matches(name, one["match"]) and not _matches(name, one.get("without", ()))
        if known and one["mode"] == row["mode"]:
            options = {**one["options"], **row["options"]}
            if options != row["options"] or one.get("vision", False) > row.get("vision", False):
                more: Row = {key: one[key] for key in ("vision", "chat_template") if key in one}
                return {**more, **row, "options": options, "source": [*row["source"], *one["source"]]}
    return row


def checked(row: Row, parsers: Row) -> Row:
    """Without a parser that the image does not have, and without what is nothing without it."""
    options = dict(row["options"])
    known = {
        TOOL: parsers["tool"],
        REASONING: parsers["reasoning"],
        TOKENIZER: parsers[TOKENIZER],
        LOADER: parsers[LOADER],
    }
    for option, names in known.items():
        if option in options and options[option] not in names:
            row = {**row, "left_out": [*row.get("left_out", []), f"{option} {options.pop(option)}"]}
    if TOOL in options:
        options["enable-auto-tool-choice"] = True
    else:
        options.pop("enable-auto-tool-choice", None)
    return {**row, "options": dict(sorted(options.items()))}


def text(found: Row) -> str:
    """One row a line, so that a change is seen."""

    def line(value: t.Any) -> str:
        return json.dumps(value, sort_keys=True)

    head = "".join(f" {line(key)}: {line(found[key])},\n" for key in ("vllm", "sources", "parsers"))
    licenses = ",\n".join(f"  {line(one)}" for one in found["licenses"])
    head += f' "licenses": [\n{licenses}\n ],\n'
    families = ",\n".join(f"  {line(one)}" for one in found["families"])
    rows = ",\n".join(f"  {line(name)}: {line(row)}" for name, row in sorted(found["rows"].items()))
    return f'{{\n{head} "families": [\n{families}\n ],\n "rows": {{\n{rows}\n }}\n}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipes", type=Path, required=True)
    parser.add_argument("--vllm", type=Path, required=True)
    parser.add_argument("--version", required=True)
    given = parser.parse_args()
    said = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
    parsers = release(given.vllm)
    families = [checked(family(one, said["sources"]), parsers) for one in said["families"]]
    rows = {name: with_family(name, row, families) for name, row in recipes(given.recipes, said).items()}
    rows = {name: checked(row, parsers) for name, row in rows.items()}
    commit = git(given.recipes, "rev-parse", "HEAD").strip()
    sources = {**said["sources"], "recipes": f"vllm-project/recipes@{commit}"}
    found = {"vllm": given.version, "sources": sources, "parsers": parsers, "licenses": said["licenses"]}
    found |= {"families": families, "rows": rows}
    TARGET.write_text(text(found), encoding="utf-8")
    print(f"{len(rows)} rows, {len(families)} families, {len(parsers['tool'])} + {len(parsers['reasoning'])} parsers")
    for name, row in sorted(rows.items()):
        for what in row.get("left_out", ()):
            print(f"{name}: {what} is not in vLLM {given.version}, left out")


if __name__ == "__main__":
    main()
