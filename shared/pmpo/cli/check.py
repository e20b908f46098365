"""``pmpo datasets check``: what is wrong with data, before a job says so. No service is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import on_one_line, print_json, shown, stdout_console
from pmpo.cli.exits import FAILED
from pmpo.cli.options import AsJson, Fields
from pmpo.cli.stored import DataFormat, Delimiter, FileArgument
from pmpo.cli.tables import plain_table
from pmpo.contracts.datasets import DataReport, RepeatedRow, SetReport
from pmpo.contracts.jobdata import Row, SetName
from pmpo.contracts.objectives import ObjectiveKind
from pmpo.data.loading import iterate_rows
from pmpo.data.mapping import parse_mapping, renamed
from pmpo.data.validation import check_rows, kind_of_rows

MAX_SHOWN = 20
MAX_ROWS = 5  # named of those with one and the same problem

Validation = Annotated[Path | None, typer.Option("--validation", metavar="FILE", help="Rows to validate on.")]
Test = Annotated[Path | None, typer.Option("--test", metavar="FILE", help="Rows to test on.")]
Kind = Annotated[
    ObjectiveKind | None, typer.Option("--kind", help="The job's objective; otherwise what the first row looks like.")
]


def check(
    file: FileArgument,
    *,
    validation: Validation = None,
    test: Test = None,
    kind: Kind = None,
    field: Fields = None,
    delimiter: Delimiter = None,
    form: DataFormat = None,
    as_json: AsJson = False,
) -> None:
    """Say what a job would refuse in data: every row with its key and the reason, and rows that stand twice.

    Rows of validation and test that stand in an earlier set are told as leaks. The exit code is 1 when a row cannot be
    used. Nothing is sent anywhere.
    """
    names = parse_mapping(field or [])
    files: dict[SetName, Path | None] = {"train": file, "validation": validation, "test": test}
    sets: dict[SetName, Iterable[Row]] = {
        name: renamed(iterate_rows(path, form=form, delimiter=delimiter), names)
        for name, path in files.items()
        if path is not None
    }
    train = iter(sets["train"])
    first = next(train, None)
    sets["train"] = train if first is None else chain([first], train)
    report = check_rows(sets, kind=kind or kind_of_rows(first or {}))
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        for part in _story(report):
            stdout_console().print(part, soft_wrap=isinstance(part, Text))
    if not report.is_usable:
        raise typer.Exit(FAILED)


def _story(report: DataReport) -> Iterator[RenderableType]:
    for each in report.sets:
        yield Text(f"{each.name}: {words.counted(each.num_rows, 'row')}, {each.num_usable:,} usable ({report.kind})")
        if each.fields:
            yield _fields(each)
    if report.num_problems:
        yield Text(f"{words.counted(report.num_problems, 'problem')}:", style="bold")
        yield from _problems(report)
    yield from _repeated("repeated row", "", report.duplicates, report.num_duplicates)
    yield from _repeated("leaked row", ", whose input stands in an earlier set", report.leaks, report.num_leaks)
    for warning in report.warnings:
        yield Text(f"{words.sentence(warning)}")
    if report.is_usable:
        yield Text("A job can use every row.")


def _problems(report: DataReport) -> Iterator[Text]:
    """A line for each reason: the same one of many rows is told once, with their number and the first of them."""
    alike: dict[tuple[str, str, str], list[int]] = {}
    for problem in report.problems:
        alike.setdefault((problem.set, problem.field, problem.reason), []).append(problem.row)
    told = list(alike.items())[:MAX_SHOWN]
    for (set_name, field, reason), rows in told:
        first = ", ".join(map(str, rows[:MAX_ROWS]))
        more = f" and {len(rows) - MAX_ROWS:,} more" if len(rows) > MAX_ROWS else ""
        noun = "row" if len(rows) == 1 else f"{len(rows):,} rows,"
        where = f"  {noun} {first}{more} (from 0) of {set_name}, {shown(field)}: "
        yield Text(where + on_one_line(reason, 200))
    yield from _rest(report.num_problems, sum(len(rows) for _, rows in told))


def _fields(report: SetReport) -> Table:
    table = plain_table()
    for heading in ("key", "rows", "empty", "holds", "shortest", "median", "95 %", "longest"):
        table.add_column(heading, justify="left" if heading in ("key", "holds") else "right")
    for found in report.fields:
        lengths = found.characters
        sizes = [] if lengths is None else [lengths.shortest, lengths.median, lengths.percentile_95, lengths.longest]
        counts = [f"{size:,}" for size in sizes] or ["-"] * 4
        holds = ", ".join(found.kinds) or "nothing"
        table.add_row(Text(on_one_line(found.name, 24)), f"{found.num_rows:,}", f"{found.num_empty:,}", holds, *counts)
    table.caption = "lengths in characters"
    table.caption_justify = "left"
    return table


def _repeated(noun: str, more: str, rows: list[RepeatedRow], num: int) -> Iterator[Text]:
    if not num:
        return
    yield Text(f"{words.counted(num, noun)}{more}:", style="bold")
    for found in rows[:MAX_SHOWN]:
        same = "" if found.is_whole else ", with another answer"
        earlier = f"row {found.earlier_row} of {found.earlier_set}"
        yield Text(f"  row {found.row} (from 0) of {found.set} is {earlier}{same}")
    yield from _rest(num)


def _rest(num: int, num_told: int = MAX_SHOWN) -> Iterator[Text]:
    if num > num_told:
        yield Text(f"  and {num - num_told:,} more (--json lists the first 100)")
