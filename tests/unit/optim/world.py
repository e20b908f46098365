"""A synthetic task with fresh fakes around it, for tests of the whole search."""

import dataclasses

from pmpo.optim.journal import SearchPorts
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.search import search
from pmpo.optim.spec import SearchSpec
from pmpo.optim.types import Example, Splits
from pmpo.testing.ports import ExactGrader, FakeClock, FakeScorer, MemoryJournal, ScriptedGenerator, phrase_rewriter

PHRASES = ["Sort the words.", "Use commas.", "Reply in capitals.", "Take your time.", "The sky is blue."]
PENALTIES = {"Sort the words.": 0.8, "Use commas.": 0.4, "Reply in capitals.": 0.3}
META = MetaPrompt("Improve.", "{{prompt}}\n{{units}}\n{{input}} -> {{target}}")
MASK_META = MetaPrompt("Mark.", "{{prompt}}")


def examples(count, start=0):
    return tuple(Example(row, f"w{row} x{row}", (f"x{row} w{row}",)) for row in range(start, start + count))


SPLITS = Splits(examples(20), examples(10, 100), examples(12, 200))


def spec(**changes):
    settings = {"prompt": "Do it. Take your time.", "rewrite_meta": META, "iterations": 5, "patience": 3, "seed": 7}
    return SearchSpec(**{**settings, **changes})


class World:
    """Fresh fakes around one synthetic task."""

    def __init__(self, penalties=None, phrases=PHRASES, answers=None, replay=(), die_at=None):
        self.scorer = FakeScorer(PENALTIES if penalties is None else penalties)
        self.rewriter = ScriptedGenerator(phrase_rewriter(phrases))
        self.target = ScriptedGenerator(answers or (lambda request, rng: "wrong"))
        self.journal = MemoryJournal(list(replay), die_at)
        self.ports = SearchPorts(
            self.scorer, self.rewriter, self.target, FakeClock(), self.journal, ExactGrader(), tuple(replay)
        )


async def run(world, search_spec, splits=SPLITS):
    return [event async for event in search(search_spec, splits, world.ports)]


def stable(event_list):
    """Events without what a resume may change."""

    def strip(value):
        if dataclasses.is_dataclass(value):
            return {
                field.name: strip(getattr(value, field.name))
                for field in dataclasses.fields(value)
                if field.name not in {"seconds", "computed_tokens"}
            }
        return [strip(item) for item in value] if isinstance(value, tuple) else value

    return [(type(event).__name__, strip(event)) for event in event_list]


def marking(write, mark):
    """A rewriter that answers requests for units with ``mark(prompt)``, and the others with ``write``."""

    def answer(request, rng):
        if request.messages[0].content == MASK_META.system:
            return mark(request.messages[1].content)
        return write(request, rng)

    return answer


def mark_sentences(prompt):
    """Every sentence in mask tags, as a careful model would."""
    return " ".join(f"<mask>{part}.</mask>" for part in prompt.rstrip(".").split(". "))
