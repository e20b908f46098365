"""Data from whatever holds it, through the real API and back."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pmpo.client import AsyncClient, Client
from pmpo.client.rows import packed, rows_of
from pmpo.contracts.datasets import DatasetLimits
from pmpo.data.rows import content_id
from pmpo.data.sampling import sample_rows
from pmpo.errors import InvalidDataError, InvalidInputError, NotFoundError

ROWS = [{"input": f"in {number}", "target": f"out {number}"} for number in range(1_200)]
LIMITS = DatasetLimits(rows=10, bytes=400)


@pytest.fixture
def client(live_api: str) -> Iterator[Client]:
    with Client(live_api, api_key="") as opened:
        yield opened


def all_rows(client: Client, dataset_id: str) -> list[dict[str, Any]]:
    return (
        client.get_dataset(dataset_id, rows=1_000).rows + client.get_dataset(dataset_id, rows=1_000, offset=1_000).rows
    )  # type: ignore[operator,return-value]


def test_rows_go_there_and_come_back(client: Client) -> None:
    view = client.create_dataset(ROWS, name="numbers")
    assert (view.id, view.name, view.num_rows) == (content_id(ROWS), "numbers", 1_200)
    assert all_rows(client, view.id) == ROWS
    page = client.list_datasets()
    assert [each.id for each in page.datasets] == [view.id]
    client.delete_dataset(view.id)
    with pytest.raises(NotFoundError):
        client.get_dataset(view.id)


async def test_the_same_awaited(live_api: str) -> None:
    async with AsyncClient(live_api, api_key="") as client:
        view = await client.create_dataset(ROWS[:5])
        assert (await client.get_dataset(view.id, rows=5)).rows == ROWS[:5]


def opened_by_a_reader(pipe: Path) -> int | None:
    """The pipe's end to write to, once somebody reads the other."""
    try:
        handle = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
    os.set_blocking(handle, True)
    return handle


@pytest.mark.timeout(60)
async def test_the_event_loop_goes_on_while_a_file_is_read(live_api: str, tmp_path: Path) -> None:
    """The file is a pipe that the loop itself fills: if the loop waited for the reading, neither would ever end."""
    pipe = tmp_path / "rows.jsonl"
    os.mkfifo(pipe)
    async with AsyncClient(live_api, api_key="") as client:
        storing = asyncio.create_task(client.create_dataset(pipe))
        while (handle := opened_by_a_reader(pipe)) is None:
            await asyncio.sleep(0.01)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            for number, row in enumerate(ROWS):
                file.write(json.dumps(row) + "\n")
                if number % 400 == 0:
                    file.flush()
                    await asyncio.sleep(0.01)
        assert (await storing).id == content_id(ROWS)


async def test_an_iterator_is_read_in_the_thread_that_calls(live_api: str) -> None:
    threads = set()

    def rows() -> Iterator[dict[str, Any]]:
        for row in ROWS[:5]:
            threads.add(threading.get_ident())
            yield row

    async with AsyncClient(live_api, api_key="") as client:
        assert (await client.create_dataset(rows())).num_rows == 5
    assert threads == {threading.get_ident()}


def test_content_that_is_there_is_not_sent_again(client: Client) -> None:
    first = client.create_dataset(ROWS, name="one")
    again, renamed = client.create_dataset(iter(ROWS)), client.create_dataset(ROWS, name="other")
    assert again == first.model_copy(update={"is_new": False})
    assert (renamed.id, renamed.name, renamed.is_new) == (first.id, "other", False)
    assert len(client.list_datasets().datasets) == 1


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_file_of_any_kind_is_the_same_data_set(client: Client, tmp_path: Path, suffix: str) -> None:
    import pandas

    frame, path = pandas.DataFrame(ROWS), tmp_path / f"rows.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif suffix == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    assert client.create_dataset(path).id == client.create_dataset(str(path)).id == content_id(ROWS)


