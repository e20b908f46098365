"""Where a run of a rival stands: its candidates, its incumbent, its tables, and the numbering of its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pmpo.baselines.measures import ErrorMeasure, Measure
from pmpo.baselines.spec import MeasureKind, RivalSpec
from pmpo.optim.budget import Ledger
from pmpo.optim.events import Candidate, CandidateDropped, CandidateScored, IncumbentAccepted, Spent
from pmpo.optim.guards import Rejection
from pmpo.optim.journal import JournaledPorts
from pmpo.optim.meter import LossTable, Meter
from pmpo.optim.proposing import GuardRail


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score (lower is better) and fitness (0 to 1, higher is better).

    ``is_complete``: scored on every training example, so that it may be compared with the incumbent.
    """

    candidate: Candidate
    score: float
    fitness: float
    is_complete: bool = True


@dataclass(slots=True)
class Standing:
    """Everything that a run knows. Built by ``begin``; the loop alone changes it.

    Attributes:
        kind: what candidates are scored by.
        train, validation, test: losses of the job's objective; for a rival that is scored by accuracy, the report's.
        score, gate: what candidates are scored by on the training and on the validation examples.
        answers: errors on the validation examples; None without a metric. The same object as ``gate`` under accuracy.
        in_round: candidates of the running round, of which nothing is decided yet.
        refusals: why a candidate that is still in a population did not become the incumbent.
    """

    spec: RivalSpec
    kind: MeasureKind
    ports: JournaledPorts
    ledger: Ledger
    meter: Meter
    rail: GuardRail
    train: LossTable
    validation: LossTable
    test: LossTable
    score: Measure
    gate: Measure
    answers: ErrorMeasure | None
    seed: Candidate
    incumbent: Candidate
    rng: np.random.Generator
    iteration: int = 0
    num_accepted: int = 0
    rounds_without: int = 0
    rounds_without_rewrites: int = 0
    last_text: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    undecided: dict[int, Candidate] = field(default_factory=dict)
    in_round: set[int] = field(default_factory=set)
    refusals: dict[int, Rejection] = field(default_factory=dict)
    num_events: int = 0

    def number(self) -> int:
        """The next event's number, from 1."""
        self.num_events += 1
        return self.num_events

    def count_seed(self, num_tokens: int) -> None:
        """Write down how long the seed prompt is, before anything grows from it."""
        self.seed = self.incumbent = replace(self.seed, num_tokens=num_tokens)
        self.candidates = [self.seed]

    def new_candidate(
        self, prompt: str, parent: Candidate, example_index: int | None, num_tokens: int | None = None
    ) -> Candidate:
        """A child of ``parent``, whose fate is open."""
        candidate = Candidate(len(self.candidates), prompt, parent.id, example_index, num_tokens)
        self.candidates.append(candidate)
        self.undecided[candidate.id] = candidate
        self.in_round.add(candidate.id)
        return candidate

    def dropped(self, candidate: Candidate, why: Rejection) -> CandidateDropped:
        """The event that ends a candidate's life."""
        del self.undecided[candidate.id]
        self.in_round.discard(candidate.id)
        known = self.gate.table.complete(candidate.prompt)
        return CandidateDropped(self.number(), self.iteration, candidate.id, why.reason, why.detail, known)

    def accepted(self) -> IncumbentAccepted:
        """The event that tells of the incumbent, with training losses where CandidateScored has told errors."""
        prompt, tells_train = self.incumbent.prompt, self.kind == "accuracy"
        return IncumbentAccepted(
            number=self.number(),
            iteration=self.iteration,
            candidate=self.incumbent,
            train_loss=self.train.mean(prompt),
            validation_loss=self.validation.mean(prompt),
            validation_accuracy=self.validation_accuracy,
            validation_losses=self.validation.complete(prompt),
            train_indices=tuple(example.index for example in self.train.examples) if tells_train else (),
            train_losses=self.train.complete(prompt) if tells_train else (),
        )

    def scored(self, candidate: Candidate, rung: int, positions: Sequence[int]) -> CandidateScored:
        """The event that shows a candidate's cells at ``positions``: nats, or errors under accuracy."""
        row = self.score.table.row(candidate.prompt)
        rows = tuple(self.score.table.examples[position].index for position in positions)
        cells = tuple(float(row[position]) for position in positions)
        return CandidateScored(self.number(), self.iteration, rung, candidate.id, rows, cells)

    def ranked(self, candidate: Candidate) -> Ranked:
        """A candidate with its score over the training examples that it was scored on."""
        row = self.score.table.row(candidate.prompt)
        seen = [position for position in range(len(row)) if not np.isnan(row[position])]
        score = self.score.table.mean(candidate.prompt, seen)
        return Ranked(candidate, score, self.score.fitness(score), len(seen) == len(row))

    @property
    def validation_accuracy(self) -> float | None:
        """The incumbent's; None without a metric."""
        if self.answers is None or not len(self.answers.table):
            return None
        return 1.0 - self.answers.table.mean(self.incumbent.prompt)

    async def spent(self) -> Spent:
        """A snapshot of the ledger and the clock."""
        return self.ledger.spent(await self.ports.elapsed_s())
