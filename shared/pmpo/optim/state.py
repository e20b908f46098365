"""The state of one search: its candidates, its incumbent, its tables, and the numbering of its events."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pmpo.optim.acceptance import AcceptanceRule
from pmpo.optim.bounds import TokenCounts, answering, final_scoring, minimum_budget
from pmpo.optim.budget import Ledger, Reservation, require
from pmpo.optim.events import Candidate, CandidateDropped, Spent
from pmpo.optim.guards import Rejection
from pmpo.optim.hard_examples import HardExamplePolicy, Thompson, TopLoss
from pmpo.optim.journal import JournaledPorts, SearchPorts
from pmpo.optim.meter import LossTable, Meter
from pmpo.optim.mode_results import Demonstrations
from pmpo.optim.proposing import GuardRail
from pmpo.optim.selection import SelectionPolicy, policy_of
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Splits, UnitImportance


@dataclass(slots=True)
class Held:
    """Reservations for the end, made at the start: scoring and answering the test set twice."""

    scoring: tuple[Reservation, Reservation]
    answering: tuple[Reservation, Reservation]


@dataclass(slots=True)
class State:
    """Everything that a search knows. Built by ``begin``; the search loop alone changes it."""

    spec: SearchSpec
    splits: Splits
    ports: JournaledPorts
    ledger: Ledger
    meter: Meter
    rail: GuardRail
    policy: SelectionPolicy
    hard: HardExamplePolicy
    rule: AcceptanceRule
    train: LossTable
    validation: LossTable
    test: LossTable
    seed: Candidate
    incumbent: Candidate
    rng: np.random.Generator
    held: Held | None = None
    importances: tuple[UnitImportance, ...] | None = None
    iteration: int = 0
    num_accepted: int = 0
    rounds_without: int = 0
    rounds_without_rewrites: int = 0
    last_text: str = ""
    validation_accuracy: float | None = None
    candidates: list[Candidate] = field(default_factory=list)
    undecided: dict[int, Candidate] = field(default_factory=dict)
    num_events: int = 0
    demonstrations: Demonstrations | None = None

    def number(self) -> int:
        """The next event's number, from 1."""
        self.num_events += 1
        return self.num_events

    def new_candidate(self, prompt: str, example_index: int | None = None) -> Candidate:
        """A child of the incumbent."""
        candidate = Candidate(len(self.candidates), prompt, self.incumbent.id, example_index)
        self.candidates.append(candidate)
        self.undecided[candidate.id] = candidate
        return candidate

    def dropped(self, candidate: Candidate, why: Rejection) -> CandidateDropped:
        """The event that ends a candidate's life."""
        del self.undecided[candidate.id]
        return CandidateDropped(self.number(), self.iteration, candidate.id, why.reason, why.detail)

    async def spent(self) -> Spent:
        """A snapshot of the ledger and the clock."""
        return self.ledger.spent(await self.ports.elapsed_s())


async def begin(spec: SearchSpec, splits: Splits, ports: SearchPorts) -> State:
    """Set up, refuse a budget that is too small, reserve the end, score the seed prompt.

    Raises:
        BudgetTooSmallError: the caps do not cover the final test and one iteration.
    """
    state = fresh(spec, splits, ports)
    await _reserve_end(state)
    await state.meter.measure(state.train, [spec.prompt])
    await state.meter.measure(state.validation, [spec.prompt])
    state.validation_accuracy = await state.meter.accuracy(spec.prompt, splits.validation, spec.max_answer_tokens)
    return state


def fresh(spec: SearchSpec, splits: Splits, ports: SearchPorts) -> State:
    """The state before the first question: nothing is scored, nothing is reserved."""
    journaled = JournaledPorts(ports)
    ledger = Ledger(spec.caps)
    seed = Candidate(0, spec.prompt)
    grader = ports.grader if spec.with_accuracy else None
    return State(
        spec=spec,
        splits=splits,
        ports=journaled,
        ledger=ledger,
        meter=Meter(journaled, ledger, spec.objective, grader),
        rail=GuardRail(spec, splits.train),
        policy=policy_of(spec.selection),
        hard=Thompson() if spec.hard_examples_policy == "thompson" else TopLoss(),
        rule=AcceptanceRule(spec.min_delta, spec.anchors),
        train=LossTable(splits.train),
        validation=LossTable(splits.validation),
        test=LossTable(splits.test),
        seed=seed,
        incumbent=seed,
        rng=np.random.default_rng(spec.seed),
        candidates=[seed],
    )


async def _reserve_end(state: State) -> None:
    counts = await seed_counts(state)
    require(state.spec.caps, minimum_budget(counts, state.spec, state.policy))
    reserve_test(state, counts)


def reserve_test(state: State, counts: TokenCounts) -> None:
    """Hold what the final test costs at most; ``require`` has seen that it fits."""
    scoring = final_scoring(counts, state.spec)
    answers = (answering(len(counts.test), state.spec), answering(len(counts.test), state.spec))
    for reservation in (*scoring, *answers):
        state.ledger.try_reserve(reservation)
    state.held = Held(scoring, answers)


async def seed_counts(state: State) -> TokenCounts:
    """Ask for the seed prompt's token counts on the three sets, and alone."""
    prompt = state.spec.prompt
    rows: list[list[int]] = []
    for table in (state.train, state.validation, state.test):
        await state.meter.count(table, [prompt])
        known = table.counts(prompt)
        rows.append([] if known is None else [int(count) for count in known])
    (prompt_tokens,) = await state.ports.count_tokens([prompt])
    return TokenCounts(rows[0], rows[1], rows[2], prompt_tokens)
