"""Where the data comes from and what is made of it: sources, releases, watch-list, scorecard, countries."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Response, send_file
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from cews import countries, extracts
from cews.api import gate, shapes
from cews.api.answers import Asked, Service, after, asked, one, page
from cews.api.schemas.asked import AsOfQuery, ExtractPath, ReleasesQuery
from cews.api.schemas.data import CountriesAnswer, ReleasePage, ScorecardAnswer, SourcesAnswer, WatchListAnswer
from cews.backtest import kept
from cews.backtest.card import decks, share
from cews.countries import Area
from cews.handling import Outcome
from cews.records import Record
from cews.store import incoming, pages, queries, verdicts, watchlist
from cews.store.engine import reading
from cews.store.incoming import ReleaseLine
from cews.store.queries import ItemName, SourceState
from cews.store.verdicts import Tally
from cews.store.watchlist import WatchItem

DATA, WATCHED, KNOWN = Tag(name="data"), Tag(name="watch-list"), Tag(name="scorecard")


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""

    @api.get("/v1/sources", tags=[DATA], operation_id="list_sources", responses={200: SourcesAnswer})
    def list_sources(query: AsOfQuery) -> Response:
        """How fresh each source is."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            return one(what, [_source(state) for state in queries.source_states(cx, what.as_of)])

    @api.get("/v1/releases", tags=[DATA], operation_id="list_releases", responses={200: ReleasePage})
    def list_releases(query: ReleasesQuery) -> Response:
        """Answers and files with what each changed, the newest first."""
        what = asked(query, service)
        start = after(what, 0)
        with reading(service.engine) as cx:
            found = incoming.releases(
                cx, what.as_of, source=query.source, state=query.state or "", limit=what.limit + 1, skip=start
            )
            state = pages.state(cx)
        rows = [_release(line) for line in found[: what.limit]]
        return page(what, rows, start + what.limit if len(found) > what.limit else None, state)

    @api.get("/v1/watch-list", tags=[WATCHED], operation_id="get_watch_list", responses={200: WatchListAnswer})
    def get_watch_list(query: AsOfQuery) -> Response:
        """The items looked at in every scan. The list is as it is now, whatever as_of says."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            return one(what, [_entry(entry, what) for entry in watchlist.get_items(cx)])

    @api.get("/v1/scorecard", tags=[KNOWN], operation_id="get_scorecard", responses={200: ScorecardAnswer})
    def get_scorecard(query: AsOfQuery) -> Response:
        """Back-tests that were kept by then, and what people found alerts to be."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            judged = [_judged(tally) for tally in verdicts.tallies(cx, what.as_of)]
        tests = [test for test in kept.all_of(service.settings.home) if test.made_at <= what.as_of]
        records = [{"name": test.name, "made_at": test.made_at, "record": test.record} for test in tests]
        cards = [{"simulated": deck.simulated, "card": deck.card} for deck in decks(tests)]
        return one(what, {"cards": cards, "back_tests": records, "verdicts": judged})

    text_of_file: dict[str, Any] = {"content": {form: {"schema": {"type": "string"}} for form in gate.FILES.values()}}

    @api.get("/v1/extracts/<name>", tags=[DATA], operation_id="read_extract", responses={200: text_of_file})
    def read_extract(path: ExtractPath, query: AsOfQuery) -> Response:
        """The whole of something as a file, for instance alerts.csv; columns and units as in the guide to exports."""
        what, (kind, form) = asked(query, service), path.name.split(".")
        return _file(service, what, kind, form)

    @api.get("/v1/countries", tags=[DATA], operation_id="list_countries", responses={200: CountriesAnswer})
    def list_countries(query: AsOfQuery) -> Response:
        """Countries and the special areas of customs statistics, with their codes and names."""
        what = asked(query, service)
        return one(what, [_country(area, what) for area in countries.areas().values()])


def _file(service: Service, what: Asked, kind: str, form: str) -> Response:
    """The extract, which lies on the disk while it is sent, so that it may be larger than memory."""
    wanted = extracts.Asked(service.engine, what.as_of, what.language, service.settings.home)
    with TemporaryDirectory(prefix="cews-extract-") as folder:
        path = Path(folder) / f"{kind}.{form}"
        extracts.write(kind, form, path, wanted)
        stream = path.open("rb")  # what is open outlives its name
    name = f"cews-{kind}-{what.as_of:%Y-%m-%d}.{form}"
    return send_file(
        stream, gate.FILES[f".{form}"], as_attachment=True, download_name=name, etag=False, conditional=False
    )


def _source(state: SourceState) -> Record:
    return asdict(state) | {"newest": str(state.newest) if state.newest is not None else None}


def _release(line: ReleaseLine) -> Record:
    record = asdict(line) | {"violations": list(line.violations)}
    return {name: value for name, value in record.items() if name not in ("run_id", "request")}


def _entry(entry: WatchItem, what: Asked) -> Record:
    name = ItemName(entry.item, entry.name_ko, entry.name_en, entry.grade.value, entry.uses)
    more = {"note": entry.note, "stock_months": entry.stock_months, "version": entry.version}
    return {**shapes.named(name, what.language), **more}


def _judged(tally: Tally) -> Record:
    counts = {outcome.value: tally.outcomes.get(outcome, 0) for outcome in Outcome}
    band = share(counts[Outcome.REAL], counts[Outcome.REAL] + counts[Outcome.FALSE_ALARM])
    interval = {"precision_low": band["low"], "precision_high": band["high"]}
    return {"detector": tally.detector, "class": tally.shock, **counts, "precision": tally.precision, **interval}


def _country(area: Area, what: Asked) -> Record:
    ko, en = countries.name(area.iso3, "ko"), countries.name(area.iso3, "en")
    codes = {"iso3": area.iso3, "iso2": area.iso2 or None, "m49": area.m49 or None}
    return codes | {"name": ko if what.language == "ko" else en, "name_ko": ko, "name_en": en}
