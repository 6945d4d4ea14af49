"""When somebody was last there: half an hour without a sign of them ends a visit."""

from __future__ import annotations

from datetime import datetime, timedelta

import people
from sqlalchemy import Engine

from cews.accounts import Role
from cews.settings import Settings
from cews.store import users
from cews.store.engine import reading, writing
from cews.store.users import Limits

LIMITS = Limits.of(Settings())


def last_visit(engine: Engine) -> datetime | None:
    with reading(engine) as cx:
        return users.last_visit(cx, "kim")


def test_a_pause_ends_a_visit_and_the_next_one_remembers_it(store_engine: Engine) -> None:
    kim, came = people.person(store_engine, Role.ANALYST, "kim"), people.NOW
    with writing(store_engine) as cx:
        users.start_session(cx, kim, "key", came, LIMITS, "127.0.0.1")
    assert last_visit(store_engine) is None, "the first visit of all"
    left = came + timedelta(minutes=29)
    with writing(store_engine) as cx:
        users.seen(cx, "key", left)
    assert last_visit(store_engine) is None, "still the same visit"
    back = left + users.PAUSE + timedelta(seconds=1)
    with writing(store_engine) as cx:
        users.seen(cx, "key", back)
        users.seen(cx, "key", back + timedelta(minutes=5))
    assert last_visit(store_engine) == left
    with writing(store_engine) as cx:
        users.start_session(cx, kim, "another", back + timedelta(days=1), LIMITS, "127.0.0.1")
    assert last_visit(store_engine) == back + timedelta(minutes=5), "signing in again is another visit"
