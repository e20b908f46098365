"""Every list with ids, against the real API: the ids stay whole on one line at every width, and times have a zone."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from pmpo.cli.main import main
from pmpo.contracts.jobs import SplitSizes
from services.store.records import NewJob
from services.store.schedule_records import NewSchedule
from services.store.store import Store

SCHEDULE_ID = "sch_0123456789abcdef"
NEXT_AT = 1_798_837_200  # 2027-01-01 21:00 UTC, 22:00 in Berlin
NAME = "the prompts of the night, all over again"
widths = pytest.mark.parametrize("width", [60, 80, 160])


@pytest.fixture(autouse=True)
def address(live_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMPO_URL", live_api)


@pytest.fixture
def in_berlin(live_api: str, redis_url: str) -> None:
    async def save() -> None:
        sizes = SplitSizes(train=5, validation=2, test=3)
        job = NewJob("", "cities", "optimize", "overnight", b"{}", b"{}", b"{}", sizes, (), "Do it.")
        store = Store.open(redis_url, 60.0)
        new = NewSchedule(
            SCHEDULE_ID, NAME, "0 22 * * *", "Europe/Berlin", "skip", "none", None, time.time(), NEXT_AT, job
        )
        await store.schedules.create(new, 200, None, b"")
        await store.close()

    asyncio.run(save())


def rows(capsys: pytest.CaptureFixture[str], width: int, *command: str) -> list[str]:
    """The lines below the headings, each no longer than the window."""
    capsys.readouterr()
    assert main([*command]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= width
    return lines[2:]


@widths
@pytest.mark.usefixtures("in_berlin")
def test_schedules(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    [row] = rows(capsys, width, "schedule", "list")
    assert row.startswith(f"{SCHEDULE_ID}  the prompts")
    assert ("2027-01-01 22:00 Europe/Berlin" in row) == (width == 160)


@pytest.mark.usefixtures("in_berlin")
def test_a_schedule_tells_its_own_clocks_and_utc(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", "show", SCHEDULE_ID]) == 0
    assert "next job   2027-01-01 22:00 Europe/Berlin (2027-01-01 21:00 UTC)\n" in capsys.readouterr().out


@widths
def test_data_sets(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    (tmp_path / "rows.jsonl").write_text('{"input": "a", "target": "b"}\n', encoding="utf-8")
    assert main(["datasets", "push", str(tmp_path / "rows.jsonl"), "--name", NAME]) == 0
    dataset_id = capsys.readouterr().out.strip()
    [row] = rows(capsys, width, "datasets", "list")
    assert row.split()[0] == dataset_id
    assert row.endswith("UTC") or width < 160


@widths
def test_keys(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["keys", "create", "--name", NAME]) == 0
    assert main(["keys", "list", "--json"]) == 0
    [key] = json.loads(capsys.readouterr().out.split("\n", 1)[1])["keys"]
    [row] = rows(capsys, width, "keys", "list")
    assert row.split()[0] == key["id"]
    assert (" UTC" in row) == (width > 80)


@widths
def test_prompts(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    name = "answers-to-" + "long" * 10
    (tmp_path / "prompt.txt").write_text("Name the city.\n", encoding="utf-8")
    assert main(["prompts", "push", name, str(tmp_path / "prompt.txt"), "--label", "production"]) == 0
    [row] = rows(capsys, width, "prompts", "list")
    assert row.split()[0] == name
    assert ("production: 1" in row and "UTC" in row) == (width == 160)
