"""Export and import over the routes, of jobs that really ran, between two projects of a real Redis."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from pmpo.data.rows import ContentHash
from pmpo.runs.archive import Archive, ArchiveWriter, Member
from pmpo.runs.codec import encode_entry
from pmpo.runs.outcome import job_result
from pmpo.testing.ports import IDENTITY
from services.queues import JobQueues
from services.store.connection import connect
from services.store.store import Store
from tests.unit.runs.report.world import JOBS, run

from .conftest import Clients, calling, serving
from .test_reports import saved

ROWS = b'{"input":"one","target":"1"}\n{"input":"two","target":"2"}\n'


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def _export(client: httpx.AsyncClient) -> bytes:
    answer = await client.get("/v1/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/gzip")
    return answer.content


def _members(content: bytes) -> list[Member]:
    archive = Archive(io.BytesIO(content), 2**30)
    archive.check(lambda _member: None)
    return list(archive.members())


def _packed(members: list[Member]) -> bytes:
    writer = ArchiveWriter()
    return writer.begin("web", "2026-01-31T12:00:00Z") + b"".join(map(writer.add, members)) + writer.end()


async def _import(client: httpx.AsyncClient, content: bytes) -> dict[str, Any]:
    answer = await client.post("/v1/import", content=content)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["sections"])


async def _refusal(client: httpx.AsyncClient, content: bytes) -> str:
    answer = await client.post("/v1/import", content=content)
    assert answer.status_code == 422, answer.text
    return str(answer.json()["detail"])


async def _left_out(client: httpx.AsyncClient, member: Member) -> str:
    """Why the only member of an export was left out."""
    section = (await _import(client, _packed([member])))[member.section]
    assert (_counts(section), section["num_unreadable"]) == ((0, 0, 0), 1)
    return str(section["unreadable"][0]["reason"])


def _with_fields(member: Member, fields: dict[str, str]) -> Member:
    """The member, a job's with some of its fields changed."""
    if member.section != "jobs":
        return member
    first, *rest = member.content.splitlines()
    head = json.loads(first)
    head["fields"] |= fields
    return replace(member, content=b"\n".join([json.dumps(head).encode(), *rest]) + b"\n")


def _counts(section: dict[str, Any]) -> tuple[int, int, int]:
    return section["added"], section["present"], section["num_differing"]


async def _finished(client: httpx.AsyncClient, store: Store, name: str) -> str:
    """A job that ran to its end, with all that it leaves behind."""
    found = await run(JOBS[name])
    job_id = await saved(client, store, found)
    lease = await store.leases.try_acquire(job_id, "worker")
    assert lease is not None
    answers = {entry.call: encode_entry(entry) for entry in found.entries}
    await store.journal.append(lease, now=1.0, answers=answers)
    result = job_result(job_id, found.job, found.events, found.view().splits, IDENTITY).model_dump_json().encode()
    await store.jobs.move(job_id, ["queued"], "running", lease=lease)
    ended = {"result": result, "stop_reason": "patience", "verdict": "confirmed"}
    await store.jobs.move(job_id, ["running"], "succeeded", lease=lease, drops_lease=True, changes=ended)
    return job_id


async def _told(client: httpx.AsyncClient, job_ids: list[str]) -> list[bytes]:
    """All that the routes tell of jobs."""
    return [
        (await client.get(f"/v1/jobs/{job_id}{below}")).content
        for job_id in job_ids
        for below in ("", "/events", "/result", "/report")
    ]


async def _registry(client: httpx.AsyncClient) -> list[bytes]:
    """All that the routes tell of the one prompt."""
    return [(await client.get(f"/v1/prompts{below}")).content for below in ("", "/cities/versions", "/cities/labels")]


