"""The result of a run: put together in one place, for the search, for compressions and for rivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pmpo.optim.events import Candidate, SearchFinished, SearchResult, Spent, StopReason, TestComparison, Verdict
from pmpo.optim.meter import LossTable
from pmpo.optim.mode_results import Compression, Demonstrations


class Run(Protocol):
    """What a result reads off any run: how far it came, its loss tables, what it spent."""

    @property
    def iteration(self) -> int:
        """Rounds so far."""
        ...

    @property
    def num_accepted(self) -> int:
        """Candidates that became the incumbent."""
        ...

    @property
    def train(self) -> LossTable:
        """Losses of the job's objective on the training examples."""
        ...

    @property
    def validation(self) -> LossTable:
        """The same on the validation examples."""
        ...

    def number(self) -> int:
        """The next event's number."""
        ...

    async def spent(self) -> Spent:
        """A snapshot of the ledger and the clock."""
        ...


@dataclass(frozen=True, slots=True)
class Ending:
    """What a run decided at its end: see ``SearchResult``. ``seed`` and ``best`` are known on both tables in full."""

    stop_reason: StopReason
    verdict: Verdict
    seed: Candidate
    best: Candidate
    test: TestComparison | None
    detail: str = ""
    num_restarts: int = 0
    num_seeds: int = 1
    compression: Compression | None = None
    demonstrations: Demonstrations | None = None


async def finished(run: Run, ending: Ending) -> SearchFinished:
    """The last event of ``run``. Losses are the job's objective, whatever the candidates were chosen by."""
    result = SearchResult(
        stop_reason=ending.stop_reason,
        verdict=ending.verdict,
        best=ending.best,
        seed=ending.seed,
        num_iterations=run.iteration,
        num_accepted=run.num_accepted,
        train_loss_before=run.train.mean(ending.seed.prompt),
        train_loss_after=run.train.mean(ending.best.prompt),
        validation_loss_before=run.validation.mean(ending.seed.prompt),
        validation_loss_after=run.validation.mean(ending.best.prompt),
        test=ending.test,
        spent=await run.spent(),
        detail=ending.detail,
        num_restarts=ending.num_restarts,
        num_seeds=ending.num_seeds,
        compression=ending.compression,
        demonstrations=ending.demonstrations,
    )
    return SearchFinished(run.number(), result)
