import numpy as np

from benchmarks.intervals import over_jobs, over_repetitions


def test_the_mean_lies_in_its_interval_and_the_seed_decides() -> None:
    values = np.random.default_rng(0).normal(3.0, 1.0, 100)
    found = over_repetitions(values, seed=1)
    assert found.low < found.mean < found.high
    assert found == over_repetitions(values, seed=1)
    assert abs((found.high - found.low) - 2 * 1.96 * values.std() / 10) < 0.05


def test_constant_values_have_no_width() -> None:
    found = over_jobs(np.full((3, 5), 2.0), seed=0)
    assert (found.low, found.mean, found.high) == (2.0, 2.0, 2.0)


def test_jobs_that_differ_widen_the_interval() -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, (6, 50))
    same = over_jobs(noise, seed=0)
    different = over_jobs(noise + np.arange(6.0)[:, None], seed=0)
    assert different.high - different.low > 5 * (same.high - same.low)
