"""The end of a run: the same test as PMPO's, out of what was reserved at the start, and the result."""

from __future__ import annotations

from pmpo.baselines.standing import Standing
from pmpo.optim import results
from pmpo.optim.acceptance import verdict_of
from pmpo.optim.events import SearchFinished, StopReason
from pmpo.optim.final_test import Held, final_test


async def finished(standing: Standing, held: Held, stop: StopReason, detail: str) -> SearchFinished:
    """Test, and sum up."""
    before, after = standing.seed.prompt, standing.incumbent.prompt
    comparison, problem = await final_test(standing.meter, held, standing.test, (before, after), standing.spec.base)
    if stop == "no_rewrites":
        detail = f"the last text that was refused: {standing.last_text[:300]!r}"
    ending = results.Ending(
        stop_reason=stop,
        verdict=verdict_of(comparison, changed=before != after),
        seed=standing.seed,
        best=standing.incumbent,
        test=comparison,
        detail=detail or problem,
    )
    return await results.finished(standing, ending)
