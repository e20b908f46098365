"""What holds of the report of any run: nobody is lost, nothing is told twice, and the numbers are those of the run."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from pmpo.contracts.candidates import CandidateView
from pmpo.contracts.jobs import JobFailure
from pmpo.contracts.reports import ReportView
from pmpo.errors import ConflictError
from pmpo.optim import events as ev
from pmpo.optim.types import Example
from pmpo.runs.report.build import report_view
from pmpo.testing.ports import KilledError
from tests.unit.runs.report.world import JOBS, PENALTIES, Ran, job, run

NOT_REPEATABLE = {"seconds", "computed_tokens"}
_RUNS: dict[str, Ran] = {}


async def ran(name: str) -> Ran:
    """Each run is made once."""
    if name not in _RUNS:
        _RUNS[name] = await run(JOBS[name])
    return _RUNS[name]


def ids_in(event: ev.Event) -> set[int]:
    """Every candidate that an event names."""
    found: set[int] = set()
    for name in ("candidate_id", "incumbent_id", "left_id"):
        found |= {getattr(event, name)} if hasattr(event, name) else set()
    for name in ("candidate", "seed"):
        found |= {getattr(event, name).id} if hasattr(event, name) else set()
    return found | ({event.result.best.id, event.result.seed.id} if isinstance(event, ev.SearchFinished) else set())


def of_id(report: ReportView, candidate_id: int) -> CandidateView:
    (found,) = [view for view in report.candidates if view.id == candidate_id]
    return found


def repeatable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: repeatable(item) for key, item in value.items() if key not in NOT_REPEATABLE}
    return [repeatable(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", JOBS)
async def test_every_candidate_is_there_once_with_one_fate(name: str) -> None:
    found = await ran(name)
    report = found.report()
    ids = [view.id for view in report.candidates if view.id is not None]
    named = set().union(*(ids_in(event) for event in found.events))
    assert sorted(ids) == sorted(named)
    assert {view.fate for view in report.candidates} <= {"seed", "accepted", "dropped", "refused"}
    num_refused = sum(isinstance(event, ev.RewriteRejected) for event in found.events)
    assert sum(view.fate == "refused" for view in report.candidates) == num_refused
    assert all(view.reason and view.detail for view in report.candidates if view.fate in ("dropped", "refused"))
    assert sum(report.counts.values()) == len(report.candidates)
    assert [view.number for view in report.candidates] == sorted(view.number for view in report.candidates)
    assert [view.id for view in report.candidates if view.is_best] == [report.outcome.best_id]


@pytest.mark.parametrize("name", JOBS)
async def test_there_are_as_many_losses_as_examples_were_scored(name: str) -> None:
    found = await ran(name)
    report = found.report()
    told: dict[int, int] = {}
    for event in found.events:
        if isinstance(event, ev.CandidateScored):
            told[event.candidate_id] = told.get(event.candidate_id, 0) + len(event.losses)
    started = next(event for event in found.events if isinstance(event, ev.SearchStarted))
    train = {example.index for example in found.splits.train}
    validation = sorted(example.index for example in found.splits.validation)
    for view in report.candidates:
        rows = {(cells.split, cells.measure): cells for cells in view.losses or []}
        assert all(len(cells.rows) == len(cells.values) == len(set(cells.rows)) for cells in rows.values())
        known = [cells.rows for (split, _), cells in rows.items() if split == "train"]
        assert view.num_train == max(map(len, known), default=0)
        assert all(set(each) <= train for each in known)
        if view.id is not None and view.reason != "demonstration":
            assert view.num_train == (len(started.train_losses) if view.id == 0 else told.get(view.id, 0))
        assert all(cells.rows == validation for (split, _), cells in rows.items() if split == "validation")
        assert (("validation", "loss") in rows) == (view.validation_loss is not None)


@pytest.mark.parametrize("name", ["pmpo", "seeds_and_restarts", "preference", "no_metric", "budget", "compress"])
async def test_means_are_those_that_the_search_decided_by(name: str) -> None:
    """The reasons hold the search's own numbers; weights differ by row."""
    num_compared = 0
    for view in (await ran(name)).report().candidates:
        told = re.match(r"(loss|training loss|validation loss) (-?\d+\.\d+)", view.detail)
        if view.fate == "dropped" and told:
            mean = view.validation_loss if told[1] == "validation loss" else view.train_loss
            assert mean == pytest.approx(float(told[2]), abs=5.1e-5)
            num_compared += 1
    assert num_compared or name in ("seeds_and_restarts", "compress")


