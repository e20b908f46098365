"""The routes of data sets, and jobs that name them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pmpo.contracts.datasets import DatasetLimits
from pmpo.contracts.jobs import JobSpec
from pmpo.data.rows import canonical, content_id
from services.api.datasets.service import DatasetService
from services.store.store import Store

ROWS = [{"input": f"number {number}", "target": str(number)} for number in range(1_300)]


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


async def push(client: httpx.AsyncClient, rows: list[dict[str, Any]], **query: str) -> dict[str, Any]:
    answer = await client.post("/v1/datasets", content=lines(rows), params=query)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


@pytest.fixture
def small(app: FastAPI, store: Store) -> None:
    """Limits that a test can reach."""
    service = DatasetService(store, DatasetLimits(rows=10, bytes=1_000))
    app.state.collaborators = replace(app.state.collaborators, datasets=service)


async def test_rows_are_stored_under_the_name_of_their_content(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/datasets", content=lines(ROWS), params={"name": "numbers"})
    assert answer.status_code == 201
    view = answer.json()
    assert view["id"] == content_id(ROWS)
    assert answer.headers["location"] == f"/v1/datasets/{view['id']}"
    assert (view["name"], view["num_rows"], view["num_duplicates"]) == ("numbers", 1_300, 0)
    assert view["num_bytes"] == sum(len(canonical(row)) + 1 for row in ROWS)
    assert [field["name"] for field in view["fields"]] == ["input", "target"]
    assert view["fields"][1]["characters"] == {"shortest": 1, "median": 3, "percentile_95": 4, "longest": 4}
    assert (await client.get(f"/v1/datasets/{view['id']}")).json() == view


async def test_the_same_rows_are_the_same_data_set(client: httpx.AsyncClient) -> None:
    first = await push(client, ROWS)
    other = b"\xef\xbb\xbf" + b"\r\n\r\n".join(json.dumps(row, sort_keys=True, indent=None).encode() for row in ROWS)
    answer = await client.post("/v1/datasets", content=other, params={"name": "named later"})
    assert answer.status_code == 200
    assert answer.json() == {**first, "name": "named later"}
    assert len((await client.get("/v1/datasets")).json()["datasets"]) == 1


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_pieces_of_any_size_make_the_same_rows(client: httpx.AsyncClient, size: int) -> None:
    rows = [{"input": "é\u2028" * number, "target": "ß"} for number in range(30)]
    body = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    answer = await client.post("/v1/datasets", content=pieces())
    assert answer.json()["id"] == content_id(rows)
    read = await client.get(f"/v1/datasets/{answer.json()['id']}", params={"rows": 30})
    assert read.json()["rows"] == rows


async def test_rows_are_read_in_pages(client: httpx.AsyncClient) -> None:
    path = f"/v1/datasets/{(await push(client, ROWS))['id']}"
    offset, read = 0, []
    while offset is not None:
        page = (await client.get(path, params={"rows": 400, "offset": offset})).json()
        read += page["rows"]
        offset = page["next"]
    assert read == ROWS
    beyond = (await client.get(path, params={"rows": 5, "offset": 9_999})).json()
    assert (beyond["rows"], beyond["next"]) == ([], None)


async def test_lists_go_in_pages_newest_first(client: httpx.AsyncClient) -> None:
    ids = [(await push(client, [{"n": number}]))["id"] for number in range(5)]
    found: list[str] = []
    query: dict[str, int] = {"limit": 2}
    while True:
        page = (await client.get("/v1/datasets", params=query)).json()
        found += [view["id"] for view in page["datasets"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert found == ids[::-1]
    assert page["limits"] == {"rows": 50_000, "bytes": 50 * 1024 * 1024}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body holds no rows; send 1 to 50,000"),
        (b"\n \r\n", "the body holds no rows"),
        (b'{"a": 1}\n{"a": }\n', "the body, line 2, column 7: Expecting value"),
        (b'{"a": 1}\n\n[1]', "the body, line 3: a list where an object should stand"),
        (b'{"a": 1}{"a": 2}', "the body, line 1, column 9: Extra data"),
        (b'{"a": NaN}', "line 1: NaN is no JSON number"),
        (b'{"a": 1e400}', "line 1: 'a' holds a number that is not finite"),
        (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "line 1: 'a' is nested more than 32 deep"),
        (b'{"a": ' + b"[" * 9000 + b"]" * 9000 + b"}", "line 1: nested too deeply"),
        (b'{"a": 1, "a": 2}', "line 1: the key 'a' stands twice"),
        (b'{"a": "\\ud800"}', "line 1: 'a' holds half of a surrogate pair"),
        (b'{"a": "\xff"}', "line 1: not UTF-8"),
    ],
)
async def test_a_body_that_is_no_rows_is_refused_with_its_line_and_leaves_nothing(
    client: httpx.AsyncClient, store: Store, body: bytes, says: str
) -> None:
    answer = await client.post("/v1/datasets", content=lines(ROWS[:600] if body.strip() else []) + body)
    assert answer.status_code == 422
    shift = 600 if body.strip() else 0
    number = next((word for word in says.replace(",", " ").replace(":", " ").split() if word.isdigit()), "")
    expected = says.replace(f"line {number}", f"line {int(number) + shift}") if "line" in says else says
    assert expected in answer.json()["detail"]
    assert (await client.get("/v1/datasets")).json()["datasets"] == []
    assert await store._redis.keys("pmpo:*") == []


@pytest.mark.usefixtures("small")
async def test_too_many_rows_or_bytes_are_refused_with_limit_and_command(
    client: httpx.AsyncClient, store: Store
) -> None:
    command = "a data set has at most 10 rows and 0.000953674 MB; send a sample: `pmpo datasets push FILE --sample 10"
    many = await client.post("/v1/datasets", content=lines([{"n": number} for number in range(11)]))
    assert (many.status_code, many.json()["code"]) == (422, "invalid_data")
    assert f"the body has more than 10 rows; {command}" in many.json()["detail"]
    large = await client.post("/v1/datasets", content=lines([{"n": "x" * 2_000}]))
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    assert command in large.json()["detail"]
    assert await store._redis.keys("pmpo:*") == []


async def test_a_body_above_the_limit_of_other_routes_is_taken(client: httpx.AsyncClient) -> None:
    rows = [{"input": "x" * 11_000, "n": number} for number in range(1_000)]
    assert (await push(client, rows))["num_rows"] == 1_000
    refused = await client.post("/v1/jobs", content=lines(rows))
    assert refused.status_code == 413


async def test_a_body_that_breaks_off_leaves_nothing(app: FastAPI, store: Store) -> None:
    sent: list[dict[str, Any]] = []
    body = [{"type": "http.request", "body": lines(ROWS), "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return body.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/datasets",
        "raw_path": b"/v1/datasets",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("api", 80),
        "client": ("c", 1),
        "root_path": "",
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 422
    assert await store._redis.keys("pmpo:*") == []


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"content-type": "multipart/form-data; boundary=x"}, "the body is a form; send the rows themselves"),
        ({"content-encoding": "gzip"}, "the body is compressed"),
    ],
)
async def test_other_forms_are_refused_with_the_remedy(
    client: httpx.AsyncClient, headers: dict[str, str], says: str
) -> None:
    answer = await client.post("/v1/datasets", content=lines(ROWS[:5]), headers=headers)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("path", ["ds_" + "0" * 32, "ds_1", "x", "%00"])
async def test_what_does_not_exist_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    for answer in (await client.get(f"/v1/datasets/{path}"), await client.delete(f"/v1/datasets/{path}")):
        assert answer.status_code == 404
        assert "list them with GET /v1/datasets or `pmpo datasets list`" in answer.json()["detail"]


async def test_a_job_names_data_sets_in_the_place_of_rows(
    client: httpx.AsyncClient, store: Store, job: dict[str, Any]
) -> None:
    train, gate = await push(client, ROWS), await push(client, ROWS[-20:])
    sets = {"train": train["id"], "validation": gate["id"]}
    answer = await client.post("/v1/jobs", json={**job, "dataset": sets})
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert created["splits"]["train"] == 50
    assert created["splits"]["validation"] == 20
    assert any("1300 rows are not used" in warning for warning in created["warnings"])
    view = (await client.get(f"/v1/jobs/{created['id']}")).json()
    assert view["datasets"] == sets
    spec = await store.jobs.spec(created["id"])
    assert len(spec) < 5_000, "the rows are stored once, in the data set"
    assert JobSpec.model_validate_json(spec).dataset.ids == sets


async def test_an_id_alone_is_that_of_train_and_gives_the_same_splits(
    client: httpx.AsyncClient, store: Store, job: dict[str, Any]
) -> None:
    inline = (await client.post("/v1/jobs", json=job)).json()
    pushed = await push(client, job["dataset"]["train"])
    named = (await client.post("/v1/jobs", json={**job, "dataset": pushed["id"]})).json()
    assert await store.jobs.splits(named["id"]) == await store.jobs.splits(inline["id"])
    views = [(await client.get(f"/v1/jobs/{created['id']}")).json() for created in (inline, named)]
    assert views[0]["datasets"] == views[1]["datasets"] == {"train": pushed["id"]}, "the name is that of the content"


async def test_an_estimate_reads_data_sets_and_holds_none(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    pushed = await push(client, ROWS)
    answer = await client.post("/v1/jobs/estimate", json={**job, "dataset": pushed["id"]})
    assert answer.status_code == 200
    assert (await client.delete(f"/v1/datasets/{pushed['id']}")).status_code == 204


async def test_a_job_about_a_data_set_that_is_not_there_is_refused(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    answer = await client.post("/v1/jobs", json={**job, "dataset": "ds_" + "0" * 32})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await client.post("/v1/jobs", json={**job, "dataset": {"train": "rows"}})
    assert answer.status_code == 422
    assert "dataset.train: 'rows' is no id of a stored data set, which" in answer.json()["detail"]


async def test_rows_that_a_job_cannot_use_are_refused_when_it_comes(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    pushed = await push(client, [*ROWS[:5], {"input": "no target"}])
    answer = await client.post("/v1/jobs", json={**job, "dataset": pushed["id"]})
    assert answer.status_code == 422
    assert "row 5 (from 0) of train: the key 'target' is missing" in answer.json()["detail"]
    assert (await client.delete(f"/v1/datasets/{pushed['id']}")).status_code == 204


async def test_a_data_set_of_a_job_under_way_is_not_deleted(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    pushed = await push(client, ROWS)
    path = f"/v1/datasets/{pushed['id']}"
    created = (await client.post("/v1/jobs", json={**job, "dataset": pushed["id"]})).json()
    refused = await client.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert f"is needed by job {created['id']}; wait for it or cancel it" in refused.json()["detail"]
    await client.post(f"/v1/jobs/{created['id']}/cancel")
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.get(f"/v1/jobs/{created['id']}")).status_code == 200


async def test_more_rows_than_a_rationalize_job_takes_are_refused(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    pushed = await push(client, ROWS)
    answer = await client.post("/v1/jobs", json={**job, "kind": "rationalize", "dataset": pushed["id"]})
    assert answer.status_code == 422
    assert "1,300 rows and a rationalize job takes at most 1,000" in answer.json()["detail"]
