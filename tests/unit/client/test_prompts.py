"""The registry through the real API, as an application and a person use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pmpo.client import AsyncClient, Client
from pmpo.errors import ConflictError, InvalidInputError, NotFoundError


@pytest.fixture
def client(live_api: str) -> Iterator[Client]:
    with Client(live_api, api_key="") as opened:
        yield opened


def test_versions_and_labels(client: Client) -> None:
    first = client.create_prompt_version("cities", "Name the city.\r\n", note="by hand", label="production")
    assert (first.version, first.prompt, first.note, first.labels) == (
        1,
        "Name the city.\r\n",
        "by hand",
        ["production"],
    )
    assert client.create_prompt_version("cities", "Name the city.\r\n").version == 1
    client.create_prompt_version("cities", "In capitals.")
    assert client.get_prompt("cities").version == 2
    assert client.get_prompt("cities", version=1) == first
    assert client.promote_prompt("cities", 2, expected=1).labels == ["production"]
    with pytest.raises(ConflictError):
        client.promote_prompt("cities", 1, expected=None)
    assert client.rollback_prompt("cities", expected=2).version == 1
    assert [move.kind for move in client.get_prompt_labels("cities").moves] == ["rollback", "promote", "promote"]
    assert [version.version for version in client.list_prompt_versions("cities").versions] == [2, 1]
    [summary] = client.list_prompts().prompts
    assert (summary.name, summary.num_versions, summary.labels) == ("cities", 2, {"production": 1})


def test_what_is_known_is_answered_again_until_it_changes(client: Client) -> None:
    client.create_prompt_version("cities", "a", label="production")
    known = client.get_prompt("cities", label="production")
    assert client.get_prompt("cities", label="production", known=known) is known
    client.create_prompt_version("cities", "b", label="production")
    assert client.get_prompt("cities", label="production", known=known).prompt == "b"


async def test_the_same_awaited(live_api: str) -> None:
    async with AsyncClient(live_api, api_key="") as client:
        await client.create_prompt_version("cities", "a")
        assert (await client.get_prompt("cities", label="latest")).prompt == "a"


def test_a_key_of_ones_own_makes_one_version(client: Client) -> None:
    for _ in range(2):
        assert client.create_prompt_version("cities", "a", idempotency_key="k").version == 1
        client.create_prompt_version("cities", "b")


def test_what_is_wrong_is_told_before_it_is_sent(client: Client) -> None:
    with pytest.raises(InvalidInputError, match="'Cities' is no name for the registry"):
        client.get_prompt("Cities")
    with pytest.raises(InvalidInputError, match="label: 'latest' is always the newest version"):
        client.create_prompt_version("cities", "a", label="latest")
    with pytest.raises(InvalidInputError, match="version"):
        client.promote_prompt("cities", 0)
    with pytest.raises(NotFoundError, match="there is no prompt 'cities'"):
        client.get_prompt("cities")
