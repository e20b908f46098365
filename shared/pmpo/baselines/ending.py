"""The end of a run: the same test as PMPO's, out of what was reserved at the start, and the result."""

from __future__ import annotations

from pmpo.baselines.standing import Standing
from pmpo.optim.acceptance import verdict_of
from pmpo.optim.events import SearchFinished, SearchResult, StopReason
from pmpo.optim.final_test import Held, final_test


async def finished(standing: Standing, held: Held, stop: StopReason, detail: str) -> SearchFinished:
    """Test, and sum up. Losses are the job's objective, whatever the rival was scored by."""
    before, after = standing.seed.prompt, standing.incumbent.prompt
    comparison, problem = await final_test(standing.meter, held, standing.test, (before, after), standing.spec.base)
    if stop == "no_rewrites":
        detail = f"the last text that was refused: {standing.last_text[:300]!r}"
    result = SearchResult(
        stop_reason=stop,
        verdict=verdict_of(comparison, changed=before != after),
        best=standing.incumbent,
        seed=standing.seed,
        num_iterations=standing.iteration,
        num_accepted=standing.num_accepted,
        train_loss_before=standing.train.mean(before),
        train_loss_after=standing.train.mean(after),
        validation_loss_before=standing.validation.mean(before),
        validation_loss_after=standing.validation.mean(after),
        test=comparison,
        spent=await standing.spent(),
        detail=detail or problem,
    )
    return SearchFinished(standing.number(), result)
