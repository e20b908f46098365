"""Jobs in which no rewrite is better than the seed prompt, made from recorded pools: how often is one ``confirmed``?

A rewrite's loss on a row is the seed prompt's plus a difference. A null world keeps the size of these differences
and takes their direction away:

    exchanged  on every row a coin decides whether the two losses change places: differences symmetric about zero
    centred    the differences minus their mean, rows drawn with replacement: mean zero, as skewed as recorded

A simulated job then goes the product's way, with its classes: rounds of rewrites, halving on the training rows, the
acceptance rule with its validation gate, and the sign-flip test against the seed prompt on rows that nothing saw.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from benchmarks.selecting.known import Floats
from pmpo.optim.acceptance import ALPHA, AcceptanceRule, sign_flip_p_value
from pmpo.optim.selection import SequentialHalving

World = Literal["exchanged", "centred"]
WORLDS: tuple[World, ...] = ("exchanged", "centred")
VARIANTS_A_ROUND = 12
MIN_DELTA = 1e-4  # the product's default


@dataclass(frozen=True, slots=True)
class NullCount:
    """Simulated jobs: all, those that ended with another prompt than the seed, and those that said ``confirmed``."""

    num_jobs: int = 0
    changed: int = 0
    confirmed: int = 0

    def plus(self, other: NullCount) -> NullCount:
        """Both together."""
        return NullCount(self.num_jobs + other.num_jobs, self.changed + other.changed, self.confirmed + other.confirmed)

    @property
    def share(self) -> float:
        """Of all jobs those that said ``confirmed``."""
        return self.confirmed / self.num_jobs

    def plain(self) -> dict[str, Any]:
        """For JSON, with the standard error of the share."""
        error = math.sqrt(self.share * (1 - self.share) / self.num_jobs)
        return {**asdict(self), "share": round(self.share, 4), "standard_error": round(error, 4)}


def simulate_null(
    losses: Floats, world: World, *, num_train: int, num_validation: int, num_jobs: int, seed: int
) -> NullCount:
    """Count over ``num_jobs`` simulated jobs.

    ``losses`` is (C, N) with the seed prompt first; each job takes ``num_train`` and ``num_validation`` of the N rows
    and tests on the others.
    """
    count = NullCount()
    for job in range(num_jobs):
        rng = np.random.default_rng([seed, job])
        drawn = null_losses(losses, world, rng)
        count = count.plus(run_job(drawn, num_train, num_validation, rng, seed))
    return count


def run_job(losses: Floats, num_train: int, num_validation: int, rng: np.random.Generator, seed: int) -> NullCount:
    """One job over known losses, (C, N) with the seed prompt first, its rows divided at random."""
    rows = rng.permutation(losses.shape[1])
    train, validation, test = np.split(rows, [num_train, num_train + num_validation])
    best = _search(losses[:, train], losses[:, validation], rng)
    is_confirmed = best != 0 and sign_flip_p_value(losses[best, test] - losses[0, test], seed) < ALPHA
    return NullCount(1, int(best != 0), int(is_confirmed))


def null_losses(losses: Floats, world: World, rng: np.random.Generator) -> Floats:
    """(C, N) losses of one null world, the seed prompt first, the rewrites in a random order."""
    rewrites = rng.permutation(np.arange(1, len(losses)))
    differences = losses[rewrites] - losses[0]  # (C - 1, N)
    if world == "exchanged":
        before, shifted = losses[0], differences * rng.choice([-1.0, 1.0], differences.shape)
    else:
        rows = rng.integers(losses.shape[1], size=losses.shape[1])
        before, shifted = losses[0, rows], (differences - differences.mean(axis=1, keepdims=True))[:, rows]
    return np.concatenate([before[None], before + shifted])


def _search(train: Floats, validation: Floats, rng: np.random.Generator) -> int:
    """The candidate with the best validation loss of all that the search stood on."""
    rule = AcceptanceRule(MIN_DELTA)
    standing, stood = 0, [0]
    for start in range(1, len(train), VARIANTS_A_ROUND):
        pool = [standing, *range(start, min(start + VARIANTS_A_ROUND, len(train)))]
        for challenger in _ranked(train, pool, rng):
            if challenger != standing and _is_accepted(rule, train, validation, standing, challenger):
                standing = challenger
                stood.append(challenger)
                break
    return min(stood, key=lambda place: float(validation[place].mean()))


def _ranked(train: Floats, alive: list[int], rng: np.random.Generator) -> list[int]:
    """Those that halving scores on everything, best first."""
    policy, num = SequentialHalving(), train.shape[1]
    order = rng.permutation(num)
    for size in policy.rungs(num):
        losses = train[alive][:, order[:size]]
        kept = policy.keep(losses, num) if size < num else np.argsort(losses.mean(axis=1), kind="stable")
        alive = [alive[int(place)] for place in kept]
    return alive


def _is_accepted(rule: AcceptanceRule, train: Floats, validation: Floats, standing: int, challenger: int) -> bool:
    before, after = (float(train[place].mean()) for place in (standing, challenger))
    if rule.check_train(before, after, {}, {}) is not None:
        return False
    return rule.check_validation(*(float(validation[place].mean()) for place in (standing, challenger))) is None
