"""Fuzz every parser: whatever the bytes, a sound batch, a SourceError or a UserError; never anything else.

    python tests/fuzz/fuzz_parsers.py --cases 100000 [--parser NAME] [--seconds S] [--seed N]

Each case is a sample of ``fuzz_samples`` with a few random changes, or random bytes. Case number n of a parser depends
on its name, the seed and n only, so that a failure can be repeated: ``--parser NAME --seed N --first n --cases 1``.
"""

from __future__ import annotations

import argparse
import gzip
import io
import math
import re
import sys
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from cews.domain import OBSERVATION_COLUMNS, SourceError, UserError
from ingest.base import FLASH_COLUMNS, PRICE_COLUMNS, Batch
from tests.fuzz.fuzz_samples import Parser, parsers

WORD: Final = re.compile(rb"""[^<>,;"'\n{}\[\]=/]+""")
TEXT: Final = re.compile(rb"(?<=>)[^<>]+(?=</)")  # of XML
TOKENS: Final = (
    *(b"<", b">", b"</item>", b"<item>", b"<item/>", b"<!DOCTYPE a [<!ENTITY e 'x'>]>", b"&e;", b"&#0;", b"&#xD800;"),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r",
        b"\x00",
        b"\\ud800",
        b"null",
        b"true",
        b"[" * 3000,
    ),
    *(
        b"NaN",
        b"Infinity",
        b"-1",
        b"1e999",
        b"-0",
        b"1.5",
        b"9" * 400,
        b"1,234",
        b"1.234,5",
        b" ",
        b"",
        b"0",
        b"\xef\xbb\xbf",
    ),
    *(
        b"2023.13",
        b"0000.01",
        b"9999.12",
        b"2023-00",
        b"202300",
        b"10000-01",
        b"01~31",
        b"01~99",
        b"2024M13",
        "총계".encode(),
    ),
    *(
        b"\xff",
        b"\xfe\xff",
        b"\xed\xa0\x80",
        "²".encode(),
        "１２".encode(),
        b"CN",
        b"EU",
        b"WLD",
        b"-",
        b"250410",
        b"25041",
    ),
    *(b"PK\x03\x04", b"PAR1", b"\x1f\x8b", b"encoding='utf-32'", b"encoding='nonsense'"),
)


def mutate(body: bytes, random: Random, samples: tuple[bytes, ...]) -> bytes:
    """The body with one change: bytes or a token put in, taken out, doubled, moved or replaced; cut; or spliced."""
    start, length = random.randint(0, len(body)), random.choice((1, 1, 2, 4, 16, 200))
    head, middle, tail = body[:start], body[start : start + length], body[start + length :]
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: head + random.choice(TOKENS) + middle + tail,
        lambda: head + random.choice(TOKENS) + tail,
        lambda: head + random.randbytes(len(middle)) + tail,
        lambda: head + tail,
        lambda: head + middle * random.choice((2, 3, 50)) + tail,
        lambda: head,
        lambda: tail + head + middle,
        lambda: head + (other := random.choice(samples))[random.randint(0, len(other)) :],
        lambda: _swapped(body, random),
    )
    return random.choice(changes)()


def _swapped(body: bytes, random: Random) -> bytes:
    """Each occurrence of a word of the body replaced by a token or another word of it."""
    words = [word for word in WORD.findall(body) if len(word) < 40]
    if not words:
        return b""
    return body.replace(random.choice(words), random.choice((random.choice(words), random.choice(TOKENS))))


def revalue(body: bytes, random: Random) -> bytes:
    """The body with one of its words, most of them values, replaced: what stays well-formed gets far into a parser."""
    words = list((TEXT if body.lstrip()[:1] == b"<" and random.random() < 0.8 else WORD).finditer(body))
    if not words:
        return body
    word = random.choice(words)
    other = random.choice((random.choice(words)[0], random.choice(TOKENS), word[0] + random.choice(TOKENS)))
    return body[: word.start()] + other + body[word.end() :]


