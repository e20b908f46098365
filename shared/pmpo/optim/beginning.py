"""The beginning of a search: set up, refuse a budget that is too small, reserve the end, score the seed prompt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pmpo.optim.acceptance import AcceptanceRule
from pmpo.optim.bounds import (
    TokenCounts,
    covered_by_minimum,
    largest_row_bytes,
    max_marked_tokens,
    minimum_budget,
    most_targets,
)
from pmpo.optim.budget import Ledger, require
from pmpo.optim.events import Candidate
from pmpo.optim.final_test import Held
from pmpo.optim.hard_examples import Thompson, TopLoss
from pmpo.optim.journal import JournaledPorts, SearchPorts
from pmpo.optim.meter import LossTable, Meter
from pmpo.optim.proposing import GuardRail, derived_seed, texts_to_keep
from pmpo.optim.selection import policy_of
from pmpo.optim.spec import SearchSpec
from pmpo.optim.state import State
from pmpo.optim.stopping import StopRules
from pmpo.optim.types import Completion, GenerationRequest, Message, Splits
from pmpo.optim.unit_proposals import ModelUnits, RuleUnits, UnitPolicy


async def begin(spec: SearchSpec, splits: Splits, ports: SearchPorts) -> State:
    """A search that stands on its first seed prompt.

    Raises:
        BudgetTooSmallError: the caps do not cover the final test and one iteration.
    """
    state = fresh(spec, splits, ports)
    await _reserve_end(state)
    first = state.seeds[0]
    await state.meter.measure(state.train, [first.prompt])
    await state.meter.measure(state.validation, [first.prompt])
    state.stand_on(first, await state.accuracy(first))
    return state


def fresh(spec: SearchSpec, splits: Splits, ports: SearchPorts) -> State:
    """The state before the first question: nothing is scored, nothing is reserved."""
    journaled = JournaledPorts(ports)
    ledger = Ledger(spec.caps, spec.prices)
    meter = Meter(journaled, ledger, spec.objective, ports.grader if spec.with_accuracy else None)
    seeds = tuple(Candidate(number, prompt) for number, prompt in enumerate(spec.seeds))
    return State(
        spec=spec,
        splits=splits,
        ports=journaled,
        ledger=ledger,
        meter=meter,
        rail=GuardRail(spec, splits.train),
        policy=policy_of(spec.selection),
        hard=Thompson() if spec.hard_examples_policy == "thompson" else TopLoss(),
        units=_unit_policy(spec, journaled, meter),
        rule=AcceptanceRule(spec.min_delta, spec.anchors),
        stops=StopRules(spec),
        train=LossTable(splits.train),
        validation=LossTable(splits.validation),
        test=LossTable(splits.test),
        seeds=seeds,
        rng=np.random.default_rng(spec.seed),
        candidates=list(seeds),
        undecided={seed.id: seed for seed in seeds[1:]},
    )


def _unit_policy(spec: SearchSpec, ports: JournaledPorts, meter: Meter) -> UnitPolicy:
    """The policy that the spec names; the model's asks the rewriter, greedily, under the ledger."""
    by_rule = RuleUnits(spec.protected, spec.max_units)
    if spec.units == "rule" or spec.mask_meta is None:
        return by_rule

    async def ask(messages: tuple[Message, ...]) -> Completion:
        seed = derived_seed(spec.seed, ports.num_calls + 1, 0)
        request = GenerationRequest(messages, 1, max_marked_tokens(spec), temperature=0.0, top_p=1.0, seed=seed)
        return (await meter.rewrites([request]))[0][0]

    return ModelUnits(spec.mask_meta, texts_to_keep(spec), by_rule, ask)


async def _reserve_end(state: State) -> None:
    counts = await seed_counts(state)
    require(state.spec.caps, minimum_budget(counts, state.spec, state.policy), covered_by_minimum(state.spec))
    state.held = Held.reserved(state.ledger, counts, state.spec)


async def seed_counts(state: State) -> TokenCounts:
    """Ask for the seed prompts' token counts on the three sets, and alone, which the candidates then carry."""
    prompts = [seed.prompt for seed in state.seeds]
    for table in (state.train, state.validation):
        await state.meter.count(table, prompts)
    await state.meter.count(state.test, prompts[:1])
    alone = await state.ports.count_tokens(prompts)
    state.count_seeds(alone)
    first, *others = [
        TokenCounts(
            _known(state.train, prompt), _known(state.validation, prompt), _known(state.test, prompt), num_tokens
        )
        for prompt, num_tokens in zip(prompts, alone, strict=True)
    ]
    row, most = largest_row_bytes(state.splits.train), most_targets(state.splits)
    return replace(first, others=others, largest_row_bytes=row, max_row_targets=most)


def _known(table: LossTable, prompt: str) -> list[int]:
    counts = table.counts(prompt)
    return [] if counts is None else [int(count) for count in counts]