async def test_losses_stand_at_their_rows() -> None:
    """Against the scorer itself, whose losses differ by prompt and row."""
    from pmpo.testing.ports import FakeScorer

    found, scorer = await ran("pmpo"), FakeScorer(PENALTIES)
    examples: dict[tuple[str, int], Example] = {
        (split, example.index): example
        for split, rows in (("train", found.splits.train), ("validation", found.splits.validation))
        for example in rows
    }
    num_cells = 0
    for view in found.report().candidates:
        for cells in view.losses or []:
            for row, value in zip(cells.rows, cells.values, strict=True):
                assert value == pytest.approx(scorer.loss(view.prompt, examples[cells.split, row]))
                num_cells += 1
    assert num_cells > 200


@pytest.mark.parametrize("name", JOBS)
async def test_the_lineage_leads_from_a_seed_prompt_to_the_winner(name: str) -> None:
    found = await ran(name)
    report = found.report()
    steps = report.lineage
    assert steps[-1].prompt == report.outcome.prompt_after == found.events[-1].result.best.prompt  # type: ignore[union-attr]
    assert of_id(report, steps[0].candidate_id).parent_id is None and steps[0].diff == []
    assert steps[0].prompt in (found.job.prompts or [found.job.prompt])
    for before, after in itertools.pairwise(steps):
        assert of_id(report, after.candidate_id).parent_id == before.candidate_id
        assert "".join(piece.text for piece in after.diff if piece.op != "insert") == before.prompt
        assert "".join(piece.text for piece in after.diff if piece.op != "delete") == after.prompt


@pytest.mark.parametrize("name", JOBS)
async def test_the_outcome_is_the_result(name: str) -> None:
    found = await ran(name)
    report = found.report()
    outcome, result = report.outcome, found.events[-1].result  # type: ignore[union-attr]
    for field in ("verdict", "stop_reason", "num_iterations", "num_accepted", "num_restarts", "num_seeds", "detail"):
        assert getattr(outcome, field) == getattr(result, field), field
    for field in ("train_loss_before", "train_loss_after", "validation_loss_before", "validation_loss_after"):
        assert getattr(outcome, field) == getattr(result, field), field
    assert (report.is_partial, report.note) == (False, "")
    assert (outcome.test is None) == (outcome.test_losses is None) == (result.test is None)
    if outcome.test_losses is not None:
        assert outcome.test_losses.before == list(result.test.losses_before)
        assert outcome.test_losses.rows == [example.index for example in found.splits.test]
    assert report.budget.scored_tokens.used == result.spent.scored_tokens
    assert report.budget.scored_tokens.cap == found.job.budget.scored_tokens
    assert report.curve[0].train_loss == of_id(report, 0).train_loss
    assert len(report.curve) == 1 + sum(isinstance(event, ev.IterationFinished) for event in found.events)
    assert ReportView.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("name", ["pmpo", "seeds_and_restarts", "few_shot", "compress", "opro", "several_targets"])
async def test_the_report_of_a_resumed_run_is_that_of_an_undisturbed_one(name: str) -> None:
    whole = await ran(name)
    expected = repeatable(whole.report().model_dump())
    for cut in range(1, len(whole.entries) + 1, 3):
        with pytest.raises(KilledError):
            await run(JOBS[name], die_at=cut)
        resumed = await run(JOBS[name], whole.entries[: cut - 1])
        assert repeatable(resumed.report().model_dump()) == expected


@pytest.mark.parametrize("name", JOBS)
async def test_any_part_of_a_run_has_a_report(name: str) -> None:
    found = await ran(name)
    for num_events in range(len(found.events)):
        report = found.report(num_events, "running")
        named = set().union(*(ids_in(event) for event in found.events[:num_events]))
        assert {view.id for view in report.candidates if view.id is not None} == named
        assert report.is_partial and "nothing is tested yet" in report.note
        assert (report.outcome.verdict, report.outcome.test) == (None, None)
        if report.lineage:
            assert report.lineage[-1].prompt == report.outcome.prompt_after


async def test_a_job_that_nobody_began_has_an_empty_report() -> None:
    report = (await ran("pmpo")).report(0, "queued")
    assert (report.candidates, report.lineage, report.curve, report.counts) == ([], [], [], {})
    assert report.outcome.prompt_before == report.outcome.prompt_after == JOBS["pmpo"].prompt
    assert report.outcome.max_iterations == 4


