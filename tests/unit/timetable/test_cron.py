"""When cron lines fire, above all on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmpo.errors import InvalidInputError
from services.timetable.cron import ALIASES, CronLine
from services.timetable.zones import read_zone

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def fires(line: str, start: str, count: int, zone: str = "Europe/Berlin") -> list[str]:
    """The next times, in UTC."""
    cron = CronLine.read(line, ZoneInfo(zone), at(start))
    found, moment = [], at(start)
    for _ in range(count):
        moment = cron.next_after(moment)
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%d %H:%M"))
    return found


def test_a_line_is_read_against_the_clock_on_the_wall() -> None:
    assert fires("0 22 * * *", "2026-01-10T12:00", 1) == ["10 21:00"]
    assert fires("0 22 * * *", "2026-07-10T12:00", 1) == ["10 20:00"]
    assert fires("0 22 * * *", "2026-07-10T12:00", 1, "UTC") == ["10 22:00"]


def test_a_time_that_is_left_out_fires_once_after_the_jump() -> None:
    # In Berlin, 29 March 2026: 01:59 CET is followed by 03:00 CEST.
    assert fires("30 2 * * *", "2026-03-28T12:00", 2) == ["29 01:30", "30 00:30"]
    assert fires("30 2,3 * * *", "2026-03-28T12:00", 3) == ["29 01:30", "30 00:30", "30 01:30"]


def test_a_time_that_comes_twice_fires_once_at_its_first_coming() -> None:
    # In Berlin, 25 October 2026: 02:59 CEST is followed by 02:00 CET.
    assert fires("30 2 * * *", "2026-10-24T12:00", 2) == ["25 00:30", "26 01:30"]
    assert fires("30 2 * * *", "2026-10-25T00:45", 1) == ["26 01:30"], "asked between the two"
    assert fires("30 2 * * *", "2026-10-25T01:15", 1) == ["26 01:30"], "asked in the second coming of the hour"
    assert fires("*/20 * * * *", "2026-10-25T00:30", 2) == ["25 00:40", "25 02:00"]


def test_other_zones_change_by_half_an_hour_and_over_midnight() -> None:
    # Lord Howe Island changes by half an hour; in Beirut the change is at midnight.
    assert fires("15 2 * * *", "2026-10-03T00:00", 2, "Australia/Lord_Howe")[0] == "03 15:45"
    assert len(set(fires("0 0 * * *", "2026-03-27T00:00", 4, "Asia/Beirut"))) == 4


@given(
    minute=st.integers(0, 59),
    hour=st.one_of(st.just("*"), st.integers(0, 23).map(str)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "America/Santiago"]),
    day=st.integers(0, 364),
)
def test_times_rise_and_no_day_is_left_out(minute: int, hour: str, zone: str, day: int) -> None:
    start = at("2026-01-01T00:00") + timedelta(days=day).total_seconds()
    cron = CronLine.read(f"{minute} {hour} * * *", read_zone(zone), start)
    moments = [start]
    for _ in range(30):
        moments.append(cron.next_after(moments[-1]))
    gaps = [after - before for before, after in pairwise(moments[1:])]
    longest = 2 * 3600 if hour == "*" else 25 * 3600
    assert min(gaps) > 0 and max(gaps) <= longest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0 31 2 *", "cron: '0 0 31 2 *' never fires: no date fits it; correct day and month"),
        ("0 0 30 2 *", "cron: '0 0 30 2 *' never fires"),
        ("0 0 31 4,6,9,11 *", "cron: '0 0 31 4,6,9,11 *' never fires"),
        ("60 0 * * *", "cron: '60' is no minute; give 0 to 59, several (1,2), a range (1-5), a step below 60 (*/2)"),
        ("0 24 * * *", "cron: '24' is no hour; give 0 to 23"),
        ("0 0 0 * *", "cron: '0' is no day; give 1 to 31 or L for the last"),
        ("0 0 * 13 *", "cron: '13' is no month; give 1 to 12 or jan to dec"),
        ("0 0 * * fun", "cron: 'fun' is no day of the week; give 0 to 7 (both are Sunday) or sun to sat"),
        ("0 jan * * *", "cron: 'jan' is no hour"),
        ("*/60 * * * *", "cron: '*/60' is no minute; give 0 to 59"),
        ("*/99999999999 * * * *", "cron: '*/99999999999' is no minute"),
        ("1" * 99 + " * * * *", f"cron: '{'1' * 30}…' is no minute"),
        ("1- * * * *", "cron: '1-' is no minute"),
        ("* 1/0 * * *", "cron: '1/0' is no hour"),
        ("0 0 * *", "cron: '0 0 * *' has not five fields"),
        ("0 0 0 * * *", "cron: '0 0 0 * * *' has not five fields"),
        ("", "cron: '' has not five fields"),
        ("@often", "cron: '@often' is no name of a line; known are @hourly"),
        ("R R * * *", "cron: 'R' is no minute; "),
        ("H(0-3) 1 * * *", "cron: 'H(0-3)' is no minute; "),
    ],
)
def test_what_is_no_line_that_fires_is_refused(line: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        CronLine.read(line, BERLIN, at("2026-01-01T00:00"))
    assert refused.value.message.startswith(said)


def test_a_range_may_run_over_the_end_of_its_values() -> None:
    assert fires("0 23-1 * * *", "2026-01-10T12:00", 4, "UTC") == ["10 23:00", "11 00:00", "11 01:00", "11 23:00"]
    assert fires("0 0 * * fri-sun", "2026-01-07T12:00", 4, "UTC") == ["09 00:00", "10 00:00", "11 00:00", "16 00:00"]


def test_rare_dates_fire() -> None:
    assert fires("0 0 29 2 *", "2026-01-01T00:00", 1, "UTC") == ["29 00:00"]
    for alias in ALIASES:
        assert fires(alias, "2026-01-01T12:00", 1)


@pytest.mark.parametrize(("until", "number"), [("08:59", 0), ("09:00", 1), ("10:59", 2), ("11:00", 3), ("23:00", 4)])
def test_times_that_went_by_are_counted_up_to_a_limit(until: str, number: int) -> None:
    hourly = CronLine.read("@hourly", BERLIN, at("2026-01-01T00:00"))
    assert hourly.num_fires(at("2026-01-01T09:00"), at(f"2026-01-01T{until}"), most=4) == number


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Europe/Berln", "timezone: there is no time zone 'Europe/Berln', did you mean 'Europe/Berlin'?"),
        ("", "timezone: there is no time zone ''"),
        ("../etc/passwd", "timezone: there is no time zone '../etc/passwd'"),
        ("Europe", "timezone: there is no time zone 'Europe'"),
        ("localtime", "timezone: there is no time zone 'localtime'"),
    ],
)
def test_what_is_no_time_zone_is_refused(name: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_zone(name)
    assert refused.value.message.startswith(said)
