"""``/healthz`` and ``/readyz``."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.api.deps import HealthChecks

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
