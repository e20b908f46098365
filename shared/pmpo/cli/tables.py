"""The look that all tables of the command line share."""

from __future__ import annotations

from rich import box
from rich.table import Table


def plain_table() -> Table:
    """A table without columns yet: headings over one line, no frame."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
