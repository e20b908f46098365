"""Losses row by row, for a person: the first prompt's beside the best one's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.tables import plain_table
from pmpo.contracts.candidates import CandidateView, Split
from pmpo.contracts.reports import ReportView

SPLITS: tuple[Split, ...] = ("train", "validation")


def row_losses(found: ReportView) -> Iterator[RenderableType]:
    """A table for each set whose losses were asked for; nothing when they were not."""
    if not found.candidates or found.candidates[0].losses is None:
        return
    seed = next((view for view in found.candidates if view.id == 0), None)
    best = next((view for view in found.candidates if view.is_best), seed)
    if seed is None or best is None:
        return
    for split in SPLITS:
        before, after = _losses(seed, split), _losses(best, split)
        if before:
            yield _table(split, ((row, before[row], after.get(row)) for row in before))
    test = found.outcome.test_losses
    if test is not None:
        yield _table("test", zip(test.rows, test.before, test.after, strict=True))


def _losses(view: CandidateView, split: Split) -> dict[int, float]:
    for cells in view.losses or []:
        if (cells.split, cells.measure) == (split, "loss"):
            return dict(zip(cells.rows, cells.values, strict=True))
    return {}


def _table(split: str, rows: Iterable[tuple[int, float, float | None]]) -> RenderableType:
    table = plain_table()
    for name in ("row", "before", "after", "change"):
        table.add_column(name, justify="right")
    for row, before, after in rows:
        change = "-" if after is None else f"{after - before:+.3f}"
        table.add_row(str(row), words.loss(before), words.loss(after), change)
    return Group(Text(f"Losses on the {split} rows (from 0)", style="bold"), table)
