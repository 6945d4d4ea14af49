"""The rules that keep the code as docs/architecture.md draws it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from cews.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted(path for folder in ("cews", "ingest", "detectors") for path in (ROOT / folder).rglob("*.py"))
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in CODE}

ENVIRONMENT = {"os.environ", "os.getenv", "os.putenv", "environ", "getenv"}
CLOCK = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "dt.datetime.now"}
# Who may read the clock: the shells. Everyone else is given `now`.
SHELLS = ("cews/api/", "cews/commands/", "cews/dashboard/", "cews/scheduler.py", "cews/net.py")
EVALUATION = {"eval", "exec", "compile", "__import__", "pd.read_pickle", "pickle.loads", "pickle.load", "os.system"}


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            yield node.lineno, ast.unparse(node)


def _uses(names: set[str], *, but_in: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{file}:{line} uses {name}"
        for file, tree in TREES.items()
        if not file.startswith(but_in)
        for line, name in _names(tree)
        if name in names
    ]


def test_imports_follow_the_architecture(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out


def test_only_the_settings_read_the_environment() -> None:
    assert not _uses(ENVIRONMENT, but_in=("cews/settings.py",))


def test_only_shells_read_the_clock() -> None:
    assert not _uses(CLOCK, but_in=SHELLS)


def test_nothing_is_evaluated_or_unpickled() -> None:
    calls = [
        f"{file}:{node.lineno} calls {ast.unparse(node.func)}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in EVALUATION
    ]
    assert not calls


def test_the_rules_can_fail() -> None:
    """A rule that finds nothing because it looks for nothing would pass for ever."""
    tree = ast.parse("import os\nfrom datetime import datetime\nx = os.environ['A']\ny = datetime.now()\n")
    names = {name for _, name in _names(tree)}
    assert names & ENVIRONMENT
    assert names & CLOCK
    assert "cews/settings.py" in TREES
    assert any(name in ENVIRONMENT for _, name in _names(TREES["cews/settings.py"]))


@pytest.mark.parametrize("file", TREES)
def test_every_module_says_what_it_is(file: str) -> None:
    assert ast.get_docstring(TREES[file])


def test_nothing_is_called_utils() -> None:
    assert not [file for file in TREES if Path(file).stem in ("utils", "helpers", "misc", "common")]


def test_every_command_is_found_where_the_table_says() -> None:
    modules = {Path(file).stem for file in TREES if file.startswith("cews/commands/")} - {"__init__", "session"}
    loaded = {name: import_module(f"cews.commands.{name}").COMMANDS for name in modules}
    assert {name: tuple(command.name for command in commands) for name, commands in loaded.items()} == dict(COMMANDS)
