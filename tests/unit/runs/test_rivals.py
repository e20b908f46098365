"""Jobs that name a rival: what is run, with what, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pmpo.baselines.ape import Ape
from pmpo.baselines.bounds import minimum_rival_budget
from pmpo.baselines.catalogue import CATALOGUE, rival_of
from pmpo.baselines.opro import Opro
from pmpo.baselines.spec import RivalSpec
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidInputError
from pmpo.optim.bounds import TokenCounts, minimum_budget
from pmpo.optim.events import IncumbentAccepted, SearchFinished
from pmpo.optim.journal import SearchPorts
from pmpo.optim.selection import SequentialHalving
from pmpo.optim.types import Prices
from pmpo.runs.codec import decode_entry, decode_event, encode_entry, encode_event
from pmpo.runs.drive import drive
from pmpo.runs.jobspec import search_spec, split_job
from pmpo.runs.rivals import refuse_estimate, rival_in, rival_spec, smallest_budget
from pmpo.testing.ports import FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator, phrase_rewriter

PHRASES = ["Name the city.", "Be brief.", "Take your time."]
COUNTS = TokenCounts([10] * 8, [12] * 4, [11] * 6, 5)


def _job(metric: str | None = "exact_match", **optimizer: Any) -> JobSpec:
    rows = [{"input": f"Row {number} is in Rome.", "target": "Rome"} for number in range(40)]
    body = {"prompt": "Do it.", "dataset": {"train": rows}, "metric": metric, "optimizer": optimizer, "seed": 3}
    return JobSpec.model_validate(body)


def test_pmpo_is_no_rival_and_every_other_name_is_one() -> None:
    assert rival_in(_job()) is None
    assert rival_in(_job(scoring="loss", operator="shared")) is None
    for name in CATALOGUE:
        assert type(rival_in(_job(algorithm=name))) is type(rival_of(name))


def test_the_settings_get_through() -> None:
    job = _job(algorithm="opro", scoring="loss", operator="shared", population=5, iterations=2)
    assert rival_spec(job) == RivalSpec(search_spec(job), "loss", "shared")
    rival = rival_in(job)
    assert isinstance(rival, Opro)
    assert rival.num_proposals == 5


@pytest.mark.parametrize(
    ("metric", "optimizer", "says"),
    [
        (None, {"algorithm": "opro"}, "'opro' with scoring 'published' grades answers, and the job has no metric"),
        (None, {"algorithm": "ape", "scoring": "accuracy"}, "has no metric; name one, or write `scoring: loss`"),
        ("exact_match", {"algorithm": "evoprompt_de", "population": 2}, "population is 2; EvoPrompt needs at least 3"),
        ("exact_match", {"population": 9}, "`population` under optimizer is for rivals"),
        ("exact_match", {"scoring": "accuracy"}, "`scoring: accuracy` under optimizer is for rivals"),
    ],
)
def test_what_cannot_be_run_is_refused(metric: str | None, optimizer: dict[str, Any], says: str) -> None:
    job = _job(metric, **optimizer)
    with pytest.raises(InvalidInputError) as refusal:
        smallest_budget(job, COUNTS)
    assert says in str(refusal.value)


def test_without_a_metric_a_rival_that_scores_by_likelihood_runs() -> None:
    assert isinstance(rival_in(_job(None, algorithm="ape")), Ape)
    assert isinstance(rival_in(_job(None, algorithm="opro", scoring="loss")), Opro)


def test_the_smallest_budget_is_that_of_the_algorithm() -> None:
    pmpo, opro = _job(), _job(algorithm="opro")
    assert smallest_budget(pmpo, COUNTS) == minimum_budget(COUNTS, search_spec(pmpo), SequentialHalving())
    assert smallest_budget(opro, COUNTS) == minimum_rival_budget(COUNTS, rival_spec(opro), Opro())
    by_loss = smallest_budget(_job(algorithm="opro", scoring="loss"), COUNTS)
    assert by_loss.scored_tokens > smallest_budget(opro, COUNTS).scored_tokens
    assert by_loss.generated_tokens < smallest_budget(opro, COUNTS).generated_tokens


def test_a_rival_begins_with_one_prompt() -> None:
    body = _job(algorithm="ape").model_dump() | {"prompts": ["Do it.", "Do that."]}
    with pytest.raises(InvalidInputError, match="holds 2 seed prompts and"):
        rival_in(JobSpec.model_validate(body))


def test_there_are_estimates_of_pmpo_alone() -> None:
    refuse_estimate(_job())
    with pytest.raises(InvalidInputError, match="there are no estimates for"):
        refuse_estimate(_job(algorithm="opro"))


@pytest.mark.parametrize("name", CATALOGUE)
async def test_a_rivals_money_is_counted_and_never_above_its_cap(name: str) -> None:
    prices = Prices(scored=1.0, rewriting=5.0, rewriting_prompt=1.0, answering=2.0, answering_prompt=1.0)
    population = {} if name.startswith("static") else {"population": 4}
    job = _job(algorithm=name, iterations=3, **population)
    needed = smallest_budget(job, COUNTS, prices)
    assert needed.money_pico > 0
    capped = JobSpec.model_validate(job.model_dump() | {"budget": {"money": 0.2}})
    result = (await _run(capped, (), prices))[0][-1].result
    assert 0 < result.spent.money <= 0.2


@pytest.mark.parametrize("name", CATALOGUE)
async def test_a_rivals_job_runs_and_replays_from_its_bytes(name: str) -> None:
    population = {} if name.startswith("static") else {"population": 4}
    job = _job(algorithm=name, iterations=3, **population)
    events, entries, _ = await _run(job, ())
    replay = tuple(decode_entry(encode_entry(entry)) for entry in entries)
    again, nothing_new, scorer = await _run(job, replay)
    assert again == events
    assert (nothing_new, scorer.num_calls) == ([], 0)
    assert isinstance(events[-1], SearchFinished)
    assert any(isinstance(event, IncumbentAccepted) for event in events)


async def _run(
    job: JobSpec, replay: tuple[Any, ...], prices: Prices | None = None
) -> tuple[list[Any], list[Any], FakeScorer]:
    scorer, journal = FakeScorer({"Name the city.": 1.0}), MemoryJournal()
    rewriter = ScriptedGenerator(phrase_rewriter(PHRASES))
    target = ScriptedGenerator(lambda request, rng: _answer(request.messages[0].content, request.messages[-1].content))
    ports = SearchPorts(scorer, rewriter, target, FakeClock(), journal, replay=replay)
    splits = split_job(job)[0]
    events = [decode_event(encode_event(event)) async for event in drive(job, splits, ports, prices)]
    return events, journal.entries, scorer


def _answer(prompt: str, given: str) -> str:
    """Right for two rows of three, once the prompt says what is wanted."""
    return "Rome" if "Name the city." in prompt and len(given) % 3 else "?"
