"""Who is let in, by what the settings say."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pmpo.errors import ConfigurationError
from pmpo.runtime.settings import Settings, load_settings
from services.api.gate import are_keys_required, refuse_without_keys
from services.queues import JobQueues
from services.store.store import Store
from tests.unit.private_redis import PrivateRedis

from .conftest import Clients, calling, serving


def settings_of(keys: str, host: str) -> Settings:
    return load_settings({"PMPO_API_KEYS": keys, "PMPO_API_HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_on_loopback_keys_are_a_choice(host: str) -> None:
    assert not are_keys_required(settings_of("auto", host))
    assert not are_keys_required(settings_of("off", host))
    assert are_keys_required(settings_of("required", host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.7", "example.org", "localhost.example.org"])
def test_elsewhere_they_are_none(host: str) -> None:
    assert are_keys_required(settings_of("auto", host))
    with pytest.raises(ConfigurationError, match="PMPO_API_KEYS=off needs an API that is bound to loopback"):
        are_keys_required(settings_of("off", host))


async def test_nobody_could_call_it_so_it_does_not_start(store: Store) -> None:
    for settings in (settings_of("auto", "0.0.0.0"), settings_of("required", "127.0.0.1")):
        with pytest.raises(ConfigurationError, match=r"python -m services.api.keys --name NAME"):
            await refuse_without_keys(settings, store.api_keys)
    await refuse_without_keys(settings_of("auto", "127.0.0.1"), store.api_keys)
    await store.api_keys.create("default", "first", ["admin"])
    await refuse_without_keys(settings_of("auto", "0.0.0.0"), store.api_keys)


async def test_a_redis_that_is_away_lets_it_start_and_lets_nobody_in(tmp_path: Path, queues: JobQueues) -> None:
    redis = PrivateRedis(tmp_path)
    store = Store.open(redis.url, 60.0)
    await refuse_without_keys(settings_of("required", "0.0.0.0"), store.api_keys)
    key = f"pmpo_{'0' * 12}_{'0' * 64}"
    async with serving(redis.url, store, queues, PMPO_API_KEYS="required") as app, calling(app, key) as client:
        answer = await client.get("/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    await store.close()


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "pmpo_1", "Bearer \u2603", "Token x"])
async def test_another_header_is_no_key(guarded: FastAPI, header: str) -> None:
    async with calling(guarded) as client:
        answer = await client.get("/v1/jobs", headers={"authorization": header.encode()})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_the_scheme_is_read_in_any_case(as_caller: Clients) -> None:
    client = await as_caller("mine")
    key = client.headers["authorization"].split()[1]
    assert (await client.get("/v1/jobs", headers={"authorization": f"bearer {key}"})).status_code == 200


async def test_a_stranger_is_refused_before_the_body_is_read(guarded: FastAPI) -> None:
    """An answer without a byte of the body: whoever shows no key cannot make the API read, parse or keep anything."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the body was asked for")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"api"), (b"content-length", b"1000000"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/jobs", "query_string": b"", "headers": headers}
    await guarded(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_paths_that_only_look_open_are_closed(guarded: FastAPI) -> None:
    async with calling(guarded) as client:
        for path in (
            "/healthz/",
            "/healthz//",
            "/healthz%2f",
            "/v1/jobs/..%2f..%2fhealthz",
            "/HEALTHZ",
            "/docs/x",
            "/nothing",
            "/metrics",
        ):
            assert (await client.get(path)).status_code == 401, path


async def test_a_key_is_asked_for_whatever_the_host_header_says(guarded: FastAPI) -> None:
    async with calling(guarded) as client:
        assert (await client.get("/v1/jobs", headers={"host": "127.0.0.1"})).status_code == 401
        assert (await client.get("/healthz", headers={"host": "api.example.org"})).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.1"])
async def test_without_keys_this_machines_names_are_answered(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/v1/jobs", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.1", "", "[::1", "127.0.0.1@evil"],
)
async def test_without_keys_a_name_that_was_bent_to_this_machine_is_refused(
    client: httpx.AsyncClient, host: str
) -> None:
    answer = await client.get("/v1/jobs", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "PMPO_API_KEYS=required" in answer.json()["detail"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8000"])
async def test_without_keys_another_sites_page_can_post_nothing(
    client: httpx.AsyncClient, job: dict[str, Any], store: Store, origin: str
) -> None:
    headers = {"host": "127.0.0.1:8000", "origin": origin}
    answer = await client.post("/v1/jobs", json=job, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert await store.jobs.newest("default", 9) == []
    assert (await client.post("/v1/jobs/x/cancel", headers=headers)).status_code == 403
    assert (await client.get("/v1/jobs", headers=headers)).status_code == 200


async def test_without_keys_the_apis_own_page_can_post(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    headers = {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000"}
    assert (await client.post("/v1/jobs", json=job, headers=headers)).status_code == 201
