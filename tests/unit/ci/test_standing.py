"""What makes a check fail: a rise beyond tolerance and chance, or a lock that does not hold any more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pmpo.ci import words
from pmpo.ci.comparison import Measured, NotComparableError, Thresholds, compared
from pmpo.ci.standing import changes_of, notes_of, with_measurement
from pmpo.contracts.jobs import ModelView
from pmpo.optim.acceptance import compare
from tests.unit.ci.world import NANO, NOW, locked, losses, measured, standing

MODELS = {"default": NANO}


def test_nothing_changed_passes_without_a_score() -> None:
    found = standing(changes=changes_of(locked(), NOW, MODELS))
    assert found.passes
    assert (found.loss_before, found.loss_after, words.state(found)) == (0.1, 0.1, "unchanged")


@pytest.mark.parametrize(
    ("entry", "models", "causes"),
    [
        (None, MODELS, ["unlocked"]),
        (locked(prompt="x"), MODELS, ["prompt"]),
        (locked(data="x", scoring="y"), MODELS, ["data", "scoring"]),
        (locked(), {"default": NANO.model_copy(update={"revision": "2", "dtype": "bfloat16"})}, ["model"]),
        (locked(), {"other": NANO}, ["model"]),
        (locked(search="x", meta_prompts="y"), MODELS, []),
        (locked(), None, []),
    ],
)
def test_a_stale_lock_says_what_changed(entry: object, models: dict[str, ModelView] | None, causes: list[str]) -> None:
    changes = changes_of(entry, NOW, models)  # type: ignore[arg-type]
    assert [change.cause for change in changes] == causes
    assert standing(changes=changes).passes is (not causes)


def test_a_changed_model_is_named_with_both_values() -> None:
    now = {"default": NANO.model_copy(update={"revision": "2"})}
    assert changes_of(locked(), NOW, now)[0].sentence == "the model 'default' changed: revision is 2 and was 1"


def test_settings_of_the_search_are_a_note() -> None:
    assert notes_of(locked(), NOW) == ()
    assert notes_of(locked(search="x", meta_prompts="y"), NOW) == (
        "the settings of the search changed",
        "the texts that ask the rewriter changed",
    )


@pytest.mark.parametrize(
    ("now", "is_worse"),
    [
        ([0.4] * 8, True),  # a clear rise on every row
        ([0.11] * 8, False),  # certain, but within the tolerance
        ([0.9, 0.0, 0.9, 0.0, 0.05, 0.0, 0.0, 0.0], False),  # large in the mean, but chance alone does that
        ([0.0] * 8, False),
    ],
)
def test_worse_is_more_than_the_tolerance_and_more_than_chance(now: list[float], is_worse: bool) -> None:
    found = with_measurement(standing(), measured(*now), MODELS, seed=0)
    assert found.is_worse is is_worse
    assert found.passes is not is_worse


def test_the_test_is_the_one_behind_a_verdict() -> None:
    before, after = np.linspace(0.1, 0.5, 20), np.linspace(0.2, 0.5, 20)
    found = compared(losses(*before), measured(*after), seed=5)
    ones = np.ones(20)
    assert found.p_fall == compare(before, after, ones, 5).p_value
    assert found.p_rise == compare(after, before, ones, 5).p_value
    assert found.difference == pytest.approx(compare(before, after, ones, 5).difference)


def test_rows_are_paired_by_their_content() -> None:
    now = Measured(
        {"row9": 9.0, **dict(reversed(losses(*[0.1] * 8).items()))}, dict.fromkeys(losses(*[0] * 10), 1.0), ""
    )
    found = compared(losses(*[0.1] * 8), now, seed=0)
    assert (found.num_rows, found.difference) == (8, 0.0)


def test_fewer_than_five_rows_in_common_prove_nothing() -> None:
    with pytest.raises(NotComparableError, match="4 rows were measured both times; at least 5"):
        compared(losses(0.1, 0.1, 0.1, 0.1), measured(*[9.0] * 8), seed=0)
    found = with_measurement(standing(locked=locked(losses=losses(0.1))), measured(*[9.0] * 8), MODELS, seed=0)
    assert (found.comparison, found.is_worse, found.loss_after) == (None, False, 9.0)
    assert "at least 5" in words.evidence(found)


def test_weights_count() -> None:
    heavy = Measured(losses(*[0.1] * 7, 1.1), {**dict.fromkeys(losses(*[0] * 7), 0.0), "row7": 1.0}, "")
    assert compared(losses(*[0.1] * 8), heavy, seed=0).difference == pytest.approx(1.0)
    assert heavy.loss == pytest.approx(1.1)


def test_other_objectives_and_other_models_are_not_compared() -> None:
    scoring = standing(changes=changes_of(locked(scoring="x"), NOW, MODELS))
    other = {"default": NANO.model_copy(update={"model": "qwen"})}
    for found in (
        with_measurement(scoring, measured(*[9.0] * 8), MODELS, seed=0),
        with_measurement(standing(), measured(*[9.0] * 8), other, seed=0),
    ):
        assert found.comparison is None
        assert "not compared" in words.evidence(found)


def test_a_new_revision_of_the_same_model_is_compared() -> None:
    newer = {"default": NANO.model_copy(update={"revision": "2"})}
    found = with_measurement(standing(), measured(*[0.4] * 8), newer, seed=0)
    assert found.is_worse


def test_a_limit_holds_whatever_the_lock_says() -> None:
    low = Thresholds(max_loss=0.05)
    found = standing(thresholds=low)
    assert (found.is_too_high, found.passes, words.state(found)) == (True, False, "too high")
    assert words.reasons(found) == ["its loss is 0.100 and thresholds.max_loss is 0.05"]
    assert not replace(found, thresholds=Thresholds(max_loss=0.1)).is_too_high
