"""The search: score the seed, improve it round by round, stop honestly, test once at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pmpo.optim.acceptance import verdict_of
from pmpo.optim.beginning import begin
from pmpo.optim.ends import started, tested
from pmpo.optim.events import Event, SearchFinished, StopReason
from pmpo.optim.few_shot import choose_demonstrations
from pmpo.optim.guards import Rejection
from pmpo.optim.journal import SearchPorts
from pmpo.optim.meter import BudgetExhaustedError
from pmpo.optim.restarting import try_restart
from pmpo.optim.results import Ending, finished
from pmpo.optim.rounds import run_round
from pmpo.optim.seeds import compare_seeds
from pmpo.optim.spec import SearchSpec
from pmpo.optim.state import State
from pmpo.optim.types import Splits


async def search(spec: SearchSpec, splits: Splits, ports: SearchPorts) -> AsyncIterator[Event]:
    """Find a prompt with a lower loss than the seed prompts (algorithm 1 of arXiv 2505.16307, with our choices).

    Yields frozen events, numbered from 1; the last is SearchFinished. The same spec, splits and port answers give the
    same events. Cancel it by cancelling the task that runs it.

    Raises:
        BudgetTooSmallError: the caps do not cover the final test and one iteration.
        JournalMismatchError: the journal to replay belongs to another search.
        PmpoError: whatever a port raises.
    """
    state = await begin(spec, splits, ports)
    yield started(state)
    stop: StopReason | None = None
    detail = ""
    try:
        async for event in compare_seeds(state):
            yield event
        stop = await _stop_reason(state)
        while stop is None:
            async for event in run_round(state):
                yield event
            stop = await _stop_reason(state)
            restarted = None if stop is None else await try_restart(state)
            if restarted is not None:
                yield restarted
                stop = await _stop_reason(state)
    except BudgetExhaustedError as exhausted:
        stop, detail = "budget", str(exhausted)
        for candidate in list(state.undecided.values()):
            yield state.dropped(candidate, Rejection("budget", detail))
    if spec.few_shot is not None:
        state.incumbents.append(state.best(stop))
        async for event in choose_demonstrations(state, spec.few_shot):
            yield event
    yield await _finished(state, stop, detail)


async def _stop_reason(state: State) -> StopReason | None:
    """Why to stop before the next round; None to go on."""
    reason = state.stops.reason(state.standing)
    seconds = state.spec.caps.seconds
    if reason is None and seconds is not None and await state.ports.elapsed_s() >= seconds:
        return "budget"
    return reason


async def _finished(state: State, stop: StopReason, detail: str) -> SearchFinished:
    first = state.seeds[0]
    best = (state.best(stop) if state.demonstrations is None else state.incumbents[-1]).candidate
    test, problem = await tested(state, best)
    if stop == "no_rewrites":
        detail = f"the rewriter's last text was: {state.last_text[:300]!r}"
    ending = Ending(
        stop_reason=stop,
        verdict=verdict_of(test, changed=best != first),
        seed=first,
        best=best,
        test=test,
        detail=detail or problem,
        num_restarts=state.num_restarts,
        num_seeds=len(state.seeds),
        demonstrations=state.demonstrations,
    )
    return await finished(state, ending)
