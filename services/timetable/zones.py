"""Times on the wall of a time zone, as moments."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from pmpo.errors import InvalidInputError


def read_zone(name: str) -> ZoneInfo:
    """The time zone of a name such as ``Europe/Berlin``.

    Raises:
        InvalidInputError: there is none; the nearest name is said.
    """
    if name not in _names():
        near = get_close_matches(name[:60], _names(), n=1)
        hint = f", did you mean {near[0]!r}?" if near else "; give one such as 'Europe/Berlin' or 'UTC'"
        raise InvalidInputError(f"timezone: there is no time zone {name!r:.60}{hint}")
    return ZoneInfo(name)


@cache
def _names() -> frozenset[str]:
    """All zones by name, but for those that are another one on every machine."""
    return frozenset(available_timezones()) - {"localtime", "posixrules", "Factory"}


def on_the_wall(moment: float, zone: ZoneInfo) -> datetime:
    """What clocks in the zone show at a moment (seconds since the epoch), without the zone."""
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None)


def moment_of(wall: datetime, zone: ZoneInfo) -> float:
    """The moment at which clocks in the zone show ``wall``.

    A time that comes twice, when clocks are put back, is its first coming. One that is left out, when they are put
    forward, is as long after the jump as it would have been without one: 02:30 becomes 03:30.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC).timestamp()
