import asyncio
import hmac
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pmpo.errors import NotFoundError, UnauthorizedError
from services.store import keys
from services.store.connection import connect
from services.store.store import Store


async def everything_in(redis_url: str) -> bytes:
    """All that Redis holds, keys and values, as one text."""
    redis = connect(redis_url)
    held = []
    for name in await redis.keys("*"):
        held += [name, await redis.dump(name)]
    await redis.aclose()
    return b"\n".join(held)


async def test_a_key_is_known_again_and_its_secret_is_not_kept(store: Store, redis_url: str) -> None:
    made, text = await store.api_keys.create("web", "ci", ["read", "submit"])
    found = await store.api_keys.check(text)
    assert (found.id, found.name, found.project, found.scopes) == (made.id, "ci", "web", {"read", "submit"})
    _, key_id, secret = text.split("_")
    held = await everything_in(redis_url)
    assert key_id.encode() in held
    assert secret.encode() not in held and bytes.fromhex(secret) not in held


async def test_keys_differ_and_are_long(store: Store) -> None:
    texts = [(await store.api_keys.create("web", "ci", ["read"]))[1] for _ in range(20)]
    assert len(set(texts)) == 20
    assert all(len(bytes.fromhex(text.split("_")[2])) == 32 for text in texts)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text.upper(),
        lambda text: text.replace("pmpo_", "pmpo_0", 1),
        lambda text: "pmpo_" + "0" * 12 + text[17:],
        lambda text: text.split("_")[2],
        lambda _text: "",
        lambda _text: "*",
    ],
)
async def test_what_is_not_the_whole_key_is_refused(store: Store, spoil: Any) -> None:
    _, text = await store.api_keys.create("web", "ci", ["read"])
    with pytest.raises(UnauthorizedError) as refusal:
        await store.api_keys.check(spoil(text))
    assert text.split("_")[2] not in refusal.value.message


async def test_a_key_of_absent_digest_cannot_be_forged(store: Store) -> None:
    with pytest.raises(UnauthorizedError):
        await store.api_keys.check(f"pmpo_{'0' * 12}_{'0' * 64}")


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, Any]]]:
    """What was compared in constant time."""
    seen: list[tuple[Any, Any]] = []
    original = hmac.compare_digest

    def noted(one: Any, other: Any) -> bool:
        seen.append((one, other))
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    yield seen


async def test_secrets_are_compared_in_constant_time_whoever_asks(
    store: Store, comparisons: list[tuple[Any, Any]]
) -> None:
    _, text = await store.api_keys.create("web", "ci", ["read"])
    await store.api_keys.check(text)
    for wrong in (text[:-1] + ("0" if text[-1] != "0" else "1"), f"pmpo_{'0' * 12}_{'0' * 64}"):
        with pytest.raises(UnauthorizedError):
            await store.api_keys.check(wrong)
    assert len(comparisons) == 3
    assert {len(each) for pair in comparisons for each in pair} == {64}


async def test_a_revoked_key_is_not_known(store: Store) -> None:
    made, text = await store.api_keys.create("web", "ci", ["read"])
    await store.api_keys.revoke("web", made.id)
    with pytest.raises(UnauthorizedError, match="revoked"):
        await store.api_keys.check(text)
    assert not await store.api_keys.has_any()
    with pytest.raises(NotFoundError):
        await store.api_keys.revoke("web", made.id)


async def test_a_project_sees_and_revokes_its_own_keys_alone(store: Store) -> None:
    made, text = await store.api_keys.create("web", "ci", ["read"])
    other, _ = await store.api_keys.create("api", "ci", ["read"])
    assert [key.id for key in await store.api_keys.of_project("web")] == [made.id]
    with pytest.raises(NotFoundError) as theirs:
        await store.api_keys.revoke("api", made.id)
    with pytest.raises(NotFoundError) as nobodys:
        await store.api_keys.revoke("api", "0" * 12)
    assert theirs.value.message.replace(made.id, "0" * 12) == nobodys.value.message
    assert (await store.api_keys.check(text)).id == made.id
    assert [key.id for key in await store.api_keys.of_project("api")] == [other.id]


async def test_a_key_ends_when_it_was_to(store: Store) -> None:
    made, text = await store.api_keys.create("web", "ci", ["read"], expires_in_s=0.2)
    assert made.expires_at is not None
    await store.api_keys.check(text)
    await asyncio.sleep(max(0.0, made.expires_at - time.time()) + 0.01)
    with pytest.raises(UnauthorizedError, match="expired"):
        await store.api_keys.check(text)


async def test_the_last_use_is_noted_once_an_hour(store: Store, redis_url: str) -> None:
    made, text = await store.api_keys.create("web", "ci", ["read"])
    assert (await store.api_keys.check(text)).last_used_at is None
    first = (await store.api_keys.check(text)).last_used_at
    assert first is not None
    assert (await store.api_keys.check(text)).last_used_at == first
    redis = connect(redis_url)
    await redis.hset(keys.api_key(made.id), "last_used_at", str(first - 3601))
    await redis.aclose()
    await store.api_keys.check(text)
    (listed,) = await store.api_keys.of_project("web")
    assert listed.last_used_at is not None and listed.last_used_at >= first
