"""Agreement of loss and accuracy: a loss is a stand-in for what a job wants, and this says how good a one it was."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.candidates import CandidateView
from pmpo.contracts.reports import CorrelationView
from pmpo.optim.correlation import rank_correlation

FEWEST_CANDIDATES = 5  # chance alone puts four in perfect order once in 24 times, five once in 120
CLEAR = 0.5


def agreement(views: Sequence[CandidateView]) -> CorrelationView:
    """Spearman's correlation over the candidates whose validation loss and validation accuracy are both known."""
    pairs = [
        (view.validation_loss, view.validation_accuracy)
        for view in views
        if view.validation_loss is not None and view.validation_accuracy is not None
    ]
    spearman = rank_correlation([loss for loss, _ in pairs], [accuracy for _, accuracy in pairs])
    return CorrelationView(num_candidates=len(pairs), spearman=spearman, sentence=_sentence(len(pairs), spearman))


def _sentence(num: int, spearman: float | None) -> str:
    if num == 0:
        return (
            "No prompt has both a validation loss and graded answers, so nothing can be said of how they go together."
        )
    if num < FEWEST_CANDIDATES:
        prompts = "1 prompt has" if num == 1 else f"{num} prompts have"
        return (
            f"Only {prompts} both a validation loss and graded answers: too few to say whether the two go together "
            f"({FEWEST_CANDIDATES} are the least)."
        )
    if spearman is None:
        return f"Validation loss or accuracy was the same for all {num} prompts, so they have no rank correlation."
    start = f"Over {num} prompts the rank correlation of validation loss and accuracy is {spearman:+.2f}: "
    if spearman <= -CLEAR:
        return start + "lower losses went with better answers."
    if spearman >= CLEAR:
        return start + "lower losses went with worse answers, so the loss is no good stand-in for the metric here."
    return start + "the loss says little about the answers here."
