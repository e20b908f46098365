import numpy as np
import pytest

from benchmarks.optimizing.summary import Results, contestant_summary, lead_summary, prompt_at, prompts_shown
from benchmarks.selecting.desk import Step
from benchmarks.selecting.policies import POLICIES
from benchmarks.selecting.replay import pick_at, regrets_of, replay, seconds_to_close
from benchmarks.selecting.summary import JobReplays, job_summary, overall_summary, rank_correlation
from tests.unit.benchmarks.world import PRICES, noisy_pool

ACCURACY = np.array([0.1, 0.5, 0.9, 0.895])


def step(pick: int, seconds: float) -> Step:
    return Step(pick, seconds, 0, 0, 0)


def test_regret_is_the_distance_from_the_best_of_the_pool() -> None:
    assert regrets_of([2, 0, 1], ACCURACY) == pytest.approx([0.0, 0.8, 0.4])


def test_the_pick_at_a_time_is_the_last_one_that_was_paid_by_then() -> None:
    trace = [step(0, 0.0), step(1, 2.0), step(2, 5.0)]
    assert [pick_at(trace, seconds) for seconds in (0.0, 1.9, 2.0, 4.0, 9.0)] == [0, 0, 1, 1, 2]


def test_close_counts_from_when_it_stays_close() -> None:
    trace = [step(0, 0.0), step(2, 1.0), step(1, 2.0), step(3, 3.0), step(2, 4.0)]
    assert seconds_to_close(trace, ACCURACY) == 3.0
    assert seconds_to_close(trace[:3], ACCURACY) == float("inf")


def test_rank_correlation_is_spearman_with_ties() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 90]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 2, 2, 4], [1, 3, 2, 4]) == pytest.approx(0.9486833)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) == 0.0


def test_summaries_have_every_policy_and_the_reference_costs_one() -> None:
    jobs = []
    for seed in (0, 1):
        known = noisy_pool(seed=seed)
        replays = {name: replay(policy, known, PRICES, 5, seed=0) for name, policy in POLICIES.items()}
        jobs.append(JobReplays(known, 1 - known.errors.mean(axis=1), replays))
    overall = overall_summary(jobs, seed=0)
    assert overall.keys() == POLICIES.keys() == job_summary(jobs[0], seed=0).keys()
    assert overall["loss: all"]["cost"]["mean"] == 1.0
    assert overall["loss: all"]["same_as_all"]["mean"] == 1.0
    assert overall["loss: all"]["cells_saved"]["mean"] == 0.0
    assert overall["loss: halving"]["cells_saved"]["mean"] > 0.4
    assert overall["loss: halving"]["cost"]["mean"] < 1.0


def trial(*steps: tuple[str, float]) -> dict[str, object]:
    return {
        "steps": [{"prompt": prompt, "seconds": seconds} for prompt, seconds in steps],
        "rounds": len(steps) - 1,
        "total": {"seconds": steps[-1][1], "scored_tokens": 5},
    }


def test_a_prompt_that_was_accepted_after_the_cap_does_not_count() -> None:
    late = trial(("seed", 0.0), ("good", 4.0), ("best", 12.0))
    assert [prompt_at(late, seconds) for seconds in (3.9, 4.0, 10.0, 12.0)] == ["seed", "good", "good", "best"]


TESTS = {name: {"seed": {"accuracy": 0.0, "loss": 2.0}, "good": {"accuracy": 0.5, "loss": 1.0}} for name in "ab"}


def results(**seconds: tuple[float, float]) -> Results:
    """By job, when each of two trials went from the seed prompt to the good one."""
    rows = {job: [trial(("seed", 0.0), ("good", when)) for when in pair] for job, pair in seconds.items()}
    return Results(rows, TESTS, cap_s=10.0)


def test_a_contestant_is_summed_up_over_jobs_and_seeds() -> None:
    found = contestant_summary(results(a=(4.0, 20.0), b=(4.0, 20.0)), seed=0)
    assert found["accuracy_at_share"]["0.3"]["mean"] == 0.0
    assert found["accuracy_at_share"]["1.0"]["mean"] == 25.0
    assert found["loss_at_share"]["1.0"]["mean"] == 1.5
    assert found["seconds"]["mean"] == 12.0
    assert found["rounds"]["mean"] == 1.0
    assert found["jobs"] == {"a": 25.0, "b": 25.0}


def test_a_lead_is_paired_by_job_and_seed_and_above_zero_where_pmpo_is_better() -> None:
    lead = lead_summary(results(a=(1.0, 20.0), b=(1.0, 1.0)), results(a=(20.0, 20.0), b=(1.0, 20.0)), seed=0)
    assert lead["accuracy_at_share"]["0.05"]["mean"] == 0.0
    assert lead["accuracy_at_share"]["1.0"]["mean"] == 25.0
    assert lead["loss_at_share"]["1.0"]["mean"] == 0.5
    assert lead["jobs"] == {"a": 25.0, "b": 25.0}
    same = results(a=(1.0, 20.0), b=(4.0, 9.0))
    assert lead_summary(same, same, seed=0)["accuracy_at_share"]["1.0"] == {"mean": 0.0, "low": 0.0, "high": 0.0}


def test_a_lead_counts_only_jobs_on_which_both_take_part() -> None:
    lead = lead_summary(results(a=(1.0, 1.0), b=(1.0, 1.0)), results(b=(20.0, 1.0)), seed=0)
    assert lead["jobs"] == {"b": 25.0}


def test_only_prompts_that_stand_at_a_share_of_the_cap_are_tested() -> None:
    steps = trial(("seed", 0.0), ("brief", 5.1), ("good", 5.2), ("late", 12.0))
    assert prompts_shown(steps, cap_s=10.0) == ["seed", "good"]
