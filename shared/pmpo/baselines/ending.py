"""The end of a run: the same test as PMPO's, out of what was reserved at the start, and the result."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pmpo.baselines.standing import Standing
from pmpo.optim.acceptance import MIN_TEST_EXAMPLES, compare, verdict_of
from pmpo.optim.bounds import TokenCounts, answering, final_scoring
from pmpo.optim.budget import Ledger, Reservation
from pmpo.optim.events import SearchFinished, SearchResult, StopReason, TestComparison
from pmpo.optim.spec import SearchSpec


@dataclass(frozen=True, slots=True)
class FinalTest:
    """Reservations for scoring and answering the test set twice: with the seed prompt and with the final one."""

    scoring: tuple[Reservation, Reservation]
    answering: tuple[Reservation, Reservation]

    @classmethod
    def reserved(cls, ledger: Ledger, counts: TokenCounts, base: SearchSpec) -> FinalTest:
        """Set aside what the end can cost; the budget was found to be large enough before."""
        scoring = final_scoring(counts, base)
        answers = (answering(len(counts.test), base), answering(len(counts.test), base))
        for reservation in (*scoring, *answers):
            if ledger.try_reserve(reservation) is None:
                raise AssertionError("the final test does not fit under caps that were found to be large enough")
        return cls(scoring, answers)

    async def run(self, standing: Standing) -> tuple[TestComparison | None, str]:
        """The comparison; or None, and why."""
        num_test = len(standing.test)
        if num_test < MIN_TEST_EXAMPLES:
            return None, f"the test set has {num_test} rows; at least {MIN_TEST_EXAMPLES} are needed for a verdict"
        before, after, base = standing.seed.prompt, standing.incumbent.prompt, standing.spec.base
        accuracies: list[float | None] = []
        for prompt, scoring, answers in zip((before, after), self.scoring, self.answering, strict=True):
            await standing.meter.measure(standing.test, [prompt], held=scoring)
            if accuracies and before == after:
                accuracies *= 2
                continue
            accuracies.append(
                await standing.meter.accuracy(prompt, standing.test.examples, base.max_answer_tokens, held=answers)
            )
        comparison = compare(standing.test.row(before), standing.test.row(after), standing.test.weights, base.seed)
        return replace(comparison, accuracy_before=accuracies[0], accuracy_after=accuracies[1]), ""


async def finished(standing: Standing, test: FinalTest, stop: StopReason, detail: str) -> SearchFinished:
    """Test, and sum up. Losses are the job's objective, whatever the rival was scored by."""
    comparison, problem = await test.run(standing)
    before, after = standing.seed.prompt, standing.incumbent.prompt
    if stop == "no_rewrites":
        detail = f"the last text that was refused: {standing.last_text[:300]!r}"
    result = SearchResult(
        stop_reason=stop,
        verdict=verdict_of(comparison, changed=before != after),
        best=standing.incumbent,
        seed=standing.seed,
        num_iterations=standing.iteration,
        num_accepted=standing.num_accepted,
        train_loss_before=standing.train.mean(before),
        train_loss_after=standing.train.mean(after),
        validation_loss_before=standing.validation.mean(before),
        validation_loss_after=standing.validation.mean(after),
        test=comparison,
        spent=await standing.spent(),
        detail=detail or problem,
    )
    return SearchFinished(standing.number(), result)
