"""Pairs and options through the whole stack: one short round each."""

from typing import Any

import pytest

from .conftest import Jobs


def _pair(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "input": row["input"],
        "chosen": row["target"],
        "rejected": f"It is {row['target'].lower()}.",
        "margin": 0.5,
    }


def _choice(row: dict[str, Any]) -> dict[str, Any]:
    return {"input": row["input"], "options": ["NOWHERE", row["target"], "ATLANTIS"], "answer": row["target"]}


@pytest.mark.parametrize(
    ("kind", "form", "made_of"), [("preference", "auto", _pair), ("options", "cross_entropy", _choice)]
)
def test_a_job_of_every_kind_comes_to_a_result(
    jobs: Jobs, small_job: dict[str, Any], kind: str, form: str, made_of: Any
) -> None:
    rows = [made_of(row) for row in small_job["dataset"]["train"]]
    job = {
        **small_job,
        "dataset": {"train": rows},
        "objective": {"kind": kind, "form": form},
        "optimizer": {"iterations": 1, "hard_examples": 1, "variants": 2, "selection": "race", "max_units": 2},
        "answer_prefix": "City: ",
    }
    view = jobs.finish(jobs.submit(job))
    assert view["state"] == "succeeded", view
    result = jobs.result(view["id"])
    assert result["objective"]["kind"] == kind
    assert result["objective"]["unit"] == {"preference": "nats per pair", "options": "nats per question"}[kind]
    assert result["train_loss_after"] <= result["train_loss_before"]
    assert 0 <= result["test"]["preferred_before"] <= 1
    assert (result["test"]["accuracy_before"] is None) == (kind == "preference")
    spent = jobs.events(view["id"])[-1]["data"]["result"]["spent"]
    assert result["scored_tokens"] == spent["scored_tokens"] > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rejected": "OSLO", "chosen": "OSLO"}, ["row 5", "the same answer"]),
        ({"margin": -1}, ["row 5", "the margin", "from 0 to 1,000,000,000"]),
        ({"weight": "much"}, ["row 5", "the weight", "from 0 to 1,000,000,000"]),
    ],
)
def test_pairs_that_cannot_be_used_are_refused_with_their_row(
    jobs: Jobs, small_job: dict[str, Any], change: dict[str, Any], words: list[str]
) -> None:
    rows = [_pair(row) for row in small_job["dataset"]["train"]]
    rows[5] |= change
    answer = jobs.client.post(
        "/v1/jobs", json={**small_job, "dataset": {"train": rows}, "objective": {"kind": "preference"}}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_data")
    for word in words:
        assert word in answer.json()["detail"]
