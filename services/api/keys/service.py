"""What the key routes mean. A caller sees and makes keys of its own project alone."""

from __future__ import annotations

from pmpo.contracts.keys import SCOPES, KeyCreated, KeysPage, KeyView, NewKey
from services.store.api_keys import ApiKey, ApiKeys


class KeyService:
    """Keys as the API's admins see them."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    async def create(self, project: str, asked: NewKey) -> KeyCreated:
        """A new key, with its text for the only time."""
        key, text = await self._keys.create(project, asked.name, asked.scopes, asked.expires_in_s)
        return KeyCreated(**_view(key).model_dump(), key=text)

    async def of_project(self, project: str) -> KeysPage:
        """All keys of a project."""
        return KeysPage(keys=[_view(key) for key in await self._keys.of_project(project)])

    async def revoke(self, project: str, key_id: str) -> None:
        """From now on the key is not known.

        Raises:
            NotFoundError: the project has no such key.
        """
        await self._keys.revoke(project, key_id)


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        project=key.project,
        scopes=[scope for scope in SCOPES if scope in key.scopes],
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        expires_at=key.expires_at,
    )
