"""Texts in Korean and English. English stands in the code; Korean in ``cews/locales/ko/*.po``.

``text("Open alerts", "ko")`` gives the translation; ``{name}`` placeholders are filled from keywords.
A context tells equal English words apart: ``text("Export", "ko", context="flow")`` → 수출.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO

from babel.messages.pofile import read_po

LANGUAGES = ("ko", "en")


@cache
def _catalogue(language: str) -> dict[tuple[str, str], str]:
    entries: dict[tuple[str, str], str] = {}
    folder = files("cews") / "locales" / language
    if not folder.is_dir():
        return entries
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name.endswith(".po"):
            for message in read_po(BytesIO(path.read_bytes())):
                if message.id and message.string:
                    entries[(message.context or "", str(message.id))] = str(message.string)
    return entries


def text(message: str, language: str, *, context: str = "", **values: object) -> str:
    """The message in the language; falls back to English (a test finds what is missing)."""
    found = message if language == "en" else _catalogue(language).get((context, message), message)
    return found.format(**values) if values else found
