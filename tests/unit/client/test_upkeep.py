"""A project's data through the real API into a file and back, and what does not arrive whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmpo.client import AsyncClient, Client, Retries
from pmpo.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError, UpstreamError
from pmpo.runs.archive import ArchiveWriter

ROWS = [{"input": f"in {number}", "target": f"out {number}" * 50} for number in range(500)]
FAST = Retries(max_attempts=3, first_wait_s=0.01, max_wait_s=0.02)


@pytest.fixture
def client(live_api: str) -> Iterator[Client]:
    with Client(live_api, api_key="") as opened:
        yield opened


def test_an_export_comes_back(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "all.tar.gz"
    stored = client.create_dataset(ROWS, name="numbers")
    assert client.export_project(path) == {"datasets": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["all.tar.gz"]
    assert client.import_project(path).sections["datasets"].present == 1
    client.delete_dataset(stored.id)
    assert client.import_project(path).sections["datasets"].added == 1
    assert client.get_dataset(stored.id, rows=500).rows == ROWS


async def test_the_same_awaited(live_api: str, tmp_path: Path) -> None:
    path = tmp_path / "all.tar.gz"
    async with AsyncClient(live_api, api_key="") as client:
        stored = await client.create_dataset(ROWS)
        assert await client.export_project(str(path)) == {"datasets": 1}
        await client.delete_dataset(stored.id)
        assert (await client.import_project(str(path))).sections["datasets"].added == 1
        assert (await client.clear_away()).num_jobs == 0
        for days in (float("inf"), float("nan"), -1.0):
            with pytest.raises(InvalidInputError, match="older_than_days: "):
                await client.clear_away(older_than_days=days)
        with pytest.raises(NotFoundError):
            await client.delete_job("gone")


def test_an_export_overwrites_no_file(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("mine")
    with pytest.raises(InvalidInputError, match="is there already"):
        client.export_project(path)
    with pytest.raises(InvalidInputError, match="cannot be written"):
        client.export_project(tmp_path / "no" / "folder.tar.gz")
    for nowhere in (path / "all.tar.gz", tmp_path / ("n" * 300)):
        with pytest.raises(InvalidInputError, match="cannot be written"):
            client.export_project(nowhere)
    assert path.read_text() == "mine"


def test_what_is_no_export_is_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("mine")
    with pytest.raises(InvalidInputError, match="no export"):
        client.import_project(path)
    with pytest.raises(InvalidInputError, match="is no file"):
        client.import_project(tmp_path / "absent")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        client.import_project(tmp_path / ("n" * 300))


def test_an_export_that_broke_off_leaves_no_file(api: Any, double: Any, tmp_path: Path) -> None:
    path = tmp_path / "all.tar.gz"
    whole = ArchiveWriter()
    broken = whole.begin("default", "now") + whole.end()[:-30]
    api.faults.append(double.Fault(200, broken, {"content-type": "application/gzip"}))
    api.faults += [double.problem(UnavailableError("away"))] * 3
    with Client(api.url, api_key="", retries=FAST) as client:
        with pytest.raises(UpstreamError, match="did not arrive whole"):
            client.export_project(path)
        with pytest.raises(UnavailableError, match="away"):
            client.export_project(path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_is_tried_again_from_its_beginning(api: Any, double: Any, tmp_path: Path) -> None:
    writer = ArchiveWriter()
    whole = writer.begin("default", "now") + writer.end()
    api.faults += [
        double.problem(UnavailableError("away")),
        double.Fault(drop=True),
        double.Fault(200, whole, {"content-type": "application/gzip"}),
    ]
    with Client(api.url, api_key="", retries=FAST) as client:
        assert client.export_project(tmp_path / "all.tar.gz") == {}


def test_nothing_is_cleared_away_unasked(client: Client) -> None:
    report = client.clear_away(older_than_days=0)
    assert (report.is_deleted, report.num_jobs, report.num_orphans) == (False, 0, 0)
    assert client.clear_away(confirm=True).is_deleted


def test_a_job_that_is_not_over_is_not_deleted(api: Any, double: Any) -> None:
    api.faults.append(double.problem(ConflictError("job j is running, and only a job that is over can be deleted")))
    with Client(api.url, api_key="", retries=FAST) as client, pytest.raises(ConflictError, match="is running"):
        client.delete_job("j")
    assert (api.seen[-1].method, api.seen[-1].path) == ("DELETE", "/v1/jobs/j")
