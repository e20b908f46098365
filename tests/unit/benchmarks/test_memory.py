import os
from pathlib import Path

import pytest

from benchmarks.memory import Series, children_of, resident_mib, slope_per_hour


def test_a_line_has_its_slope_and_no_error() -> None:
    slope, error = slope_per_hour([0.0, 1_800.0, 3_600.0, 7_200.0], [10.0, 11.0, 12.0, 14.0])
    assert (slope, error) == (pytest.approx(2.0), pytest.approx(0.0, abs=1e-9))


def test_noise_without_growth_is_within_its_error() -> None:
    slope, error = slope_per_hour([float(at) for at in range(0, 3_600, 60)], [50.0 + (-1) ** n for n in range(60)])
    assert abs(slope) < 2 * error


def test_a_series_is_summed_up_without_its_beginning() -> None:
    series = Series()
    for minute in range(10):
        series.add(60.0 * minute, {"grows": 5.0 if minute < 5 else 60.0 * minute, "gone": None})
    found = series.summary(300.0)
    assert found["gone"] == {"samples": 0}
    assert found["grows"] == {
        "samples": 10,
        "first": 5.0,
        "last": 540.0,
        "highest": 540.0,
        "slope_per_hour": 3_600.0,
        "standard_error": 0.0,
    }


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="memory of processes is read from /proc")
def test_this_process_takes_memory_and_one_that_is_gone_takes_none() -> None:
    mine = resident_mib(os.getpid())
    assert mine is not None
    assert 1.0 < mine < 100_000.0
    assert resident_mib(2**22 + 1) is None
    assert children_of(2**22 + 1) == []
