"""How well a name answers words: whole, in part, or but for a slip of the pen; in Korean and English. Pure.

Spaces and hyphens do not count in Korean (탄산 리튬 = 탄산리튬), particles at the end of a word neither (웨이퍼를).
Latin words count whole, singular or plural. A slip is one letter in a word of five, two in one of nine; of Korean the
letters of the syllables are counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

WHOLE: Final = 0.6  # a name that stands in the words; 1 where it is all they say
PART: Final = 0.3  # a word that stands in a name
SLIP: Final = 0.25
MOST_OF_PARTS: Final = 0.58  # several words together; the whole name is always more
LEAST: Final = 2  # characters of a Korean word that are looked for inside names
LEAST_LATIN: Final = 3

_WORD: Final = re.compile(r"[가-힣]+|[a-z0-9]+")
_HANGUL: Final = re.compile(r"[가-힣]")
PARTICLES: Final = (
    *(
        "으로부터",
        "로부터",
        "에서는",
        "에서만",
        "에서도",
        "에서의",
        "이라는",
        "라는",
        "까지",
        "부터",
        "에게",
        "에서",
        "으로",
        "처럼",
        "보다",
    ),
    *(
        "마다",
        "조차",
        "밖에",
        "이나",
        "이랑",
        "하고",
        "에는",
        "에만",
        "에도",
        "은",
        "는",
        "이",
        "가",
        "을",
        "를",
        "의",
        "에",
        "로",
        "와",
    ),
    *("과", "도", "만", "나", "랑"),
)


def folded(words: str) -> str:
    """Compatible forms of letters made one, lower case, blanks single."""
    return " ".join(unicodedata.normalize("NFKC", words).casefold().split())


@lru_cache(maxsize=1 << 16)
def tokens(words: str) -> tuple[str, ...]:
    """The words of a text, Korean and Latin apart; Latin ones in the singular."""
    return tuple(_singular(word) for word in _WORD.findall(folded(words)))


@lru_cache(maxsize=1 << 12)
def _forms(word: str) -> tuple[tuple[str, bool], ...]:
    """A word as it stands and, in Korean, without the particle at its end; and whether it is Korean."""
    korean = _HANGUL.search(word) is not None
    ends = (end for end in PARTICLES if korean and word.endswith(end) and len(word) - len(end) >= LEAST)
    return tuple((form, korean) for form in dict.fromkeys((word, word.removesuffix(next(ends, "")))))


@lru_cache(maxsize=1 << 16)
def _whole(name: str) -> tuple[tuple[str, ...], str]:
    """The words of a name, and all of it without blanks."""
    words = tokens(name)
    return words, "".join(words)


def likeness(asked: str, names: Iterable[str]) -> float:
    """How well the best of the names answers: 0 not at all, 1 where a name is all that the words say."""
    own = tokens(asked)
    squeezed = "".join(own)
    return max((_of_name(own, squeezed, name) for name in names), default=0.0)


def _of_name(own: tuple[str, ...], squeezed: str, name: str) -> float:
    theirs, whole = _whole(name)
    if not theirs or not own:
        return 0.0
    if len(whole) >= LEAST and _stands(own, squeezed, theirs, whole):
        return WHOLE + (1.0 - WHOLE) * min(len(whole) / len(squeezed), 1.0)
    missing = 1.0
    for word in own:
        missing *= 1.0 - max(_of_form(form, korean, theirs, whole) for form, korean in _forms(word))
    return min(1.0 - missing, MOST_OF_PARTS)


def _stands(own: Sequence[str], squeezed: str, theirs: Sequence[str], whole: str) -> bool:
    """Whether the name stands in the words: Latin word by word, Korean without regard to blanks."""
    if whole not in squeezed:
        return False
    if whole.isascii():
        return whole in own or any(
            tuple(own[n : n + len(theirs)]) == tuple(theirs) for n in range(len(own) - len(theirs) + 1)
        )
    # two syllables within others say nothing: 소재 within 희소재료
    return len(whole) > LEAST or any(word.startswith(whole) for word in own)


def _of_form(form: str, korean: bool, theirs: Sequence[str], whole: str) -> float:
    """A word asked for that stands in the name, or nearly."""
    inside = form in whole if korean else form in theirs
    if inside and len(form) >= (LEAST if korean else LEAST_LATIN):
        return PART + 0.25 * len(form) / max(len(whole), len(form))
    near = (other for other in (*theirs, whole) if korean or other[0] == form[0])
    return SLIP if any(abs(len(other) - len(form)) <= 2 and slips(form, other) for other in near) else 0.0


@lru_cache(maxsize=1 << 16)
def slips(one: str, other: str) -> bool:
    """Whether the words differ by a slip of the pen: never in short words or digits, never in the first letter."""
    if one == other or one.isdigit() or other.isdigit() or abs(len(one) - len(other)) > 2:
        return False
    first, second = _letters(one), _letters(other)
    shorter = min(len(first), len(second))
    allowed = 0 if shorter < 5 else 1 if shorter < 9 else 2
    if not allowed or first[0] != second[0] or abs(len(first) - len(second)) > allowed:
        return False
    return distance(first, second) <= allowed


def distance(one: str, other: str) -> int:
    """Letters to put in, leave out, change, or swap with the next, to make one word of the other."""
    rows = [list(range(len(other) + 1))]
    for n, letter in enumerate(one, 1):
        row = [n]
        for m, against in enumerate(other, 1):
            least = min(rows[-1][m] + 1, row[m - 1] + 1, rows[-1][m - 1] + (letter != against))
            swapped = n > 1 and m > 1 and letter == other[m - 2] and one[n - 2] == against
            row.append(min(least, rows[-2][m - 2] + 1) if swapped else least)
        rows.append(row)
    return rows[-1][-1]


def _letters(word: str) -> str:
    """Syllables as their letters; in Korean a wrong letter is not a wrong syllable."""
    return unicodedata.normalize("NFD", word)


def _singular(word: str) -> str:
    if word == "gases":
        return "gas"
    if len(word) < 4 or not word.isascii() or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "shes", "ches", "xes")) else word[:-1]
