# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house, which CONTRIBUTING.md tells: sizes, who imports whom, and that the documents are found."""

from __future__ import annotations

import ast
import importlib.util
import re
import types
import typing as t
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
COLLECTION = "ansible_collections.llmfleet.gateway.plugins"
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
FILE_LINES, FUNCTION_LINES, VARS_LINES, EXPRESSION_LINES = 400, 40, 100, 3


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


JINJA = load(CHECKOUT / "tests" / "benchmark" / "jinja_lines.py")


def name_of(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (CHECKOUT / folder).rglob("*.py"))


def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def is_data(node: ast.stmt) -> bool:
    """A value that is written down as it is: documentation, a table, a list of names."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return True


def code_lines(path: Path) -> int:
    total = len(path.read_text().splitlines())
    return total - sum(lines_of(node) for node in syntax(path).body if is_data(node))


def functions(path: Path) -> t.Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(syntax(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def imported(path: Path) -> t.Iterator[str]:
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def packages(room: str) -> list[str]:
    return sorted(path.parent.name for path in (PLUGINS / room).glob("_*/__init__.py"))


# ---- sizes


def test_no_plugin_file_is_too_long() -> None:
    long = {name_of(path): code_lines(path) for path in python_files("plugins")}
    assert {name: lines for name, lines in long.items() if lines > FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    found = {
        f"{name_of(path)}:{function.name}": lines_of(function)
        for path in python_files("plugins", "scripts", "tests/bench")
        for function in functions(path)
    }
    assert {name: lines for name, lines in found.items() if lines > FUNCTION_LINES} == {}


def test_no_role_s_vars_are_too_long() -> None:
    found = {name_of(path): len(path.read_text().splitlines()) for path in CHECKOUT.glob("roles/*/vars/*")}
    assert {name: lines for name, lines in found.items() if lines > VARS_LINES} == {}


def test_no_expression_outside_templates_is_too_long() -> None:
    found = [
        f"{name_of(path)}: {' '.join(expression.split())[:80]}"
        for path in JINJA.files(CHECKOUT)
        if path.suffix != ".j2"
        for expression in JINJA.expressions(path)
        if JINJA.lines_of(expression) > EXPRESSION_LINES
    ]
    assert found == []


# ---- who imports whom


def test_what_runs_on_hosts_imports_nothing_of_the_controller_s() -> None:
    for path in python_files("plugins/module_utils", "plugins/modules"):
        assert [name for name in imported(path) if "plugin_utils" in name] == [], name_of(path)


def test_the_rooms_import_nothing_of_the_doors() -> None:
    doors = tuple(f"{COLLECTION}.{door}" for door in ("action", "filter", "lookup", "modules"))
    for path in python_files("plugins/module_utils", "plugins/plugin_utils"):
        assert [name for name in imported(path) if name.startswith(doors)] == [], name_of(path)


def written(path: Path) -> str:
    """What a file does, without what it tells its readers."""
    if path.suffix != ".py":
        return "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    nodes = list(ast.walk(syntax(path)))
    told = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in told]
    return "\n".join([*imported(path), *(text for text in texts if isinstance(text, str))])


def test_shipped_code_depends_on_nothing_that_is_not() -> None:
    unshipped = re.compile(r"\b(?:tests|molecule|scripts)[/.]\w+|\binventory/(?:demo|single|fleet)\b")
    for folder in ("meta", "plugins", "roles", "playbooks"):
        for path in (CHECKOUT / folder).rglob("*"):
            if path.is_file() and path.suffix not in (".pyc", ".gz", ".md"):
                assert unshipped.findall(written(path)) == [], name_of(path)


# ---- what readers find


def test_every_file_says_what_it_is_for() -> None:
    for path in set(python_files("plugins")) - set(python_files("plugins/doc_fragments")):
        documented = {"DOCUMENTATION"} & {
            target.id
            for node in syntax(path).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert documented or not path.read_text() or ast.get_docstring(syntax(path)), name_of(path)


def test_the_readme_links_every_document() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    for path in [*CHECKOUT.glob("docs/*.md"), CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "tests/bench/README.md"]:
        assert f"]({name_of(path)})" in readme, name_of(path)


def test_links_in_documents_lead_somewhere() -> None:
    for path in [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md"), CHECKOUT / "tests/bench/README.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{name_of(path)}: {target}"


@pytest.mark.parametrize("room", ["plugin_utils", "module_utils"])
def test_contributing_names_every_package(room: str) -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    assert [name for name in packages(room) if f"`{name}`" not in text] == []


def test_contributing_names_no_path_that_is_not_there() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    for path in re.findall(r"`((?:plugins|roles|playbooks|tests|molecule|scripts|docs|changelogs)/[\w./-]+)`", text):
        if "NAME" in path:
            continue
        assert (CHECKOUT / path).exists(), path


def test_nothing_is_silenced() -> None:
    silenced = re.compile(r"#\s*noqa|pytest\.mark\.(?:skip|xfail)|pytest\.skip|^\s*ignore_errors:", re.MULTILINE)
    for folder in ("plugins", "roles", "playbooks", "scripts", "tests", "molecule"):
        for path in (CHECKOUT / folder).rglob("*"):
            if path.suffix in (".py", ".yml", ".j2") and path != Path(__file__):
                assert silenced.findall(path.read_text()) == [], name_of(path)


def test_what_make_env_installs_is_known_by_hash() -> None:
    lock = (CHECKOUT / "requirements" / "env.lock").read_text()
    pinned = [line for line in (CHECKOUT / "requirements" / "env.txt").read_text().splitlines() if "==" in line]
    assert pinned
    assert [line for line in pinned if f"\n{line} \\\n    --hash=sha256:" not in lock] == []


def registered(path: Path) -> list[str]:
    return re.findall(r"register: (\w+)", path.read_text())


def test_nothing_that_is_registered_before_a_run_passes_for_a_declaration() -> None:
    """Variables with one of our prefixes are the declaration, which backups keep and compare."""
    defaults = [path.read_text() for path in (CHECKOUT / "roles").glob("*/defaults/main.yml")]
    ours = tuple({f"{name.partition('_')[0]}_" for text in defaults for name in re.findall(r"^(\w+):", text, re.M)})
    runs = [path for path in (CHECKOUT / "playbooks").glob("*.yml") if "import_playbook: site.yml" in path.read_text()]
    assert {"switch_model.yml", "move_models.yml"} <= {path.name for path in runs}
    assert {path.name: one for path in runs for one in registered(path) if one.startswith(ours)} == {}


def tasks_of(entries: t.Any, once: bool = False) -> t.Iterator[tuple[dict[str, t.Any], bool]]:
    """All tasks of plays and blocks, and whether one host runs them for all."""
    for entry in entries or []:
        inside = once or bool(entry.get("run_once"))
        yield entry, inside
        for part in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from tasks_of(entry.get(part), inside)


def test_an_operation_speaks_once_for_all_hosts() -> None:
    """The action refuses anything else, so the playbook would end there."""
    playbooks = {path.name: yaml.safe_load(path.read_text()) for path in (CHECKOUT / "playbooks").rglob("*.yml")}
    said = [
        (name, task["name"], once)
        for name, plays in playbooks.items()
        for task, once in tasks_of(plays)
        if "llmfleet.gateway.operation" in task
    ]
    assert len(said) > 50
    assert [(name, task) for name, task, once in said if not once] == []
