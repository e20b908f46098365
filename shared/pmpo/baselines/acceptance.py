"""Acceptance: which scored candidate a run stands for at its end."""

from __future__ import annotations

from typing import Protocol

from pmpo.baselines.measures import Measure
from pmpo.baselines.standing import Standing
from pmpo.optim.acceptance import AcceptanceRule
from pmpo.optim.events import Candidate
from pmpo.optim.guards import Rejection


class Acceptance(Protocol):
    """Decides about one candidate that is scored on every training example."""

    async def refusal(self, standing: Standing, candidate: Candidate) -> Rejection | None:
        """None when it becomes the incumbent. Raises BudgetExhaustedError."""
        ...


class Gate:
    """PMPO's rule, by what the rival is scored by: better in training, not worse in validation, no anchor worse.

    Kinder than the papers, which return the prompt with the best score on the very examples that it was picked by. The
    gate decides what is reported alone: a candidate that it refuses stays in its population or trajectory.
    """

    async def refusal(self, standing: Standing, candidate: Candidate) -> Rejection | None:
        """See ``Acceptance.refusal``; under accuracy the sentence speaks of error rates."""
        refusal = await self._refusal(standing, candidate)
        if refusal is None or standing.kind == "loss":
            return refusal
        return Rejection(refusal.reason, refusal.detail.replace("loss", "error rate"))

    async def _refusal(self, standing: Standing, candidate: Candidate) -> Rejection | None:
        base = standing.spec.base
        rule = AcceptanceRule(base.min_delta, base.anchors)
        before, after = standing.incumbent.prompt, candidate.prompt
        train, validation = standing.score.table, standing.gate.table
        refusal = rule.check_train(
            train.mean(before), train.mean(after), _by_row(standing.score, before), _by_row(standing.score, after)
        )
        if refusal is not None:
            return refusal
        await standing.gate.measure([after])
        return rule.check_validation(validation.mean(before), validation.mean(after))


class Unconditional:
    """A fixed prompt is reported whatever it scored: its test is what one wants to know."""

    async def refusal(self, standing: Standing, candidate: Candidate) -> Rejection | None:
        """Never."""
        return None


def _by_row(measure: Measure, prompt: str) -> dict[int, float]:
    row = measure.table.row(prompt)
    return {example.index: float(cell) for example, cell in zip(measure.table.examples, row, strict=True)}
