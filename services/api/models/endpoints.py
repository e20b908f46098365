"""The route of models."""

from __future__ import annotations

from fastapi import APIRouter

from pmpo.contracts.models import ModelsView
from services.api.callers import Reader
from services.api.deps import Models

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
async def list_models(caller: Reader, models: Models) -> ModelsView:
    """What stands behind each name that a job may use: model, revision, dtype and engine. Nothing is scored."""
    return await models.served()
