"""The job that measures a prompt: the rows that a search would be tested on, no rounds, no answers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pmpo.ci.comparison import MIN_ROWS
from pmpo.ci.digests import fingerprint, job_key, row_names
from pmpo.ci.measuring import measuring_job
from pmpo.contracts.evaluation import EvaluationView
from pmpo.contracts.jobdata import MAX_INLINE_ROWS
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidDataError, UpstreamError
from pmpo.runs.jobspec import split_job
from pmpo.runs.modes import check_mode, sets_of
from tests.unit.ci.world import NANO


def job(num_rows: int = 40, **changes: Any) -> JobSpec:
    rows = [
        {"input": f"number {number}", "target": str(number), "weight": 1 + number % 2} for number in range(num_rows)
    ]
    values = {"name": "numbers", "prompt": "Say the number.", "dataset": {"train": rows}, **changes}
    return JobSpec.model_validate(values)


def test_the_test_rows_of_the_job_are_measured_and_no_round_is_run() -> None:
    spec = job()
    splits, _, _ = split_job(spec)
    found = measuring_job(spec)
    check_mode(found.spec)
    expected = [spec.dataset.train[example.index] for example in splits.test]
    assert (found.spec.kind, found.spec.dataset.train, found.spec.dataset.test) == ("evaluate", expected, None)
    assert found.names == row_names(expected)
    assert list(found.weights) == [example.weight for example in splits.test]
    assert found.spec.metric is None
    again, _, _ = sets_of(found.spec)
    assert [row.input for row in again.test] == [row.input for row in splits.test]


def test_a_given_test_set_is_measured_as_it_is() -> None:
    test = [{"input": f"t{number}", "target": "x"} for number in range(6)]
    rows = job().dataset.train
    found = measuring_job(job(dataset={"train": rows, "test": test}))
    assert found.spec.dataset.train == test


def test_few_rows_are_all_measured() -> None:
    found = measuring_job(job(8))
    assert sorted(row["input"] for row in found.spec.dataset.train) == [f"number {number}" for number in range(8)]
    with pytest.raises(InvalidDataError, match="4 rows are too few to measure a prompt on; give at least 5"):
        measuring_job(job(4))


def test_units_are_measured_on_the_training_rows_and_may_not_go() -> None:
    spec = job(prompt="Say the number. Be kind.")
    found = measuring_job(spec, with_units=True).spec
    check_mode(found)
    assert found.kind == "compress"
    splits, _, _ = split_job(spec)
    assert found.dataset.train == [spec.dataset.train[example.index] for example in splits.train]


def test_digests_see_what_decides_losses() -> None:
    meta = ["ask"]
    first = fingerprint(job(), meta)
    assert fingerprint(job(objective={"kind": "supervised"}, seed=0), meta) == first
    for changes, changed in (
        ({"prompt": "Other."}, {"prompt"}),
        ({"seed": 1}, {"scoring"}),
        ({"constraints": {"anchors": [3]}}, {"scoring", "search"}),
        ({"objective": {"normalize": "token_sum"}}, {"scoring"}),
        ({"optimizer": {"iterations": 3}}, {"search"}),
        ({"models": {"rewriter": "big"}}, {"search"}),
        ({"name": "other", "queue": "overnight"}, set()),
    ):
        now = fingerprint(job(**changes), meta)
        assert {name for name in first.__slots__ if getattr(first, name) != getattr(now, name)} == changed
    assert fingerprint(job(41), meta).data != first.data
    assert fingerprint(job(), ["ask nicely"]).meta_prompts != first.meta_prompts


def test_a_stored_data_set_is_told_by_its_id() -> None:
    one, other = (fingerprint(job(dataset={"train": f"ds_{digit * 32}"}), []) for digit in "ab")
    assert one.data != other.data
    assert one.data == fingerprint(job(dataset={"train": f"ds_{'a' * 32}"}), []).data
    assert one.data != fingerprint(job(dataset={"train": f"ds_{'a' * 32}", "test": f"ds_{'b' * 32}"}), []).data


def test_the_rows_of_a_stored_data_set_are_measured_without_its_id() -> None:
    rows = job(3_000).dataset.train
    spec = job(dataset={"train": f"ds_{'a' * 32}"}, prompt="Say the number. Be kind.")
    spec = spec.model_copy(update={"dataset": spec.dataset.with_rows({"train": rows})})
    for with_units in (False, True):
        found = measuring_job(spec, with_units=with_units)
        assert not found.spec.dataset.ids
        sets = found.spec.dataset
        num_rows = len(sets.train) + len(sets.validation or ()) + len(sets.test or ())
        assert num_rows <= MAX_INLINE_ROWS
        assert len((sets.test if with_units else sets.train) or ()) >= MIN_ROWS


def test_a_jobs_key_is_that_of_its_content_and_models() -> None:
    models = {"default": NANO}
    first = job_key(job(), models)
    assert job_key(job(), dict(models)) == first
    others = {
        job_key(job(prompt="Other."), models),
        job_key(job(41), models),
        job_key(job(), {"default": NANO.model_copy(update={"revision": "2"})}),
        job_key(job(), {"default": None}),
    }
    assert len(others | {first}) == 5
    assert re.fullmatch(r"[\x21-\x7e]{1,255}", first), "what the API takes for a key"


def test_rows_of_equal_content_have_names_of_their_own() -> None:
    rows = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}]
    first, second, third = row_names(rows)
    assert second == f"{first}.2"
    assert third != first


def test_losses_are_read_by_row_and_those_of_other_rows_refused() -> None:
    measuring = measuring_job(job(8))
    prompt = {
        "prompt": "Say the number.",
        "num_tokens": 3,
        "loss": 0.5,
        "standard_error": 0.1,
        "accuracy": None,
        "preferred": None,
        "rows": list(range(8)),
        "losses": [number / 8 for number in range(8)],
        "grades": None,
        "hardest": [],
        "comparison": None,
    }
    body = {
        "job_id": "j",
        "name": "n",
        "stop_reason": "all_tried",
        "measured_set": "train",
        "num_rows": 8,
        "prompts": [prompt],
        "objective": {},
        "model": None,
        "scored_tokens": 1,
        "computed_tokens": 1,
        "generated_tokens": 0,
        "seconds": 1.0,
    }
    found = measuring.read(EvaluationView.model_validate(body))
    assert list(found.losses.items()) == list(zip(measuring.names, prompt["losses"], strict=True))  # type: ignore[call-overload]
    assert found.unit == "nats per token"
    for prompts in ([], [{**prompt, "rows": list(range(7))}], [prompt, prompt]):
        with pytest.raises(UpstreamError, match="lacks losses of its rows"):
            measuring.read(EvaluationView.model_validate({**body, "prompts": prompts}))
