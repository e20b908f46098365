"""A job on the wire to the search's settings and sets."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidDataError, InvalidInputError, PlaceholderError
from pmpo.optim.spec import BudgetCaps, Sampling
from pmpo.runs.jobspec import search_spec, split_job
from pmpo.runs.meta_prompt import small_rewrite


def test_a_stored_data_set_whose_rows_nobody_brought_is_no_empty_one() -> None:
    stored = "ds_" + "0" * 32
    rows = [{"input": f"in {number}", "target": "out"} for number in range(5)]
    for dataset in (stored, {"train": rows, "validation": stored}):
        job = JobSpec(prompt="x", dataset=dataset)  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match=f"data set {stored} is stored in an API, and none is used here"):
            split_job(job)
        filled = job.dataset.with_rows(dict.fromkeys(job.dataset.ids, rows))
        assert split_job(job.model_copy(update={"dataset": filled}))[1].train > 0


def _rows(num: int) -> list[dict[str, Any]]:
    return [{"input": f"x{number}", "target": "y"} for number in range(num)]


def _job(num_rows: int = 20, **changes: Any) -> JobSpec:
    body = {"name": "n", "prompt": "Say it. Use JSON.", "dataset": {"train": _rows(num_rows)}, **changes}
    return JobSpec.model_validate(body)


def test_defaults_are_the_algorithms() -> None:
    spec = search_spec(_job())
    assert spec.rewrite_meta == small_rewrite()
    assert (spec.iterations, spec.patience, spec.hard_examples, spec.variants) == (20, 6, 3, 4)
    assert (spec.caps, spec.with_accuracy, spec.sampling) == (BudgetCaps(), True, Sampling(1.0, 0.95, 256))


def test_every_setting_gets_through() -> None:
    spec = search_spec(
        _job(
            task="t",
            optimizer={
                "iterations": 2,
                "hard_examples": 4,
                "variants": 5,
                "patience": 6,
                "min_delta": 0.25,
                "target_loss": 0.5,
                "temperature": 0.7,
                "top_p": 0.8,
            },
            constraints={"max_prompt_tokens": 99, "protect": ["Use JSON."], "anchors": [3, 1]},
            budget={"scored_tokens": 1, "generated_tokens": 2, "seconds": 3.5},
            metric=None,
            max_answer_tokens=7,
            seed=8,
        )
    )
    assert (spec.task, spec.iterations, spec.hard_examples, spec.variants, spec.patience) == ("t", 2, 4, 5, 6)
    assert (spec.min_delta, spec.target_loss, spec.sampling) == (0.25, 0.5, Sampling(0.7, 0.8, 256))
    assert (spec.max_prompt_tokens, spec.protected, spec.anchors) == (99, ("Use JSON.",), (3, 1))
    assert (spec.caps, spec.with_accuracy) == (BudgetCaps(1, 2, 3.5), False)
    assert (spec.max_answer_tokens, spec.seed) == (7, 8)


def test_a_long_prompt_leaves_its_rewrites_room() -> None:
    assert search_spec(_job(prompt="word " * 1_000)).sampling.max_tokens == 2_500


@pytest.mark.parametrize("text", ["Use YAML.", "", " "])
def test_a_protected_text_must_stand_in_the_prompt(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"constraints\.protect: .* is no text of the prompt"):
        search_spec(_job(constraints={"protect": [text]}))


def test_a_blank_prompt_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="the prompt is empty"):
        search_spec(_job(prompt=" \n"))


def test_a_job_is_split_with_sizes_and_warnings() -> None:
    splits, sizes, warnings = split_job(_job(100, constraints={"anchors": [7]}))
    assert (sizes.train, sizes.validation, sizes.test, sizes.unused) == (50, 20, 30, 0)
    assert 7 in {example.index for example in splits.train}
    assert warnings == []
    assert split_job(_job(4))[2] == ["4 rows are few: the prompt may fit them and nothing else; add examples"]


def test_given_sets_are_used() -> None:
    gate = [{"input": "v", "target": "y"}]
    splits, sizes, _ = split_job(_job(10, dataset={"train": _rows(10), "validation": gate, "test": []}))
    assert [example.input for example in splits.validation] == ["v"]
    assert (sizes.train, sizes.validation, sizes.test) == (10, 1, 0)


def test_a_bad_row_is_named_with_its_set() -> None:
    dataset = {"train": _rows(5), "validation": [{"input": "v"}]}
    with pytest.raises(InvalidDataError, match=r"row 0 \(from 0\) of validation: the key 'target' is missing"):
        split_job(_job(dataset=dataset))


def test_placeholders_are_checked_in_every_set() -> None:
    full = [{**row, "unit": "cm"} for row in _rows(5)]
    split_job(_job(prompt="In {{unit}}: {{input}}", dataset={"train": full}))
    with pytest.raises(PlaceholderError, match=r"placeholder \{\{unit\}\} has no field in row 0"):
        split_job(_job(prompt="In {{unit}}: {{input}}", dataset={"train": full, "test": _rows(1)}))


def test_too_many_rows_are_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidDataError, match=r"more than 1,000 rows, and a job carries no more; add `sample: 1000`"):
        split_job(_job(1_200))
    both = {"train": _rows(900), "validation": _rows(300)}
    with pytest.raises(InvalidDataError, match=r"more than 1,000 rows, .*; add `sample: 700`"):
        split_job(_job(dataset=both))
    with pytest.raises(InvalidDataError, match="shorten validation and test"):
        split_job(_job(dataset={"train": _rows(9), "test": _rows(1_000)}))
