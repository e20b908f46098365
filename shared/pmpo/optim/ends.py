"""The first and the last thing that a search does: say where the seed prompt stands, test the final one."""

from __future__ import annotations

from dataclasses import replace

from pmpo.optim.acceptance import MIN_TEST_EXAMPLES, compare
from pmpo.optim.events import SearchStarted, TestComparison
from pmpo.optim.state import State


def started(state: State) -> SearchStarted:
    """The first event, once the seed prompt is scored on the training and the validation set."""
    prompt = state.seed.prompt
    return SearchStarted(
        number=state.number(),
        seed=state.seed,
        num_train=len(state.train),
        num_validation=len(state.validation),
        num_test=len(state.test),
        max_iterations=state.spec.iterations,
        train_loss=state.train.mean(prompt),
        validation_loss=state.validation.mean(prompt),
        train_losses=tuple(float(loss) for loss in state.train.row(prompt)),
        train_indices=tuple(example.index for example in state.train.examples),
        validation_accuracy=state.validation_accuracy,
    )


async def final_test(state: State) -> tuple[TestComparison | None, str]:
    """Score and answer the test set with the seed prompt and the final one, out of what was reserved at the start.

    The second value says why there is no test; it is empty when there is one.
    """
    if len(state.test) < MIN_TEST_EXAMPLES:
        return None, f"the test set has {len(state.test)} rows; at least {MIN_TEST_EXAMPLES} are needed for a verdict"
    assert state.held is not None
    before, after = state.seed.prompt, state.incumbent.prompt
    for prompt, held in zip((before, after), state.held.scoring, strict=True):
        await state.meter.measure(state.test, [prompt], held=held)
    comparison = compare(state.test.row(before), state.test.row(after), state.test.weights, state.spec.seed)
    tokens = state.spec.max_answer_tokens
    accuracy_before = await state.meter.accuracy(before, state.test.examples, tokens, held=state.held.answering[0])
    accuracy_after = accuracy_before
    if after != before:
        accuracy_after = await state.meter.accuracy(after, state.test.examples, tokens, held=state.held.answering[1])
    return replace(comparison, accuracy_before=accuracy_before, accuracy_after=accuracy_after), ""
