"""``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict

from services.api.callers import Admin
from services.api.deps import HealthChecks, Measured

router = APIRouter(tags=["health"])


class HealthView(BaseModel):
    """``checked`` names what was asked and answered."""

    model_config = ConfigDict(frozen=True)

    status: str
    checked: list[str] = []


@router.get("/healthz")
async def healthz() -> HealthView:
    """Whether the process lives."""
    return HealthView(status="alive")


@router.get("/readyz")
async def readyz(health: HealthChecks) -> HealthView:
    """Whether jobs can be taken: Redis and every scorer answer; 503 names what does not."""
    return HealthView(status="ready", checked=await health.check())


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(caller: Admin, measured: Measured) -> Response:
    """Requests by route and status, their time, and the jobs that wait, for Prometheus; scope ``admin``."""
    return Response(await measured.text(caller.project), media_type=measured.metrics.content_type)
