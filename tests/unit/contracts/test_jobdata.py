"""The sets of a job: lists of rows, or ids of stored data sets."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pmpo.contracts.jobdata import JobData

ROWS = [{"input": "a", "target": "b"}]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"training": ROWS}, "training\n  Extra inputs are not permitted"),
        ({"train": ROWS, 1: ROWS}, "1\n  Keys should be strings"),
        ({}, "train\n  Field required"),
        ({"train": []}, "train\n  List should have at least 1 item"),
        (
            {"train": {"input": "a"}},
            "train\n  Value error, a dict where a list of rows, or the id",
        ),
        ({"train": "rows.jsonl"}, "'rows.jsonl' is no id of a stored data set"),
        ([ROWS], "Input should be a valid dictionary"),
    ],
)
def test_what_is_no_data_says_which_key(given: Any, says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        JobData.model_validate(given)
    assert says in str(refused.value)


def test_rows_and_ids_stay_what_they_are() -> None:
    an_id = f"ds_{'0' * 32}"
    data = JobData.model_validate({"train": ROWS, "test": an_id})
    assert (data.train, data.test, dict(data.ids)) == (ROWS, None, {"test": an_id})
    assert data.model_dump() == {"train": ROWS, "validation": None, "test": an_id}
