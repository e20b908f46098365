from collections.abc import Iterator

import pytest
from redis import Redis

from pmpo.errors import StoreUnavailableError
from services.store import keys
from services.store.scores import ENTRY_BYTES, GROUP_BYTES, SharedScores
from services.store.store import Store

VALUE = b"v" * 20
ENTRY = len(b"a") + len(VALUE) + ENTRY_BYTES


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    client.close()


@pytest.fixture
def scores(store: Store) -> SharedScores:
    """Room for two groups of two entries and one more entry."""
    return SharedScores(store._redis, 2 * (GROUP_BYTES + 2 * ENTRY) + ENTRY)


async def test_entries_come_back_by_group_and_name(scores: SharedScores) -> None:
    await scores.keep({"g": {b"a": b"1", b"b": b"\x00\xff"}, "h": {b"a": b"3"}, "empty": {}})
    found = await scores.find({"g": [b"b", b"x"], "h": [b"a"], "none": [b"a"], "empty": []})
    assert found == {"g": {b"b": b"\x00\xff"}, "h": {b"a": b"3"}, "none": {}}
    assert await scores.find({}) == {}


async def test_what_is_there_stays_and_takes_no_room_twice(scores: SharedScores) -> None:
    for value in (VALUE, b"other"):
        await scores.keep({"g": {b"a": value}})
    assert await scores.find({"g": [b"a"]}) == {"g": {b"a": VALUE}}
    assert (await scores.counts()).num_bytes == GROUP_BYTES + ENTRY


async def test_the_groups_longest_unused_make_room(scores: SharedScores, redis: Redis) -> None:
    for group in ("g", "h"):
        await scores.keep({group: {b"a": VALUE, b"b": VALUE}})
    await scores.find({"g": [b"a"]})  # so that h is the one
    await scores.keep({"i": {b"a": VALUE}})
    found = await scores.find({"g": [b"a"], "h": [b"a"], "i": [b"a"]})
    assert {group: len(values) for group, values in found.items()} == {"g": 1, "h": 0, "i": 1}
    assert (await scores.counts()).num_bytes == 2 * GROUP_BYTES + 3 * ENTRY
    assert not redis.exists(keys.scores("h"))


async def test_the_bound_holds_whatever_comes(scores: SharedScores, redis: Redis) -> None:
    bound = 2 * (GROUP_BYTES + 2 * ENTRY) + ENTRY
    for number in range(40):
        await scores.keep({f"g{number % 7}": {bytes([number % 11 + 1]): VALUE * (number % 3 + 1)}})
        assert (await scores.counts()).num_bytes <= bound
    held = redis.zcard(keys.SCORE_GROUPS)
    assert 1 <= held <= 2
    assert len(redis.keys(keys.scores("*"))) == held


async def test_a_group_larger_than_the_bound_is_not_kept(scores: SharedScores, redis: Redis) -> None:
    await scores.keep({"g": {b"a": VALUE * 100}})
    assert await scores.find({"g": [b"a"]}) == {"g": {}}
    assert (await scores.counts()).num_bytes == 0
    assert redis.zcard(keys.SCORE_GROUPS) == 0


async def test_a_count_that_went_astray_is_set_right(scores: SharedScores, redis: Redis) -> None:
    redis.set(keys.SCORE_BYTES, 10**9)
    await scores.keep({"g": {b"a": VALUE}})
    await scores.keep({"h": {b"a": VALUE}})
    assert (await scores.counts()).num_bytes == GROUP_BYTES + ENTRY
    assert await scores.find({"h": [b"a"]}) == {"h": {b"a": VALUE}}


async def test_hits_and_misses_of_all_jobs_are_counted(scores: SharedScores) -> None:
    await scores.count(3, 4)
    await scores.count(0, 1)
    counts = await scores.counts()
    assert (counts.num_hits, counts.num_misses) == (3, 5)


async def test_redis_that_does_not_answer_is_told() -> None:
    store = Store.open("redis://127.0.0.1:1/0", 60.0, 1_000)
    for call in (store.scores.find({"g": [b"a"]}), store.scores.keep({"g": {b"a": b"1"}}), store.scores.count(1, 1)):
        with pytest.raises(StoreUnavailableError):
            await call
    await store.close()
