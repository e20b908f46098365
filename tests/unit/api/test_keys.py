from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.api.keys.__main__ import main
from services.store.store import Store

from .conftest import Clients, calling


async def test_a_key_is_shown_once_works_and_is_revoked(as_caller: Clients, guarded: FastAPI) -> None:
    admin = await as_caller("mine", "admin")
    answer = await admin.post("/v1/keys", json={"name": " ci ", "scopes": ["submit", "read", "read"]})
    made = answer.json()
    assert answer.status_code == 201, answer.text
    assert (made["name"], made["project"], made["scopes"]) == ("ci", "mine", ["read", "submit"])
    assert answer.headers["cache-control"] == "no-store"
    listed = await admin.get("/v1/keys")
    assert made["id"] in listed.text and made["key"] not in listed.text
    async with calling(guarded, made["key"]) as client:
        assert (await client.get("/v1/jobs")).status_code == 200
        assert (await client.get("/v1/keys")).status_code == 403
        assert (await admin.delete(f"/v1/keys/{made['id']}")).status_code == 204
        assert (await client.get("/v1/jobs")).status_code == 401
    assert (await admin.delete(f"/v1/keys/{made['id']}")).status_code == 404


async def test_without_scopes_a_key_looks_and_submits(as_caller: Clients) -> None:
    admin = await as_caller("mine")
    made = (await admin.post("/v1/keys", json={"name": "ci"})).json()
    assert (made["scopes"], made["expires_at"]) == (["read", "submit"], None)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"name": ""},
        {"name": " "},
        {"name": "x" * 101},
        {"name": "a\nb"},
        {"name": "ci", "scopes": []},
        {"name": "ci", "scopes": ["root"]},
        {"name": "ci", "expires_in_s": 0},
        {"name": "ci", "expires_in_s": 1e12},
        {"name": "ci", "project": "theirs"},
    ],
)
async def test_what_cannot_be_a_key_is_refused(as_caller: Clients, store: Store, asked: dict[str, Any]) -> None:
    admin = await as_caller("mine")
    answer = await admin.post("/v1/keys", json=asked)
    assert answer.status_code == 422, answer.text
    assert len(await store.api_keys.of_project("mine")) == 1


async def test_an_api_without_keys_can_make_the_first(client: httpx.AsyncClient, guarded: FastAPI) -> None:
    made = (await client.post("/v1/keys", json={"name": "first", "scopes": ["read", "submit", "admin"]})).json()
    assert made["project"] == "default"
    async with calling(guarded, made["key"]) as caller:
        assert (await caller.get("/v1/keys")).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--name", ""], "name"),
        (["--name", "x", "--project", "No Good"], "project"),
        (["--name", "x", "--project", "a:b"], "project"),
    ],
)
def test_the_first_key_is_refused_a_name_that_is_none(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1