def within(body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The change made inside, where the body is a zip or gzip file."""
    if body.startswith(b"\x1f\x8b"):
        return gzip.compress(change(gzip.decompress(body)), mtime=0)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if "sheet1" in name else content)
    return packed.getvalue()


def case(parser: Parser, seed: int, number: int) -> bytes:
    random = Random(f"{parser.name}:{seed}:{number}")
    if random.random() < 0.05:
        return random.randbytes(random.choice((0, 1, 8, 300)))
    body = parser.samples[0] if random.random() < 0.5 else random.choice(parser.samples)
    gentle = random.random() < 0.6

    def change(body: bytes) -> bytes:
        for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
            body = revalue(body, random) if gentle else mutate(body, random, parser.samples)
        return body

    packed = body.startswith((b"PK\x03\x04", b"\x1f\x8b")) and random.random() < 0.8
    return (within(body, change) if packed else change(body))[:200_000]


def verdict(parser: Parser, body: bytes) -> str:
    """How the parser took it. Raises whatever it should not have raised."""
    try:
        batch = parser.read(body)
    except (SourceError, UserError) as error:
        if not str(error):
            raise AssertionError("an error without a word") from error
        return "refused"
    check(batch)
    return "rows" if len(batch.table) else "no rows"


def check(batch: Batch) -> None:
    """What every batch promises, so that it can be recorded whole."""
    table = batch.table
    if batch.prices is not None:
        columns, amounts, key = PRICE_COLUMNS, ["price"], ["name", "period"]
    elif batch.flash is not None:
        columns, amounts, key = FLASH_COLUMNS, ["value_usd"], ["flow", "kind", "name", "period", "decile"]
    else:
        columns, amounts = OBSERVATION_COLUMNS, ["value_usd", "net_weight_kg", "quantity"]
        key = ["reporter", "flow", "hs", "partner", "period"]
    _require(list(table.columns) == list(columns), f"columns {list(table.columns)}")
    if table.empty:
        return
    rows = list(zip(*(table[name].tolist() for name in columns), strict=True))
    places = {name: place for place, name in enumerate(columns)}
    for amount in (row[places[name]] for row in rows for name in amounts):
        _require(not math.isinf(amount), "an infinite amount")
        _require(batch.prices is not None or not amount < 0, "a negative amount")
    for month in (row[places["period"]] for row in rows):
        _require(100 <= month <= 999_912 and 1 <= month % 100 <= 12, "a month that is none")
    keys = [tuple(row[places[name]] for name in key) for row in rows]
    if batch.known_from is None:
        _require(len(set(keys)) == len(keys), "two rows of one key")
    if key[0] == "reporter":
        _check_coverage(batch, keys)


def _check_coverage(batch: Batch, keys: list[tuple[object, ...]]) -> None:
    """The store refuses rows outside their release's coverage."""
    for reporter, flow, hs, partner, month in keys:
        covered = any(
            (part.reporter, part.flow.value) == (reporter, flow)
            and hs in part.hs
            and month in part.published
            and (not part.partners or partner in part.partners)
            for part in batch.coverage
        )
        _require(covered, f"a row outside the coverage: {(reporter, flow, hs, partner, month)}")


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def run(
    parser: Parser, cases: int, seed: int, first: int = 0, seconds: float = float("inf")
) -> tuple[Counter[str], int]:
    """Counts of the verdicts, and how many cases failed. Prints each new kind of failure with how to repeat it."""
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    begun, failed = time.monotonic(), 0
    for number in range(first, first + cases):
        if time.monotonic() - begun > seconds:
            break
        body = case(parser, seed, number)
        try:
            counts[verdict(parser, body)] += 1
        except Exception as error:
            failed += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {place.filename}:{place.lineno}"
            if kind not in seen:
                seen.add(kind)
                print(f"{parser.name}, case {number}: {kind}: {error}\n  {body[:300]!r}")
                print(f"  again: --parser {parser.name} --seed {seed} --first {number} --cases 1", flush=True)
    return counts, failed


def main() -> int:
    known = parsers()
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=100_000, help="cases for each parser")
    options.add_argument("--parser", choices=sorted(known), action="append", help="only this one; may be repeated")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--first", type=int, default=0, help="number of the first case")
    options.add_argument("--seconds", type=float, default=float("inf"), help="at most so long for each parser")
    given = options.parse_args()
    warnings.simplefilter("ignore")
    failures = 0
    for name in given.parser or sorted(known):
        begun = time.monotonic()
        counts, failed = run(known[name], given.cases, given.seed, given.first, given.seconds)
        done = counts.total() + failed
        rest = ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
        print(f"{name}: {done:,} cases in {time.monotonic() - begun:.0f} s: {rest}; {failed:,} failed", flush=True)
        failures += failed
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
