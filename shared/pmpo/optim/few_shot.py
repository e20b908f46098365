"""Few-shot: after the instruction, add the training rows as worked examples that lower the validation loss.

Greedy: of all candidates the one that lowers the validation loss most comes first, then the best one beside it, and so
on. Validation decides, so the choice is an optimistic one; what the demonstrations are worth is said by the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pmpo.optim.contest import those_that_fit
from pmpo.optim.events import Candidate, DemonstrationsScored, Event, IncumbentAccepted
from pmpo.optim.meter import BudgetExhaustedError, LossTable
from pmpo.optim.mode_results import Demonstrations
from pmpo.optim.spec import FewShotRule
from pmpo.optim.state import State
from pmpo.optim.types import Example
from pmpo.text.demonstrations import with_demonstrations
from pmpo.text.placeholders import placeholders

FEWEST_SCORED_ROWS = 2


@dataclass(slots=True)
class _Choice:
    """Where the choice stands: ``left`` may still be chosen; ``detail`` says why it ended.

    ``num_tokens``: of the prompt with one more demonstration, by that one's row, as last counted.
    """

    state: State
    instruction: str
    left: list[Example]
    chosen: list[Example] = field(default_factory=list)
    num_tokens: dict[int, int] = field(default_factory=dict)
    detail: str = ""

    def prompt_with(self, example: Example) -> str:
        pairs = [(item.input, item.target) for item in (*self.chosen, example)]
        return with_demonstrations(self.instruction, pairs)


async def choose_demonstrations(state: State, rule: FewShotRule) -> AsyncIterator[Event]:
    """Add demonstrations to the incumbent. Each step yields DemonstrationsScored, and IncumbentAccepted if one helped.

    A demonstration leaves the scored set: ``state.train`` ends without its row. Never a demonstration: a row whose
    input stands in validation or test (a given set may repeat rows), an anchor, a row without reward, and a row that
    holds placeholder braces, which would be filled. The copy guard does not apply, since quoting is the purpose. The
    prompt keeps ``max_prompt_tokens``, demonstrations included. What the budget leaves is used; running out ends it.
    """
    choice = _Choice(state, state.incumbent.prompt, _candidates(state, rule))
    num_tried, whole = len(choice.left), state.train
    before = state.validation.mean(choice.instruction)
    try:
        for step in range(1, rule.max_demonstrations + 1):
            choice.detail = await _obstacle(choice, whole)
            if choice.detail:
                break
            async for event in _step(choice, step, whole):
                yield event
            if choice.detail:
                break
    except BudgetExhaustedError as exhausted:
        choice.detail = f"the budget: {exhausted}"
    after = state.validation.mean(state.incumbent.prompt)
    rows = tuple(example.index for example in choice.chosen)
    detail = choice.detail or f"{rule.max_demonstrations} are the most that were asked for"
    state.demonstrations = Demonstrations(rows, num_tried, before, after, detail)


def _candidates(state: State, rule: FewShotRule) -> list[Example]:
    """The training rows that may be shown, drawn by the job's seed."""
    kept_apart = {example.input.strip() for example in (*state.validation.examples, *state.test.examples)}
    usable = [
        example
        for example in state.train.examples
        if example.input.strip() not in kept_apart
        and example.index not in state.spec.anchors
        and example.weight > 0
        and not placeholders(example.input + example.target)
    ]
    order = state.rng.permutation(len(usable))
    return [usable[int(position)] for position in order[: rule.candidates]]


async def _obstacle(choice: _Choice, whole: LossTable) -> str:
    """Why no further step can be made; empty when one can."""
    if not choice.left:
        return "no training row is left that may be shown"
    if len(whole) - len(choice.chosen) <= FEWEST_SCORED_ROWS:
        return "too few training rows would be left to score"
    seconds = choice.state.spec.caps.seconds
    if seconds is not None and await choice.state.ports.elapsed_s() >= seconds:
        return "the seconds are used up"
    return ""


