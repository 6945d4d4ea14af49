"""The ways to reach people: mail, webhooks, and those of other packages through the entry point ``cews.channels``.

An entry point names a function that takes the settings and gives a :class:`cews.notify.Channel`, or None where
the channel is not set up. Its name is the channel's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Final

from cews.domain import SettingsError
from cews.notify import Channel
from cews.notify.smtp import SmtpChannel
from cews.notify.webhook import WebhookChannel
from cews.settings import Settings

GROUP: Final = "cews.channels"

Factory = Callable[[Settings], Channel | None]


def _email(settings: Settings) -> Channel | None:
    return None if settings.smtp_url is None else SmtpChannel.of(settings)


BUILT_IN: Final[Mapping[str, Factory]] = {"email": _email, "webhook": WebhookChannel.of}


def names() -> tuple[str, ...]:
    """Every channel there is, set up or not."""
    return tuple(_factories())


def available(settings: Settings) -> dict[str, Channel]:
    """The channels that are set up, by name. Raises SettingsError where one of another package cannot be loaded."""
    made = ((name, factory(settings)) for name, factory in _factories().items())
    return {name: channel for name, channel in made if channel is not None}


def _factories() -> dict[str, Factory]:
    factories = dict(BUILT_IN)
    for point in entry_points(group=GROUP):
        if point.name in factories:
            raise SettingsError(f"two channels are called {point.name!r}; remove the package {_package(point)}")
        try:
            factories[point.name] = point.load()
        except Exception as error:  # code of another package: whatever it raises
            raise SettingsError(f"the channel {point.name!r} of {_package(point)} cannot be loaded: {error}") from error
    return factories


def _package(point: object) -> str:
    dist = getattr(point, "dist", None)
    return dist.name if dist is not None else "another package"
