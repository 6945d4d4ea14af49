"""Every Korean text is there and carries the same placeholders as the English one."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from cews import i18n

ROOT = Path(i18n.__file__).parent
CATALOGUES = sorted((ROOT / "locales" / "ko").glob("*.po"))


def _messages(path: Path) -> Iterator[Message]:
    return (message for message in read_po(BytesIO(path.read_bytes())) if message.id)


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _constants(node: ast.expr) -> Iterator[str]:
    """The texts an argument can be: a constant, or the two branches of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def _spellings(tree: ast.Module) -> set[str]:
    """How a module calls ``cews.i18n.text``; other functions of that name do not count."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name if node.module == "cews.i18n" else f"{alias.asname or alias.name}.text"
        for node in imports
        for alias in node.names
        if (node.module, alias.name) in (("cews.i18n", "text"), ("cews", "i18n"))
    }


def _asked_for() -> Iterator[tuple[str, str, str]]:
    """(place, context, message) of every ``text("…", …)`` in the code."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        spellings = _spellings(tree)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and call.args and ast.unparse(call.func) in spellings:
                context = next((c for k in call.keywords if k.arg == "context" for c in _constants(k.value)), "")
                for message in _constants(call.args[0]):
                    yield f"{path.relative_to(ROOT)}:{call.lineno}", context, message


def _translated() -> set[tuple[str, str]]:
    return {(m.context or "", str(m.id)) for path in CATALOGUES for m in _messages(path) if m.string}


def test_no_text_falls_back_to_english() -> None:
    known = _translated()
    missing = [
        f"{place}: {context}{message!r}" for place, context, message in _asked_for() if (context, message) not in known
    ]
    assert not missing, "no Korean for:\n" + "\n".join(missing)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.name)
def test_a_catalogue_is_complete_and_keeps_the_placeholders(path: Path) -> None:
    for message in _messages(path):
        assert message.string, f"{path.name}: {message.id!r} has no Korean"
        assert not message.fuzzy, f"{path.name}: {message.id!r} is marked fuzzy"
        assert _placeholders(str(message.id)) == _placeholders(str(message.string)), message.id


def test_two_catalogues_never_disagree() -> None:
    seen: dict[tuple[str, str], str] = {}
    for path in CATALOGUES:
        for message in _messages(path):
            key = (message.context or "", str(message.id))
            assert seen.setdefault(key, str(message.string)) == str(message.string), f"{key} in {path.name}"


def test_a_text_is_filled_in() -> None:
    assert i18n.text("{n} open alerts", "en", n=3) == "3 open alerts"
    assert i18n.text("100 % {sure}", "en") == "100 % {sure}"


def test_an_unknown_text_falls_back_to_english() -> None:
    assert i18n.text("no such text {n}", "ko", n=1) == "no such text 1"
