"""What is measured besides requests: every engine call, and what the parts count."""

from __future__ import annotations

from pmpo.runtime.metrics import ScorerMetrics
from services.scorer.admission import Admission
from services.scorer.batcher.batcher import Batcher
from services.scorer.rendering.memo import ContextMemo


class RoundObserver:
    """Tells the metrics what ran, and the admission how fast: it estimates waits from that."""

    def __init__(self, metrics: ScorerMetrics, admission: Admission) -> None:
        self._metrics = metrics
        self._admission = admission

    def round_ended(self, num_items: int, num_tokens: int, computed_tokens: int, seconds: float) -> None:
        """See ``batcher.types.Observer``."""
        self._metrics.round_ended(num_items, num_tokens, computed_tokens, seconds)
        self._admission.observe(num_tokens, seconds)

    def turn_ended(self, num_rows: int, seconds: float) -> None:
        """See ``batcher.types.Observer``."""
        self._metrics.turn_ended(num_rows, seconds)


def watch(metrics: ScorerMetrics, admission: Admission, batcher: Batcher, contexts: ContextMemo) -> None:
    """Let the metrics ask for what the parts of the scorer count themselves."""
    metrics.watch_gauge("queue_tokens", "tokens that wait or run", lambda: admission.queued_tokens)
    metrics.watch_gauge("queue_jobs", "jobs whose requests wait", lambda: batcher.num_jobs)
    metrics.watch_gauge("memo_bytes", "bytes of remembered scores", lambda: batcher.memo_bytes)
    counts = batcher.memo_counts
    metrics.watch_counter("memo_hits", "items whose scores were remembered", lambda: counts.num_hits)
    metrics.watch_counter("memo_misses", "items whose scores were not remembered", lambda: counts.num_misses)
    metrics.watch_counter("memo_dropped", "remembered scores dropped for the bound", lambda: counts.num_dropped)
    metrics.watch_gauge("context_memo_bytes", "bytes of remembered contexts", lambda: contexts.num_bytes)
    metrics.watch_counter("context_memo_hits", "contexts that were remembered", lambda: contexts.num_hits)
    metrics.watch_counter("context_memo_misses", "contexts that were tokenised", lambda: contexts.num_misses)
    metrics.watch_counter("engine_restarts", "restarts of the engine that were tried", lambda: batcher.num_restarts)
