"""The state of one search: its candidates, its incumbents, its tables, and the numbering of its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pmpo.optim.acceptance import AcceptanceRule
from pmpo.optim.budget import Ledger
from pmpo.optim.events import Candidate, CandidateDropped, IncumbentAccepted, Spent, StopReason
from pmpo.optim.final_test import Held
from pmpo.optim.guards import Rejection
from pmpo.optim.hard_examples import HardExamplePolicy
from pmpo.optim.journal import JournaledPorts
from pmpo.optim.meter import LossTable, Meter
from pmpo.optim.mode_results import Demonstrations
from pmpo.optim.proposing import GuardRail
from pmpo.optim.runners_up import RunnersUp
from pmpo.optim.selection import SelectionPolicy
from pmpo.optim.spec import SearchSpec
from pmpo.optim.stopping import Divergence, Incumbent, Standing, StopRules, best_of
from pmpo.optim.types import Splits, UnitImportance
from pmpo.optim.unit_proposals import UnitPolicy


@dataclass(slots=True)
class State:
    """Everything that a search knows. Built by ``beginning.begin``; the search loop alone changes it.

    Attributes:
        seeds: the seed prompts as candidates; the first is the one that the test compares with.
        incumbents: every prompt that the search stood on, in order; the last is the current one.
        importances: the incumbent's mask analysis, once it was made.
        undecided: candidates of the round whose fate is open.
    """

    spec: SearchSpec
    splits: Splits
    ports: JournaledPorts
    ledger: Ledger
    meter: Meter
    rail: GuardRail
    policy: SelectionPolicy
    hard: HardExamplePolicy
    units: UnitPolicy
    rule: AcceptanceRule
    stops: StopRules
    train: LossTable
    validation: LossTable
    test: LossTable
    seeds: tuple[Candidate, ...]
    rng: np.random.Generator
    incumbents: list[Incumbent] = field(default_factory=list)
    runners_up: RunnersUp = field(default_factory=RunnersUp)
    divergence: Divergence = field(default_factory=Divergence)
    held: Held | None = None
    importances: tuple[UnitImportance, ...] | None = None
    iteration: int = 0
    num_accepted: int = 0
    num_restarts: int = 0
    rounds_without: int = 0
    barren_rounds: int = 0
    last_text: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    undecided: dict[int, Candidate] = field(default_factory=dict)
    num_events: int = 0
    demonstrations: Demonstrations | None = None

    @property
    def incumbent(self) -> Candidate:
        """The prompt that the search stands on."""
        return self.incumbents[-1].candidate

    @property
    def standing(self) -> Standing:
        """What the stop rules look at."""
        current = self.incumbents[-1]
        return Standing(
            iteration=self.iteration,
            train_loss=current.train_loss,
            validation_accuracy=current.accuracy,
            num_validation=len(self.validation),
            rounds_without=self.rounds_without,
            barren_rounds=self.barren_rounds,
            num_divergences=self.divergence.count,
        )

    def best(self, stop: StopReason | None = None) -> Incumbent:
        """The incumbent that the search would end with; see ``stopping.best_of``."""
        return best_of(self.incumbents, stop)

    def stand_on(self, candidate: Candidate, accuracy: float | None) -> None:
        """Make ``candidate``, which was scored on training and validation examples, the incumbent."""
        prompt = candidate.prompt
        self.incumbents.append(Incumbent(candidate, self.train.mean(prompt), self.validation.mean(prompt), accuracy))
        self.importances = None

    def number(self) -> int:
        """The next event's number, from 1."""
        self.num_events += 1
        return self.num_events

    def count_seeds(self, num_tokens: Sequence[int]) -> None:
        """Write down how long the seed prompts are, before the search stands on one of them."""
        self.seeds = tuple(replace(seed, num_tokens=count) for seed, count in zip(self.seeds, num_tokens, strict=True))
        self.candidates = list(self.seeds)
        self.undecided = {seed.id: seed for seed in self.seeds[1:]}

    def new_candidate(self, prompt: str, example_index: int | None = None, num_tokens: int | None = None) -> Candidate:
        """A child of the incumbent."""
        candidate = Candidate(len(self.candidates), prompt, self.incumbent.id, example_index, num_tokens)
        self.candidates.append(candidate)
        self.undecided[candidate.id] = candidate
        return candidate

    def dropped(self, candidate: Candidate, why: Rejection) -> CandidateDropped:
        """The event that ends a candidate's life."""
        del self.undecided[candidate.id]
        known = self.validation.complete(candidate.prompt)
        return CandidateDropped(self.number(), self.iteration, candidate.id, why.reason, why.detail, known)

    def accepted(self, *, is_best: bool = True, tells_train: bool = False) -> IncumbentAccepted:
        """The event that tells of the current incumbent.

        ``tells_train``: with its training losses, which no other event tells.
        """
        current = self.incumbents[-1]
        prompt = current.candidate.prompt
        return IncumbentAccepted(
            self.number(),
            self.iteration,
            current.candidate,
            current.train_loss,
            current.validation_loss,
            current.accuracy,
            is_best,
            self.validation.complete(prompt),
            tuple(example.index for example in self.train.examples) if tells_train else (),
            self.train.complete(prompt) if tells_train else (),
        )

    async def accuracy(self, candidate: Candidate) -> float | None:
        """Validation accuracy of the target model's answers; None without a metric. Raises BudgetExhaustedError."""
        return await self.meter.accuracy(candidate.prompt, self.validation, self.spec.max_answer_tokens)

    async def spent(self) -> Spent:
        """A snapshot of the ledger and the clock."""
        return self.ledger.spent(await self.ports.elapsed_s())
