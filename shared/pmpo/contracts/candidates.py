"""Candidates on the wire: every prompt that a run tried or refused, with its losses and its fate."""

from __future__ import annotations

from typing import Literal

from pmpo.contracts.jobs import JobState
from pmpo.contracts.sections import Strict

Fate = Literal["seed", "accepted", "dropped", "refused", "open"]
Split = Literal["train", "validation"]
CellMeasure = Literal["loss", "error"]
MAX_PAGE_CANDIDATES = 500


class RowValues(Strict):
    """What a prompt scored, row by row.

    Attributes:
        split: the set that the rows belong to.
        measure: ``loss``, in the unit of the job's objective; ``error``: 0 for a right answer, 1 for a wrong one, of a
            rival that is scored by accuracy.
        rows: row numbers, from 0, of the file that the set came from, rising.
        values: one for each row.
    """

    split: Split
    measure: CellMeasure
    rows: list[int]
    values: list[float]


class CandidateView(Strict):
    """A prompt of a run, and what became of it. Null stands for what was not measured.

    Attributes:
        number: number of the event that it came with: the order of candidates, and the cursor of their pages.
        id: its number among the candidates, the first seed prompt's is 0; null for a rewrite that a guard refused.
        parent_id: the candidate that it was written from; null for seed prompts and refused rewrites.
        iteration: the round that it came in; 0 for seed prompts.
        example_row: the row of the train file that it was written for, or, of a demonstration, that it shows.
        prompt: the text; of a refused rewrite what the model wrote.
        num_tokens: tokens of the prompt alone.
        fate: ``seed``: the search began with it. ``accepted``: it became the incumbent. ``dropped``: it was a candidate
            and lost. ``refused``: a guard let it not be scored. ``open``: nothing is decided.
        reason: a code: why it was dropped or refused; of an accepted one ``restart`` (a runner-up that the search went
            on from), ``demonstration``, or empty.
        detail: the reason in a sentence, with its numbers.
        decided_in: the round in which its fate was decided.
        is_best: it is the result, or the best so far of a run that has none.
        num_train: training rows that it was scored on.
        train_loss, validation_loss: weighted means over the rows that it was scored on.
        train_accuracy: share of right answers on training rows, of a rival that is scored by accuracy.
        validation_accuracy: share of right answers on the validation rows.
        losses: row by row, when they were asked for.
    """

    number: int
    id: int | None
    parent_id: int | None
    iteration: int
    example_row: int | None
    prompt: str
    num_tokens: int | None
    fate: Fate
    reason: str
    detail: str
    decided_in: int | None
    is_best: bool
    num_train: int
    train_loss: float | None
    validation_loss: float | None
    train_accuracy: float | None
    validation_accuracy: float | None
    losses: list[RowValues] | None = None


class CandidatesPage(Strict):
    """``GET /v1/jobs/{id}/candidates``: in the order in which they came.

    ``next`` is the ``after`` of the next page, null when there is none now. ``counts`` are of all candidates by fate,
    whatever the page holds.
    """

    candidates: list[CandidateView]
    next: int | None
    counts: dict[Fate, int]
    state: JobState