async def test_a_project_is_moved_to_another_redis(as_caller: Clients, store: Store, redis: Redis) -> None:
    owner = await as_caller("web")
    stored = (await owner.post("/v1/datasets", params={"name": "two"}, content=ROWS)).json()
    ids = [await _finished(owner, store, name) for name in ("pmpo", "preference")]
    for text in ("Name the city.", "Name the city, please.", "Which city?"):
        await owner.post("/v1/prompts/cities/versions", json={"prompt": text, "label": "production"})
    await owner.post("/v1/prompts/cities/rollback", json={})
    registry = await _registry(owner)
    waiting = await saved(owner, store, await run(JOBS["compress"]), num_events=3)
    before, jobs = await _told(owner, ids), (await owner.get("/v1/jobs")).json()["jobs"]
    exported = await _export(owner)
    await redis.flushall()
    other = await as_caller("elsewhere")
    found = await _import(other, exported)
    assert {name: _counts(section) for name, section in found.items()} == {
        "datasets": (1, 0, 0),
        "prompts": (1, 0, 0),
        "jobs": (3, 0, 0),
    }
    assert await _registry(other) == registry
    assert (await other.post("/v1/prompts/cities/rollback", json={})).json()["version"] == 1
    assert await _told(other, ids) == before
    again = (await other.get("/v1/jobs")).json()["jobs"]
    assert [job["id"] for job in again] == [job["id"] for job in jobs]
    assert (await other.get(f"/v1/jobs/{waiting}")).json()["state"] == "paused"
    assert (await other.post(f"/v1/jobs/{waiting}/resume")).json()["state"] == "queued"
    assert (await other.get(f"/v1/datasets/{stored['id']}", params={"rows": 9})).json()["rows"] == [
        json.loads(line) for line in ROWS.splitlines()
    ]


async def test_an_import_may_come_twice_and_overwrites_nothing(as_caller: Clients, store: Store, redis: Redis) -> None:
    owner = await as_caller("web")
    await owner.post("/v1/datasets", params={"name": "two"}, content=ROWS)
    first, second = [await _finished(owner, store, name) for name in ("pmpo", "preference")]
    exported = await _export(owner)
    await owner.delete(f"/v1/jobs/{first}")
    await redis.hset(f"pmpo:job:{second}", "name", "renamed")
    found = await _import(owner, exported)
    assert _counts(found["jobs"]) == (1, 0, 1)
    assert found["jobs"]["differing"] == [second]
    assert _counts(found["datasets"]) == (0, 1, 0)
    assert (await owner.get(f"/v1/jobs/{second}")).json()["name"] == "renamed"
    assert _counts((await _import(owner, exported))["jobs"]) == (0, 1, 1)
    assert [member.name for member in _members(await _export(owner))] == [each.name for each in _members(exported)]


async def test_an_export_tells_of_no_other_project(as_caller: Clients, store: Store) -> None:
    owner, stranger = await as_caller("web"), await as_caller("theirs")
    job_id = await _finished(owner, store, "pmpo")
    await owner.post("/v1/datasets", content=ROWS)
    assert _members(await _export(stranger)) == []
    assert _counts((await _import(stranger, await _export(owner)))["jobs"]) == (0, 0, 1)
    assert (await stranger.get(f"/v1/jobs/{job_id}")).status_code == 404


async def test_nothing_is_restored_of_an_export_with_one_broken_member(as_caller: Clients, store: Store) -> None:
    owner, other = await as_caller("web"), await as_caller("other")
    await _finished(owner, store, "pmpo")
    good = _members(await _export(owner))
    broken: dict[str, tuple[Member, str]] = {
        "no job": (Member("jobs/x.jsonl", b"{}\n"), "is no job"),
        "another name": (replace(good[0], name="jobs/other.jsonl"), "another job than its name says"),
        "another section": (Member("schedules/x.jsonl", b"{}\n"), "has a section 'schedules'"),
        "no prompt": (Member("prompts/x.jsonl", b"{}\n"), "is no prompt"),
        "no data set": (Member("datasets/x.jsonl", b"{}\n"), "is no data set"),
        "other rows": (
            Member(f"datasets/ds_{'0' * 32}.jsonl", b'{"dataset":"ds_' + b"0" * 32 + b'","name":""}\n{"a":1}\n'),
            "other rows than its id says",
        ),
    }
    for member, says in broken.values():
        assert says in await _refusal(other, _packed([*good, member]))
    assert "no export" in await _refusal(other, b"")
    assert _members(await _export(other)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"state": "running"}, "its state is none of paused"),
        ({"state": "gone"}, "state: Input should be 'queued'"),
        ({"created_at": "nan"}, "created_at: Input should be a finite number"),
        ({"created_at": "soon"}, "could not convert string to float: 'soon'"),
        ({"spec": "{}"}, "Field required"),
        ({"splits": "nothing"}, "Expecting value"),
        ({"result": "no json"}, "Expecting value"),
        ({"enqueued_id": "x"}, "a field 'enqueued_id', which no job has"),
    ],
)
async def test_a_job_that_cannot_be_read_is_left_out_and_named(
    as_caller: Clients, store: Store, change: dict[str, str], says: str
) -> None:
    owner, other = await as_caller("web"), await as_caller("other")
    job_id = await _finished(owner, store, "pmpo")
    await owner.post("/v1/datasets", content=b'{"a":1}\n')
    await owner.post("/v1/prompts/cities/versions", json={"prompt": "Name the city."})
    good = _members(await _export(owner))
    found = await _import(other, _packed([_with_fields(member, change) for member in good]))
    assert [_counts(found[name]) for name in ("jobs", "datasets", "prompts")] == [(0, 0, 0), (1, 0, 0), (1, 0, 0)]
    (left_out,) = found["jobs"]["unreadable"]
    assert (left_out["name"], found["jobs"]["num_unreadable"]) == (job_id, 1)
    assert says in left_out["reason"]
    await owner.delete(f"/v1/jobs/{job_id}")
    assert _counts((await _import(other, _packed(good)))["jobs"]) == (1, 0, 0)


