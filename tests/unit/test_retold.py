"""Why a row was set aside is kept in English and shown in the reader's language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cews import i18n

ROOT = Path(i18n.__file__).parents[1]
MODULES = [*sorted((ROOT / "ingest").glob("*.py")), ROOT / "cews" / "ingesting" / "recording.py"]
NOT_OF_ROWS = {"__init__.py", "base.py", "simulated.py"}


def shown(node: ast.expr) -> str | None:
    """A text as it could be said: every value of an f-string is a 7."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    return None


def reasons() -> Iterator[str]:
    for path in MODULES:
        if path.name in NOT_OF_ROWS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            said: list[ast.expr] = []
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ValueError":
                said = node.args[:1]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("reject", "Reject")) and node.args:
                said = [node.args[-1].body if isinstance(node.args[-1], ast.Lambda) else node.args[-1]]
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "reason":
                said = [node.value]
            yield from filter(None, map(shown, said))


REASONS = sorted(set(reasons()))


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_its_korean(reason: str) -> None:
    korean = i18n.retold(reason, "ko", context="reject")
    assert korean != reason
    assert any("가" <= letter <= "힣" for letter in korean)
    assert korean.count("7") >= reason.count("7")


def test_the_reasons_are_found_at_all() -> None:
    assert len(REASONS) > 40


def test_values_are_kept_and_what_is_not_known_stays_as_it_is() -> None:
    said = "contradicts line 12, which has the same hs, period; keep one of them"
    assert i18n.retold(said, "ko", context="reject").startswith("12행과 hs, period이(가) 같은데")
    assert i18n.retold(said, "en", context="reject") == said
    assert i18n.retold("something else (x)", "ko", context="reject") == "something else (x)"
    assert i18n.retold("not a number; write 1234.5, or leave it empty and", "ko", context="reject").startswith("not")
