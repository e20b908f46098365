"""Cron lines in a time zone, by croniter. The line is read against the clock on the wall, so 02:00 stays 02:00."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, CroniterError, croniter

from pmpo.errors import InvalidInputError
from services.timetable.zones import moment_of, on_the_wall

ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
EXAMPLE = "'0 22 * * 1-5' is ten in the evening from Monday to Friday"
# Of dates that come at all, 29 February on one day of the week waits longest: up to 40 years, around 2100.
_MOST_YEARS = 41
_MOST_TRIES = 200
MOST_COUNTED = 1_000
MOST_SHOWN = 30
# croniter also knows times drawn at random (R, H), which would be others with every question.
_FIELD = re.compile(r"(?:[\d*/,\-#?]|L|[A-Za-z]{3})+")
_STEP = re.compile(r"/(\d+)")
_NO_LINE = (CroniterError, ValueError, KeyError, OverflowError)


@dataclass(frozen=True, slots=True)
class _Field:
    """One of a line's five: how many values it has at most, and what may stand in it."""

    name: str
    num_values: int
    values: str


_FIELDS = (
    _Field("minute", 60, "0 to 59"),
    _Field("hour", 24, "0 to 23"),
    _Field("day", 31, "1 to 31 or L for the last"),
    _Field("month", 12, "1 to 12 or jan to dec"),
    _Field("day of the week", 7, "0 to 7 (both are Sunday) or sun to sat, with #1 for a month's first"),
)


@dataclass(frozen=True, slots=True)
class CronLine:
    """A cron line that fires again and again. Make one with ``read``."""

    text: str
    zone: ZoneInfo

    @classmethod
    def read(cls, text: str, zone: ZoneInfo, now: float) -> CronLine:
        """The line in ``text``: five fields (minute, hour, day, month, day of the week), or a name such as ``@daily``.

        Raises:
            InvalidInputError: it is none, or no date fits it.
        """
        line = " ".join(text.split())
        if line.startswith("@"):
            if line not in ALIASES:
                raise InvalidInputError(f"cron: {text!r:.60} is no name of a line; known are {', '.join(ALIASES)}")
        else:
            _check_fields(line)
        made = cls(line, zone)
        try:
            made.next_after(now)
        except CroniterBadDateError:
            raise InvalidInputError(f"cron: {line!r:.60} never fires: no date fits it; correct day and month") from None
        except _NO_LINE as error:
            reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            raise InvalidInputError(f"cron: {text!r:.60} is no cron line ({reason}); {EXAMPLE}") from None
        return made

    def next_after(self, moment: float) -> float:
        """The first moment after ``moment`` at which the line fires.

        Each time on the wall that fits the line fires once: at its first coming, where clocks are put back, and after
        the jump, where they are put forward and leave it out.
        """
        start = on_the_wall(moment, self.zone)
        walls = croniter(self.text, start, ret_type=datetime, max_years_between_matches=_MOST_YEARS)
        for _ in range(_MOST_TRIES):  # while clocks repeat an hour, times of its first coming have passed
            found = moment_of(walls.get_next(datetime), self.zone)
            if found > moment:
                return found
        raise CroniterBadDateError(f"no time after {moment} fits {self.text!r}")

    def next_second(self, moment: float) -> int:
        """The same as a whole second, which is how schedules keep their times."""
        return math.ceil(self.next_after(moment))

    def num_fires(self, first: float, last: float, most: int = MOST_COUNTED) -> int:
        """How often the line fires from ``first``, at which it does, until ``last``; counted up to ``most``."""
        number, moment = 0, first
        while moment <= last and number < most:
            number += 1
            moment = self.next_after(moment)
        return number


def _check_fields(line: str) -> None:
    """Raise InvalidInputError unless there are five fields, and each may stand in its place: the first that may not."""
    given = line.split(" ")
    if len(given) != len(_FIELDS):
        named = ", ".join(field.name for field in _FIELDS)
        raise InvalidInputError(f"cron: {line!r:.60} has not five fields ({named}); {EXAMPLE}")
    for place, (text, field) in enumerate(zip(given, _FIELDS, strict=True)):
        if not _fits(text, place, field):
            raise InvalidInputError(
                f"cron: {_quoted(text)} is no {field.name}; give {field.values}, several (1,2), a range (1-5), a step "
                f"below {field.num_values} (*/2), or * for all"
            )


def _quoted(text: str) -> str:
    """A field of a line as messages show it: of a long one, the beginning."""
    return repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…")


def _fits(text: str, place: int, field: _Field) -> bool:
    """Whether a field may stand in its place, whatever stands in the others. A step that leaves one value is a slip."""
    if not _FIELD.fullmatch(text) or any(int(step) >= field.num_values for step in _STEP.findall(text)):
        return False
    alone = ["*"] * len(_FIELDS)
    alone[place] = text
    try:
        croniter.expand(" ".join(alone))
    except _NO_LINE:
        return False
    return True
