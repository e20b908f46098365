"""Jobs of other kinds: from the wire to the algorithm and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pmpo.contracts.jobs import JobSpec, Progress
from pmpo.contracts.modes import RationalesView
from pmpo.contracts.objectives import ObjectiveSpec
from pmpo.errors import ConflictError, InvalidInputError, PlaceholderError, UnknownKeyError
from pmpo.optim.deletion import DeletionRule
from pmpo.optim.journal import JournalEntry, SearchPorts
from pmpo.optim.losses import Supervised
from pmpo.optim.several import SeveralTargets, joined_identity
from pmpo.optim.types import ModelIdentity, Scores
from pmpo.runs.codec import decode_entry, decode_event, encode_entry, encode_event, first_identities
from pmpo.runs.drive import drive
from pmpo.runs.jobfile import load_job
from pmpo.runs.jobspec import search_spec, split_job
from pmpo.runs.modes import check_mode, deletion_rule, sets_of
from pmpo.runs.outcome import job_result
from pmpo.runs.progress import advance
from pmpo.runs.result import result_view
from pmpo.runs.rivals import refuse_estimate
from pmpo.testing.ports import FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator

ROWS = [{"input": f"in{number}", "target": f"out{number}"} for number in range(40)]


def job(**changes: Any) -> JobSpec:
    body = {"name": "n", "prompt": "Name the city. Take your time. Be kind.", "dataset": {"train": ROWS}, **changes}
    return JobSpec.model_validate(body)


async def test_a_compression_comes_back_from_its_bytes_and_is_a_result() -> None:
    spec = job(kind="compress", compress={"margin": 0.1})
    splits, sizes, _ = split_job(spec)
    runs = []
    replay: tuple[Any, ...] = ()
    for _ in range(2):
        journal = MemoryJournal()
        scorer = FakeScorer({"Name the city.": 1.0}, noise=0.001)
        target = ScriptedGenerator(lambda request, rng: "x")
        ports = SearchPorts(scorer, target, target, FakeClock(), journal, replay=replay)
        runs.append([decode_event(encode_event(event)) async for event in drive(spec, splits, ports)])
        replay = tuple(decode_entry(encode_entry(entry)) for entry in journal.entries) or replay
    assert runs[0] == runs[1]
    assert scorer.num_calls == 0
    view = result_view("j", "n", runs[0], sizes, None, objective=ObjectiveSpec())
    assert view.prompt_after == "Name the city."
    assert view.compression is not None
    assert (view.compression.margin, view.compression.tokens_after) == (0.1, 3)
    assert [unit.is_deleted for unit in view.compression.units] == [True, True, False]
    assert view.model_validate_json(view.model_dump_json()) == view


def test_a_section_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="'compress' belongs to jobs of that kind"):
        check_mode(job(compress={"epsilon": 0.1}))
    check_mode(job(kind="compress"))
    with pytest.raises(InvalidInputError, match="margin must be larger"):
        check_mode(job(kind="compress", compress={"tolerance": 1}))


def test_the_wires_defaults_are_the_algorithms() -> None:
    assert deletion_rule(job(kind="compress")) == DeletionRule()


def test_a_mistyped_key_of_a_section_gets_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("input,target\n" + "a,b\n" * 6)
    path = tmp_path / "job.yaml"
    path.write_text("prompt: A. B.\nkind: compress\ncompress: {epsilom: 1}\ndataset: {train: rows.csv}\n")
    with pytest.raises(UnknownKeyError, match=r"'compress.epsilom', did you mean 'compress.epsilon'"):
        load_job(path)


async def test_demonstrations_reach_the_result() -> None:
    spec = job(optimizer={"iterations": 0, "few_shot": {"max_demonstrations": 1, "candidates": 3}})
    splits, sizes, _ = split_job(spec)
    generator = ScriptedGenerator(lambda request, rng: "x")
    ports = SearchPorts(FakeScorer({"Output:": 1.0}), generator, generator, FakeClock(), MemoryJournal())
    events = [decode_event(encode_event(event)) async for event in drive(spec, splits, ports)]
    view = result_view("j", "n", events, sizes, None, objective=ObjectiveSpec())
    assert view.demonstrations is not None
    (row,) = view.demonstrations.rows
    assert view.prompt_after.endswith(f"Input: in{row}\nOutput: out{row}")
    assert view.demonstrations.num_tried == 3


def test_demonstrations_are_no_part_of_a_compression() -> None:
    with pytest.raises(InvalidInputError, match="remove the section"):
        check_mode(job(kind="compress", optimizer={"few_shot": {}}))


def _sums(**changes: Any) -> JobSpec:
    rows = [{"input": f"{row} + 1", "target": str(row + 1), "source": "book"} for row in range(6)]
    return job(**{"kind": "rationalize", "metric": "number", "dataset": {"train": rows}, **changes})


def _solve(request: Any, _: Any) -> str:
    row = int(request.messages[-1].content.split()[0])
    return f"One more than {row}. The answer is {row + 1 if row != 2 else 0}."


async def test_rationales_become_rows_and_no_row_is_lost() -> None:
    spec = _sums(rationalize={"samples": 2, "max_tokens": 30})
    splits, sizes, warnings = sets_of(spec)
    assert (sizes.train, sizes.validation, sizes.test, warnings) == (6, 0, 0, [])
    target = ScriptedGenerator(_solve)
    journal = MemoryJournal()
    ports = SearchPorts(FakeScorer({}), target, target, FakeClock(), journal)
    events = [decode_event(encode_event(event)) async for event in drive(spec, splits, ports)]
    assert [decode_entry(encode_entry(entry)) for entry in journal.entries] == journal.entries
    view = job_result("j", spec, events, sizes, None)
    assert isinstance(view, RationalesView)
    assert view.rows[1] == {"input": "1 + 1", "target": "One more than 1.\nThe answer is 2", "source": "book"}
    assert view.row_numbers == [0, 1, 3, 4, 5]
    assert [(row.row, row.detail) for row in view.without] == [(2, "2 wrong")]
    assert (view.samples, view.generated_tokens) == (2, target.num_generated)
    assert advance(Progress(), events[-1]).generated_tokens == target.num_generated
    with pytest.raises(ConflictError, match="has not come to its end"):
        job_result("j", spec, events[:-1], sizes, None)


def test_a_rationalize_job_needs_a_metric_and_reads_train_alone() -> None:
    with pytest.raises(InvalidInputError, match="needs a metric"):
        check_mode(_sums(metric=None))
    rows = [{"input": "0 + 1", "target": "1"}]
    assert sets_of(_sums(dataset={"train": rows, "test": rows}))[2] == [
        "1 validation and test rows are not read: rationales are made for train"
    ]
    with pytest.raises(PlaceholderError):
        sets_of(_sums(prompt="{{other}}"))


async def test_several_targets_make_one_loss_and_their_identities_come_back_from_the_journal() -> None:
    spec = job(models={"target": ["a", "b"]}, objective={"combine": "worst"}, optimizer={"iterations": 1})
    search = search_spec(spec)
    assert search.objective == SeveralTargets(Supervised(), 2, "worst")
    assert (search.num_target_models, spec.models.targets) == (2, ("a", "b"))
    assert search_spec(job(models={"target": ["a"]})).objective == Supervised()
    with pytest.raises(InvalidInputError, match="names 'a' twice"):
        search_spec(job(models={"target": ["a", "a"]}))
    both = tuple(ModelIdentity(name, "0", "d", "e") for name in ("a", "b"))
    scores = Scores((), (), 0, 0, joined_identity(both), both)
    entry = decode_entry(encode_entry(JournalEntry(3, "score", "digest", scores)))
    assert first_identities([entry]) == both
    alone = JournalEntry(4, "score", "digest", Scores((), (), 0, 0, both[0]))
    assert (first_identities([alone]), first_identities([])) == (both[:1], ())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "compress", "optimizer": {"algorithm": "ape"}}, "a compress job searches for nothing"),
        (
            {"kind": "compress", "prompts": ["Do it.", "Do that."]},
            "a compress job takes one prompt and prompts holds 2",
        ),
        ({"kind": "rationalize", "metric": "number", "budget": {"money": 1.0}}, "a rationalize job counts no money"),
        (
            {"kind": "rationalize", "metric": "number", "objective": {"kind": "options"}},
            "job makes targets",
        ),
        ({"optimizer": {"algorithm": "ape", "few_shot": {}}}, "few_shot belongs to the algorithm 'pmpo'"),
    ],
)
def test_what_a_kind_of_job_cannot_do_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        check_mode(job(**{"prompt": "Do it.", **changes}))
    assert says in str(refusal.value)


@pytest.mark.parametrize("changes", [{"kind": "rationalize", "metric": "number"}, {"optimizer": {"few_shot": {}}}])
def test_only_plain_searches_and_compressions_have_estimates(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="there are no estimates for"):
        refuse_estimate(job(**changes))
    refuse_estimate(job(kind="compress"))
