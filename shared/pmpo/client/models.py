"""The route of models, written once for both faces."""

from __future__ import annotations

from pmpo.client.answers import read
from pmpo.client.calls import Call
from pmpo.client.jobs import JobCalls
from pmpo.contracts.models import ModelsView


class ModelCalls(JobCalls):
    """What a service scores with."""

    async def models(self) -> ModelsView:
        """What stands behind each name that a job may use, asked for now and without scoring anything."""
        call = Call("GET", "/v1/models", self._timeout_s, is_repeatable=True)
        return read(ModelsView, await self._exchange.send(call))
