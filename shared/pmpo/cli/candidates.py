"""The candidates of a job, for a person: a line of numbers with the fate, and a line of the prompt, for each."""

from __future__ import annotations

import textwrap

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import on_one_line
from pmpo.contracts.candidates import CandidateView
from pmpo.contracts.reports import ReportView

COLUMNS = (("", 4), ("from", 5), ("round", 6), ("rows", 5), ("train", 7), ("valid.", 7), ("right", 7))
WIDTH = sum(width for _, width in COLUMNS) + 2
INDENT = 6
LEAST = 20  # columns for the fate, however narrow the window is
NAMED = {"restart": "the search went on from it", "demonstration": "a worked example was added"}
STYLES = {"seed": "bold", "accepted": "green", "dropped": "", "refused": "dim", "open": ""}


def candidate_list(found: ReportView, console: Console) -> RenderableType | None:
    """Every candidate and every refused rewrite, in the order in which they came; None when there are none."""
    if not found.candidates:
        return None
    counts = ", ".join(f"{number} {fate}" for fate, number in found.counts.items())
    legend = (
        "rows: training rows that it was scored on; train, valid.: mean losses there and on the validation rows"
        f"{'' if found.scored_by == 'loss' else ', or the share of right answers'}; right: right validation answers"
    )
    head = _line([name for name, _ in COLUMNS], "fate and prompt", console.width)
    lines = [line for view in found.candidates for line in _two_lines(view, console.width)]
    return Group(
        Text.assemble(("Candidates: ", "bold"), counts), Text(head, style="bold"), *lines, Text(legend, style="dim")
    )


def _two_lines(view: CandidateView, width: int) -> list[Text]:
    prompt = on_one_line(view.prompt, max(LEAST, width - INDENT))
    return [
        Text(_line(_numbers(view), _fate(view), width), style=STYLES[view.fate]),
        Text(f"{' ' * INDENT}{prompt}", style="dim", no_wrap=True, overflow="ellipsis"),
    ]


def _line(cells: list[str], fate: str, width: int) -> str:
    """The cells in their columns; a long fate goes on below its start."""
    numbers = "".join(f"{cell:>{space}}" for cell, (_, space) in zip(cells, COLUMNS, strict=True))
    return f"{numbers}  " + f"\n{' ' * WIDTH}".join(textwrap.wrap(fate, max(LEAST, width - WIDTH)))


def _numbers(view: CandidateView) -> list[str]:
    only_graded = view.train_loss is None and view.train_accuracy is not None
    return [
        "-" if view.id is None else str(view.id),
        "-" if view.parent_id is None else str(view.parent_id),
        str(view.iteration),
        str(view.num_train) if view.num_train else "-",
        words.percent(view.train_accuracy) if only_graded else words.loss(view.train_loss),
        words.loss(view.validation_loss),
        words.percent(view.validation_accuracy),
    ]


def _fate(view: CandidateView) -> str:
    reason = f": {NAMED.get(view.reason) or words.rejection(view.reason)}" if view.reason else ""
    return f"{view.fate}{reason}{' (the best)' if view.is_best else ''}"
