"""What the API measures of itself, and what it asks Redis for when somebody reads that."""

from __future__ import annotations

from starlette.types import Scope

from pmpo.errors import StoreUnavailableError
from pmpo.runtime.metrics import ApiMetrics
from services.request_metrics import UNKNOWN_ROUTE, route_of
from services.store.store import Store

_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})


class MetricsService:
    """The process's own numbers, with those that Redis has."""

    def __init__(self, metrics: ApiMetrics, store: Store) -> None:
        self.metrics = metrics
        self._store = store

    async def text(self, project: str) -> bytes:
        """Everything, in the text format. Without Redis what is read there is not a number, and the metrics say so."""
        try:
            counts = await self._store.jobs.counts(project)
        except StoreUnavailableError:
            self.metrics.jobs_unknown()
        else:
            self.metrics.jobs_counted(waiting=counts.queued, ended=counts.ended)
        return self.metrics.text()


def route_with_method(scope: Scope) -> str:
    """Such as ``POST /v1/jobs``: one of a few, whatever callers send."""
    route = route_of(scope)
    return route if route == UNKNOWN_ROUTE or scope["method"] not in _METHODS else f"{scope['method']} {route}"
