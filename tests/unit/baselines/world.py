"""One synthetic task for all rivals: prompts that hold the right phrases get likelier targets and right answers."""

import dataclasses

from pmpo.baselines.catalogue import rival_of
from pmpo.baselines.compete import compete
from pmpo.baselines.spec import RivalSpec
from pmpo.optim import events
from pmpo.optim.journal import SearchPorts
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Example, Splits
from pmpo.testing.ports import (
    ExactGrader,
    FakeClock,
    FakeScorer,
    MemoryJournal,
    ScriptedGenerator,
    unit_noise,
)

PHRASES = ["Sort the words.", "Use commas.", "Reply in capitals.", "Take your time.", "The sky is blue."]
PENALTIES = {"Sort the words.": 0.8, "Use commas.": 0.4, "Reply in capitals.": 0.3}
META = MetaPrompt("Improve.", "SHARED {{prompt}}\n{{input}} -> {{target}}")
ITERATIVE = ["ape", "ape_ucb", "opro", "evoprompt_ga", "evoprompt_de"]
STATIC = ["static_answer_only", "static_step_by_step", "static_rephrase", "static_step_back"]


def examples(count, start=0):
    return tuple(Example(row, f"w{row} x{row}", (f"x{row} w{row}",)) for row in range(start, start + count))


SPLITS = Splits(examples(20), examples(10, 100), examples(12, 200))


def base(**changes):
    settings = {"prompt": "Do it. Take your time.", "rewrite_meta": META, "iterations": 5, "patience": 3, "seed": 7}
    return SearchSpec(**{**settings, **changes})


def spec(scoring="published", operator="own", **changes):
    return RivalSpec(base(**changes), scoring, operator)


def phrase_answers(request, rng):
    """Right more often the more of the penalised phrases the prompt holds; never for one validation row."""
    prompt, given = request.messages[0].content, request.messages[-1].content
    lacking = sum(cost for phrase, cost in PENALTIES.items() if phrase not in prompt) / sum(PENALTIES.values())
    words = given.split()
    is_right = unit_noise(given) * 0.95 > lacking and words[-1] != "x100"
    return f"{words[-1]} {words[-2]}" if is_right else "wrong"


def editing_rewriter(request, rng):
    """Mixes the phrases of the prompts that it is shown, loses some and adds one: it climbs from good parents alone."""
    shown = [phrase for phrase in PHRASES if phrase in request.messages[-1].content]
    kept = [phrase for phrase in shown if rng.random() < 0.8]
    chosen = dict.fromkeys([*kept, rng.choice(PHRASES)])
    return f"<prompt>{' '.join(sorted(chosen, key=lambda phrase: rng.random()))}</prompt>"


class World:
    """Fresh fakes around the task."""

    def __init__(self, replay=(), die_at=None, answers=phrase_answers, grader=True):
        self.scorer = FakeScorer(PENALTIES)
        self.rewriter = ScriptedGenerator(editing_rewriter)
        self.target = ScriptedGenerator(answers)
        self.journal = MemoryJournal(list(replay), die_at)
        judge = ExactGrader() if grader else None
        self.ports = SearchPorts(
            self.scorer, self.rewriter, self.target, FakeClock(), self.journal, judge, tuple(replay)
        )


async def run(world, name, rival_spec, splits=SPLITS, population=None):
    rival = rival_of(name, population) if isinstance(name, str) else name
    return [event async for event in compete(rival, rival_spec, splits, world.ports)]


def stable(found):
    """Events without what a resume may change."""

    def strip(value):
        if dataclasses.is_dataclass(value):
            return {
                field.name: strip(getattr(value, field.name))
                for field in dataclasses.fields(value)
                if field.name not in {"seconds", "computed_tokens"}
            }
        return [strip(item) for item in value] if isinstance(value, tuple) else value

    return [(type(event).__name__, strip(event)) for event in found]


def of(kind, found):
    return [event for event in found if isinstance(event, kind)]


def fates(found):
    """Candidates proposed (by id), dropped with reasons, and accepted."""
    proposed = {event.candidate.id: event.candidate for event in of(events.CandidateProposed, found)}
    dropped = {event.candidate_id: event.reason for event in of(events.CandidateDropped, found)}
    accepted = {event.candidate.id for event in of(events.IncumbentAccepted, found)}
    return proposed, dropped, accepted
