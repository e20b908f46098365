"""Rows from whatever holds them in Python: a file, a list of dicts, a pandas DataFrame, a Hugging Face data set.

pandas and datasets are not imported here: an object of theirs can only be given where they are imported already.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pmpo.contracts.datasets import DatasetLimits
from pmpo.contracts.jobdata import Row
from pmpo.data.loading import Format, iterate_rows
from pmpo.data.rows import ContentHash, canonical, checked_row
from pmpo.data.sampling import how_to_sample
from pmpo.errors import InvalidDataError, InvalidInputError

FRAME_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file whose name does not say what it holds; ``-`` is standard input. See ``pmpo.data.loading.iterate_rows``."""

    path: Path
    form: Format | None = None
    delimiter: str | None = None


Data = str | Path | DataFile | Iterable[Mapping[str, Any]] | Any
"""A path, rows, a ``pandas.DataFrame``, a ``datasets.Dataset`` or ``datasets.IterableDataset``."""


def rows_of(data: Data) -> Iterator[Row]:
    """The rows in ``data``, in order, one by one.

    Missing values of a DataFrame (NaN, NaT, NA) become null; its index is left out.

    Raises:
        InvalidDataError: a row that is none, or holds what JSON does not have (row and key are named).
        InvalidInputError: an object that holds no rows.
    """
    if isinstance(data, str | Path):
        data = DataFile(Path(data))
    if isinstance(data, DataFile):
        yield from iterate_rows(data.path, form=data.form, delimiter=data.delimiter)
        return
    for number, row in enumerate(_entries(data)):
        yield checked_row(dict(row) if isinstance(row, Mapping) else row, f"row {number} (from 0)")


def packed(rows: Iterable[Row], limits: DatasetLimits) -> tuple[bytes, str]:
    """Rows as JSON lines in their canonical form, and the id of their content; no more is read than the limits allow.

    Raises:
        InvalidDataError: no rows, or more of them or of their bytes than a data set may have.
    """
    content, body, num_rows = ContentHash(), bytearray(), 0
    for row in rows:
        line = canonical(row)
        content.add(line)
        body += line
        body += b"\n"
        num_rows += 1
        if num_rows > limits.rows:
            raise InvalidDataError(f"the data has more than {limits.rows:,} rows; {how_to_sample(limits)}")
        if len(body) > limits.bytes:
            reached = f"the first {num_rows:,} rows are more than {limits.bytes / 1024 / 1024:g} MB"
            raise InvalidDataError(f"{reached}; {how_to_sample(limits)}")
    if not num_rows:
        raise InvalidDataError(f"the data holds no rows; give 1 to {limits.rows:,}")
    return bytes(body), content.id


def _entries(data: Any) -> Iterable[Any]:
    pandas, datasets = sys.modules.get("pandas"), sys.modules.get("datasets")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return _frame_rows(data)
    if datasets is not None and isinstance(data, datasets.DatasetDict | datasets.IterableDatasetDict):
        names = ", ".join(map(repr, data))
        raise InvalidInputError(
            f"the data holds several sets ({names}); give one, for example data[{next(iter(data))!r}]"
        )
    if isinstance(data, Mapping) or not isinstance(data, Iterable):
        raise InvalidInputError(
            f"the data is a {type(data).__name__}; give a path, a list of dicts, a pandas DataFrame or a "
            "datasets.Dataset"
        )
    return data


def _frame_rows(frame: Any) -> Iterator[Any]:
    if not frame.columns.is_unique:
        raise InvalidDataError("two columns of the DataFrame have one name, so one would be lost; rename them")
    for start in range(0, len(frame), FRAME_ROWS):
        part = frame.iloc[start : start + FRAME_ROWS]
        yield from part.astype(object).where(part.notna(), None).to_dict("records")
