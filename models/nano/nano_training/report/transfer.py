"""``python -m nano_training.report.transfer``: do prompts found on one model help another that was trained like it?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from nano_training.facts import Facts, num_parameters
from nano_training.kinds.all import TRAINED_FAMILIES
from nano_training.paths import FACTS_FILE, MODEL_DIR, TRANSFER_FILE
from nano_training.prompts import Piece, Prompt
from nano_training.report.families import Setting, Sizes, measure_family, score_prompts
from nano_training.report.loop import NUM_TRAIN, NUM_VALIDATION, ComposedTask, draw_tasks, run_search
from nano_training.report.rewrites import measure_rewrites
from nano_training.scoring import Scorer

NUM_TEST = 24


@dataclass(frozen=True, slots=True)
class Relative:
    """A model of the comparison. Losses: nats per target token, mean over families, sentences held out.

    Attributes:
        clear_exact: share of greedy answers to clear prompts that are exactly right.
        rewrites_better: share of its rewrites of vague prompts that beat them.
        seed: of its training; ``steps`` and ``tokens`` say how long that was.
    """

    name: str
    parameters: int
    seed: int
    steps: int
    tokens: int
    clear_exact: float
    clear_nats: float
    vague_nats: float
    rewrites_better: float


@dataclass(frozen=True, slots=True)
class TransferCell:
    """Prompts found on ``source``, measured on ``target``: nats per target token of the target model.

    Attributes:
        vague_nats, found_nats, clear_nats: means over tasks, on rows that no search saw.
        num_better: tasks in which the found prompt's loss is below the vague one's.
    """

    source: str
    target: str
    vague_nats: float
    found_nats: float
    clear_nats: float
    num_better: int

    @property
    def share_closed(self) -> float:
        """The part of the way from the vague to the clear prompt that the found one goes, in the means."""
        return (self.vague_nats - self.found_nats) / (self.vague_nats - self.clear_nats)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Every model's prompts on every model."""

    num_tasks: int
    seed: int
    models: tuple[Relative, ...]
    cells: tuple[TransferCell, ...]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Transfer:
        """Read what ``asdict`` and JSON made of it."""
        models = tuple(Relative(**row) for row in data["models"])
        return cls(data["num_tasks"], data["seed"], models, tuple(TransferCell(**row) for row in data["cells"]))


def measure_transfer(scorers: dict[str, Scorer], tasks: Sequence[ComposedTask], seed: int) -> list[TransferCell]:
    """Search each task on each model, then score what was found on all of them."""
    found = {
        name: [run_search(scorer, task, seed + index).final_prompt for index, task in enumerate(tasks)]
        for name, scorer in scorers.items()
    }
    return [
        _cell(source, target, scorer, tasks, prompts)
        for source, prompts in found.items()
        for target, scorer in scorers.items()
    ]


def describe(folder: Path, scorer: Scorer, seed: int, num_prompts: int = 3, num_rewritten: int = 90) -> Relative:
    """What the model is and how well it obeys."""
    cells = [
        cell
        for family in TRAINED_FAMILIES
        for cell in measure_family(scorer, family, Setting(), Sizes(num_prompts, 4, seed), ("clear", "vague"))
    ]
    clear, vague = ([cell for cell in cells if cell.prompt_kind == kind] for kind in ("clear", "vague"))
    facts = Facts.read(folder / FACTS_FILE.relative_to(MODEL_DIR))
    return Relative(
        folder.name,
        num_parameters(folder),
        facts.seed,
        facts.steps,
        facts.tokens,
        fmean(cell.exact for cell in clear),
        fmean(cell.nats for cell in clear),
        fmean(cell.nats for cell in vague),
        measure_rewrites(scorer, num_rewritten, 6, seed)[-1].better,
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the JSON file that the card reads."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    folders = [folder.resolve() for folder in options.models]
    scorers = {folder.name: Scorer.from_folder(folder) for folder in folders}
    models = tuple(describe(folder, scorers[folder.name], options.seed) for folder in folders)
    cells = measure_transfer(scorers, draw_tasks(options.tasks, options.seed, NUM_TEST), options.seed)
    transfer = Transfer(options.tasks, options.seed, models, tuple(cells))
    options.output.write_text(json.dumps(asdict(transfer), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {options.output}")


def _cell(
    source: str, target: str, scorer: Scorer, tasks: Sequence[ComposedTask], prompts: Sequence[str]
) -> TransferCell:
    losses = [_test_losses(scorer, task, prompt) for task, prompt in zip(tasks, prompts, strict=True)]
    vague, found, clear = (fmean(column) for column in zip(*losses, strict=True))
    return TransferCell(source, target, vague, found, clear, sum(row[1] < row[0] for row in losses))


def _test_losses(scorer: Scorer, task: ComposedTask, prompt: str) -> tuple[float, float, float]:
    """Of the vague, the found and the clear prompt, on the rows behind those of the search."""
    items = list(task.items[NUM_TRAIN + NUM_VALIDATION :])
    prompts = [Prompt((Piece("vague", task.vague),)), Prompt((Piece("found", prompt),)), task.clear]
    vague, found, clear = (
        fmean(score.nats for score in row) for row in score_prompts(scorer, prompts, task.goal, items)
    )
    return vague, found, clear


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nano_training.report.transfer", description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", default=[MODEL_DIR, MODEL_DIR.with_name("nano-half")])
    parser.add_argument("--tasks", type=int, default=20, help="composed tasks, each searched on every model")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=TRANSFER_FILE)
    return parser


if __name__ == "__main__":
    main()
