"""The catalogue: every rival under the name that a job file calls it by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pmpo.baselines import static
from pmpo.baselines.ape import Ape
from pmpo.baselines.evaluation import Ucb
from pmpo.baselines.evoprompt import EvoPromptDe, EvoPromptGa
from pmpo.baselines.opro import Opro
from pmpo.baselines.rival import Rival
from pmpo.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Entry:
    """A rival: what it does in one line, its paper, and how a fresh one is made.

    ``make`` takes the population, None for the paper's; static prompts have none and do not look at it.
    """

    name: str
    line: str
    paper: str
    make: Callable[[int | None], Rival]


def rival_of(name: str, population: int | None = None) -> Rival:
    """A fresh rival, good for one run.

    Raises:
        InvalidInputError: the name is not in the catalogue, or the population is too small for it.
    """
    if name not in CATALOGUE:
        raise InvalidInputError(f"there is no rival {name!r}; known are: {', '.join(CATALOGUE)}")
    return CATALOGUE[name].make(population)


def _static(name: str, line: str, paper: str, wording: str) -> Entry:
    return Entry(f"static_{name}", line, paper, lambda population: static.Static(wording))


def _entries() -> Mapping[str, Entry]:
    entries = [
        _static("answer_only", "the seed prompt, asked for the answer alone", "none", static.ANSWER_ONLY),
        _static("step_by_step", "the seed prompt, asked to reason first", "arXiv 2205.11916", static.STEP_BY_STEP),
        _static(
            "rephrase", "the seed prompt, asked to rephrase first", "arXiv 2311.04205", static.REPHRASE_AND_RESPOND
        ),
        _static("step_back", "the seed prompt, asked for the principle first", "arXiv 2310.06117", static.STEP_BACK),
        Entry(
            "ape",
            "instructions inferred from demonstrations, ranked by likelihood, resampled around the best",
            "arXiv 2211.01910",
            lambda population: Ape() if population is None else Ape(population),
        ),
        Entry(
            "ape_ucb",
            "as ape, ranked by upper confidence bounds over mini-batches at a third of the cost",
            "arXiv 2211.01910",
            lambda population: Ape(evaluation=Ucb()) if population is None else Ape(population, Ucb()),
        ),
        Entry(
            "opro",
            "a model that sees earlier prompts with their training accuracy asks itself for a better one",
            "arXiv 2309.03409",
            lambda population: Opro() if population is None else Opro(population),
        ),
        Entry(
            "evoprompt_ga",
            "a population under roulette selection, crossover and mutation; the best survive",
            "arXiv 2309.08532",
            lambda population: EvoPromptGa() if population is None else EvoPromptGa(population),
        ),
        Entry(
            "evoprompt_de",
            "a population in which differences of two prompts, put into the best, challenge each member",
            "arXiv 2309.08532",
            lambda population: EvoPromptDe() if population is None else EvoPromptDe(population),
        ),
    ]
    return MappingProxyType({entry.name: entry for entry in entries})


CATALOGUE = _entries()
