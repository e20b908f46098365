"""Who may use the scorer, by what the settings say."""

import hmac
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from pmpo.errors import ConfigurationError
from pmpo.runtime.endpoints import load_endpoints
from pmpo.runtime.settings import load_settings
from services.scorer.app import create_app
from services.scorer.door import Check, check_of
from services.scorer.startup import ServiceSlot

KEY = "0123456789abcdef0123456789abcdef"  # made up


def check(**settings: str) -> Check:
    return check_of(load_settings({f"PMPO_SCORER_{name.upper()}": value for name, value in settings.items()}))


def calling(check: Check, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(ServiceSlot(), check))
    return httpx.AsyncClient(transport=transport, base_url="http://scorer:8100", headers=headers)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "scorer.example", ""])
def test_others_could_use_it_so_it_does_not_start(host: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        check(host=host)
    assert "PMPO_SCORER_KEY" in refusal.value.message and "PMPO_SCORER_OPEN=true" in refusal.value.message


@pytest.mark.parametrize("key", ["short", "with spaces in the middle of it", "\u00fcmlauts-are-no-ascii", "x" * 15])
def test_a_key_that_is_easily_guessed_or_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="PMPO_SCORER_KEY must be 16 or more") as refusal:
        check(key=key)
    assert key not in refusal.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_with_a_key_only_its_holder_is_let_in(host: str) -> None:
    async with calling(check(host=host, key=KEY)) as client:
        for header in ({}, {"authorization": f"Bearer {KEY}0"}, {"authorization": KEY}, {"authorization": "Bearer "}):
            for path in ("/v1/models", "/metrics", "/docs", "/nothing"):
                refused = await client.get(path, headers=header)
                assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
                assert KEY not in refused.text
        let_in = await client.get("/v1/models", headers={"authorization": f"bearer {KEY}"})
        assert let_in.json()["code"] == "scorer_unavailable"  # there is no model in the slot
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503


async def test_the_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []
    original = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        lengths.append((len(one), len(other)))
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    async with calling(check(key=KEY)) as client:
        for given in ("x", KEY[:-1], KEY, KEY * 9):
            await client.get("/v1/models", headers={"authorization": f"Bearer {given}"})
    assert lengths == [(32, 32)] * 4


async def test_a_stranger_is_refused_before_the_body_is_read() -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the body was asked for")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/score", "query_string": b"", "headers": []}
    await create_app(ServiceSlot(), check(key=KEY))(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_without_a_key_this_machines_names_alone_are_answered() -> None:
    async with calling(check(host="127.0.0.1")) as client:
        for host in ("evil.example", "127.0.0.1.evil.example", "[::1", ""):
            refused = await client.get("/v1/models", headers={"host": host})
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        for host in ("127.0.0.1:8100", "localhost", "[::1]:8100"):
            assert (await client.get("/v1/models", headers={"host": host})).json()["code"] == "scorer_unavailable"


async def test_it_can_be_left_open_in_words() -> None:
    async with calling(check(host="0.0.0.0", open="true")) as client:
        assert (await client.get("/v1/models")).json()["code"] == "scorer_unavailable"
    with pytest.raises(ConfigurationError):
        check(host="0.0.0.0", open="false")


def test_api_and_worker_of_the_same_settings_send_the_key() -> None:
    environment = {"PMPO_SCORER_KEY": KEY}
    assert load_endpoints(load_settings(environment))["default"].key(environment) == KEY
    assert load_endpoints(load_settings({}))["default"].key({}) is None
    table = '{"default": {"url": "http://scorer:8100", "key_variable": "PMPO_SCORER_KEY"}}'
    named = load_settings({**environment, "PMPO_ENDPOINTS": table})
    assert load_endpoints(named)["default"].key(environment) == KEY
