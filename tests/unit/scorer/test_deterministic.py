"""``PMPO_SCORER_DETERMINISTIC=1``: the same bits alone, in company, again, and beside sampling."""

from __future__ import annotations

import asyncio
from typing import Any

from pmpo.contracts.scoring import ChatCompletionRequest, ScoreRequest
from pmpo.runtime.metrics import ScorerMetrics
from pmpo.runtime.settings import Settings
from services.scorer.model_source import ModelSource
from services.scorer.startup import build_service
from tests.unit.scorer.talking import CHAT


def body(number: int) -> ScoreRequest:
    examples: list[dict[str, Any]] = [{"input": f"q{n}" * (n + 1), "target": "yes"} for n in range(5)]
    return ScoreRequest.model_validate({"prompts": [f"Prompt {number}", "Be brief."], "examples": examples})


async def test_a_deterministic_scorer_gives_the_same_bits_whatever_else_goes_on(
    settings: Settings, source: ModelSource
) -> None:
    changes = {"scorer_deterministic": True, "scorer_max_batch_tokens": 128, "scorer_max_queued_tokens": 100_000}
    service = build_service(settings.model_copy(update=changes), source, ScorerMetrics())
    service.start()
    chat = ChatCompletionRequest.model_validate({**CHAT, "n": 3, "max_tokens": 20})
    try:
        assert service.card.deterministic is True
        alone = [(await service.score(body(number), "a")).body for number in range(4)]
        drawn = (await service.complete(chat, "a", "r")).body
        sampling = asyncio.create_task(service.complete(chat, "b", "r"))
        together = await asyncio.gather(*(service.score(body(number), str(number)) for number in range(4)))
        assert (await sampling).body.choices == drawn.choices
    finally:
        await service.close()
    for one, other in zip(alone, together, strict=True):
        assert other.body.log_likelihoods == one.log_likelihoods
        assert other.body.computed_tokens == one.computed_tokens > 0
