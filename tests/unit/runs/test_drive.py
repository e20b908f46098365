"""A whole job through the search, on the fakes that ship: what is stored replays to the same result."""

from __future__ import annotations

import pytest

from pmpo.contracts.jobs import JobSpec, Progress
from pmpo.optim import events as ev
from pmpo.optim.journal import JournalEntry, SearchPorts
from pmpo.runs.codec import (
    decode_entry,
    decode_event,
    decode_splits,
    encode_entry,
    encode_event,
    encode_splits,
    first_identity,
)
from pmpo.runs.drive import drive
from pmpo.runs.jobspec import split_job
from pmpo.runs.progress import advance
from pmpo.runs.result import result_view
from pmpo.testing.ports import IDENTITY, FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator, phrase_rewriter

PHRASES = ["Name the city.", "Answer in upper case.", "Take your time."]
JOB = JobSpec.model_validate(
    {
        "name": "n",
        "prompt": "Process the input.",
        "dataset": {"train": [{"input": f"in{number}", "target": f"out{number}"} for number in range(40)]},
        "optimizer": {"iterations": 3},
    }
)


async def _run(
    replay: tuple[JournalEntry, ...], job: JobSpec = JOB
) -> tuple[list[ev.Event], list[JournalEntry], FakeScorer]:
    journal = MemoryJournal()
    scorer = FakeScorer({"Name the city.": 1.0, "Answer in upper case.": 0.5})
    generator = ScriptedGenerator(phrase_rewriter(PHRASES))
    ports = SearchPorts(scorer, generator, generator, FakeClock(), journal, replay=replay)
    splits = decode_splits(encode_splits(split_job(job)[0]))
    events = [decode_event(encode_event(event)) async for event in drive(job, splits, ports)]
    return events, journal.entries, scorer


async def test_a_job_improves_and_replays_from_its_bytes() -> None:
    events, entries, _ = await _run(())
    replay = tuple(decode_entry(encode_entry(entry)) for entry in entries)
    again, nothing_new, scorer = await _run(replay)
    assert again == events
    assert (nothing_new, scorer.num_calls) == ([], 0)
    progress = Progress()
    for event in events:
        progress = advance(progress, event)
    result = result_view("j", JOB.name, events, split_job(JOB)[1], first_identity(replay), objective=JOB.objective)
    assert result.train_loss_after < result.train_loss_before
    assert "Name the city." in result.prompt_after
    assert (result.model is not None and result.model.model) == IDENTITY.model
    assert (progress.train_loss, progress.scored_tokens) == (result.train_loss_after, result.scored_tokens)
    assert result.test is not None
    assert result.test.accuracy_before is not None


ROWS = {
    "preference": lambda number: {"chosen": f"out{number}", "rejected": f"no {number}", "margin": number % 2},
    "options": lambda number: {"options": {"A": "x", "B": f"out{number}"}, "answer": "B"},
}


@pytest.mark.parametrize("kind", ROWS)
async def test_a_job_of_another_kind_improves_and_replays_from_its_bytes(kind: str) -> None:
    rows = [{"input": f"in{number}", "weight": 1 + number % 3, **ROWS[kind](number)} for number in range(40)]
    body = {"name": "n", "prompt": "Process.", "dataset": {"train": rows}, "objective": {"kind": kind}}
    job = JobSpec.model_validate({**body, "optimizer": {"iterations": 3, "selection": "race"}})
    events, entries, _ = await _run((), job)
    replay = tuple(decode_entry(encode_entry(entry)) for entry in entries)
    again, nothing_new, scorer = await _run(replay, job)
    assert (again, nothing_new, scorer.num_calls) == (events, [], 0)
    result = result_view("j", "n", events, split_job(job)[1], first_identity(replay), objective=job.objective)
    assert result.train_loss_after < result.train_loss_before
    assert (result.objective.kind, result.objective.unit) == (kind, "nats per pair")
    assert result.test is not None
    assert result.test.preferred_after == 1.0
    assert (result.test.accuracy_before is None) == (kind == "preference")
