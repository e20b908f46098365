"""Windows of the day, such as 22:00-06:00, in which a job may run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from pmpo.errors import InvalidInputError
from services.timetable.zones import moment_of, on_the_wall

_FORM = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` until before ``end``, by clocks in the zone; over midnight where ``end`` comes first."""

    start: time
    end: time
    zone: ZoneInfo

    @classmethod
    def read(cls, text: str, zone: ZoneInfo) -> Window:
        """The window in a text such as ``22:00-06:00``.

        Raises:
            InvalidInputError: it is none, or it has no length.
        """
        found = _FORM.fullmatch(text.strip())
        numbers = [int(part) for part in found.groups()] if found else []
        if not numbers or max(numbers[0], numbers[2]) > 23 or max(numbers[1], numbers[3]) > 59:
            raise InvalidInputError(f"window: {text!r:.60} is no window of the day; write it as 22:00-06:00")
        window = cls(time(numbers[0], numbers[1]), time(numbers[2], numbers[3]), zone)
        if window.start == window.end:
            raise InvalidInputError(f"window: {text!r:.60} begins when it ends; leave it out to allow the whole day")
        return window

    def is_open(self, moment: float) -> bool:
        """Whether clocks show a time inside; on the night of a change the window is as much longer or shorter."""
        now = on_the_wall(moment, self.zone).time()
        if self.start < self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end

    def opens_after(self, moment: float) -> float:
        """When it opens next; ``moment`` itself while it is open."""
        if self.is_open(moment):
            return moment
        today = on_the_wall(moment, self.zone).date()
        days = (today + timedelta(days=ahead) for ahead in range(3))
        moments = (moment_of(datetime.combine(day, self.start), self.zone) for day in days)
        return next(found for found in moments if found > moment)
