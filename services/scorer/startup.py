"""The scorer's composition root: settings in, a service that has checked itself out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pmpo.contracts.scoring import ModelCard
from pmpo.runtime.metrics import ScorerMetrics
from pmpo.runtime.settings import Settings
from services.scorer.admission import Admission
from services.scorer.batcher.batcher import Batcher
from services.scorer.batcher.engine_room import EngineRoom, RestartPolicy
from services.scorer.batcher.items import ItemPreparer
from services.scorer.batcher.types import BatchLimits
from services.scorer.engines.base import EngineIdentity
from services.scorer.engines.machine import Machine
from services.scorer.model_source import ModelSource
from services.scorer.observing import RoundObserver, watch
from services.scorer.service import ScorerService

if TYPE_CHECKING:
    from services.scorer.rendering.codec import TextCodec
    from services.scorer.rendering.template import ChatTemplate

logger = logging.getLogger(__name__)
ROUND_TOKENS_PER_BATCH_TOKEN = 4


@dataclass(slots=True)
class ServiceSlot:
    """Where the app finds the service, which is empty until the model is loaded and checked, and the metrics."""

    service: ScorerService | None = None
    metrics: ScorerMetrics = field(default_factory=ScorerMetrics)

    def __post_init__(self) -> None:
        """Let the metrics say whether the scorer is ready."""
        self.metrics.watch_gauge("ready", "1 when requests are taken, else 0", lambda: float(self.is_ready))

    @property
    def is_ready(self) -> bool:
        """Whether requests are taken."""
        return self.service is not None and self.service.trouble is None


def build_service(settings: Settings, source: ModelSource, metrics: ScorerMetrics) -> ScorerService:
    """Load the model, check the engine against plain scoring, put the parts together. Takes seconds to minutes.

    Raises:
        ConfigurationError: the model or its tokenizer cannot be loaded, or the model servers cannot be used.
        EngineError: the engine's numbers are not those of the model.
    """
    # torch and transformers take seconds to import: a wrong setting is told before.
    from services.scorer.engines.choosing import choose_engine, load_text

    text = load_text(settings, source)

    def build() -> Machine:
        machine = choose_engine(settings, source, text)
        logger.info("loaded %s", machine.engine.identity)
        return machine

    return assemble(settings, text.codec, text.template, build, metrics)


def assemble(
    settings: Settings, codec: TextCodec, template: ChatTemplate, build: Callable[[], Machine], metrics: ScorerMetrics
) -> ScorerService:
    """The service over a machine. ``build`` makes it, checked, now and whenever its engine has died."""
    from services.scorer.rendering.alignment import Renderer

    machine = build()
    identity = machine.engine.identity
    limits = _limits(settings)
    renderer = Renderer(codec, template, identity.context_length, settings.scorer_max_queued_tokens)
    admission = Admission(settings.scorer_max_queued_tokens)
    room = EngineRoom(build, machine, RestartPolicy(max_tries=settings.scorer_max_restarts))
    batcher = Batcher(room, limits, RoundObserver(metrics, admission))
    watch(metrics, admission, batcher, renderer.contexts)
    preparer = ItemPreparer(identity, remembers=limits.remembers)
    return ScorerService(_card(identity, settings), renderer, preparer, admission, batcher, metrics=metrics)


def _limits(settings: Settings) -> BatchLimits:
    return BatchLimits(
        slice_tokens=settings.scorer_max_batch_tokens,
        round_tokens=ROUND_TOKENS_PER_BATCH_TOKEN * settings.scorer_max_batch_tokens,
        memo_bytes=settings.scorer_memo_bytes,
        is_deterministic=settings.scorer_deterministic,
    )


def _card(identity: EngineIdentity, settings: Settings) -> ModelCard:
    return ModelCard(
        id=identity.model,
        context_length=identity.context_length,
        engine=identity.engine,
        mode=identity.mode,
        dtype=identity.dtype,
        revision=identity.revision,
        num_parameters=identity.num_parameters,
        max_request_tokens=settings.scorer_max_queued_tokens,
        deterministic=settings.scorer_deterministic,
        estimate=True if identity.is_estimate else None,
    )
