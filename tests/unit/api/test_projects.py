"""What belongs to another project answers exactly as what does not exist, on every route that the API has."""

from __future__ import annotations

import httpx
import pytest

from services.api.gate import OPEN_PATHS
from services.store.store import Store

from .conftest import Clients
from .routes import BODIES, CREATING, JOB, LOOKING, MAKERS, Route, all_routes, maker_of, named_routes


def ask(client: httpx.AsyncClient, route: Route, parameters: dict[str, str]) -> httpx.Request:
    body = BODIES.get((route.method, route.path))
    return client.build_request(route.method, route.path.format(**parameters), json=body)


def told(answer: httpx.Response, parameters: dict[str, str]) -> tuple[int, str]:
    """Status and body, without the names that were asked for and the request's own id."""
    text = answer.text.replace(answer.headers["x-request-id"], "")
    for value in parameters.values():
        text = text.replace(value, "NAME")
    return answer.status_code, text


@pytest.mark.parametrize("route", named_routes(), ids=str)
async def test_another_projects_things_do_not_exist(route: Route, as_caller: Clients) -> None:
    owner, stranger = await as_caller("mine"), await as_caller("theirs")
    made = await maker_of(route)(owner)
    absent = {name: "absent-" + value[7:] for name, value in made.items()}
    theirs = told(await stranger.send(ask(stranger, route, made)), made)
    nobodys = told(await stranger.send(ask(stranger, route, absent)), absent)
    if (route.method, route.path) in CREATING:
        assert theirs[0] == nobodys[0] == 201
    else:
        assert theirs == nobodys
        assert theirs[0] == 404
    own = await owner.send(ask(owner, route, made))
    assert own.status_code < 500 and own.status_code not in (401, 403, 404, 405, 422), own.text


LISTS = [route for route in all_routes() if route.method == "GET" and not route.parameters]


@pytest.mark.parametrize("route", LISTS, ids=str)
async def test_no_list_tells_of_another_project(route: Route, as_caller: Clients) -> None:
    owner, stranger = await as_caller("mine"), await as_caller("theirs")
    made = [value for maker in MAKERS.values() for value in (await maker(owner)).values()]
    seen = (await stranger.get(route.path)).text
    assert not [value for value in made if value in seen]


@pytest.mark.parametrize("start", MAKERS)
async def test_what_is_made_is_listed_for_its_own_project(start: str, as_caller: Clients) -> None:
    owner = await as_caller("mine")
    (name,) = (await MAKERS[start](owner)).values()
    assert name in (await owner.get(start.rstrip("/"))).text


@pytest.mark.parametrize("route", all_routes(), ids=str)
async def test_strangers_get_nothing(route: Route, as_caller: Clients) -> None:
    client = await as_caller("mine")
    parameters = dict.fromkeys(route.parameters, "any")
    del client.headers["authorization"]
    refused = await client.send(ask(client, route, parameters))
    if route.path in OPEN_PATHS:
        assert refused.status_code in (200, 503)
        return
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert "PMPO_API_KEY" in refused.json()["detail"]


@pytest.mark.parametrize("route", [route for route in all_routes() if route.path.startswith("/v1/")], ids=str)
async def test_a_route_asks_for_the_scope_that_its_method_suggests(route: Route, as_caller: Clients) -> None:
    looks = route.method == "GET" or (route.method, route.path) in LOOKING
    client = await as_caller("mine", "submit" if looks else "read")
    refused = await client.send(ask(client, route, dict.fromkeys(route.parameters, "any")))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "needs a key with the scope" in refused.json()["detail"]


async def test_idempotency_keys_are_of_a_project(as_caller: Clients, store: Store) -> None:
    headers = {"idempotency-key": "once"}
    clients = [await as_caller("mine"), await as_caller("theirs"), await as_caller("mine")]
    ids = [(await client.post("/v1/jobs", json=JOB, headers=headers)).json()["id"] for client in clients]
    assert ids[0] == ids[2] != ids[1]
    assert [record.project for record in await store.jobs.newest("theirs", 9)] == ["theirs"]


async def test_workers_see_the_jobs_of_all_projects(as_caller: Clients, store: Store) -> None:
    for project in ("mine", "theirs", "default"):
        assert (await (await as_caller(project)).post("/v1/jobs", json=JOB)).status_code == 201
    assert {record.project for record in await store.jobs.active()} == {"mine", "theirs", "default"}
