"""The winner of a job is a version of the registry with the job's last move; the rows of data sets reach the worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.prompts import PromptContent
from pmpo.contracts.registry import PromptRef
from pmpo.data.rows import canonical, content_id
from pmpo.errors import NotFoundError
from pmpo.optim.several import IdentifiedScorer
from pmpo.optim.types import ModelIdentity
from pmpo.runs.codec import encode_splits
from pmpo.runs.modes import sets_of
from pmpo.runs.registration import text_digest
from pmpo.runs.terms import JobTerms, encode_terms
from pmpo.testing.ports import IDENTITY, FakeScorer, ScriptedGenerator, phrase_rewriter
from services.store.records import JobRecord, NewJob
from services.store.store import Store
from services.worker.driver import SearchDriver
from services.worker.endings import Succeeded
from services.worker.gate import Gate
from services.worker.hold import Hold
from services.worker.runner import Runner

ROWS = [{"input": f"in{number}", "target": f"out{number}", "more": [number]} for number in range(40)]
BODY = {
    "name": "cities",
    "prompt": "Process the input.",
    "dataset": {"train": ROWS},
    "optimizer": {"iterations": 1},
    "registry": {"name": "cities", "label": "beta"},
}
TERMS = encode_terms(JobTerms(prices=None, target_arguments={"default": {}}, rewriter_arguments={}))


class Scorer(FakeScorer):
    identity: ModelIdentity | None = IDENTITY


class Models:
    def __init__(self, rewrite: str = "Name the city.", losses: Mapping[str, float] | None = None) -> None:
        self._rewrite = rewrite
        self._losses = {"Name the city.": 1.0} if losses is None else losses

    def scorer(self, name: str, identity: ModelIdentity | None, arguments: Mapping[str, Any]) -> IdentifiedScorer:
        return Scorer(dict(self._losses))

    def generator(self, name: str, arguments: Mapping[str, Any]) -> ScriptedGenerator:
        return ScriptedGenerator(phrase_rewriter([self._rewrite]))


async def save(store: Store, body: dict[str, Any], rows: list[dict[str, Any]] | None = None, job_id: str = "j1") -> str:
    job = JobSpec.model_validate(body)
    filled = job if rows is None else job.model_copy(update={"dataset": job.dataset.with_rows({"train": rows})})
    splits, sizes, _ = sets_of(filled)
    ids = {"train": job.dataset.ids.get("train") or content_id(job.dataset.train)}
    raw = job.model_dump_json().encode()
    new = NewJob(
        job_id, job.name, job.kind, "interactive", raw, encode_splits(splits), TERMS, sizes, (), "P.", datasets=ids
    )  # fmt: skip
    await store.jobs.create(new)
    return new.id


def runner(store: Store, driver: Any) -> Runner:
    return Runner(store, driver, holder="me", lease_s=60.0, drain=asyncio.Event(), drain_s=0.3)


async def test_a_winner_is_a_version_with_its_lineage_and_labels(store: Store) -> None:
    await store.prompts.add("default", _seed())
    job_id = await save(store, BODY)
    await runner(store, SearchDriver(store, Models())).run(job_id)
    view = (await store.jobs.get(job_id)).view
    assert (view.state, view.verdict) == ("succeeded", "confirmed")
    assert view.registered is not None
    assert (view.registered.name, view.registered.version) == ("cities", 2)
    stored = await store.prompts.get("default", "cities")
    assert (stored.parent, stored.labels) == (1, ["beta", "confirmed"])
    content = PromptContent.model_validate_json(stored.entry)
    assert content.lineage is not None
    result = json.loads(await store.jobs.result(job_id) or b"{}")
    assert (content.prompt, content.source) == (result["prompt_after"], "job")
    assert content.lineage.job_id == job_id
    assert content.lineage.datasets == result["datasets"] == {"train": content_id(ROWS)}
    assert content.lineage.model is not None
    assert content.lineage.model.model == IDENTITY.model
    assert content.lineage.validation_loss_after == result["validation_loss_after"]
    assert content.lineage.seed_sha256 == text_digest("Process the input.")
    assert "production" not in await store.prompts.labels("default", "cities")


async def test_a_worker_that_dies_after_the_search_leaves_one_version(store: Store) -> None:
    """The first worker has driven the search to its end and dies before the last move; the second one goes on."""
    job_id = await save(store, BODY)
    lease = await store.leases.try_acquire(job_id, "dies")
    assert lease is not None
    await store.jobs.move(job_id, ["queued"], "running", lease=lease)
    record = await store.jobs.get(job_id)
    ending = await SearchDriver(store, Models()).drive(record, Hold(store, lease, 60.0), Gate())
    assert ending.registration is not None
    with pytest.raises(NotFoundError):
        await store.prompts.get("default", "cities")
    await store.leases.release(lease)
    await runner(store, SearchDriver(store, Models())).run(job_id)
    await runner(store, SearchDriver(store, Models())).run(job_id)
    assert (await store.prompts.get("default", "cities")).number == 1


async def test_a_worker_that_lost_its_job_registers_nothing(store: Store) -> None:
    job_id = await save(store, BODY)

    class Robbed(SearchDriver):
        async def drive(self, record: JobRecord, hold: Hold, gate: Gate) -> Succeeded:
            ending = await super().drive(record, hold, gate)
            await store.jobs.move(job_id, ["running"], "cancelled", drops_lease=True)
            return ending

    await runner(store, Robbed(store, Models())).run(job_id)
    assert (await store.jobs.get(job_id)).state == "cancelled"
    with pytest.raises(NotFoundError):
        await store.prompts.get("default", "cities")


@pytest.mark.parametrize(
    "changes", [{"registry": {"keep": False}}, {"registry": {}}, {"prompt": "Name the city."}], ids=str
)
async def test_no_version_without_a_name_or_without_another_prompt(store: Store, changes: dict[str, Any]) -> None:
    job_id = await save(store, {**BODY, **changes})
    await runner(store, SearchDriver(store, Models("Process it."))).run(job_id)
    view = (await store.jobs.get(job_id)).view
    assert (view.state, view.registered) == ("succeeded", None)
    assert await store.prompts.page("default", "", 5) == []


async def test_only_what_is_confirmed_is_labelled(store: Store) -> None:
    job_id = await save(store, {**BODY, "dataset": {"train": ROWS[:6]}})  # too few rows for a test
    await runner(store, SearchDriver(store, Models())).run(job_id)
    view = (await store.jobs.get(job_id)).view
    assert (view.verdict, view.registered is not None) == ("untested", True)
    assert await store.prompts.labels("default", "cities") == {}


async def test_a_rationalize_job_quotes_the_rows_of_its_data_set(store: Store) -> None:
    upload = store.datasets.begin()
    await store.datasets.put(upload, [canonical(row) for row in ROWS])
    await store.datasets.finish(upload, "default", content_id(ROWS), "", {"num_rows": "40"})
    body = {**BODY, "kind": "rationalize", "registry": {}, "dataset": content_id(ROWS)}
    job_id = await save(store, body, ROWS)

    class Reasoning(Models):
        def generator(self, name: str, arguments: Mapping[str, Any]) -> ScriptedGenerator:
            return ScriptedGenerator(lambda _request, _rng: "Because of this and that.\nThe answer is out7")

    await runner(store, SearchDriver(store, Reasoning())).run(job_id)
    assert (await store.jobs.get(job_id)).state == "succeeded"
    result = json.loads(await store.jobs.result(job_id) or b"{}")
    assert [row["more"] for row in result["rows"]] == [[7]]
    assert result["datasets"] == {"train": content_id(ROWS)}


def _seed(**more: Any) -> Any:
    from services.store.prompts import NewEntry

    digest = text_digest("Process the input.")
    content = PromptContent(prompt="Process the input.", sha256=digest, created_at=1.0, source="person")
    return NewEntry("cities", content.model_dump_json().encode(), digest, **more)


async def labelled(store: Store, job_id: str, loss: float, **changes: Any) -> JobRecord:
    """A confirmed winner whose test loss is ``loss`` above the least."""
    await save(store, {**BODY, **changes}, job_id=job_id)
    rewrite = f"Name the city {job_id}."
    await runner(store, SearchDriver(store, Models(rewrite, {rewrite: 1.0, "what no prompt says": loss}))).run(job_id)
    found = await store.jobs.get(job_id)
    assert (found.view.state, found.view.verdict) == ("succeeded", "confirmed")
    return found


async def test_a_label_stays_at_a_better_version_that_was_measured_on_the_same(store: Store) -> None:
    await labelled(store, "first", 1.0)
    second = await labelled(store, "second", 1.5)
    assert second.view.registered == PromptRef(name="cities", version=2, kept_labels={"beta": 1, "confirmed": 1})
    assert await store.prompts.labels("default", "cities") == {"beta": 1, "confirmed": 1}
    third = await labelled(store, "third", 0.5)
    assert third.view.registered == PromptRef(name="cities", version=3)
    assert await store.prompts.labels("default", "cities") == {"beta": 3, "confirmed": 3}


async def test_a_label_moves_where_losses_cannot_be_compared(store: Store) -> None:
    await labelled(store, "first", 0.5)
    other = await labelled(store, "second", 1.0, dataset={"train": ROWS[:-1]})
    assert other.view.registered == PromptRef(name="cities", version=2)
    await store.prompts.add("default", _seed(labels=["confirmed", "beta"]))
    after_a_person = await labelled(store, "third", 1.5)
    assert after_a_person.view.registered == PromptRef(name="cities", version=4)
    assert await store.prompts.labels("default", "cities") == {"beta": 4, "confirmed": 4}
