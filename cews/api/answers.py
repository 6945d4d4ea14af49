"""Answers: JSON with the knowledge time it holds for, an ETag, and the address of the next page.

A page's cursor keeps the knowledge time of the first one, so that pages belong together whatever is recorded between.
The ETag of a list covers what the page holds and, because there may be more pages, the state of the store.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from flask import Response, request

from cews.api.problems import wrong
from cews.api.schemas.asked import AsOfQuery, PageQuery
from cews.domain import utc
from cews.settings import Settings
from cews.store.engine import Engine

Position = Any  # where the next page begins, as JSON
_TAG: Final = 20  # characters of an ETag
_PLACES: Final = 4  # what a cursor holds
_LARGEST: Final = 2**31  # of the numbers in it


@dataclass(frozen=True, slots=True)
class Service:
    """What answers are made with."""

    engine: Engine
    settings: Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What every read says: when it should have been known, in which words, which page.

    ``replayed``: the knowledge time was asked for, it is not just now.
    """

    as_of: datetime
    replayed: bool
    language: str
    limit: int = 0
    position: Position = None


def asked(query: AsOfQuery, service: Service) -> Asked:
    """What the request asks for."""
    language = query.language or service.settings.language
    now = datetime.now(UTC)
    if isinstance(query, PageQuery) and query.cursor:
        if query.as_of is not None:
            raise wrong("cursor", "a cursor keeps the as_of of its first page; leave as_of out")
        as_of, replayed, position = _opened(query.cursor)
        return Asked(as_of, replayed, language, query.limit, position)
    limit = query.limit if isinstance(query, PageQuery) else 0
    return Asked(min(query.as_of or now, now), query.as_of is not None, language, limit)


def one(what: Asked, data: object, *, version: int | None = None, status: int = 200) -> Response:
    """One thing. Its ETag begins with its ``version`` where it has one that changes are made from."""
    response = _json({"as_of": _moment(what.as_of), "data": data}, status)
    tag = _digest(data)
    response.set_etag(f"{version}-{tag}" if version is not None else tag, weak=version is None)
    return conditional(response)


def page(what: Asked, rows: Sequence[object], following: Position | None, state: str) -> Response:
    """A page of a list. ``following`` is where the next one begins; None = this is the last."""
    link = None if following is None else _link(_cursor(what, following))
    response = _json({"as_of": _moment(what.as_of), "data": rows, "next": link})
    if link is not None:
        response.headers["Link"] = f'<{link}>; rel="next"'
    response.set_etag(_digest([rows, state, link is not None]), weak=True)
    return conditional(response)


def after(what: Asked, first: Position) -> Position:
    """Where the page begins. ``first``, which the first page has, tells the form of all others."""
    held = first if what.position is None else what.position
    if not _alike(held, first):
        raise _no_cursor()
    return held


def _alike(held: Position, first: Position) -> bool:
    if isinstance(first, list):
        return isinstance(held, list) and len(held) == len(first) and all(map(_alike, held, first))
    if isinstance(held, str):
        return isinstance(first, str) and (not held or held.isprintable())
    return type(held) is type(first) and 0 <= held < _LARGEST


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")


def conditional(response: Response) -> Response:
    """Nothing but the ETag where the caller has it already. One without an ETag gets that of its bytes."""
    response.add_etag(weak=True)
    tag, _ = response.get_etag()
    given = request.if_none_match
    known = {each.partition(":")[0] for each in given.as_set(include_weak=True)}  # how it was compressed stands behind
    if request.method in ("GET", "HEAD") and (given.star_tag or tag in known):
        return Response(status=304, headers={"ETag": response.headers["ETag"]})
    return response


def _digest(data: object) -> str:
    said = orjson.dumps([request.full_path, data], option=orjson.OPT_SORT_KEYS)
    return sha256(said).hexdigest()[:_TAG]


def _moment(moment: datetime) -> str:
    return moment.isoformat()


# --- cursors -----------------------------------------------------------------------------------------


def _cursor(what: Asked, following: Position) -> str:
    held = [what.as_of.isoformat(), what.replayed, following, _question()]
    return urlsafe_b64encode(orjson.dumps(held)).decode().rstrip("=")


def _opened(cursor: str) -> tuple[datetime, bool, Position]:
    try:
        held = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if len(held) != _PLACES:
            raise _no_cursor()
        as_of, replayed, position, question = held
        moment = utc(datetime.fromisoformat(as_of))
    except (ValueError, TypeError, OverflowError) as error:
        raise _no_cursor() from error
    if question != _question() or moment > datetime.now(UTC):
        raise _no_cursor()
    return moment, bool(replayed), position


def _question() -> str:
    """What a cursor belongs to: the address without the page."""
    return sha256(f"{request.path}?{_words()}".encode()).hexdigest()[:12]


def _words(**more: str) -> str:
    apart = ("cursor", "limit", "as_of")
    kept = [(name, word) for name, word in sorted(request.args.items(multi=True)) if name not in apart]
    return urlencode([*kept, *more.items()])


def _link(cursor: str) -> str:
    more: Mapping[str, str] = {"limit": request.args["limit"]} if "limit" in request.args else {}
    return f"{request.script_root}{request.path}?{_words(**more, cursor=cursor)}"


def _no_cursor() -> Exception:
    return wrong("cursor", "this is no cursor of this list; follow the address in next, or begin without a cursor")
