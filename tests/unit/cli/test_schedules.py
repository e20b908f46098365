"""``pmpo schedule add``, ``list``, ``show``, ``pause`` and ``resume``, against the real API."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pmpo.cli.main import main
from pmpo.contracts.schedules import ScheduleOutcome
from services.store.store import Store

FULL = "20 jobs of this project are not over and 20 may be under way"


@pytest.fixture(autouse=True)
def address(live_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMPO_URL", live_api)
    monkeypatch.setenv("COLUMNS", "100")


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["schedule", *words]) == 0
    return capsys.readouterr().out


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What ``show`` says, by name."""
    lines = said(capsys, "show", "sch_1").splitlines()
    return {line[:11].strip(): line[11:] for line in lines}


def refuse_the_next_time(redis_url: str) -> None:
    async def refuse() -> None:
        store = Store.open(redis_url, 60.0)
        record = await store.schedules.get("sch_1")
        outcome = ScheduleOutcome(decision="refused", due_at=record.view.next_at, at=time.time(), detail=FULL)
        await store.schedules.pass_over(record, int(record.view.next_at) + 86_400, outcome, "num_refused")
        await store.close()

    asyncio.run(refuse())


def make_a_held_job(redis_url: str) -> str:
    """Let its time come outside of its window."""

    async def make() -> str:
        store = Store.open(redis_url, 60.0)
        record = await store.schedules.get("sch_1")
        job = replace(await store.schedules.template("sch_1"), id="held-1")
        outcome = ScheduleOutcome(decision="made", due_at=record.view.next_at, at=time.time(), detail="job held-1")
        assert await store.schedules.run(record, int(record.view.next_at) + 86_400, job, outcome, is_held=True)
        await store.close()
        return job.id

    return asyncio.run(make())


def test_one_that_has_not_fired_yet(nightly: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(capsys)
    assert (found["name"], found["job"], found["when"]) == ("nightly", "optimize, queue overnight", "@daily (UTC)")
    assert found["next job"].startswith("20")
    assert (found["last job"], found["last time"], found["jobs made"]) == ("-", "-", "0")
    assert json.loads(said(capsys, "show", nightly, "--json"))["last_outcome"] is None


def test_a_time_without_room_is_in_the_list_and_show_says_why(
    nightly: str, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_the_next_time(redis_url)
    [row] = [line.split() for line in said(capsys, "list").splitlines() if line.startswith(nightly)]
    assert row[-3:] == ["0", "1", "refused"]
    found = shown(capsys)
    assert found["last time"].endswith(f": refused ({FULL})")
    assert found["times lost"] == "0 skipped, 0 missed, 1 refused"


def test_paused_and_resumed(nightly: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "pause", nightly) == "schedule sch_1 is paused\n"
    assert "paused since 20" in said(capsys, "list")
    assert shown(capsys)["next job"].startswith("paused since 20")
    assert json.loads(said(capsys, "pause", nightly, "--json"))["paused_at"] is not None
    assert said(capsys, "resume", nightly).startswith("schedule sch_1 goes on; its next time: 20")
    assert shown(capsys)["next job"].startswith("20")


def test_one_that_is_not_there(live_api: str, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("show", "pause", "resume"):
        assert main(["schedule", verb, "sch_0"]) == 2
        assert capsys.readouterr().err == (
            "pmpo: there is no schedule 'sch_0'; list the schedules with GET /v1/schedules or `pmpo schedule list`\n"
        )


@pytest.mark.parametrize("option", ["name", "cron", "timezone", "window"])
def test_what_is_too_long_for_a_schedule_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    rows = "".join(json.dumps({"input": f"in {number}", "target": "out"}) + "\n" for number in range(6))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    job = tmp_path / "job.yaml"
    job.write_text("prompt: Process.\ndataset: {train: rows.jsonl}\n", encoding="utf-8")
    options = {"cron": "@daily", option: "x" * 300}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    assert main(["schedule", "add", str(job), *words]) == 2
    assert capsys.readouterr().err.startswith(f"pmpo: {option}: String should have at most")


def test_deleting_names_the_job_that_its_window_keeps_paused(
    redis_url: str, nightly: str, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = make_a_held_job(redis_url)
    out = said(capsys, "rm", nightly)
    assert out.splitlines() == [
        "schedule sch_1 is deleted",
        f"Its window keeps job {job_id} paused: `pmpo resume {job_id}` lets it go on, `pmpo cancel {job_id}` ends it.",
    ]


def test_deleting_one_that_holds_nothing(nightly: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(said(capsys, "rm", nightly, "--json")) == {"id": nightly, "deleted": True, "held_job_id": None}