def test_a_sample_is_that_of_a_job_file(client: Client) -> None:
    view = client.create_dataset((dict(row) for row in ROWS), sample=30, seed=5)
    assert client.get_dataset(view.id, rows=100).rows == [ROWS[row] for row in sample_rows(1_200, 30, 5)]


def test_fields_are_renamed(client: Client) -> None:
    view = client.create_dataset([{"review": "a", "city": "b"}], fields={"input": "review", "target": "city"})
    assert view.id == content_id([{"input": "a", "target": "b"}])


@pytest.mark.parametrize("sample", [0, -1, 50_001, True])
def test_a_sample_that_is_none_is_refused(client: Client, sample: int) -> None:
    with pytest.raises(InvalidInputError, match="give a number of rows from 1 to 50,000"):
        client.create_dataset(ROWS, sample=sample)


def test_a_frame_keeps_its_values_and_missing_ones_are_null() -> None:
    import pandas

    frame = pandas.DataFrame(
        {
            "text": ["a", None],
            "whole": [1, 2],
            "real": [1.5, np.nan],
            "yes": [True, False],
            "list": [["x"], ["y", 1]],
            "maybe": pandas.array([7, None], dtype="Int64"),
        },
        index=[5, 9],
    )
    rows = list(rows_of(frame))
    assert rows == [
        {"text": "a", "whole": 1, "real": 1.5, "yes": True, "list": ["x"], "maybe": 7},
        {"text": None, "whole": 2, "real": None, "yes": False, "list": ["y", 1], "maybe": None},
    ]
    assert [type(value) for value in rows[0].values()] == [str, int, float, bool, list, int]


def test_a_frame_that_would_lose_something_is_refused() -> None:
    import pandas

    with pytest.raises(InvalidDataError, match="two columns of the DataFrame have one name"):
        list(rows_of(pandas.DataFrame([[1, 2]], columns=["a", "a"])))
    with pytest.raises(InvalidDataError, match=r"row 0 \(from 0\): the key 0 is a number"):
        list(rows_of(pandas.DataFrame([[1, 2]])))
    with pytest.raises(InvalidDataError, match=r"row 1 \(from 0\): 'when' holds a Timestamp"):
        list(rows_of(pandas.DataFrame({"when": [None, pandas.Timestamp("2026-01-01")]})))


def test_a_hugging_face_data_set_is_read_row_by_row() -> None:
    import datasets

    found = datasets.Dataset.from_list(ROWS[:5])
    assert list(rows_of(found)) == ROWS[:5]
    assert list(rows_of(found.to_iterable_dataset())) == ROWS[:5]
    with pytest.raises(InvalidInputError, match=r"several sets \('train'\); give one, for example data\['train'\]"):
        list(rows_of(datasets.DatasetDict({"train": found})))


@pytest.mark.parametrize("data", [5, None, {"input": "a"}])
def test_what_holds_no_rows_is_refused(data: Any) -> None:
    with pytest.raises(InvalidInputError, match="give a path, a list of dicts"):
        list(rows_of(data))


def test_a_row_that_is_none_is_named() -> None:
    with pytest.raises(InvalidDataError, match=r"row 1 \(from 0\): a text where an object should stand"):
        list(rows_of([{"a": 1}, "b"]))


def test_no_more_is_read_than_the_limits_allow() -> None:
    read = []

    def rows() -> Iterator[dict[str, int]]:
        for number in range(1_000_000):
            read.append(number)
            yield {"n": number}

    with pytest.raises(InvalidDataError) as refusal:
        packed(rows(), LIMITS)
    assert len(read) == 11
    assert str(refusal.value) == (
        "the data has more than 10 rows; a data set has at most 10 rows and 0.00038147 MB; send a sample: "
        "`pmpo datasets push FILE --sample 10 --seed 0`"
    )
    with pytest.raises(InvalidDataError, match="the first 2 rows are more than"):
        packed([{"a": "x" * 300}] * 5, LIMITS)
    with pytest.raises(InvalidDataError, match="the data holds no rows; give 1 to 10"):
        packed([], LIMITS)
