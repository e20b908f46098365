"""The objective of a job: what it means, which keys go together, the unit of its losses."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.objectives import ObjectiveSpec, ObjectiveView
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.losses import Objective, Supervised
from pmpo.optim.preference import MultipleChoice, Preference
from pmpo.runs.jobspec import search_spec, split_job
from pmpo.runs.objectives import objective_of, objective_view

PAIRS = [{"input": f"x{number}", "chosen": "yes", "rejected": "no", "weight": number} for number in range(20)]
CHOICES = [{"input": f"x{number}", "options": ["yes", "no"], "answer": "no"} for number in range(20)]


def _job(rows: list[dict[str, Any]], **changes: Any) -> JobSpec:
    return JobSpec.model_validate({"prompt": "Say it.", "dataset": {"train": rows}, **changes})


@pytest.mark.parametrize(
    ("spec", "loss", "form", "unit"),
    [
        ({}, Supervised(), "token_mean", "nats per token"),
        ({"normalize": "token_sum"}, Supervised("token_sum"), "token_sum", "nats per answer"),
        ({"normalize": "byte_mean"}, Supervised("byte_mean"), "byte_mean", "nats per byte"),
        ({"kind": "preference"}, Preference(), "auto", "nats per pair"),
        ({"kind": "preference", "form": "dpo", "beta": 0.2}, Preference("dpo", 0.2), "dpo", "nats per pair"),
        (
            {"kind": "preference", "form": "mean_margin", "gamma": 0},
            Preference("mean_margin", gamma=0),
            "mean_margin",
            "nats per pair",
        ),
        (
            {"kind": "preference", "form": "lmpo", "gamma_ratio": 0.1},
            Preference("lmpo", gamma_ratio=0.1),
            "lmpo",
            "nats per pair",
        ),
        ({"kind": "options"}, MultipleChoice("pairs"), "pairs", "nats per pair"),
        ({"kind": "options", "beta": 2}, MultipleChoice("pairs", 2), "pairs", "nats per pair"),
        (
            {"kind": "options", "form": "cross_entropy"},
            MultipleChoice("cross_entropy"),
            "cross_entropy",
            "nats per question",
        ),
    ],
)
def test_every_objective_is_a_loss_with_a_unit(spec: dict[str, Any], loss: Objective, form: str, unit: str) -> None:
    parsed = ObjectiveSpec.model_validate(spec)
    assert objective_of(parsed) == loss
    assert objective_view(parsed) == ObjectiveView(kind=spec.get("kind", "supervised"), form=form, unit=unit)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"objective": {"kind": "preference", "normalize": "token_sum"}},
            "objective.normalize belongs to kind 'supervised' and this job's is 'preference'; remove it",
        ),
        ({"objective": {"form": "dpo"}}, "objective.form 'dpo' is none of kind 'supervised'; remove it"),
        (
            {"objective": {"kind": "options", "form": "dpo"}},
            "objective.form 'dpo' is none of kind 'options'; give one of pairs, cross_entropy",
        ),
        ({"objective": {"beta": 2}}, "objective.beta means nothing to the form 'token_mean'; remove it"),
        (
            {"objective": {"kind": "options", "form": "cross_entropy", "beta": 2}},
            "objective.beta means nothing to the form 'cross_entropy'",
        ),
        (
            {"objective": {"kind": "preference", "form": "dpo", "gamma": 1}},
            "objective.gamma means nothing to the form 'dpo'; remove it, or choose one of the forms auto, mean_margin",
        ),
        (
            {"objective": {"kind": "preference", "gamma_ratio": 1}},
            "objective.gamma_ratio means nothing to the form 'auto'",
        ),
        (
            {"fields": {"chosen": "good"}},
            "fields.chosen belongs to objective.kind 'preference' and this job's is 'super",
        ),
        (
            {"objective": {"kind": "preference"}, "fields": {"target": "good"}},
            "fields.target belongs to objective.kind 'supervised' and this job's is 'preference'",
        ),
        (
            {"objective": {"kind": "preference"}, "metric": "exact_match"},
            "metric is 'exact_match' and objective.kind is",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused(changes: dict[str, Any], says: str) -> None:
    job = _job(PAIRS, **changes)
    for check in (search_spec, split_job):
        with pytest.raises(InvalidInputError) as refusal:
            check(job)
        assert says in str(refusal.value)


@pytest.mark.parametrize("key", ["beta", "gamma", "gamma_ratio"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1"])
def test_strengths_are_numbers_of_the_right_side_of_nought(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"objective.{key}"):
        JobSpec.model_validate(
            {"prompt": "p", "dataset": {"train": PAIRS}, "objective": {"kind": "preference", key: value}}, strict=True
        )


def test_pairs_have_no_metric_unless_there_is_none_to_choose() -> None:
    assert _job(PAIRS, objective={"kind": "preference"}).metric is None
    assert _job(PAIRS, objective=ObjectiveSpec(kind="preference")).metric is None
    assert _job(CHOICES, objective={"kind": "options"}).metric == "exact_match"
    assert _job(CHOICES, objective={"kind": "options"}, metric=None).metric is None
    assert _job(CHOICES).metric == "exact_match"
    stored = _job(PAIRS, objective={"kind": "preference"}).model_dump_json()
    assert JobSpec.model_validate_json(stored) == _job(PAIRS, objective={"kind": "preference"})


def test_a_job_of_pairs_is_split_with_weights_prefix_and_a_word_about_the_weights() -> None:
    job = _job(PAIRS, objective={"kind": "preference"}, answer_prefix="So: ")
    splits, _, warnings = split_job(job)
    assert {example.targets for example in splits.train} == {("yes", "no")}
    assert {example.weight for example in splits.train} <= set(range(20))
    assert {example.answer_prefix for example in (*splits.train, *splits.validation, *splits.test)} == {"So: "}
    assert ["`fields: {weight: null}`" in warning for warning in warnings] == [True]
    named = _job(PAIRS, objective={"kind": "preference"}, fields={"weight": "weight"})
    assert split_job(named)[2] == []


def test_a_set_that_weighs_nothing_is_refused() -> None:
    good, nothing = [{**row, "weight": 1} for row in PAIRS], [{**row, "weight": 0} for row in PAIRS]
    whole = {"objective": {"kind": "preference"}}
    with pytest.raises(InvalidDataError, match="all rows of test weigh 0"):
        split_job(_job(good, **whole, dataset={"train": good, "test": nothing}))
    one = [{**row, "weight": int(number == 0)} for number, row in enumerate(PAIRS)]
    with pytest.raises(InvalidDataError, match=r"the \d+ rows that were chosen for \w+ all weigh 0; give more rows"):
        split_job(_job(one, **whole))


def test_options_become_targets_and_settings_get_through() -> None:
    job = _job(
        CHOICES,
        objective={"kind": "options"},
        optimizer={
            "selection": "race",
            "hard_examples_policy": "top_loss",
            "max_units": 3,
            "max_rewrite_tokens": 99,
        },
    )
    assert {example.targets for example in split_job(job)[0].train} == {("no", "yes")}
    spec = search_spec(job)
    assert (spec.selection, spec.hard_examples_policy, spec.max_units) == ("race", "top_loss", 3)
    assert (spec.sampling.max_tokens, spec.objective) == (99, MultipleChoice("pairs"))
    assert search_spec(_job(CHOICES)).hard_examples_policy == "thompson"
