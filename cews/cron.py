"""Five cron fields in a time zone, checked so that what is accepted means what it says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from cews.domain import SettingsError

_SOME_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)  # a leap year: 29 February comes


def trigger(expression: str, zone: str) -> CronTrigger:
    """Five cron fields in a time zone; raises SettingsError where they cannot be used."""
    if re.search(r"(?<!/)\d", "".join(expression.split()[4:5])):
        raise _unusable(
            expression, "write days of the week by name (mon … sun), as their numbers differ between programs"
        )
    try:
        cron = CronTrigger.from_crontab(expression, timezone=zone)
    except (ValueError, LookupError) as error:
        raise _unusable(expression, str(error)) from error
    if cron.get_next_fire_time(None, _SOME_DAY) is None:
        raise _unusable(expression, "this time never comes")
    return cron


def _unusable(expression: str, reason: str) -> SettingsError:
    return SettingsError(
        f"CEWS_SCHEDULE: {expression!r} cannot be used: {reason}. Give five fields (minute, hour, day, month, day of "
        "the week), for instance '0 9 16 * *' for the 16th at 9:00."
    )
