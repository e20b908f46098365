"""Windows of the day, over midnight and over changes of clocks."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pmpo.errors import InvalidInputError
from services.timetable.windows import Window

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    """A moment by clocks in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("window", "time", "is_open"),
    [
        ("22:00-06:00", "21:59", False),
        ("22:00-06:00", "22:00", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("09:00-17:00", "08:59", False),
        ("9:00 - 17:00", "09:00", True),
        ("09:00-17:00", "17:00", False),
        ("00:00-06:00", "00:00", True),
        ("22:00-00:00", "23:59", True),
        ("22:00-00:00", "00:00", False),
    ],
)
def test_a_window_is_open_from_its_start_until_before_its_end(window: str, time: str, is_open: bool) -> None:
    assert Window.read(window, BERLIN).is_open(at(f"2026-01-10T{time}")) is is_open


def test_it_says_when_it_opens() -> None:
    night = Window.read("22:00-06:00", BERLIN)
    assert night.opens_after(at("2026-01-10T12:00")) == at("2026-01-10T22:00")
    assert night.opens_after(at("2026-01-10T23:00")) == at("2026-01-10T23:00")
    morning = Window.read("02:30-04:00", BERLIN)
    assert morning.opens_after(at("2026-03-28T12:00")) == at("2026-03-29T03:30"), "02:30 does not come that day"


def test_a_night_with_a_change_is_longer_or_shorter() -> None:
    night = Window.read("22:00-06:00", BERLIN)

    def hours(start: str) -> int:
        return sum(night.is_open(at(start) + hour * 3600) for hour in range(24))

    assert (hours("2026-03-28T12:00"), hours("2026-06-10T12:00"), hours("2026-10-24T12:00")) == (7, 8, 9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("22-6", "window: '22-6' is no window of the day; write it as 22:00-06:00"),
        ("25:00-06:00", "window: '25:00-06:00' is no window"),
        ("22:60-06:00", "window: '22:60-06:00' is no window"),
        ("22:00-22:00", "window: '22:00-22:00' begins when it ends"),
    ],
)
def test_what_is_no_window_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Window.read(text, BERLIN)
    assert refused.value.message.startswith(said)