async def test_events_out_of_order_are_no_job(as_caller: Clients, store: Store) -> None:
    owner, other = await as_caller("web"), await as_caller("other")
    await _finished(owner, store, "pmpo")
    (good,) = _members(await _export(owner))
    lines = good.content.splitlines()
    swapped = b"\n".join([lines[0], *lines[1:-2], lines[-1], lines[-2]]) + b"\n"
    assert "another number" in await _left_out(other, replace(good, content=swapped))


async def test_a_data_set_that_cannot_be_read_is_left_out_and_named(as_caller: Clients) -> None:
    other = await as_caller("other")
    deep = b'{"a":' + b"[" * 40 + b"]" * 40 + b"}"
    members = []
    for rows in ([deep], [b'{"b": 1}'], [b'{"c":1}']):
        content = ContentHash()
        for row in rows:
            content.add(row)
        head = json.dumps({"dataset": content.id, "name": ""}).encode()
        members.append(Member(f"datasets/{content.id}.jsonl", b"\n".join([head, *rows]) + b"\n"))
    found = (await _import(other, _packed(members)))["datasets"]
    assert _counts(found) == (1, 0, 0)
    reasons = [each["reason"] for each in found["unreadable"]]
    assert ["nested more than 32 deep" in reasons[0], "not in the form" in reasons[1]] == [True, True]


async def test_a_prompt_is_taken_whole_or_not_at_all(as_caller: Clients) -> None:
    owner, other = await as_caller("web"), await as_caller("other")
    for text in ("Name the city.", "Which city?"):
        await owner.post("/v1/prompts/cities/versions", json={"prompt": text, "label": "production"})
    exported = await _export(owner)
    assert _counts((await _import(owner, exported))["prompts"]) == (0, 1, 0)
    await other.post("/v1/prompts/cities/versions", json={"prompt": "Another one."})
    mine = await _registry(other)
    found = (await _import(other, exported))["prompts"]
    assert _counts(found) == (0, 0, 1)
    assert await _registry(other) == mine
    (member,) = _members(exported)
    head, *rest = member.content.splitlines(keepends=True)
    unknown = head.replace(b'"production":"2"', b'"production":"3"')
    assert "names a version that it does not have" in await _left_out(
        other, replace(member, content=b"".join([unknown, *rest]))
    )
    another = head.replace(b'"prompt":"cities"', b'"prompt":"other"')
    assert "another prompt than its name says" in await _refusal(
        other, _packed([replace(member, content=b"".join([another, *rest]))])
    )
    without = [line for line in rest if b'"version"' not in line]
    assert "no version" in await _left_out(other, replace(member, content=b"".join([head, *without])))


async def test_an_import_has_its_own_limit(redis_url: str, store: Store, queues: JobQueues) -> None:
    async with serving(redis_url, store, queues, PMPO_IMPORT_MAX_BYTES="100000") as app, calling(app) as client:
        await client.post("/v1/datasets", content=b'{"text": "' + b"x" * 200_000 + b'"}\n')
        exported = await _export(client)
        assert len(exported) < 100_000
        assert "PMPO_IMPORT_MAX_BYTES" in await _refusal(client, exported)
        large = await client.post("/v1/import", content=b"x" * 100_001)
        assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
