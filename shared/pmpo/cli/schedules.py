"""``pmpo schedule``: jobs that are made again and again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

import typer

from pmpo.cli import clock
from pmpo.cli.completion import schedule_ids
from pmpo.cli.console import list_console, on_one_line, print_json, print_words, shown, stderr_console, stdout_console
from pmpo.cli.groups import Group
from pmpo.cli.jobs import read_job
from pmpo.cli.options import AsJson, JobFile, Seed, Url, one_of
from pmpo.cli.tables import Column, print_list
from pmpo.client import Client
from pmpo.contracts.problems import made
from pmpo.contracts.schedules import CatchUp, Overlap, ScheduleSpec, ScheduleView

schedule = Group("Jobs that are made again and again.")
Cron = Annotated[
    str,
    typer.Option("--cron", metavar="LINE", help="Minute, hour, day, month, weekday; or @daily and its like."),
]
Timezone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Whose clocks, such as Europe/Berlin.")]
Window = Annotated[
    str | None, typer.Option("--window", metavar="FROM-TO", help="When the jobs may run, such as 22:00-06:00.")
]
OverlapOption = Annotated[
    str,
    typer.Option("--overlap", metavar="WHAT", help="When a time comes and the last job is not over: skip or queue."),
]
CatchUpOption = Annotated[
    str, typer.Option("--catch-up", metavar="WHAT", help="Times that were missed are made up for: none or once.")
]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What lists call it; otherwise the job's name.")]
MAX_NAME = 60
COLUMNS = (
    Column("id"),
    Column("name", rank=1, least=8),
    Column("when", rank=4),
    Column("window", rank=3),
    Column("next", rank=2),
    Column("jobs", rank=6, is_number=True),
    Column("lost", rank=7, is_number=True),
    Column("last", rank=5),
)
ScheduleId = Annotated[
    str,
    typer.Argument(metavar="ID", help="Schedule id, as printed by `pmpo schedule list`.", autocompletion=schedule_ids),
]


@schedule.command(epilog="Example: pmpo schedule add job.yaml --cron '0 22 * * 1-5' --timezone Europe/Berlin")
def add(
    file: JobFile,
    cron: Cron,
    *,
    timezone: Timezone = "UTC",
    window: Window = None,
    overlap: OverlapOption = "skip",
    catch_up: CatchUpOption = "none",
    name: Name = "",
    seed: Seed = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have the job of a file made at every time of a cron line.

    A job file without `queue` goes to the queue `overnight`, whose jobs wait until no other job waits.
    """
    spec = made(
        ScheduleSpec,
        name=name,
        cron=cron,
        timezone=timezone,
        overlap=cast(Overlap, one_of("--overlap", overlap, ("skip", "queue"))),
        catch_up=cast(CatchUp, one_of("--catch-up", catch_up, ("none", "once"))),
        window=window,
        job=read_job(file, seed),
    )
    with Client(url) as client:
        added = client.create_schedule(spec)
    if as_json:
        print_json(added.model_dump(mode="json"))
        return
    for warning in added.warnings:
        stderr_console().print(f"warning: {shown(warning)}")
    stdout_console().print(added.id)
    print_words(stderr_console(), f"The first job is made at {_at(added, added.next_at)}.")


@schedule.command("list", epilog="Example: pmpo schedule list --json")
def list_schedules(url: Url = None, as_json: AsJson = False) -> None:
    """Show schedules with their next times, how many jobs they made and times they lost, and what became of the last.

    `pmpo schedule show ID` says why.
    """
    with Client(url) as client:
        page = client.list_schedules()
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    if not page.schedules:
        stdout_console().print("There are no schedules.")
        return
    print_list(list_console(), COLUMNS, [_row(each) for each in page.schedules])


@schedule.command(epilog="Example: pmpo schedule show ID")
def show(schedule_id: ScheduleId, url: Url = None, as_json: AsJson = False) -> None:
    """Show one schedule: its next and its last job, and what became of its last time and why."""
    with Client(url) as client:
        found = client.get_schedule(schedule_id)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    for name, value in _details(found):
        stdout_console().print(f"{name:<11}{shown(value)}", soft_wrap=True)


@schedule.command(epilog="Example: pmpo schedule pause ID")
def pause(schedule_id: ScheduleId, url: Url = None, as_json: AsJson = False) -> None:
    """Make no jobs until it is resumed; one that is under way goes on."""
    with Client(url) as client:
        found = client.pause_schedule(schedule_id)
    _tell(found, "is paused", as_json=as_json)


@schedule.command(epilog="Example: pmpo schedule resume ID")
def resume(schedule_id: ScheduleId, url: Url = None, as_json: AsJson = False) -> None:
    """Make jobs again; its catch-up policy decides about times that came meanwhile."""
    with Client(url) as client:
        found = client.resume_schedule(schedule_id)
    _tell(found, f"goes on; its next time: {_at(found, found.next_at)}", as_json=as_json)


@schedule.command("rm", epilog="Example: pmpo schedule rm ID")
def remove(schedule_id: ScheduleId, url: Url = None, as_json: AsJson = False) -> None:
    """Make no more jobs; one that is under way goes on, and one that its window keeps paused stays so."""
    with Client(url) as client:
        gone = client.delete_schedule(schedule_id)
    if as_json:
        print_json({"id": gone.id, "deleted": True, "held_job_id": gone.held_job_id})
        return
    console, held = stdout_console(), shown(gone.held_job_id or "")
    console.print(f"schedule {shown(gone.id)} is deleted")
    if held:
        what = f"Its window keeps job {held} paused: `pmpo resume {held}` lets it go on, `pmpo cancel {held}` ends it."
        console.print(what, soft_wrap=True)


def _tell(found: ScheduleView, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        stdout_console().print(f"schedule {shown(found.id)} {what}")


def _row(each: ScheduleView) -> tuple[str, ...]:
    num_lost = each.num_skipped + each.num_missed + each.num_refused
    last = each.last_outcome.decision if each.last_outcome else "-"
    return (
        each.id,
        on_one_line(each.name, MAX_NAME),
        f"{each.cron} ({each.timezone})",
        each.window or "-",
        _next(each),
        str(each.num_runs),
        str(num_lost),
        last,
    )


def _details(each: ScheduleView) -> Iterator[tuple[str, str]]:
    yield "name", each.name
    yield "job", f"{each.kind}, queue {each.queue}"
    yield "when", _when(each)
    yield "overlap", each.overlap
    yield "catch up", each.catch_up
    yield "next job", f"{_next(each)}{_beside(each, each.paused_at or each.next_at)}"
    made = "-" if each.last_at is None else f"{_at(each, each.last_at)}, job {each.last_job_id}"
    yield "last job", made
    last = each.last_outcome
    yield "last time", "-" if last is None else f"{_at(each, last.due_at)}: {last.decision} ({last.detail})"
    yield "jobs made", str(each.num_runs)
    yield "times lost", f"{each.num_skipped} skipped, {each.num_missed} missed, {each.num_refused} refused"
    for warning in each.warnings:
        yield "warning", warning


def _when(each: ScheduleView) -> str:
    window = f", {each.window}" if each.window else ""
    return f"{each.cron} ({each.timezone}{window})"


def _next(each: ScheduleView) -> str:
    return _at(each, each.next_at) if each.paused_at is None else f"paused since {_at(each, each.paused_at)}"


def _at(each: ScheduleView, moment: float) -> str:
    """A moment by the schedule's own clocks."""
    return clock.in_zone(moment, each.timezone)


def _beside(each: ScheduleView, moment: float) -> str:
    return "" if each.timezone == "UTC" else f" ({clock.utc(moment)})"
