"""The scorer's composition root: settings in, a service that has checked itself out."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pmpo.runtime.settings import Settings
from services.scorer.admission import Admission
from services.scorer.batcher import ROUND_TOKENS_PER_BATCH_TOKEN, Batcher
from services.scorer.model_source import ModelSource
from services.scorer.service import ScorerService

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ServiceSlot:
    """Where the app finds the service: empty until the model is loaded and checked."""

    service: ScorerService | None = None


def build_service(settings: Settings, source: ModelSource) -> ScorerService:
    """Load the model, check the engine against plain scoring, put the parts together. Takes seconds to minutes.

    Raises:
        ConfigurationError: the model or its tokenizer cannot be loaded, or the model servers cannot be used.
        EngineError: the engine's numbers are not those of the model.
    """
    # torch and transformers take seconds to import: a wrong setting is told before.
    from services.scorer.engines.choosing import choose_engine
    from services.scorer.rendering.alignment import Renderer

    chosen = choose_engine(settings, source)
    engine = chosen.engine
    engine.self_check()
    identity = engine.identity
    logger.info("loaded %s", identity)
    batcher = Batcher(
        engine,
        chosen.generator,
        max_round_tokens=ROUND_TOKENS_PER_BATCH_TOKEN * settings.scorer_max_batch_tokens,
        is_deterministic=settings.scorer_deterministic,
    )
    renderer = Renderer(chosen.codec, chosen.template, identity.context_length, settings.scorer_max_queued_tokens)
    return ScorerService(identity, renderer, Admission(settings.scorer_max_queued_tokens), batcher)
