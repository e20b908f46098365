"""From settings to an engine behind the routes, and the settings that are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pmpo.contracts.scoring import ChatCompletionRequest, MaskedLossesRequest, ScoreRequest
from pmpo.errors import ConfigurationError
from pmpo.runtime.metrics import ScorerMetrics
from pmpo.runtime.settings import Settings
from services.scorer.engines.choosing import choose_engine, load_text
from services.scorer.model_source import ModelSource
from services.scorer.startup import build_service
from tests.model_servers import ModelServer
from tests.unit.scorer.talking import CHAT

Make = Callable[..., ModelServer]
SCORE = {"prompts": ["Go."], "examples": [{"input": "hi", "target": "yo"}]}
MASKED = {"prompt": "Go now.", "spans": [[2, 6]], "examples": SCORE["examples"]}


@pytest.fixture
def served(make_server: Make, settings: Settings) -> Callable[[str, str], Settings]:
    """Settings of an engine on a new server."""

    def make(flavour: str, engine: str) -> Settings:
        server = make_server(flavour, name="m")
        changes = {"scorer_engine": engine, "scorer_remote_urls": server.url, "scorer_remote_model": "m"}
        return settings.model_copy(update=changes)

    return make


@pytest.mark.parametrize(
    ("flavour", "engine", "estimate"), [("vllm", "remote", None), ("llama_cpp", "sampled_prefix", True)]
)
async def test_servers_score_and_answer_behind_the_routes(
    served: Callable[[str, str], Settings], source: ModelSource, flavour: str, engine: str, estimate: bool | None
) -> None:
    service = await asyncio.to_thread(build_service, served(flavour, engine), source, ScorerMetrics())
    service.start()
    try:
        scored = (await service.score(ScoreRequest.model_validate(SCORE), "a")).body
        masked = (await service.masked_losses(MaskedLossesRequest.model_validate(MASKED), "a")).body
        answer = (await service.complete(ChatCompletionRequest.model_validate({**CHAT, "n": 3}), "a", "r")).body
    finally:
        await service.close()
    assert [each.estimate for each in (scored, masked, service.described())] == [estimate] * 3
    assert scored.engine == masked.engine == service.card.engine == engine
    assert len(answer.choices) == 3
    assert 3 <= answer.usage.completion_tokens <= 18


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        (None, "give one or more different addresses"),
        ("http://a:1,http://a:1/", "give one or more different addresses"),
        ("a:1", "write an address like http://"),
        ("http://me:secret@a:1", "put it into PMPO_SCORER_REMOTE_KEY"),
    ],
)
def test_unusable_addresses_are_refused_and_not_repeated(
    urls: str | None, words: str, settings: Settings, source: ModelSource
) -> None:
    chosen = settings.model_copy(update={"scorer_engine": "remote", "scorer_remote_urls": urls})
    with pytest.raises(ConfigurationError, match="PMPO_SCORER_REMOTE_URLS is not usable") as refusal:
        choose_engine(chosen, source, load_text(settings, source))
    assert words in refusal.value.message
    assert "secret" not in refusal.value.message
