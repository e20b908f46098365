"""A stored job through the search: on the terms that it was taken on, whatever the endpoint table says today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from pmpo.contracts.jobs import JobSpec, ResultView
from pmpo.errors import JournalMismatchError
from pmpo.optim.several import IdentifiedScorer
from pmpo.optim.types import ModelIdentity, Prices, Scores
from pmpo.runs.codec import encode_splits
from pmpo.runs.jobspec import split_job
from pmpo.runs.terms import JobTerms, encode_terms
from pmpo.testing.ports import IDENTITY, FakeScorer, ScriptedGenerator, phrase_rewriter
from services.store.records import NewJob
from services.store.store import Store
from services.worker.driver import SearchDriver
from services.worker.gate import Gate
from services.worker.hold import Hold

JOB = JobSpec.model_validate(
    {
        "prompt": "Process the input.",
        "dataset": {"train": [{"input": f"in{number}", "target": f"out{number}"} for number in range(20)]},
        "optimizer": {"iterations": 1},
        "models": {"target": "small", "rewriter": "big"},
    }
)
TERMS = JobTerms(
    prices=Prices(scored=2.0, rewriting=3.0),
    target_arguments={"small": {"enable_thinking": False}},
    rewriter_arguments={"enable_thinking": True},
)


class Scorer(FakeScorer):
    identity: ModelIdentity | None = IDENTITY

    async def score(self, *asked: Any) -> Scores:
        return await FakeScorer.score(self, *asked)


@dataclass
class RememberedModels:
    """Fakes, and what their chat templates were to be given."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def scorer(self, name: str, identity: ModelIdentity | None, arguments: Mapping[str, Any]) -> IdentifiedScorer:
        self.asked.append((f"score {name}", dict(arguments)))
        return Scorer({"Name the city.": 1.0})

    def generator(self, name: str, arguments: Mapping[str, Any]) -> ScriptedGenerator:
        self.asked.append((f"generate {name}", dict(arguments)))
        return ScriptedGenerator(phrase_rewriter(["Name the city.", "Take your time."]))


async def _save(store: Store, terms: bytes) -> None:
    splits, sizes, _ = split_job(JOB)
    raw = JOB.model_dump_json().encode()
    job = NewJob("j1", "n", "optimize", "interactive", raw, encode_splits(splits), terms, sizes, (), JOB.prompt)
    await store.jobs.create(job)


async def _drive(store: Store, models: RememberedModels) -> ResultView:
    lease = await store.leases.try_acquire("j1", "me")
    assert lease is not None
    ending = await SearchDriver(store, models).drive(await store.jobs.get("j1"), Hold(store, lease, 60.0), Gate())
    return ResultView.model_validate_json(ending.result)


async def test_a_job_pays_the_prices_and_reads_the_arguments_that_it_was_stored_with(store: Store) -> None:
    await _save(store, encode_terms(TERMS))
    models = RememberedModels()
    result = await _drive(store, models)
    assert result.money is not None
    scored = 2e-6 * result.scored_tokens
    assert scored < result.money < scored + 3e-6 * result.generated_tokens  # answers have no price here
    assert sorted(models.asked) == [
        ("generate big", {"enable_thinking": True}),
        ("generate small", {"enable_thinking": False}),
        ("score small", {"enable_thinking": False}),
    ]


async def test_a_job_without_readable_terms_is_not_run_on_others(store: Store) -> None:
    await _save(store, b"")
    with pytest.raises(JournalMismatchError, match="submit it again"):
        await _drive(store, RememberedModels())
