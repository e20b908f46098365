"""The client's key calls against a real API."""

import pytest

from pmpo.client import AsyncClient, Client
from pmpo.contracts.keys import NewKey
from pmpo.errors import InvalidInputError, NotFoundError


def test_a_key_from_its_making_to_its_end(live_api: str) -> None:
    with Client(live_api, api_key="") as client:
        made = client.create_key(NewKey(name="ci", scopes=["submit", "read"], expires_in_s=60))
        assert made.key.startswith(f"pmpo_{made.id}_") and made.key not in repr(made)
        (listed,) = client.list_keys().keys
        assert (listed.id, listed.name, listed.scopes, listed.project) == (made.id, "ci", ["read", "submit"], "default")
        assert listed.expires_at == made.expires_at == pytest.approx(made.created_at + 60)
        client.revoke_key(made.id)
        assert client.list_keys().keys == []
        with pytest.raises(NotFoundError, match=made.id):
            client.revoke_key(made.id)
        with pytest.raises(InvalidInputError, match="key id is empty"):
            client.revoke_key(" ")


async def test_awaited(live_api: str) -> None:
    async with AsyncClient(live_api, api_key="") as client:
        made = await client.create_key(NewKey(name="ci"))
        assert [key.id for key in (await client.list_keys()).keys] == [made.id]
        await client.revoke_key(made.id)
        assert (await client.list_keys()).keys == []
