"""The routes of API keys. There is no ``Idempotency-Key`` here: an answer that is not kept cannot be given twice."""

from __future__ import annotations

from fastapi import APIRouter, Response

from pmpo.contracts.keys import KeyCreated, KeysPage, NewKey
from services.api.callers import Admin
from services.api.deps import Keys

router = APIRouter(prefix="/v1/keys", tags=["keys"])


@router.post("", status_code=201)
async def create_key(asked: NewKey, caller: Admin, keys: Keys, response: Response) -> KeyCreated:
    """Make a key of the caller's project. Its text is in this answer and nowhere else."""
    response.headers["cache-control"] = "no-store"
    return await keys.create(caller.project, asked)


@router.get("")
async def list_keys(caller: Admin, keys: Keys) -> KeysPage:
    """The keys of the caller's project, without their texts."""
    return await keys.of_project(caller.project)


@router.delete("/{key_id}", status_code=204)
async def revoke_key(key_id: str, caller: Admin, keys: Keys) -> None:
    """Revoke a key: its next request is refused."""
    await keys.revoke(caller.project, key_id)
