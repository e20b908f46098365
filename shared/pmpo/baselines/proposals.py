"""A round's proposals: ask the rewriter, read what it wrote, and let only what every guard accepts get through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pmpo.baselines.operators import Operator, generation_requests
from pmpo.baselines.rival import Ask, Given
from pmpo.baselines.standing import Standing
from pmpo.optim.events import Candidate, CandidateProposed, RewriteRejected
from pmpo.optim.reading import read_rewrite

_NO_EXAMPLE = -1  # what the guard rail is told where no single example was shown; no event carries it


@dataclass(frozen=True, slots=True)
class _Draft:
    parent: Candidate
    example_index: int | None
    text: str
    prompt: str | None


async def propose(
    standing: Standing, operator: Operator, asks: Sequence[Ask | Given], room: int
) -> AsyncIterator[CandidateProposed | RewriteRejected]:
    """One event for each prompt that was given or written. Raises BudgetExhaustedError.

    The guards are PMPO's: placeholders, protected text, length, copied data, duplicates. The papers have none. They
    are kind to a rival in what they save (a duplicate is not scored again) and in what they keep it from reporting (a
    template without its placeholder, a memorised training row); they also take proposals away that a paper would score.
    """
    drafts = [_Draft(ask.parent, None, ask.prompt, ask.prompt) for ask in asks if isinstance(ask, Given)]
    drafts += await _written(standing, operator, [ask for ask in asks if isinstance(ask, Ask)], room)
    counts = await standing.ports.count_tokens([draft.prompt or "" for draft in drafts])
    for draft, count in zip(drafts, counts, strict=True):
        index = _NO_EXAMPLE if draft.example_index is None else draft.example_index
        proposal = standing.rail.judge(index, draft.text, draft.prompt, count)
        if proposal.rejection is None:
            candidate = standing.new_candidate(proposal.text, draft.parent, draft.example_index, count)
            yield CandidateProposed(standing.number(), standing.iteration, candidate)
            continue
        standing.last_text = proposal.text
        why = proposal.rejection
        yield RewriteRejected(
            standing.number(), standing.iteration, draft.example_index, proposal.text, why.reason, why.detail
        )


async def _written(standing: Standing, operator: Operator, asks: Sequence[Ask], room: int) -> list[_Draft]:
    """What the rewriter wrote, in the order of the asks; one call for the whole round."""
    worded = [(ask, wording) for ask in asks for wording in operator.wordings(ask)]
    if not worded:
        return []
    call = standing.ports.num_calls + 1
    requests = generation_requests(standing.spec, [wording for _, wording in worded], call, room)
    answers = await standing.meter.rewrites(requests)
    return [
        _Draft(ask.parent, wording.example_index, completion.text, read_rewrite(completion, ask.base))
        for (ask, wording), row in zip(worded, answers, strict=True)
        for completion in row
    ]
