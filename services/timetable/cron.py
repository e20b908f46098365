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

NUM_FIELDS = 5
ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
EXAMPLE = "'0 22 * * 1-5' is ten in the evening from Monday to Friday"
# Of dates that come at all, 29 February on one day of the week waits longest: up to 40 years, around 2100.
_MOST_YEARS = 41
_MOST_TRIES = 200
MOST_COUNTED = 1_000
# croniter also knows times drawn at random (R, H), which would be others with every question.
_FIELD = re.compile(r"(?:[\d*/,\-#?]|L|[A-Za-z]{3})+")


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
        elif len(line.split(" ")) != NUM_FIELDS:
            raise InvalidInputError(
                f"cron: {text!r:.60} has not five fields (minute, hour, day, month, day of the week); {EXAMPLE}"
            )
        elif not all(_FIELD.fullmatch(field) for field in line.split(" ")):
            raise InvalidInputError(f"cron: {text!r:.60} is no cron line; {EXAMPLE}")
        made = cls(line, zone)
        try:
            made.next_after(now)
        except CroniterBadDateError:
            raise InvalidInputError(f"cron: {line!r:.60} never fires: no date fits it; correct day and month") from None
        except (CroniterError, ValueError, KeyError, OverflowError) as error:
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
