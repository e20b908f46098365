"""Whole runs of the optimizer on composed tasks: how many accepted rewrites lie between vague and clear."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from statistics import fmean

from nano_training.answers import Item
from nano_training.fillers import FILLERS, VAGUE
from nano_training.goals import Goal, clear_core, goal_for
from nano_training.kinds.all import EVERYDAY_KINDS, TRAINED_FAMILIES
from nano_training.phrasings import split_phrasings
from nano_training.prompts import Piece, Prompt
from nano_training.report.families import fresh_items, score_prompts
from nano_training.report.ports import LocalGenerator, LocalScorer, NoJournal, WallClock
from nano_training.scoring import Scorer
from pmpo.optim.events import SearchFinished
from pmpo.optim.journal import SearchPorts
from pmpo.optim.search import search
from pmpo.optim.spec import Sampling, SearchSpec
from pmpo.optim.types import Example, Splits
from pmpo.runs.meta_prompt import small_rewrite

MIN_REQUIREMENTS = 3
CLOSE_NATS = 0.05
NUM_TRAIN, NUM_VALIDATION = 24, 12
MAX_ITERATIONS, PATIENCE = 14, 4


@dataclass(frozen=True, slots=True)
class LoopRun:
    """One composed task. Losses are the training loss, nats per target token; ``stop`` is the search's reason."""

    family: str
    num_requirements: int
    vague_nats: float
    clear_nats: float
    final_nats: float
    num_accepted: int
    num_iterations: int
    stop: str
    final_prompt: str

    @property
    def is_close(self) -> bool:
        """Did it come to within CLOSE_NATS of the clear prompt?"""
        return self.final_nats <= self.clear_nats + CLOSE_NATS


@dataclass(frozen=True, slots=True)
class ComposedTask:
    """A goal of several requirements, rows in its form, and a vague and a clear prompt for it."""

    goal: Goal
    items: tuple[Item, ...]
    vague: str
    clear: Prompt

    def rows(self) -> list[Example]:
        """The items with the answers that the goal wants."""
        return [Example(index, item.text, (self.goal.target(item),)) for index, item in enumerate(self.items)]


def measure_loops(scorer: Scorer, num_tasks: int, seed: int) -> list[LoopRun]:
    """The product's search from vague seed prompts, until it is close to a clear prompt or gives up."""
    tasks = draw_tasks(num_tasks, seed)
    return [run_search(scorer, task, seed + index) for index, task in enumerate(tasks)]


def draw_tasks(num_tasks: int, seed: int, num_more_items: int = 0) -> list[ComposedTask]:
    """Composed tasks, each with items for a search and ``num_more_items`` behind them that the search does not see."""
    families = [family for family in TRAINED_FAMILIES if family[0] in EVERYDAY_KINDS]
    rng = random.Random(f"{seed}:loop")
    tasks = []
    for index in range(num_tasks):
        goal = goal_for(rng, rng.choice(families), min_requirements=MIN_REQUIREMENTS)
        tasks.append(_draw_task(random.Random(f"{seed}:loop:{index}"), goal, num_more_items))
    return tasks


def run_search(scorer: Scorer, task: ComposedTask, seed: int) -> LoopRun:
    """One search on the task's first NUM_TRAIN + NUM_VALIDATION rows."""
    prompts = [Prompt((Piece("vague", task.vague),)), task.clear]
    vague_nats, clear_nats = (
        fmean(score.nats for score in row)
        for row in score_prompts(scorer, prompts, task.goal, list(task.items[:NUM_TRAIN]))
    )
    spec = SearchSpec(
        prompt=task.vague,
        rewrite_meta=small_rewrite(),
        iterations=MAX_ITERATIONS,
        patience=PATIENCE,
        target_loss=clear_nats + CLOSE_NATS,
        with_accuracy=False,
        sampling=Sampling(max_tokens=160),
        seed=seed,
    )
    rows = task.rows()
    splits = Splits(tuple(rows[:NUM_TRAIN]), tuple(rows[NUM_TRAIN : NUM_TRAIN + NUM_VALIDATION]))
    result = asyncio.run(_search(scorer, spec, splits)).result
    return LoopRun(
        "/".join((task.goal.kind, task.goal.task)),
        len(task.goal.requirements()),
        vague_nats,
        clear_nats,
        result.train_loss_after,
        result.num_accepted,
        result.num_iterations,
        result.stop_reason,
        result.best.prompt,
    )


def _draw_task(rng: random.Random, goal: Goal, num_more_items: int) -> ComposedTask:
    items = fresh_items(rng, goal.kind, NUM_TRAIN + NUM_VALIDATION)
    vague = f"{rng.choice(VAGUE)} {rng.choice(FILLERS)}"
    clear = Prompt(tuple(clear_core(rng, split_phrasings()[0], goal)))
    seen = {item.text for item in items}
    more = [item for item in fresh_items(rng, goal.kind, 2 * num_more_items) if item.text not in seen]
    return ComposedTask(goal, (*items, *more[:num_more_items]), vague, clear)


async def _search(scorer: Scorer, spec: SearchSpec, splits: Splits) -> SearchFinished:
    generator = LocalGenerator(scorer)
    ports = SearchPorts(LocalScorer(scorer), generator, generator, WallClock(), NoJournal())
    async for event in search(spec, splits, ports):
        last = event
    assert isinstance(last, SearchFinished)
    return last
