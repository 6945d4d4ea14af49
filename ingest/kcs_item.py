"""Korea Customs Service (관세청): monthly trade by item, all countries together, data.go.kr 15101609.

The same rows as ``ingest.kcs`` gives by country, added up by the service itself: what the countries of ``kcs`` must
sum to. Differences to that service: the code stands in ``hsCode``, there is no country, the total row stands last.
docs/sources/kcs-item.md tells the same in prose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from cews.domain import WORLD, UserError
from ingest import kcs
from ingest.base import Batch, Request, Source, Wanted
from ingest.kcs_answers import LICENCE, URL, items

DATA_SET: Final = "15101609"
PATH: Final = "/Itemtrade/getItemtradeList"

ASSUMPTIONS: Final[Mapping[str, str]] = {
    "code": "the code of a row stands in hsCode, and rows are as fine as the code wanted or finer",
    "all_countries": "a row is the trade with all countries, also with those not specified",
}
"""Beside those of ``ingest.kcs`` (one_reply, span, total, silence, newest, earliest, edition)."""

_FIELDS: Final = {"hsCd": "hsCode", **{name: name for name in ("year", "statKor", *kcs.AMOUNTS)}}


def plan(wanted: Wanted, today: date) -> Iterator[Request]:
    """The questions of ``kcs``, without countries. Raises UserError for codes the service cannot know."""
    if wanted.partners:
        raise UserError("kcs-item has all countries together; leave out --partners, or use `cews ingest kcs`.")
    for request in kcs.plan(wanted, today):
        yield replace(request, url=URL + PATH, scope={**request.scope, "partner": WORLD})


def parse(body: bytes, request: Request) -> Batch:
    """An answer → observations with all partners together, or SourceError."""
    return kcs.read_answer(kcs.columns(items(body, DATA_SET), _FIELDS), request)


SOURCE: Final[Source] = replace(
    kcs.SOURCE,
    id="kcs-item",
    name="Korea Customs Service, trade by item",
    licence=LICENCE.format(DATA_SET),
    plan=plan,
    parse=parse,
    same_trade="kcs",
    priority=20,
)
