"""Runs of every kind of job on the fakes that ship, and the reports of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pmpo.baselines.catalogue import CATALOGUE
from pmpo.contracts.jobs import JobSpec, JobState, JobView
from pmpo.contracts.reports import ReportView
from pmpo.optim import events as ev
from pmpo.optim.journal import JournalEntry, SearchPorts
from pmpo.optim.several import SeveralScorers
from pmpo.optim.types import GenerationRequest, ModelIdentity, Splits
from pmpo.runs.codec import decode_entry, decode_event, encode_entry, encode_event
from pmpo.runs.drive import drive
from pmpo.runs.jobspec import split_job
from pmpo.runs.report.build import report_view
from pmpo.testing.ports import (
    IDENTITY,
    FakeClock,
    FakeScorer,
    MemoryJournal,
    ScriptedGenerator,
    phrase_rewriter,
    unit_noise,
)

PHRASES = ["Name the city.", "Be brief.", "Take your time.", "The sky is blue."]
PENALTIES = {"Name the city.": 1.0, "Be brief.": 0.5}


@dataclass(slots=True)
class Named(FakeScorer):
    """A scorer that says what it is, as several together must."""

    identity: ModelIdentity = field(default=IDENTITY)


def job(rows: Any = None, *, num_rows: int = 40, prompt: str = "Do it. Take your time.", **changes: Any) -> JobSpec:
    """Unequal weights, so that a mean that forgot them is noticed."""
    row = rows or (lambda number: {"target": f"out{number}"})
    data = [{"input": f"in{number}", "weight": 1 + number % 3, **row(number)} for number in range(num_rows)]
    body = {"name": "n", "prompt": prompt, "dataset": {"train": data}, "seed": 3, "optimizer": {"iterations": 4}}
    return JobSpec.model_validate({**body, **changes})


def rival(name: str, **more: Any) -> JobSpec:
    population = {} if name.startswith("static") else {"population": 4}
    return job(optimizer={"algorithm": name, "iterations": 4, **population, **more})


def _pair(number: int) -> dict[str, Any]:
    return {"chosen": f"out{number}", "rejected": f"no {number}"}


def _options(number: int) -> dict[str, Any]:
    return {"options": {"A": "x", "B": f"out{number}"}, "answer": "B"}


JOBS: dict[str, JobSpec] = {
    "pmpo": job(),
    "pmpo_full": job(optimizer={"iterations": 3, "selection": "full", "units": "rule"}),
    "pmpo_race": job(optimizer={"iterations": 3, "selection": "race"}),
    "seeds_and_restarts": job(
        prompt="Do it.",
        prompts=["Do it.", "Be brief. Do it.", "The sky is blue."],
        optimizer={"iterations": 12, "patience": 1, "restarts": 2, "hard_examples": 1, "variants": 3},
    ),
    "preference": job(_pair, objective={"kind": "preference"}),
    "options": job(_options, objective={"kind": "options"}),
    "few_shot": job(optimizer={"iterations": 2, "few_shot": {"max_demonstrations": 2, "candidates": 6}}),
    "few_shot_alone": job(optimizer={"iterations": 0, "few_shot": {"candidates": 6}}),
    "compress": job(kind="compress", prompt="Name the city. Take your time. Be kind. Be brief. The sky is blue."),
    "several_targets": job(models={"target": ["a", "b"]}),
    "budget": job(
        optimizer={"iterations": 40, "patience": 40, "hard_examples": 2, "variants": 3},
        constraints={"max_prompt_tokens": 20},
        budget={"scored_tokens": 11_000},
    ),
    "few_rows": job(num_rows=8),
    "no_metric": job(metric=None),
    **{name: rival(name) for name in CATALOGUE},
    **{f"{name}_by_loss": rival(name, scoring="loss") for name in ("opro", "evoprompt_de")},
    "options_by_accuracy": JobSpec.model_validate(
        {
            **job(_options, objective={"kind": "options"}).model_dump(exclude_unset=True),
            "optimizer": {"algorithm": "evoprompt_ga", "iterations": 3, "population": 4},
        }
    ),
}


@dataclass(frozen=True)
class Ran:
    """A run that came to its end, or was killed before."""

    job: JobSpec
    splits: Splits
    events: list[ev.Event]
    entries: list[JournalEntry]

    def view(self, state: JobState = "succeeded") -> JobView:
        _, sizes, warnings = split_job(self.job)
        about = {"id": "j", "name": self.job.name, "kind": self.job.kind, "state": state, "warnings": warnings}
        times = {"created_at": 1.0, "updated_at": 2.0, "splits": sizes, "best_prompt": self.job.prompt}
        return JobView.model_validate({**about, **times})

    def report(
        self, num_events: int | None = None, state: JobState = "succeeded", *, with_losses: bool = True
    ) -> ReportView:
        """The report of the first ``num_events`` events, or of all."""
        return report_view(self.job, self.view(state), self.splits, self.events[:num_events], with_losses=with_losses)


def ports(spec: JobSpec, replay: Sequence[JournalEntry], journal: MemoryJournal) -> SearchPorts:
    """Fresh fakes. Answers are right more often the more of the wanted phrases the prompt holds."""
    scorer: Any = FakeScorer(PENALTIES)
    if len(spec.models.targets) > 1:
        scorer = SeveralScorers([Named(PENALTIES), Named({"Be brief.": 2.0})])
    target = ScriptedGenerator(lambda request, rng: _answer(spec, request.messages[0].content, request))
    rewriter = ScriptedGenerator(_write)
    return SearchPorts(scorer, rewriter, target, FakeClock(), journal, replay=tuple(replay))


async def run(spec: JobSpec, replay: Sequence[JournalEntry] = (), die_at: int | None = None) -> Ran:
    """The events as a store gives them back. Raises KilledError before entry ``die_at`` of the journal."""
    journal = MemoryJournal(list(replay), die_at)
    splits = split_job(spec)[0]
    found: list[ev.Event] = []
    async for event in drive(spec, splits, ports(spec, replay, journal)):
        found.append(decode_event(encode_event(event)))
    return Ran(spec, splits, found, [decode_entry(encode_entry(entry)) for entry in journal.entries])


def _write(request: GenerationRequest, rng: random.Random) -> str:
    """Phrases, sometimes with something new, sometimes without the tags."""
    text = phrase_rewriter(PHRASES)(request, rng)
    if rng.random() < 0.3:
        return text.replace("</prompt>", f" Part {rng.randrange(10_000)}.</prompt>")
    return text if rng.random() < 0.9 else "I would rather not."


def _answer(spec: JobSpec, prompt: str, request: GenerationRequest) -> str:
    given = request.messages[-1].content
    lacking = sum(cost for phrase, cost in PENALTIES.items() if phrase not in prompt) / sum(PENALTIES.values())
    is_right = 0.95 * unit_noise(given) > lacking and unit_noise("hard", given) > 0.4
    right = "B" if spec.objective.kind == "options" else given.replace("in", "out")
    return right if is_right else "wrong"
