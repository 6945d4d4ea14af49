"""Telling people: what a notice says, and the contract of a channel that carries it.

A channel never touches the store: it gets a :class:`NoticeView` with everything the reader is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cews.domain import Alert, AlertChange, CewsError, NoticeReason, Period
from cews.measures import Hit
from cews.severity import Severity
from cews.stories import Phase


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One month of the chart; None = not known."""

    period: Period
    observed: float | None
    expected: float | None
    lower: float | None  # band of the expectation, 95 %
    upper: float | None


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice as its reader sees it."""

    recipient: str  # name
    address: str
    language: str  # ko | en
    reason: NoticeReason
    alert: Alert  # as the change left it
    change: AlertChange
    item_name: str
    link: str  # the alert's page
    zone: str  # time zone of the days shown
    message_id: str  # the same on every attempt
    thread_id: str  # common to the notices of one alert to one reader
    created_at: datetime
    chart: tuple[ChartPoint, ...] = ()  # oldest first; empty = no chart
    leave: str = ""  # the address by which the reader stops their notices
    source_name: str = ""  # in English; empty = the source has only its id
    story: tuple[Phase, ...] = ()  # rush, collapse, recovery of the item; empty = no such story
    measures: tuple[Hit, ...] = ()  # that raise attention on the item
    severity: Severity | None = None  # None = nothing is known of how much hangs on the item
    secret: str | None = field(default=None, repr=False)  # of a webhook
    form: str = ""  # of a webhook's body


@dataclass(frozen=True, slots=True)
class DigestView:
    """Several alerts told in one message, as its reader sees it: an event, or whatever came together."""

    recipient: str
    address: str
    language: str
    event: str  # its name; empty = a digest of unrelated alerts
    why: NoticeReason | None  # of an event
    entries: tuple[NoticeView, ...]  # the most serious first
    link: str
    zone: str
    message_id: str
    thread_id: str
    created_at: datetime
    leave: str = ""  # the address by which the reader stops their notices
    secret: str | None = field(default=None, repr=False)
    form: str = ""


@dataclass(frozen=True, slots=True)
class TextView:
    """A few words to a reader: whether they can be reached, or trouble an operator must know of."""

    recipient: str
    address: str
    language: str
    title: str
    words: str
    link: str
    message_id: str
    thread_id: str
    created_at: datetime
    secret: str | None = field(default=None, repr=False)
    form: str = ""


View = NoticeView | DigestView | TextView


class DeliveryError(CewsError):
    """A notice did not go out. ``permanent``: the receiving side refuses it for good."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class ChannelDownError(DeliveryError):
    """The channel itself cannot be used now; trying the next notice would fail as well."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


Deliver = Callable[[View], str]
"""Delivers, or raises DeliveryError; gives what was wrong with the layout of what went out all the same, else ""."""


class Channel(Protocol):
    """A way to reach people. ``open`` gives the function that delivers, for one batch of notices."""

    def open(self) -> AbstractContextManager[Deliver]: ...
