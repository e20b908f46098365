"""Data sets on the wire: what is stored, what is said of its rows, and what a check finds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from pmpo.contracts.jobdata import Row, SetName
from pmpo.contracts.objectives import ObjectiveKind
from pmpo.contracts.sections import DatasetId, Strict

DatasetName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
MAX_PAGE_ROWS = 1_000
MAX_PAGE_DATASETS = 500


class Lengths(Strict):
    """Lengths of texts, in characters."""

    shortest: int
    median: int
    percentile_95: int
    longest: int


class FieldStatistics(Strict):
    """One key of the rows.

    Attributes:
        name: the key.
        num_rows: rows that have it, and not as null.
        num_empty: rows where it holds a text without anything but white space.
        kinds: what it holds: ``text``, ``number``, ``boolean``, ``list``, ``object``; more than one is often a slip.
        characters: lengths of its texts (of numbers as they are written); null where it holds neither.
    """

    name: str
    num_rows: int
    num_empty: int
    kinds: list[str]
    characters: Lengths | None


class DatasetView(Strict):
    """``GET /v1/datasets/{id}``, and the answer to ``POST /v1/datasets``.

    Attributes:
        id: made of the rows' content: the same rows have the same id.
        sha256: the whole digest of the content, whose beginning ``id`` is.
        num_bytes: of the rows as JSON lines in their canonical form.
        num_duplicates: rows that repeat an earlier row whole.
        fields: every key, in the order of its first use; at most 100.
        rows: the rows that were asked for.
        next: the number of the row after them; null at the end, and when no rows were asked for.
    """

    id: DatasetId
    name: str
    sha256: str
    num_rows: int
    num_bytes: int
    num_duplicates: int
    created_at: float
    fields: list[FieldStatistics]
    rows: list[Row] | None = None
    next: int | None = None


class DatasetLimits(Strict):
    """The most that a data set of this API may have."""

    rows: int
    bytes: int


class DatasetsPage(Strict):
    """``GET /v1/datasets``: newest first. ``next`` is the cursor of the page after; null on the last."""

    datasets: list[DatasetView]
    next: int | None
    limits: DatasetLimits


class RowProblem(Strict):
    """A row that a job would refuse: its number (from 0), the key, and why."""

    set: SetName
    row: int
    field: str
    reason: str


class RepeatedRow(Strict):
    """A row whose input stands in an earlier row; ``is_whole`` when its answers do so, too."""

    set: SetName
    row: int
    earlier_set: SetName
    earlier_row: int
    is_whole: bool


class SetReport(Strict):
    """One set: its rows, those that a job could use, and its keys."""

    name: SetName
    num_rows: int
    num_usable: int
    fields: list[FieldStatistics]


class DataReport(Strict):
    """What a check of data finds.

    Attributes:
        kind: the objective that the rows were read for.
        problems: rows that cannot be used, the first 100 of ``num_problems``.
        duplicates: usable rows that repeat a row of the same set, the first 100 of ``num_duplicates``.
        leaks: usable rows of validation or test whose input stands in an earlier set, the first 100 of ``num_leaks``.
        warnings: what else a job's owner should know, in sentences.
        is_usable: whether no row has a problem and there are rows enough.
    """

    kind: ObjectiveKind
    sets: list[SetReport]
    problems: list[RowProblem]
    num_problems: int
    duplicates: list[RepeatedRow]
    num_duplicates: int
    leaks: list[RepeatedRow]
    num_leaks: int
    warnings: list[str] = Field(default_factory=list)
    is_usable: bool
