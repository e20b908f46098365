"""The looks that all tables of the command line share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: the lower its ``rank``, the longer it stays when the window is narrow; 0 stays always, whole.

    One with ``least`` is shortened to as few cells before it goes.
    """

    heading: str
    rank: int = 0
    least: int = 0
    is_number: bool = False


def plain_table() -> Table:
    """A table without columns yet: headings over one line, no frame."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")


def print_list(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str | Text]]) -> None:
    """One line a row, ids whole: where the console is too narrow for all, columns give way in the order of rank."""
    texts = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    cells = [[column.heading, *(row[at].plain for row in texts)] for at, column in enumerate(columns)]
    widths = _fitting(columns, [max(map(cell_len, each)) for each in cells], console.width)
    table = plain_table()
    table.padding = (0, GAP - 1, 0, 0)
    for at, width in widths.items():
        table.add_column(
            columns[at].heading, justify="right" if columns[at].is_number else "left", width=width, no_wrap=True
        )
    for row in texts:
        table.add_row(*(row[at] for at in widths))
    needed = sum(widths.values()) + GAP * len(widths)
    console.width = max(needed, console.width)  # what must stay whole may run over
    console.print(table)


def _fitting(columns: Sequence[Column], whole: Sequence[int], room: int) -> dict[int, int]:
    """The widths of the columns that are shown, by position."""
    widths: dict[int, int] = {}
    room += GAP  # none stands before the first
    for at in sorted(range(len(columns)), key=lambda each: columns[each].rank):
        column = columns[at]
        left = room - GAP
        if not column.rank or whole[at] <= left:
            widths[at] = whole[at]
        elif column.least and left >= column.least:
            widths[at] = left
        else:
            continue
        room -= GAP + widths[at]
    return dict(sorted(widths.items()))
