"""Evaluate jobs: which rows they measure, what is refused, and the result that their events make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pmpo.contracts.evaluation import EvaluationView
from pmpo.contracts.jobs import JobSpec, Progress
from pmpo.errors import BudgetTooSmallError, ConflictError, InvalidDataError, InvalidInputError, PlaceholderError
from pmpo.optim.journal import SearchPorts
from pmpo.runs.checks import checked_job, estimated_job
from pmpo.runs.codec import decode_event, encode_event
from pmpo.runs.drive import drive
from pmpo.runs.jobfile import load_job
from pmpo.runs.modes import check_mode, sets_of
from pmpo.runs.outcome import job_result, read_result
from pmpo.runs.progress import advance
from pmpo.runs.promptfile import load_prompt_job
from pmpo.runs.registration import with_registry_name
from pmpo.runs.terms import JobTerms
from pmpo.testing.ports import FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator

ROWS = [{"input": f"in{number}", "target": f"out{number}"} for number in range(12)]
PROMPTS = ["Name it.", "Name the city.", "Name the city. Be kind."]
TERMS = JobTerms(prices=None, target_arguments={"default": {}}, rewriter_arguments={})


def job(**changes: Any) -> JobSpec:
    body = {"name": "n", "kind": "evaluate", "prompts": PROMPTS, "dataset": {"train": ROWS}, **changes}
    return JobSpec.model_validate(body)


async def events_of(spec: JobSpec) -> list[Any]:
    splits, _, _ = sets_of(spec)
    target = ScriptedGenerator(lambda request, rng: "out3")
    ports = SearchPorts(FakeScorer({"the city": 1.0}, noise=0.001), target, target, FakeClock(), MemoryJournal())
    return [decode_event(encode_event(event)) async for event in drive(spec, splits, ports)]


async def test_prompts_come_back_measured_in_their_order() -> None:
    spec = job()
    _, sizes, warnings = sets_of(spec)
    assert (sizes.train, sizes.validation, sizes.test, warnings) == (0, 0, 12, [])
    events = await events_of(spec)
    view = job_result("j", spec, events, sizes, None)
    assert isinstance(view, EvaluationView)
    assert [each.prompt for each in view.prompts] == PROMPTS
    assert view.prompts[1].comparison is not None and view.prompts[1].comparison.p_value < 0.01
    assert (view.prompts[0].comparison, view.not_evaluated, view.measured_set) == (None, [], "train")
    assert [each.accuracy for each in view.prompts] == [pytest.approx(1 / 12)] * 3
    assert view.objective.unit == "nats per token"
    assert read_result("evaluate", view.model_dump_json()) == view
    progress = Progress()
    for event in events:
        progress = advance(progress, event)
    assert (progress.iteration, progress.max_iterations, progress.scored_tokens) == (3, 3, view.scored_tokens)
    with pytest.raises(ConflictError, match="has not come to its end"):
        job_result("j", spec, events[:-1], sizes, None)


async def test_prompts_with_other_placeholders_are_compared_and_those_without_a_field_refused() -> None:
    spec = job(prompts=["Name it.", "Name it: {{input}}"])
    view = job_result("j", spec, await events_of(spec), sets_of(spec)[1], None)
    assert isinstance(view, EvaluationView) and len(view.prompts) == 2
    with pytest.raises(PlaceholderError, match="colour"):
        sets_of(job(prompts=["Name it.", "Name it: {{colour}}"]))


def test_the_test_rows_are_measured_where_the_job_names_some() -> None:
    spec = job(dataset={"train": ROWS[:6], "validation": ROWS[6:8], "test": ROWS[8:]})
    splits, sizes, warnings = sets_of(spec)
    assert [example.input for example in splits.test] == ["in8", "in9", "in10", "in11"]
    assert (sizes.test, warnings) == (4, ["8 rows of the other sets are not read: prompts are measured on test"])
    with pytest.raises(InvalidDataError, match="the set test has no rows"):
        sets_of(job(dataset={"train": ROWS, "test": []}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"optimizer": {"algorithm": "ape"}}, "remove optimizer.algorithm"),
        ({"optimizer": {"few_shot": {}}}, "remove optimizer.few_shot"),
        ({"constraints": {"anchors": [1]}}, "has no use for constraints.anchors; remove it"),
        ({"constraints": {"protect": ["Name"]}}, "has no use for constraints.protect; remove it"),
        ({"registry": "cities"}, "has no use for registry; remove it"),
        ({"prompts": ["Name it.", " \n"]}, "prompt 2 of prompts is empty; remove it"),
        ({"compress": {}}, "'compress' belongs to jobs of that kind and this one's kind is evaluate"),
    ],
)
def test_what_an_evaluation_would_ignore_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        check_mode(job(**changes))


def test_a_text_that_comes_twice_is_measured_once_and_told() -> None:
    _, _, warnings = sets_of(job(prompts=["Name it.", "Name the city.", "Name it."]))
    assert warnings == ["1 of the prompts repeat another one; each text is measured once"]


async def test_what_it_needs_and_what_it_will_use() -> None:
    scorer = FakeScorer({})
    with pytest.raises(BudgetTooSmallError, match="does not cover measuring the first prompt on every row") as refusal:
        await checked_job(job(budget={"scored_tokens": 5}), TERMS, scorer)
    least = int(str(refusal.value).split("at least ")[1].split(")")[0])
    await checked_job(job(budget={"scored_tokens": least}), TERMS, scorer)
    found = await estimated_job(job(), TERMS, scorer)
    view = job_result("j", job(), await events_of(job()), sets_of(job())[1], None)
    assert isinstance(view, EvaluationView)
    tokens = found.scored_tokens
    assert tokens.low == tokens.expected == tokens.high == view.scored_tokens
    assert view.generated_tokens <= found.generated_tokens.high == 3 * 12 * 64
    assert found.smallest_budget.scored_tokens == least
    silent = await estimated_job(job(metric=None), TERMS, scorer)
    assert silent.generated_tokens.high == 0


def test_it_has_no_winner_for_the_registry() -> None:
    spec, warning = with_registry_name(job(registry={"name": "city"}))
    assert (spec.registry.keep, spec.registry.name, warning) == (False, None, "")


def test_a_job_file_and_prompt_files(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("input,target\n" + "a,b\n" * 6, encoding="utf-8")
    (tmp_path / "job.yaml").write_text("prompt: A.\nkind: evaluate\ndataset: {train: rows.csv}\n", encoding="utf-8")
    assert load_job(tmp_path / "job.yaml").kind == "evaluate"
    for name, text in (("one.txt", "\ufeffDo it.\n"), ("two.txt", "Do it\r\nwell.")):
        (tmp_path / name).write_bytes(text.encode())
    spec = load_prompt_job([tmp_path / "one.txt", tmp_path / "two.txt"], tmp_path / "rows.csv", {"kind": "evaluate"})
    assert (spec.name, spec.prompts) == ("one, two", ["Do it.", "Do it\nwell."])
    with pytest.raises(InvalidInputError, match=r"three\.txt"):
        load_prompt_job([tmp_path / "one.txt", tmp_path / "three.txt"], tmp_path / "rows.csv", {})
    with pytest.raises(InvalidInputError, match=r"cannot be read: Is a directory; give a readable file$"):
        load_prompt_job([tmp_path], tmp_path / "rows.csv", {})
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InvalidInputError, match=r"latin\.txt is not UTF-8; save it as UTF-8$"):
        load_prompt_job([tmp_path / "latin.txt"], tmp_path / "rows.csv", {})
