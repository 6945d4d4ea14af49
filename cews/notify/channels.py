"""The ways to reach people: mail, webhooks, and those of other packages through the entry point ``cews.channels``.

An entry point names a function that takes the settings and gives a :class:`cews.notify.Channel`, or None where
the channel is not set up. Its name is the channel's. One that is broken is down: its notices wait, all others go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from cews.domain import SettingsError
from cews.notify import Channel, ChannelDownError, Deliver
from cews.notify.smtp import SmtpChannel
from cews.notify.webhook import WebhookChannel
from cews.settings import Settings

GROUP: Final = "cews.channels"

Factory = Callable[[Settings], Channel | None]


def _email(settings: Settings) -> Channel | None:
    return None if settings.smtp_url is None else SmtpChannel.of(settings)


BUILT_IN: Final[Mapping[str, Factory]] = {"email": _email, "webhook": WebhookChannel.of}


@dataclass(frozen=True, slots=True)
class Unusable:
    """A channel of another package that cannot even be made."""

    why: str

    def open(self) -> AbstractContextManager[Deliver]:
        raise ChannelDownError(self.why)


def names() -> tuple[str, ...]:
    """Every channel there is, set up or not. Raises SettingsError where two have the same name."""
    return (*BUILT_IN, *_of_others())


def available(settings: Settings) -> dict[str, Channel]:
    """The channels that are set up, by name; those of other packages last."""
    made = {name: factory(settings) for name, factory in BUILT_IN.items()}
    made |= {name: _made(point, settings) for name, point in _of_others().items()}
    return {name: channel for name, channel in made.items() if channel is not None}


def _of_others() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in found or point.name in BUILT_IN:
            raise SettingsError(f"two channels are called {point.name!r}; remove the package {_package(point)}")
        found[point.name] = point
    return found


def _made(point: EntryPoint, settings: Settings) -> Channel | None:
    try:
        factory: Factory = point.load()
        return factory(settings)
    except Exception as error:  # code of another package: whatever it raises
        said = f"{type(error).__name__}: {error}"
        return Unusable(f"the channel {point.name!r} of {_package(point)} cannot be used: {said}")


def _package(point: object) -> str:
    dist = getattr(point, "dist", None)
    return dist.name if dist is not None else "another package"
