"""The scorecard as a folder that anyone can host: two pages, every label as CSV, every figure as JSON."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from cews import __version__, formats
from cews.backtest.card import CLOCKS, Deck, decks
from cews.backtest.kept import Kept
from cews.domain import ShockClass, UserError
from cews.exports import moment_words, safe
from cews.i18n import text
from cews.open_data import folder, page
from cews.sentences import shock_label

NAME: Final = "cews-scorecard"
FILE: Final = "scorecard.json"
LABELS: Final = (
    *("backtest", "budget_per_1000", "simulated", "id", "cause", "name", "label_class", "tier", "effect_month"),
    *("raised", "first_month", "known_on", "level", "class", "class_right", "partner", "delay_months"),
    *(f"{clock}_on" for clock in CLOCKS),
    *(f"lead_{clock}_days" for clock in CLOCKS),
)


def publish(kept: Sequence[Kept], place: Path, now: datetime) -> None:
    """Write the scorecard of the kept back-tests; a folder that holds something else is refused. Raises UserError."""
    if not kept:
        raise UserError("no back-test is kept yet; `cews backtest --all` makes them")
    folder.replaced(place, FILE, NAME, lambda part: _write(kept, part, now))


def _write(kept: Sequence[Kept], part: Path, now: datetime) -> None:
    found = decks(kept)
    made = {
        "name": NAME,
        "made_at": moment_words(now),
        "cews_version": __version__,
        "cards": [_told(one) for one in found],
    }
    (part / FILE).write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2))
    with (part / "labels.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(LABELS)
        writer.writerows(_row(one, label) for one in kept for label in one.record["engine"]["by_label"])
    for language, name in page.PAGES.items():
        (part / name).write_text(html(found, language, made_at=moment_words(now)), encoding="utf-8")


def _told(deck: Deck) -> dict[str, Any]:
    tests = [{"name": one.name, "made_at": moment_words(one.made_at), **_span(one.record)} for one in deck.kept]
    return {"simulated": deck.simulated, **deck.card, "back_tests": tests}


def _span(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in ("files", "months", "items", "item_months", "ranker", "not_in_data")}


def _row(one: Kept, label: Mapping[str, Any]) -> list[Any]:
    about = {
        "backtest": one.name,
        "budget_per_1000": one.record.get("budget_per_1000"),
        "simulated": one.record.get("simulated", False),
    }
    return [safe(({**label, **about}).get(name)) for name in LABELS]


def html(found: Sequence[Deck], language: str, *, made_at: str) -> str:
    """The page in a language."""
    return page.render(
        "scorecard.html",
        language,
        decks=found,
        made_at=made_at,
        share=share_words,
        interval=interval_words,
        rate=rate_words,
        days=lambda lead: days_words(lead, language),
        shock=lambda slug: shock_label(ShockClass(slug), language),
    )


def share_words(share: Mapping[str, Any]) -> str:
    """2 / 9 (22 %)."""
    return "–" if not share["of"] else f"{share['hits']} / {share['of']} ({share['share']:.0%})"


def interval_words(share: Mapping[str, Any]) -> str:
    return "–" if share["low"] is None else f"{share['low']:.0%}–{share['high']:.0%}"


def rate_words(rate: Mapping[str, Any]) -> str:
    """0.79 (0.02–4.38)."""
    return "–" if rate["per_1000"] is None else f"{rate['per_1000']:.2f} ({rate['low']:.2f}–{rate['high']:.2f})"


def days_words(lead: Mapping[str, Any], language: str) -> str:
    """The median lead with its interval, in days; behind it how many labels it rests on."""
    if lead["median_days"] is None:
        return formats.UNKNOWN
    band = "" if lead["low"] is None else f" ({signed(lead['low'])} … {signed(lead['high'])})"
    said = text("{days} days, {labels} events", language, days=signed(lead["median_days"]), labels=lead["labels"])
    return said + band


def signed(days: float) -> str:
    """+12, −3."""
    return f"{days:+.0f}".replace("-", formats.MINUS)
