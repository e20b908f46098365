"""The first and the last thing that a search does: say where the seed prompt stands, test the final one."""

from __future__ import annotations

from pmpo.optim.events import Candidate, SearchStarted, TestComparison
from pmpo.optim.final_test import final_test
from pmpo.optim.state import State


def started(state: State) -> SearchStarted:
    """The first event, once the first seed prompt is scored on the training and the validation set."""
    first = state.incumbents[0]
    return SearchStarted(
        number=state.number(),
        seed=first.candidate,
        num_train=len(state.train),
        num_validation=len(state.validation),
        num_test=len(state.test),
        max_iterations=state.spec.iterations,
        train_loss=first.train_loss,
        validation_loss=first.validation_loss,
        train_losses=state.train.complete(first.candidate.prompt),
        train_indices=tuple(example.index for example in state.train.examples),
        validation_accuracy=first.accuracy,
        validation_losses=state.validation.complete(first.candidate.prompt),
    )


async def tested(state: State, best: Candidate) -> tuple[TestComparison | None, str]:
    """The test of ``best`` against the first seed prompt, or None, and why: see ``final_test``."""
    assert state.held is not None
    return await final_test(state.meter, state.held, state.test, (state.seeds[0].prompt, best.prompt), state.spec)
