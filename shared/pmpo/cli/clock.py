"""The one form in which the command line names a moment: ``2026-01-31 18:05 UTC``, always with its zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FORM = "%Y-%m-%d %H:%M"


def utc(seconds: float) -> str:
    """The moment so many seconds after the epoch, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC).strftime(FORM)} UTC"


def in_zone(seconds: float, zone: str) -> str:
    """The same moment on the clocks of an IANA zone, with its name; in UTC where the zone is unknown here."""
    try:
        clocks = ZoneInfo(zone)
    except ZoneInfoNotFoundError:
        return utc(seconds)
    return f"{datetime.fromtimestamp(seconds, clocks).strftime(FORM)} {zone}"
