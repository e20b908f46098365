"""The search: score the seed, improve it round by round, stop honestly, test once at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pmpo.optim.acceptance import verdict_of
from pmpo.optim.ends import final_test, started
from pmpo.optim.events import Event, SearchFinished, SearchResult, StopReason
from pmpo.optim.few_shot import choose_demonstrations
from pmpo.optim.guards import Rejection
from pmpo.optim.journal import SearchPorts
from pmpo.optim.meter import BudgetExhaustedError
from pmpo.optim.rounds import run_round
from pmpo.optim.spec import SearchSpec
from pmpo.optim.state import State, begin
from pmpo.optim.types import Splits

MIN_PERFECT_ROWS = 5  # a few right answers by luck are no reason to stop


async def search(spec: SearchSpec, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
    """Find a prompt with a lower loss than ``spec.prompt`` (algorithm 1 of arXiv 2505.16307, with our choices).

    Yields frozen events, numbered from 1; the last is SearchFinished. The same spec, splits and port answers give the
    same events. Cancel it by cancelling the task that runs it.

    Raises:
        BudgetTooSmallError: the caps do not cover the final test and one iteration.
        JournalMismatchError: the journal to replay belongs to another search.
        PmpoError: whatever a port raises.
    """
    state = await begin(spec, splits, ports)
    yield started(state)
    stop, detail = await _stop_reason(state), ""
    while stop is None:
        try:
            async for event in run_round(state):
                yield event
            stop = await _stop_reason(state)
        except BudgetExhaustedError as exhausted:
            stop, detail = "budget", str(exhausted)
            for candidate in list(state.undecided.values()):
                yield state.dropped(candidate, Rejection("budget", detail))
    if spec.few_shot is not None:
        async for event in choose_demonstrations(state, spec.few_shot):
            yield event
    yield await _finished(state, stop, detail)


async def _stop_reason(state: State) -> StopReason | None:
    """Why to stop before the next round; None to go on."""
    spec = state.spec
    if state.validation_accuracy == 1.0 and len(state.validation) >= MIN_PERFECT_ROWS:
        return "perfect"
    if spec.target_loss is not None and state.train.mean(state.incumbent.prompt) <= spec.target_loss:
        return "target"
    if state.iteration >= spec.iterations:
        return "iterations"
    if state.rounds_without >= spec.patience:
        return "no_rewrites" if state.rounds_without_rewrites >= spec.patience else "patience"
    if spec.caps.seconds is not None and await state.ports.elapsed_s() >= spec.caps.seconds:
        return "budget"
    return None


async def _finished(state: State, stop: StopReason, detail: str) -> SearchFinished:
    test, problem = await final_test(state)
    before, after = state.seed.prompt, state.incumbent.prompt
    if stop == "no_rewrites":
        detail = f"the rewriter's last text was: {state.last_text[:300]!r}"
    result = SearchResult(
        stop_reason=stop,
        verdict=verdict_of(test, changed=before != after),
        best=state.incumbent,
        seed=state.seed,
        num_iterations=state.iteration,
        num_accepted=state.num_accepted,
        train_loss_before=state.train.mean(before),
        train_loss_after=state.train.mean(after),
        validation_loss_before=state.validation.mean(before),
        validation_loss_after=state.validation.mean(after),
        test=test,
        spent=await state.spent(),
        detail=detail or problem,
        demonstrations=state.demonstrations,
    )
    return SearchFinished(state.number(), result)
