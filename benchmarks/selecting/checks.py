"""What must hold on the recorded pools, whatever the weights: halving pays, and no gain is claimed where none is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from benchmarks.selecting.desk import Desk
from benchmarks.selecting.known import Floats, Known
from benchmarks.selecting.null import WORLDS, NullCount, simulate_null
from benchmarks.selecting.policies import Rungs
from benchmarks.selecting.prices import Prices
from pmpo.optim.acceptance import ALPHA
from pmpo.optim.selection import SequentialHalving

ROUND_SIZE = 13  # the product's: the prompt that stands and 12 rewrites
LEAST_SAVED = 0.4
LEAST_SAME = 0.95


@dataclass(frozen=True, slots=True)
class Pool:
    """What is recorded of a job: training cells with prices, and the losses of every candidate on the test rows."""

    known: Known
    prices: Prices
    test_losses: Floats


def run_checks(
    pools: Sequence[Pool], *, num_train: int, num_validation: int, num_rounds: int, num_null_jobs: int, seed: int
) -> dict[str, dict[str, Any]]:
    """By name: what was found, over all pools, and whether it ``passed``; as plain values."""
    rounds = [halving_rounds(pool, num_rounds, seed) for pool in pools]
    saved, same = (float(np.mean([found[place] for found in rounds])) for place in (0, 1))
    checks: dict[str, dict[str, Any]] = {
        "halving": {
            "cells_saved": round(saved, 4),
            "same_winner": round(same, 4),
            "num_rounds": num_rounds * len(pools),
            "passed": saved >= LEAST_SAVED and same >= LEAST_SAME,
        }
    }
    for world in WORLDS:
        counts = [
            simulate_null(
                np.concatenate([pool.known.losses, pool.test_losses], axis=1),
                world,
                num_train=num_train,
                num_validation=num_validation,
                num_jobs=num_null_jobs,
                seed=seed,
            )
            for pool in pools
        ]
        found = reduce(NullCount.plus, counts)
        checks[f"null_{world}"] = {**found.plain(), "passed": found.share <= ALPHA}
    return checks


def halving_rounds(pool: Pool, num_rounds: int, seed: int) -> tuple[float, float]:
    """(share of cells saved, share of rounds with the winner of full scoring or one that ties it).

    A round takes the seed prompt and 12 rewrites of the pool (all, where there are fewer), on shuffled examples.
    """
    means = pool.known.losses.mean(axis=1)
    saved, same = [], []
    for number in range(num_rounds):
        rng = np.random.default_rng([seed, number])
        rewrites = rng.permutation(np.arange(1, pool.known.num_candidates))[: ROUND_SIZE - 1]
        candidates = [0, *map(int, rewrites)]
        desk = Desk(pool.known, pool.prices, candidates, rng.permutation(pool.known.num_examples).tolist())
        Rungs(SequentialHalving(), "loss").run(desk)
        saved.append(1 - desk.cells / (len(candidates) * pool.known.num_examples))
        same.append(means[desk.steps[-1].pick] <= means[candidates].min() + 1e-9)
    return float(np.mean(saved)), float(np.mean(same))


def sentences(checks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What was checked, for a person."""
    halving = checks["halving"]
    found = [
        f"{_word(halving)}: halving asked {100 * halving['cells_saved']:.0f} % fewer cells than scoring everything "
        f"(at least {100 * LEAST_SAVED:.0f} %) and kept its winner in {100 * halving['same_winner']:.1f} % of "
        f"{halving['num_rounds']:,} rounds (at least {100 * LEAST_SAME:.0f} %)"
    ]
    for world in WORLDS:
        null = checks[f"null_{world}"]
        found.append(
            f"{_word(null)}: where no rewrite is better ({world} losses), {100 * null['share']:.1f} % of "
            f"{null['num_jobs']:,} simulated jobs said confirmed (at most {100 * ALPHA:.0f} %)"
        )
    return found


def _word(check: Mapping[str, Any]) -> str:
    return "passed" if check["passed"] else "FAILED"
