"""The lineage of a prompt: from the seed prompt that it goes back to, step by step, with what each step changed."""

from __future__ import annotations

from collections.abc import Sequence

from pmpo.contracts.candidates import CandidateView
from pmpo.contracts.reports import DiffPiece, LineageStep
from pmpo.text.diff import word_diff


def lineage(views: Sequence[CandidateView], best_id: int) -> list[LineageStep]:
    """From a seed prompt to the candidate ``best_id``; empty when that is not among ``views``."""
    by_id = {view.id: view for view in views if view.id is not None}
    steps: list[CandidateView] = []
    here = by_id.get(best_id)
    while here is not None:
        steps.append(here)
        here = None if here.parent_id is None else by_id.get(here.parent_id)
    steps.reverse()
    return [_step(view, before) for before, view in zip([None, *steps], steps, strict=False)]


def diff_pieces(before: str, after: str) -> list[DiffPiece]:
    """The word diff of two prompts."""
    return [DiffPiece(op=op, text=text) for op, text in word_diff(before, after)]


def _step(view: CandidateView, before: CandidateView | None) -> LineageStep:
    assert view.id is not None
    return LineageStep(
        candidate_id=view.id,
        iteration=view.iteration,
        example_row=view.example_row,
        prompt=view.prompt,
        num_tokens=view.num_tokens,
        train_loss=view.train_loss,
        validation_loss=view.validation_loss,
        validation_accuracy=view.validation_accuracy,
        diff=[] if before is None else diff_pieces(before.prompt, view.prompt),
    )