async def _step(choice: _Choice, step: int, whole: LossTable) -> AsyncIterator[Event]:
    """Score every candidate on validation and take the best one that helps; ``choice.detail`` is set when none does."""
    state = choice.state
    trials = await _usable(choice)
    if not trials:
        choice.detail = "no further demonstration fits into max_prompt_tokens or the model's context"
        return
    prompts = [choice.prompt_with(example) for example in trials]
    await state.meter.measure(state.validation, prompts)
    means = np.array([state.validation.mean(prompt) for prompt in prompts])
    now = state.validation.mean(state.incumbent.prompt)
    winner = await _winner(choice, [trials[int(place)] for place in np.argsort(means, kind="stable")], now, whole)
    yield DemonstrationsScored(
        number=state.number(),
        step=step,
        rows=tuple(example.index for example in trials),
        validation_losses=tuple(float(mean) for mean in means),
        losses=tuple(tuple(map(float, state.validation.row(prompt))) for prompt in prompts),
        chosen_row=None if winner is None else winner.index,
    )
    if winner is None:
        choice.detail = "no further demonstration lowered the validation loss"
        return
    yield _accept(choice, winner, whole)


async def _usable(choice: _Choice) -> list[Example]:
    """Those whose prompt keeps the token limit and fits into the context with every row."""
    state, limit = choice.state, choice.state.spec.max_prompt_tokens
    counts = await state.ports.count_tokens([choice.prompt_with(example) for example in choice.left])
    choice.num_tokens = {example.index: count for example, count in zip(choice.left, counts, strict=True)}
    short = [example for example in choice.left if choice.num_tokens[example.index] <= limit]
    if not short:
        return []
    fit = await those_that_fit(state, [Candidate(example.index, choice.prompt_with(example)) for example in short])
    rows = {candidate.id for candidate in fit}
    return [example for example in short if example.index in rows]


async def _winner(choice: _Choice, ranked: Sequence[Example], now: float, whole: LossTable) -> Example | None:
    """The first that lowers the validation loss and makes no anchor worse; its training losses are measured."""
    state = choice.state
    for example in ranked:
        prompt = choice.prompt_with(example)
        if not state.validation.mean(prompt) < now - state.spec.min_delta:
            return None
        scored = _scored_positions(whole, [*choice.chosen, example])
        await state.meter.measure(whole, [prompt], scored)
        worse = whole.row(prompt) > whole.row(state.incumbent.prompt) + state.spec.min_delta
        if not any(worse[place] for place in scored if whole.examples[place].index in state.spec.anchors):
            return example
    return None


def _accept(choice: _Choice, example: Example, whole: LossTable) -> IncumbentAccepted:
    """The incumbent gets the demonstration; the scored training set loses its row."""
    state = choice.state
    prompt = choice.prompt_with(example)
    choice.chosen.append(example)
    choice.left.remove(example)
    num_tokens = choice.num_tokens[example.index]
    candidate = Candidate(len(state.candidates), prompt, state.incumbent.id, example.index, num_tokens)
    state.candidates.append(candidate)
    state.train = _reduced(whole, _scored_positions(whole, choice.chosen), (state.seeds[0].prompt, prompt))
    state.stand_on(candidate, None)
    return state.accepted(tells_train=True)


def _scored_positions(whole: LossTable, shown: Sequence[Example]) -> list[int]:
    rows = {example.index for example in shown}
    return [place for place, example in enumerate(whole.examples) if example.index not in rows]


def _reduced(whole: LossTable, positions: Sequence[int], prompts: Sequence[str]) -> LossTable:
    """The table of the rows at ``positions``, with what is known of ``prompts``."""
    table = LossTable([whole.examples[place] for place in positions])
    for prompt in prompts:
        table.row(prompt)[:] = whole.row(prompt)[list(positions)]
    return table