async def test_a_cancelled_and_a_failed_job_say_so() -> None:
    found = await ran("pmpo")
    assert "The job was cancelled before its end" in found.report(40, "cancelled").note
    failure = JobFailure(code="x", message="the model is gone")
    view = found.view("failed").model_copy(update={"failure": failure})
    note = report_view(found.job, view, found.splits, found.events[:40]).note
    assert note.startswith("The job failed (the model is gone);")


async def test_a_restart_and_a_demonstration_are_fates_of_their_own() -> None:
    restarted = [view for view in (await ran("seeds_and_restarts")).report().candidates if view.reason == "restart"]
    assert {view.fate for view in restarted} == {"accepted"}
    assert re.match(r"a runner-up of round \d+, when it was dropped \(selection: ", restarted[0].detail)
    shown = [view for view in (await ran("few_shot")).report().candidates if view.reason == "demonstration"]
    assert {(view.fate, view.num_train > 0) for view in shown} == {("accepted", True)}
    assert all(f"row {view.example_row} was added" in view.detail for view in shown)


async def test_what_the_budget_cut_off_is_said() -> None:
    reasons = {view.reason for view in (await ran("budget")).report().candidates if view.fate == "dropped"}
    assert "budget" in reasons


async def test_a_rival_that_is_scored_by_accuracy_tells_errors_and_losses_apart() -> None:
    report = (await ran("evoprompt_ga")).report()
    assert report.scored_by == "accuracy"
    assert all(view.train_accuracy is not None for view in report.candidates if view.id is not None)
    for view in report.candidates:
        for cells in view.losses or []:
            assert cells.measure == "loss" or set(cells.values) <= {0.0, 1.0}
    lost = [view for view in report.candidates if view.fate == "dropped"]
    assert lost and all(view.train_loss is None for view in lost)
    assert report.outcome.train_loss_after is not None
    assert (await ran("opro_by_loss")).report().scored_by == "loss"


async def test_errors_are_never_taken_for_preference_losses() -> None:
    """Some rows are answered right by every prompt: as losses their errors of 0 would make flat pairs."""
    report = (await ran("options_by_accuracy")).report()
    errors = [cells for view in report.candidates for cells in view.losses or [] if cells.measure == "error"]
    assert errors
    known = {pair.row: pair.num_prompts for pair in report.flat_pairs}
    assert all(num <= 1 + report.counts["accepted"] for num in known.values())


async def test_units_are_told_with_their_standard_errors() -> None:
    report = (await ran("pmpo")).report()
    first = report.units[0]
    assert (first.iteration, first.candidate_id, first.source) == (1, 0, "rule")
    assert [unit.text for unit in first.units] == ["Do it.", "Take your time."]
    assert all(unit.standard_error > 0 for unit in first.units)
    assert [JOBS["pmpo"].prompt[unit.start : unit.end] for unit in first.units] == [unit.text for unit in first.units]


async def test_prompts_carry_their_lengths() -> None:
    for name in ("pmpo", "seeds_and_restarts", "few_shot", "opro", "static_rephrase"):
        for view in (await ran(name)).report().candidates:
            assert view.num_tokens == (None if view.id is None else len(view.prompt.split())), name


async def test_demonstrations_that_were_tried_are_told() -> None:
    report = (await ran("few_shot_alone")).report()
    assert report.demonstrations is not None
    chosen = [step.chosen_row for step in report.demonstration_steps if step.chosen_row is not None]
    assert chosen == report.demonstrations.rows
    assert all(len(step.rows) == len(step.validation_losses) for step in report.demonstration_steps)


async def test_losses_row_by_row_come_when_asked_for() -> None:
    report = (await ran("pmpo")).report(with_losses=False)
    assert report.candidates
    assert [view.losses for view in report.candidates] == [None] * len(report.candidates)


@pytest.mark.parametrize(("state", "place"), [("succeeded", "/result or"), ("cancelled", "/events")])
@pytest.mark.parametrize("kind", ["rationalize", "evaluate"])
async def test_a_job_that_searches_for_no_prompt_has_no_report(kind: str, state: str, place: str) -> None:
    found = await ran("pmpo")
    spec = job(kind=kind)
    view = found.view().model_copy(update={"kind": kind, "state": state})
    with pytest.raises(ConflictError, match=f"of kind {kind}: it searches for no prompt.*{place}"):
        report_view(spec, view, found.splits, [])
