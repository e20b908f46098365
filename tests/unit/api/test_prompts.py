"""The routes of the prompt registry: versions, labels, tags, forms."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from services.api.prompts.representation import prefers_text

TEXTS = ["Name the city.", "Name the city in capitals.", "Name the city in capitals, in brackets."]


async def push(client: httpx.AsyncClient, text: str, name: str = "cities", **more: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/prompts/{name}/versions", json={"prompt": text, **more})
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


@pytest.fixture
async def cities(client: httpx.AsyncClient) -> str:
    for text in TEXTS:
        await push(client, text)
    return "/v1/prompts/cities"


async def test_ones_own_prompt_becomes_a_version(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/prompts/cities/versions", json={"prompt": TEXTS[0], "note": "by hand", "label": "production"}
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/prompts/cities?version=1"
    view = answer.json()
    assert (view["version"], view["prompt"], view["note"], view["source"]) == (1, TEXTS[0], "by hand", "person")
    assert (view["labels"], view["lineage"], view["parent"]) == (["production"], None, None)
    assert view["sha256"] == hashlib.sha256(TEXTS[0].encode()).hexdigest()
    assert (await client.get(answer.headers["location"])).json() == view


async def test_the_same_text_again_is_the_same_version(client: httpx.AsyncClient, cities: str) -> None:
    answer = await client.post(f"{cities}/versions", json={"prompt": TEXTS[2]})
    assert (answer.status_code, answer.json()["version"]) == (200, 3)
    answer = await client.post(f"{cities}/versions", json={"prompt": TEXTS[0]})
    assert (answer.status_code, answer.json()["version"]) == (201, 4)


@pytest.mark.parametrize(
    "text", ["\ufeffBegins with a mark.\r\nEnds with Windows' line end.\r\n", " \n\t{{input}}\u2028 é ", "\r"]
)
async def test_a_text_is_kept_letter_by_letter(client: httpx.AsyncClient, text: str) -> None:
    await push(client, text)
    assert (await client.get("/v1/prompts/cities")).json()["prompt"] == text
    plain = await client.get("/v1/prompts/cities", headers={"accept": "text/plain"})
    assert plain.content == text.encode()
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.headers["pmpo-prompt-version"] == "1"


async def test_a_version_is_found_by_number_label_or_as_the_newest(client: httpx.AsyncClient, cities: str) -> None:
    await client.post(f"{cities}/promote", json={"version": 2})
    for query, version in (("", 3), ("?label=latest", 3), ("?version=1", 1), ("?label=production", 2)):
        assert (await client.get(f"{cities}{query}")).json()["prompt"] == TEXTS[version - 1]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/prompts/none", 404, "list them with GET /v1/prompts or `pmpo prompts list`"),
        ("/v1/prompts/none/versions", 404, "there is no prompt 'none'"),
        ("/v1/prompts/none/labels", 404, "there is no prompt 'none'"),
        ("/v1/prompts/cities?version=4", 404, "has no version 4; its versions are 1 to 3"),
        ("/v1/prompts/cities?label=production", 404, "has no label 'production'; its labels are: none"),
        ("/v1/prompts/cities?label=latest&version=1", 422, "label and version are both given"),
        ("/v1/prompts/cities?version=0", 422, "version"),
        ("/v1/prompts/Cities", 422, "'Cities' is no name for the registry; use 1 to 64 of a-z, 0-9"),
        ("/v1/prompts/a%20b", 422, "'a b' is no name"),
        ("/v1/prompts/---", 422, "with a letter or digit among them"),
        ("/v1/prompts/" + "a" * 65, 422, "is no name"),
    ],
)
@pytest.mark.usefixtures("cities")
async def test_what_is_not_there_is_told_with_what_is(
    client: httpx.AsyncClient, path: str, status: int, says: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("Cities/versions", {"prompt": "x"}, "'Cities' is no name for the registry"),
        ("cities/versions", {"prompt": ""}, "prompt"),
        ("cities/versions", {"prompt": "x", "label": "latest"}, "'latest' is always the newest version"),
        ("cities/versions", {"prompt": "x", "labels": []}, "labels"),
        ("cities/promote", {"version": 1, "label": "Prod"}, "'Prod' is no name for the registry"),
        ("cities/promote", {"version": 0}, "version"),
        ("cities/promote", {}, "version"),
        ("cities/rollback", {"label": "latest"}, "'latest' is always the newest version"),
    ],
)
@pytest.mark.usefixtures("cities")
async def test_bad_bodies_are_refused(client: httpx.AsyncClient, path: str, body: dict[str, Any], says: str) -> None:
    answer = await client.post(f"/v1/prompts/{path}", json=body)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


async def test_a_known_tag_is_answered_without_a_body_until_something_changes(
    client: httpx.AsyncClient, cities: str
) -> None:
    await client.post(f"{cities}/promote", json={"version": 1})
    path = f"{cities}?label=production"
    first = await client.get(path)
    assert first.headers["etag"] == first.json()["etag"]
    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = await client.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    await client.post(f"{cities}/promote", json={"version": 3})
    moved = await client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (moved.status_code, moved.json()["version"]) == (200, 3)
    assert moved.headers["vary"] == "accept"
    assert moved.headers["cache-control"] == "no-cache"


async def test_each_form_has_its_own_tag(client: httpx.AsyncClient, cities: str) -> None:
    json = await client.get(cities)
    text = await client.get(cities, headers={"accept": "text/plain"})
    assert json.headers["etag"] != text.headers["etag"]
    await client.post(f"{cities}/promote", json={"version": 3, "label": "beta"})
    assert (await client.get(cities)).headers["etag"] != json.headers["etag"], "the JSON form tells of labels"
    known = {"accept": "text/plain", "if-none-match": text.headers["etag"]}
    assert (await client.get(cities, headers=known)).status_code == 304, "the text does not"


@pytest.mark.parametrize(
    ("accept", "is_text"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/plain", True),
        ("text/*;q=0.5, */*;q=0.1", True),
        ("application/json;q=0.9, text/plain;q=0.8", False),
        ("text/plain; charset=utf-8, */*;q=0.5", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("text/plain;q=x", False),
        ("", False),
    ],
)
def test_who_does_not_ask_for_text_gets_json(accept: str | None, is_text: bool) -> None:
    assert prefers_text(accept) is is_text


async def test_promote_and_roll_back_by_compare_and_set(client: httpx.AsyncClient, cities: str) -> None:
    answer = await client.post(f"{cities}/promote", json={"version": 1, "expected": None})
    assert (answer.status_code, answer.json()["labels"]) == (200, ["production"])
    refused = await client.post(f"{cities}/promote", json={"version": 2, "expected": None})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "'production' of prompt 'cities' stands at version 1" in refused.json()["detail"]
    assert (await client.post(f"{cities}/promote", json={"version": 3, "expected": 1})).status_code == 200
    assert (await client.post(f"{cities}/rollback", json={"expected": 1})).status_code == 409
    back = await client.post(f"{cities}/rollback", json={"expected": 3})
    assert (back.json()["version"], back.json()["labels"]) == (1, ["production"])
    assert "promote another version" in (await client.post(f"{cities}/rollback", json={})).json()["detail"]
    told = (await client.get(f"{cities}/labels")).json()
    assert told["labels"] == {"production": 1}
    moves = [(move["kind"], move["from_version"], move["to_version"]) for move in told["moves"]]
    assert moves == [("rollback", 3, 1), ("promote", 1, 3), ("promote", None, 1)]


async def test_versions_and_moves_go_in_pages(client: httpx.AsyncClient, cities: str) -> None:
    for version in (1, 2, 3):
        await client.post(f"{cities}/promote", json={"version": version})
    for path, items, key in (("versions", "versions", "version"), ("labels", "moves", "number")):
        found, cursor = [], ""
        while cursor is not None:
            page = (await client.get(f"{cities}/{path}?limit=2{cursor}")).json()
            found += [item[key] for item in page[items]]
            cursor = None if page["next"] is None else f"&cursor={page['next']}"
        assert found == [3, 2, 1]


async def test_prompts_are_listed_by_name(client: httpx.AsyncClient, cities: str) -> None:
    await client.post(f"{cities}/promote", json={"version": 2})
    for name in ("b.2", "a-1"):
        await push(client, "x", name)
    first = (await client.get("/v1/prompts?limit=2")).json()
    rest = (await client.get(f"/v1/prompts?limit=2&cursor={first['next']}")).json()
    assert [prompt["name"] for prompt in [*first["prompts"], *rest["prompts"]]] == ["a-1", "b.2", "cities"]
    assert rest["next"] is None
    assert (rest["prompts"][0]["num_versions"], rest["prompts"][0]["labels"]) == (3, {"production": 2})


async def test_a_request_that_is_sent_again_makes_one_version(client: httpx.AsyncClient) -> None:
    key = {"idempotency-key": "one"}
    path = "/v1/prompts/cities/versions"
    first = await client.post(path, json={"prompt": "a"}, headers=key)
    await push(client, "b")
    again = await client.post(path, json={"prompt": "a"}, headers=key)
    assert (again.status_code, again.json()["version"], again.headers["idempotent-replayed"]) == (201, 1, "true")
    refused = await client.post(path, json={"prompt": "c"}, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert first.json()["version"] == 1
    assert (await client.get("/v1/prompts/cities")).json()["version"] == 2


@pytest.mark.parametrize(
    ("changes", "registry", "warns"),
    [
        ({"name": "Review city!"}, {"name": "review-city", "label": None, "keep": True}, False),
        ({"registry": "my-prompt"}, {"name": "my-prompt", "label": None, "keep": True}, False),
        ({"registry": {"label": "beta"}}, {"name": "numbers", "label": "beta", "keep": True}, False),
        ({"registry": False}, {"name": None, "label": None, "keep": False}, False),
        ({"name": "Кино"}, {"name": None, "label": None, "keep": False}, True),
        ({"name": ...}, {"name": None, "label": None, "keep": False}, False),
        ({"name": ..., "registry": "x"}, {"name": "x", "label": None, "keep": True}, False),
    ],
)
async def test_a_job_is_saved_with_the_name_that_its_winner_will_have(
    client: httpx.AsyncClient,
    store: Any,
    job: dict[str, Any],
    *,
    changes: dict[str, Any],
    registry: Any,
    warns: bool,
) -> None:
    import json

    body = {key: value for key, value in {**job, **changes}.items() if value is not ...}
    created = (await client.post("/v1/jobs", json=body)).json()
    assert json.loads(await store.jobs.spec(created["id"]))["registry"] == registry
    assert any("write `registry: NAME`" in warning for warning in created["warnings"]) is warns


@pytest.mark.parametrize(
    ("registry", "says"),
    [
        ("Not A Name", "'Not A Name' is no name for the registry"),
        ({"lable": "x"}, "unknown key 'registry.lable', did you mean 'registry.label'?"),
        ({"label": "latest"}, "'latest' is always the newest version"),
    ],
)
async def test_what_a_job_says_wrongly_of_the_registry_is_refused(
    client: httpx.AsyncClient, job: dict[str, Any], registry: Any, says: str
) -> None:
    answer = await client.post("/v1/jobs", json={**job, "registry": registry})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
