from __future__ import annotations

import pytest

from pmpo.contracts.jobs import ModelView, RejectionView, SplitSizes
from pmpo.contracts.jobs import TestView as _TestView
from pmpo.contracts.objectives import ObjectiveSpec, ObjectiveView
from pmpo.errors import ConflictError
from pmpo.optim import events as ev
from pmpo.optim.types import ModelIdentity
from pmpo.runs.result import rejections, result_view

SEED, BETTER, WORSE = ev.Candidate(0, "seed"), ev.Candidate(1, "better", 0, 3), ev.Candidate(2, "worse", 0, 4)
COMPARISON = ev.TestComparison(6, 1.9, 0.8, -1.1, (-1.3, -0.9), 0.01, (1.9,) * 6, (0.8,) * 6, 0.25, 0.75)
SIZES = SplitSizes(train=5, validation=2, test=6)


def _events(test: ev.TestComparison | None) -> list[ev.Event]:
    spent = ev.Spent(90, 80, 70, 6.0)
    verdict: ev.Verdict = "untested" if test is None else "confirmed"
    result = ev.SearchResult("patience", verdict, BETTER, SEED, 2, 1, 2.0, 0.9, 2.1, 1.0, test, spent, "a detail")
    return [
        ev.RewriteRejected(1, 1, 3, "tagless", "unparseable", "no tags"),
        ev.CandidateProposed(2, 1, BETTER),
        ev.CandidateProposed(3, 1, WORSE),
        ev.CandidateDropped(4, 1, 2, "selection", "loss 3 on 8 examples"),
        ev.SearchFinished(5, result),
    ]


def test_the_result_holds_what_the_search_found() -> None:
    identity = ModelIdentity("nano", "abc", "float32", "torch_tree")
    view = result_view("j1", "name", _events(COMPARISON), SIZES, identity, objective=ObjectiveSpec())
    assert (view.job_id, view.name, view.stop_reason, view.verdict) == ("j1", "name", "patience", "confirmed")
    assert (view.prompt_before, view.prompt_after, view.detail) == ("seed", "better", "a detail")
    assert (view.train_loss_before, view.train_loss_after) == (2.0, 0.9)
    assert (view.validation_loss_before, view.validation_loss_after) == (2.1, 1.0)
    assert (view.num_iterations, view.num_accepted, view.num_candidates) == (2, 1, 2)
    assert (view.scored_tokens, view.computed_tokens, view.generated_tokens, view.seconds) == (90, 80, 70, 6.0)
    assert view.model == ModelView(model="nano", revision="abc", dtype="float32", engine="torch_tree")
    assert view.splits == SIZES
    assert (view.money, view.num_restarts, view.num_seeds, view.best_seed) == (None, 0, 1, None)
    assert view.test == _TestView(
        num_examples=6,
        loss_before=1.9,
        loss_after=0.8,
        difference=-1.1,
        interval=(-1.3, -0.9),
        p_value=0.01,
        accuracy_before=0.25,
        accuracy_after=0.75,
    )


def test_the_objective_is_named_and_flat_pairs_are_where_a_loss_is_a_preference() -> None:
    started = ev.SearchStarted(1, SEED, 2, 1, 0, 3, 0.5, 0.5, (0.01, 0.7), (7, 4))
    scored = [ev.CandidateScored(number, 1, 0, 1, (4, 7), (0.7 - 0.1 * number, 0.01)) for number in (2, 3, 4)]
    found = [started, *scored, *_events(COMPARISON)]
    view = result_view("j1", "n", found, SIZES, None, objective=ObjectiveSpec(kind="preference"))
    assert view.objective == ObjectiveView(kind="preference", form="auto", unit="nats per pair")
    (flat,) = view.flat_pairs
    assert (flat.row, flat.num_prompts, flat.standard_deviation) == (7, 4, 0.0)
    assert flat.mean_probability == pytest.approx(0.990, abs=5e-4)
    supervised = result_view("j1", "n", found, SIZES, None, objective=ObjectiveSpec())
    assert (supervised.flat_pairs, supervised.objective.unit) == ([], "nats per token")


def test_without_a_test_set_there_is_no_test() -> None:
    view = result_view("j1", "name", _events(None), SIZES, None, objective=ObjectiveSpec())
    assert (view.test, view.model, view.verdict) == (None, None, "untested")


def test_rejections_name_prompts_reasons_and_rounds() -> None:
    assert rejections(_events(None)) == [
        RejectionView(prompt="tagless", reason="unparseable", detail="no tags", iteration=1),
        RejectionView(prompt="worse", reason="selection", detail="loss 3 on 8 examples", iteration=1),
    ]


def test_an_unfinished_search_has_no_result() -> None:
    with pytest.raises(ConflictError, match="job j1 has not come to its end"):
        result_view("j1", "name", _events(None)[:-1], SIZES, None, objective=ObjectiveSpec())


def test_seed_prompts_are_no_rewrites_and_money_is_shown() -> None:
    seed, other = ev.Candidate(0, "seed"), ev.Candidate(1, "other seed")
    result = ev.SearchResult(
        "patience", "confirmed", other, seed, 2, 0, 2.0, 0.9, 2.1, 1.0, COMPARISON, ev.Spent(money=0.5), "", 1, 2
    )
    events = [ev.CandidateProposed(1, 0, other), ev.SearchFinished(2, result)]
    view = result_view("j", "n", events, SIZES, None, objective=ObjectiveSpec())
    assert (view.num_candidates, view.best_seed, view.num_seeds, view.num_restarts, view.money) == (0, 2, 2, 1, 0.5)
