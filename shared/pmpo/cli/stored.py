"""``pmpo datasets push``, ``list`` and ``rm``: data sets that a running API keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmpo.cli import clock, words
from pmpo.cli.completion import dataset_ids
from pmpo.cli.console import list_console, on_one_line, print_json, print_words, shown, stderr_console, stdout_console
from pmpo.cli.options import AsJson, Fields, Url
from pmpo.cli.tables import Column, print_list
from pmpo.client import Client
from pmpo.client.datasets import StoredDataset
from pmpo.client.rows import DataFile
from pmpo.contracts.datasets import DatasetView
from pmpo.data.loading import STDIN, Format
from pmpo.data.mapping import parse_mapping
from pmpo.errors import InvalidInputError

MAX_NAME = 60
COLUMNS = (
    Column("id"),
    Column("name", rank=1, least=8),
    Column("rows", rank=2, is_number=True),
    Column("stored", rank=3),
)

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="JSON lines, JSON, CSV, TSV or Parquet; `-` is standard input.")
]
Delimiter = Annotated[
    str | None, typer.Option("--delimiter", metavar="MARK", help="What separates the columns of a table of text.")
]
DataFormat = Annotated[
    Format | None, typer.Option("--format", help="What the data is; otherwise by its name, or jsonl from `-`.")
]
Name = Annotated[str | None, typer.Option("--name", metavar="NAME", help="What lists call it; otherwise the file's.")]
SampleSize = Annotated[
    int | None, typer.Option("--sample", min=1, metavar="N", help="Store N rows, drawn by the seed.")
]
SampleSeed = Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Which rows a sample has.")]
PageSize = Annotated[int, typer.Option("--limit", min=1, max=500, metavar="N", help="So many of the newest.")]
DatasetIdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id, as printed by `pmpo datasets push`.", autocompletion=dataset_ids)
]


def push(
    file: FileArgument,
    *,
    name: Name = None,
    sample: SampleSize = None,
    seed: SampleSeed = 0,
    field: Fields = None,
    delimiter: Delimiter = None,
    form: DataFormat = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Store a data set and print its id, which a job file may name in the place of a file.

    The id is made of the content: the same rows have the same id, whatever file they come from. With --sample, a file
    of any length is read once, and no more rows are held than N.
    """
    if sample is None and seed:
        raise InvalidInputError("--seed says which rows a sample has; add --sample N, or leave it out")
    names = parse_mapping(field or [])
    data = DataFile(file, form, delimiter)
    called = ("" if file == STDIN else file.stem) if name is None else name
    with Client(url) as client:
        fields = {new: old for old, new in names.items()}
        view = client.create_dataset(data, name=called, fields=fields, sample=sample, seed=seed)
    if as_json:
        print_json(view.model_dump(mode="json", exclude={"rows", "next"}))
        return
    print_words(stderr_console(), f"{shown(view.name) or 'data'}: {_size(view)}{_drawn(view, seed)}{_there(view)}.")
    stdout_console().print(view.id)


def list_stored(limit: PageSize = 50, url: Url = None, as_json: AsJson = False) -> None:
    """List stored data sets, newest first."""
    with Client(url) as client:
        page = client.list_datasets(limit=limit)
    if as_json:
        print_json(page.model_dump(mode="json", exclude={"datasets": {"__all__": {"rows", "next"}}}))
        return
    console = stdout_console()
    if not page.datasets:
        print_words(console, "There are no data sets. Store one with: pmpo datasets push FILE")
        return
    print_list(list_console(), COLUMNS, [_row(view) for view in page.datasets])
    if page.next is not None:
        stderr_console().print(f"There are more; --limit shows up to {500}.")


def rm(dataset_id: DatasetIdArgument, url: Url = None, as_json: AsJson = False) -> None:
    """Delete a data set that no job under way and no schedule needs."""
    with Client(url) as client:
        client.delete_dataset(dataset_id)
    if as_json:
        print_json({"id": dataset_id.strip(), "is_deleted": True})
    else:
        stdout_console().print(f"data set {shown(dataset_id.strip())} is deleted")


def _drawn(view: StoredDataset, seed: int) -> str:
    if view.num_read == view.num_rows:
        return ""
    return f", drawn from {words.counted(view.num_read, 'row')} by seed {seed}"


def _there(view: StoredDataset) -> str:
    return "" if view.is_new else "; these rows were stored already"


def _size(view: DatasetView) -> str:
    repeated = view.num_duplicates
    more = f", of which {repeated:,} {'repeats' if repeated == 1 else 'repeat'} another" if repeated else ""
    return f"{words.counted(view.num_rows, 'row')} in {view.num_bytes:,} bytes{more}"


def _row(view: DatasetView) -> tuple[str, ...]:
    return view.id, on_one_line(view.name, MAX_NAME), f"{view.num_rows:,}", clock.utc(view.created_at)
