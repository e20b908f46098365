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
CACHED_TOKENS_PER_BATCH_TOKEN = 2


@dataclass(slots=True)
class ServiceSlot:
    """Where the app finds the service: empty until the model is loaded and checked."""

    service: ScorerService | None = None


def build_service(settings: Settings, source: ModelSource) -> ScorerService:
    """Load the model, check the engine against plain scoring, put the parts together. Takes seconds to minutes.

    Raises:
        ConfigurationError: the model or its tokenizer cannot be loaded.
        EngineError: the engine's numbers are not those of the model.
    """
    # torch and transformers take seconds to import: a wrong setting is told before.
    from services.scorer.engines.loading import load_model
    from services.scorer.engines.torch_tree import TorchTreeEngine
    from services.scorer.generation.loop import TorchGenerator
    from services.scorer.rendering.alignment import Renderer
    from services.scorer.rendering.codec import TextCodec, load_tokenizer
    from services.scorer.rendering.template import ChatTemplate

    tokenizer = load_tokenizer(source)
    codec = TextCodec(tokenizer)
    template = ChatTemplate(tokenizer, codec)
    loaded = load_model(source, settings.scorer_dtype, settings.scorer_threads)
    engine = TorchTreeEngine(
        loaded.model,
        loaded.identity,
        settings.scorer_max_batch_tokens,
        max_batch_bytes=settings.scorer_batch_mib * 2**20 or None,
    )
    identity = engine.identity
    logger.info("loaded %s", identity)
    generator = TorchGenerator(
        loaded.model,
        codec,
        end_ids=loaded.end_token_ids | template.end_token_ids(),
        max_cached_tokens=CACHED_TOKENS_PER_BATCH_TOKEN * settings.scorer_max_batch_tokens,
    )
    batcher = Batcher(
        engine,
        generator,
        max_round_tokens=ROUND_TOKENS_PER_BATCH_TOKEN * settings.scorer_max_batch_tokens,
        is_deterministic=settings.scorer_deterministic,
    )
    renderer = Renderer(codec, template, identity.context_length, settings.scorer_max_queued_tokens)
    return ScorerService(identity, renderer, Admission(settings.scorer_max_queued_tokens), batcher)
