"""Lists of HS codes with their names, as files: UN Comtrade's code lists and the HSK file of Korea Customs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pandas as pd

from cews.domain import UserError
from ingest.tables import Field, Given, matched, missing, pick, read_table

_GIVEN: Final = Given()
_LIST: Final = (Field("code", ("id", "hs", "hsCd", "cmdCode")), Field("name", ("text", "description", "cmdDesc")))
_KOREAN: Final = (
    Field("HSK10", ("HS부호",)),
    Field("세번10단위품명", ("한글품목명",)),
    Field("세번4단위품명", required=False),
    Field("세번2단위품명", required=False),
)
_NO_NAME: Final = frozenset(("", "기타", "other", "others"))  # "others" names nothing
_LANGUAGE: Final = "ko"


def parse_names(body: bytes, name: str, language: str) -> dict[tuple[str, str], str]:
    """(hs, language) → name. Korea's file brings its own language, and names of headings and chapters.

    Raises UserError when the file is no such list.
    """
    table = read_table(body, name)
    heading = [str(column) for column in table.frame.columns]
    korean = not missing(matched(heading, _KOREAN, _GIVEN, name), _KOREAN, _GIVEN)
    frame = pick(table, _KOREAN if korean else _LIST, _GIVEN)
    pairs = _korean(frame) if korean else _listed(frame)
    names = {(code, _LANGUAGE if korean else language): text for code, text in pairs}
    if not names:
        raise UserError(f"{name} names no HS code; it needs a column of codes (2 to 10 digits) and one of names.")
    return names


def _listed(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """UN Comtrade repeats the code before the name: ``0101 - Horses``, and marks depth with hyphens."""
    for code, text in zip(frame["code"].str.strip(), frame["name"], strict=True):
        plain = re.sub(r"^[\s\-–]+", "", text.strip().removeprefix(code)).strip()
        if _is_code(code) and plain.lower() not in _NO_NAME:
            yield code, plain


def _korean(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    codes = frame["HSK10"].str.strip()
    for column, length in (("세번2단위품명", 2), ("세번4단위품명", 4), ("세번10단위품명", 10)):
        if column in frame:
            pairs = dict(zip(codes.str[:length], frame[column].str.strip(), strict=True))
            yield from ((code, text) for code, text in pairs.items() if _is_code(code) and text not in _NO_NAME)
    whole = codes.str.fullmatch(r"\d{6}0000") & ~frame["세번10단위품명"].str.strip().isin(_NO_NAME)
    # a subheading that Korea does not divide has the name of its only code: 8112920000 → 811292
    yield from zip(codes[whole].str[:6], frame["세번10단위품명"][whole].str.strip(), strict=True)


def _is_code(text: str) -> bool:
    return bool(re.fullmatch(r"(?:[0-9]{2}){1,5}", text))
