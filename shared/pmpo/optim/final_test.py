"""The final test, of a search and of its rivals: reserved at the start, and run once, at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pmpo.optim.acceptance import MIN_TEST_EXAMPLES, compare
from pmpo.optim.bounds import TokenCounts, final_answering, final_scoring
from pmpo.optim.budget import Ledger
from pmpo.optim.events import TestComparison
from pmpo.optim.meter import LossTable, Meter
from pmpo.optim.spec import SearchSpec
from pmpo.optim.tariff import Reservation


@dataclass(frozen=True, slots=True)
class Held:
    """Reservations for scoring and answering the test set twice: with the seed prompt and with the final one."""

    scoring: tuple[Reservation, Reservation]
    answering: tuple[Reservation, Reservation]

    @classmethod
    def reserved(cls, ledger: Ledger, counts: TokenCounts, spec: SearchSpec) -> Held:
        """Set aside what the end can cost; the budget was found to be large enough before."""
        held = cls(final_scoring(counts, spec), final_answering(counts, spec))
        for reservation in (*held.scoring, *held.answering):
            if ledger.try_reserve(reservation) is None:
                raise AssertionError("the final test does not fit under caps that were found to be large enough")
        return held


async def final_test(
    meter: Meter, held: Held, test: LossTable, prompts: tuple[str, str], spec: SearchSpec
) -> tuple[TestComparison | None, str]:
    """Score and answer the test set with the seed prompt and the final one (``prompts``), out of what is held.

    The second value says why there is no comparison; it is empty when there is one.
    """
    if len(test) < MIN_TEST_EXAMPLES:
        return None, f"the test set has {len(test)} rows; at least {MIN_TEST_EXAMPLES} are needed for a verdict"
    before, after = prompts
    for prompt, scoring in zip(prompts, held.scoring, strict=True):
        await meter.measure(test, [prompt], held=scoring)
    comparison = compare(test.row(before), test.row(after), test.weights, spec.seed)
    accuracy_before = await meter.accuracy(before, test, spec.max_answer_tokens, held=held.answering[0])
    accuracy_after = accuracy_before
    if after != before:
        accuracy_after = await meter.accuracy(after, test, spec.max_answer_tokens, held=held.answering[1])
    return replace(
        comparison,
        accuracy_before=accuracy_before,
        accuracy_after=accuracy_after,
        preferred_before=test.win_share(before),
        preferred_after=test.win_share(after),
    ), ""
