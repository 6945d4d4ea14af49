"""Texts in Korean and English. English stands in the code; Korean in ``cews/locales/ko/*.po``.

``text("Open alerts", "ko")`` gives the translation; ``{name}`` placeholders are filled from keywords.
A context tells equal English words apart: ``text("Export", "ko", context="flow")`` → 수출.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel.messages.pofile import read_po

LANGUAGES = ("ko", "en")


_FIELD = re.compile(r"\\{(\w+)\\}")  # of an escaped message


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


def retold(said: str, language: str, *, context: str) -> str:
    """A sentence kept in English with its values filled in, in the language; as it is where no message of the context
    fits. ``{name}`` of a message stands for any text."""
    if language == "en":
        return said
    for pattern, message in _patterns(language, context):
        if match := pattern.fullmatch(said):
            return message.format(**match.groupdict())
    return said


@cache
def _patterns(language: str, context: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What sentences look like and what they become, those that leave least open first."""
    messages = {said: found for (of, said), found in _catalogue(language).items() if of == context}
    closed_first = sorted(messages, key=lambda said: (said.count("{"), -len(said)))
    return tuple((re.compile(_FIELD.sub(r"(?P<\1>.+?)", re.escape(said))), messages[said]) for said in closed_first)
