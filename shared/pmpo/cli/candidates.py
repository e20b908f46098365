"""The candidates of a job, for a person: for each a line of numbers with the fate, and its text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import shown
from pmpo.cli.report import indented
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
    lines = [line for views in _alike(found.candidates) for line in _lines(views, console)]
    return Group(
        Text.assemble(("Candidates: ", "bold"), counts), Text(head, style="bold"), *lines, Text(legend, style="dim")
    )


def _alike(views: Iterable[CandidateView]) -> Iterable[list[CandidateView]]:
    """Refusals of one text for one reason together, where the first of them came; every other candidate by itself."""
    groups: dict[tuple[object, ...], list[CandidateView]] = {}
    for view in views:
        key = (view.reason, view.prompt) if view.fate == "refused" else (view.number,)
        groups.setdefault(key, []).append(view)
    return groups.values()


def _lines(views: list[CandidateView], console: Console) -> list[Text]:
    """The numbers and the fate of the first, how often it came, and the whole text."""
    first, last = views[0], views[-1]
    when = f"to round {last.iteration}" if last.iteration != first.iteration else "in this round"
    often = f" ({len(views)} times, {when})" if len(views) > 1 else ""
    return [
        Text(_line(_numbers(first), f"{_fate(first)}{often}", console.width), style=STYLES[first.fate]),
        indented(Text(shown(first.prompt.strip()) or "(nothing)", style="dim"), console, INDENT),
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
