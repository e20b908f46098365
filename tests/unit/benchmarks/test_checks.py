import numpy as np
import pytest

from benchmarks.selecting.checks import Pool, halving_rounds, run_checks, sentences
from benchmarks.selecting.known import Floats
from benchmarks.selecting.null import WORLDS, NullCount, World, null_losses, run_job, simulate_null
from tests.unit.benchmarks.world import PRICES, known_pool, noisy_pool


def pool(losses: Floats, num_test: int = 60) -> Pool:
    """A pool with test losses like its training losses."""
    rng = np.random.default_rng(9)
    columns = rng.integers(losses.shape[1], size=num_test)
    return Pool(known_pool(losses), PRICES, losses[:, columns] + rng.normal(0, 0.1, (len(losses), num_test)))


def simulate(losses: Floats, world: World, num_jobs: int = 600) -> NullCount:
    return simulate_null(losses, world, num_train=40, num_validation=16, num_jobs=num_jobs, seed=1)


def skewed(num_candidates: int = 20, num_rows: int = 140) -> Floats:
    rng = np.random.default_rng(2)
    return np.concatenate([np.full((1, num_rows), 2.0), rng.exponential(1.0, (num_candidates - 1, num_rows))])


@pytest.mark.parametrize("world", WORLDS)
def test_where_no_rewrite_is_better_few_are_confirmed_although_many_are_accepted(world: World) -> None:
    count = simulate(skewed(), world)
    assert count.num_jobs == 600
    assert count.changed > 200
    assert count.share <= 0.05 + 3 * 0.009


def test_the_same_jobs_confirm_rewrites_that_are_better() -> None:
    losses = noisy_pool(num_examples=140).losses
    counts = [run_job(losses, 40, 16, np.random.default_rng(job), seed=0) for job in range(30)]
    assert sum(count.confirmed for count in counts) == 30


def test_a_job_without_a_better_prompt_keeps_its_own() -> None:
    losses = np.concatenate([np.zeros((1, 140)), np.ones((19, 140))])
    assert run_job(losses, 40, 16, np.random.default_rng(0), seed=0) == NullCount(1, 0, 0)


def test_exchanged_losses_keep_their_size_and_centred_ones_lose_their_mean() -> None:
    losses = skewed()
    sizes = np.sort(np.abs(losses[1:] - losses[0]), axis=None)
    drawn = null_losses(losses, "exchanged", np.random.default_rng(0))
    assert np.allclose(np.sort(np.abs(drawn[1:] - drawn[0]), axis=None), sizes)
    assert (drawn[0] == losses[0]).all()
    means = [
        (drawn[1:] - drawn[0]).mean()
        for drawn in (null_losses(losses, "centred", np.random.default_rng(job)) for job in range(200))
    ]
    assert abs(np.mean(means)) < 0.01


def test_the_seed_decides_the_count() -> None:
    assert simulate(skewed(), "exchanged", 50) == simulate(skewed(), "exchanged", 50)


def test_halving_saves_half_of_a_round_and_keeps_a_clear_winner() -> None:
    saved, same = halving_rounds(pool(noisy_pool(noise=0.1).losses), 50, seed=0)
    assert saved == pytest.approx(1 - (13 * 8 + 7 * 8 + 4 * 16 + 2 * 16) / (13 * 48))
    assert same > 0.95


def test_a_winner_that_few_examples_cannot_show_is_lost() -> None:
    losses = np.random.default_rng(0).normal(1.0, 2.0, (24, 48))
    assert halving_rounds(pool(losses), 50, seed=0)[1] < 0.9


def test_checks_pass_or_fail_and_say_which() -> None:
    sizes = {"num_train": 40, "num_validation": 16, "num_rounds": 30, "num_null_jobs": 100, "seed": 0}
    good = run_checks([pool(noisy_pool(noise=0.1).losses)], **sizes)
    assert good.keys() == {"halving", "null_exchanged", "null_centred"}
    assert good["halving"]["passed"]
    assert good["halving"]["num_rounds"] == 30
    assert good["null_exchanged"]["num_jobs"] == 100
    bad = run_checks([pool(np.random.default_rng(0).normal(1.0, 2.0, (24, 48)))], **sizes)
    assert not bad["halving"]["passed"]
    assert sentences(bad)[0].startswith("FAILED: halving asked ")
    assert sentences(good)[0].startswith(f"passed: halving asked {100 * good['halving']['cells_saved']:.0f} % fewer")
