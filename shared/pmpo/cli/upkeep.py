"""``pmpo export``, ``import``, ``gc`` and ``delete``: what is kept, moved and cleared away."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pmpo.cli import words
from pmpo.cli.console import print_json, print_words, shown, stderr_console, stdout_console
from pmpo.cli.exits import about_job
from pmpo.cli.options import AsJson, JobId, Url
from pmpo.client import Client
from pmpo.contracts.upkeep import GcReport

MAX_SHOWN = 20


def export(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="File to write; it must not be there yet.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Write all that the project has to one file: data sets, prompts, and jobs with their journals and results."""
    with Client(url) as client:
        counts = client.export_project(to)
    if as_json:
        print_json({"written_to": str(to), "sections": counts})
        return
    listed = ", ".join(f"{number} {name}" for name, number in counts.items()) or "nothing: the project is empty"
    stdout_console().print(Text(f"{shown(str(to))} holds {listed}"), soft_wrap=True)


def import_project(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `pmpo export` wrote.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Restore what an export holds and the project does not have; nothing is overwritten.

    Jobs that were not over come as paused ones: `pmpo resume ID` lets them go on.
    """
    with Client(url) as client:
        report = client.import_project(file)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    for name, section in report.sections.items():
        line = f"{name}: {section.added} added, {section.present} there already"
        stdout_console().print(Text(line))
        if section.num_differing:
            named = ", ".join(shown(each) for each in section.differing[:MAX_SHOWN])
            what = f"{section.num_differing} of {name} are there and differ, and were left as they are: {named}"
            stderr_console().print(Text(f"warning: {what}"), soft_wrap=True)
        if section.num_unreadable:
            named = "; ".join(f"{shown(each.name)} ({shown(each.reason)})" for each in section.unreadable[:MAX_SHOWN])
            what = f"{section.num_unreadable} of {name} cannot be read by this version, and were left out: {named}"
            stderr_console().print(Text(f"warning: {what}"), soft_wrap=True)


import_project.__name__ = "import"  # the command's name, which no function can have


def gc(
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than", min=0, metavar="DAYS", help="Days since a job's end, instead of PMPO_RETENTION_DAYS."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only show what would go.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Clear away ended jobs that were kept long enough, and what belongs to no job."""
    with Client(url) as client:
        report = client.clear_away(confirm=yes, older_than_days=older_than)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_gc(report, older_than, url)


def delete(job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Delete a job that is over, with its data, its journal, its events and its result."""
    with about_job(job_id), Client(url) as client:
        client.delete_job(job_id)
    if as_json:
        print_json({"id": job_id, "deleted": True})
    else:
        stdout_console().print(f"job {shown(job_id)} is deleted")


def _print_gc(report: GcReport, older_than: float | None, url: str | None) -> None:
    console = stdout_console()
    counted = (
        (report.num_jobs, "ended job", "ended jobs"),
        (report.num_events, "list of events", "lists of events"),
        (report.num_journals, "journal", "journals"),
        (report.num_orphans, "thing of no job", "things of no job"),
    )
    there = [f"{number:,} {one if number == 1 else many}" for number, one, many in counted if number]
    if not there:
        print_words(console, f"nothing goes: no job ended {_long_ago(older_than)}, and everything belongs to a job")
    else:
        console.print(f"{'deleted' if report.is_deleted else 'would go'}: {', '.join(there)}")
    for job in report.jobs[:MAX_SHOWN]:
        day = datetime.fromtimestamp(job.ended_at, UTC).date().isoformat()
        console.print(Text(f"  {job.id}  {job.state} {day}  {shown(job.name)}"), soft_wrap=True)
    for orphan in report.orphans[:MAX_SHOWN]:
        console.print(Text(f"  {shown(orphan)}"), soft_wrap=True)
    hidden = max(0, report.num_jobs - MAX_SHOWN) + max(0, report.num_orphans - MAX_SHOWN)
    if hidden:
        console.print(f"  and {hidden} more")
    if report.num_spared:
        stays = "stays until its webhook was" if report.num_spared == 1 else "stay until their webhooks were"
        console.print(f"{words.counted(report.num_spared, 'job')} {stays} called")
    if there and not report.is_deleted:
        days = [] if older_than is None else ["--older-than", f"{older_than:.15g}"]
        command = shlex.join(["pmpo", "gc", *days, *([] if url is None else ["--url", url]), "--yes"])
        console.print(Text(f"Delete them with `{shown(command)}`"), soft_wrap=True)


def _long_ago(older_than: float | None) -> str:
    if older_than is None:
        return "longer ago than jobs are kept (PMPO_RETENTION_DAYS; --older-than DAYS takes another number)"
    return f"more than {older_than:.15g} days ago"
