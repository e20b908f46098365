"""Metrics of the services, in Prometheus' text format. A registry of its own for each process: no global state."""

from __future__ import annotations

import math
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_ITEMS = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384)
_TOKENS = (64, 256, 1_024, 4_096, 16_384, 65_536, 262_144)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class _Metrics:
    """A registry whose names all begin with ``prefix``."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._registry = CollectorRegistry()

    def text(self) -> bytes:
        """Everything, in the text format."""
        return generate_latest(self._registry)

    @property
    def content_type(self) -> str:
        """Of ``text``."""
        return CONTENT_TYPE_LATEST

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{self._prefix}{name}", meaning, labels, registry=self._registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"{self._prefix}{name}", meaning, registry=self._registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"{self._prefix}{name}", meaning, labels, buckets=buckets, registry=self._registry)


class ScorerMetrics(_Metrics):
    """What the scorer did and does. All names begin with ``pmpo_scorer_``."""

    def __init__(self) -> None:
        super().__init__("pmpo_scorer_")
        self._requests = self._counter(
            "requests", "requests that were answered, by route and status", "route", "status"
        )
        self._errors = self._counter("errors", "requests that were answered with a problem, by its code", "code")
        self._request_s = self._histogram("request_seconds", "from request to answer", _SECONDS, "route")
        self._stage_s = self._histogram("stage_seconds", "stages: tokenize, queue, compute", _SECONDS, "route", "stage")
        self._scored = self._counter("scored_tokens", "context plus target tokens of scored items, as if scored alone")
        self._computed = self._counter("computed_tokens", "tokens that the engine ran for scores")
        self._cached = self._counter("cached_tokens", "scored tokens of items whose scores were remembered")
        self._generated = self._counter("generated_tokens", "tokens that were sampled")
        self._round_items = self._histogram("round_items", "items of one engine call", _ITEMS)
        self._round_tokens = self._histogram("round_tokens", "context plus target tokens of one engine call", _TOKENS)
        self._round_s = self._histogram("round_seconds", "one engine call", _SECONDS)
        self._turn_rows = self._histogram("turn_rows", "answers that were drawn side by side, token by token", _ROWS)
        self._turn_s = self._histogram("turn_seconds", "drawing one token for each of them", _SECONDS)

    def request_ended(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, str(status)).inc()
        self._request_s.labels(route).observe(seconds)

    def problem_answered(self, code: str) -> None:
        """A request was answered with a problem of this code."""
        self._errors.labels(code).inc()

    def stages_ended(self, route: str, seconds: dict[str, float]) -> None:
        """The stages of a request are known, by name."""
        for stage, value in seconds.items():
            self._stage_s.labels(route, stage).observe(value)

    def scored(self, scored_tokens: int, cached_tokens: int) -> None:
        """A scoring request was answered."""
        self._scored.inc(scored_tokens)
        self._cached.inc(cached_tokens)

    def generated(self, num_tokens: int) -> None:
        """A sampling request was answered."""
        self._generated.inc(num_tokens)

    def round_ended(self, num_items: int, num_tokens: int, computed_tokens: int, seconds: float) -> None:
        """The engine scored so many items."""
        self._computed.inc(computed_tokens)
        self._round_items.observe(num_items)
        self._round_tokens.observe(num_tokens)
        self._round_s.observe(seconds)

    def turn_ended(self, num_rows: int, seconds: float) -> None:
        """One token was drawn for so many answers."""
        self._turn_rows.observe(num_rows)
        self._turn_s.observe(seconds)

    def watch_gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """A number that is asked for whenever the metrics are read."""
        gauge = Gauge(f"{self._prefix}{name}", meaning, registry=self._registry)
        gauge.set_function(value)

    def watch_counter(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """A number that never falls, asked for whenever the metrics are read."""
        self._registry.register(_WatchedCounter(f"{self._prefix}{name}", meaning, value))


class ApiMetrics(_Metrics):
    """What the API answered, and what Redis says of jobs. All names begin with ``pmpo_api_``."""

    def __init__(self) -> None:
        super().__init__("pmpo_api_")
        self._requests = self._counter(
            "requests", "requests that were answered, by route and status", "route", "status"
        )
        self._request_s = self._histogram("request_seconds", "from request to answer", _SECONDS, "route")
        self._redis_up = self._gauge("redis_up", "whether Redis answered when the metrics were read: 1 or 0")
        self._waiting = self._gauge("jobs_waiting", "jobs that wait for a worker, of all projects")
        self._ended = self._gauge("jobs_ended_in_ten_minutes", "jobs that came to their end in the last ten minutes")

    def request_ended(self, route: str, status: int, seconds: float) -> None:
        """A request was answered. An event stream ends with its reader, and ``?wait=`` with its wait."""
        self._requests.labels(route, str(status)).inc()
        self._request_s.labels(route).observe(seconds)

    def jobs_counted(self, *, waiting: int, ended: int) -> None:
        """Redis was asked just now."""
        self._redis_up.set(1)
        self._waiting.set(waiting)
        self._ended.set(ended)

    def jobs_unknown(self) -> None:
        """Redis did not answer: the last numbers are not repeated."""
        self._redis_up.set(0)
        self._waiting.set(math.nan)
        self._ended.set(math.nan)


class _WatchedCounter(Collector):
    """A counter whose value somebody else keeps."""

    def __init__(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        self._name = name
        self._meaning = meaning
        self._value = value

    def describe(self) -> list[Metric]:
        """The name alone: the registry refuses a second one."""
        return [CounterMetricFamily(self._name, self._meaning)]

    def collect(self) -> list[Metric]:
        """The value as it is now."""
        return [CounterMetricFamily(self._name, self._meaning, value=self._value())]
