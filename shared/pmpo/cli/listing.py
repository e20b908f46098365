"""``pmpo list`` and ``pmpo watch``: the jobs of an API, and one of them as it goes on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, cast, get_args

import typer
from rich.text import Text

from pmpo.cli import clock, words
from pmpo.cli.completion import among
from pmpo.cli.console import list_console, on_one_line, print_json, progress_console, stdout_console
from pmpo.cli.optimize import goes_on
from pmpo.cli.options import AsJson, JobId, Url, one_of
from pmpo.cli.tables import Column, print_list
from pmpo.cli.watch import Watcher
from pmpo.client import Client
from pmpo.contracts.jobs import JobState, JobView
from pmpo.contracts.modes import JobKind
from pmpo.errors import InvalidInputError

MAX_NAME = 60
COLUMNS = (
    Column("id"),
    Column("name", rank=1, least=8),
    Column("state"),
    Column("made", rank=2),
    Column("round", rank=4, is_number=True),
    Column("train loss", rank=5, is_number=True),
    Column("verdict", rank=3),
)
STATE_STYLES = {"succeeded": "green", "failed": "red", "cancelled": "dim", "running": "cyan"}
_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Only jobs in this state; may be given several times.",
        autocompletion=among(get_args(JobState)),
    ),
]
Kind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="Only jobs of this kind.", autocompletion=among(get_args(JobKind))),
]
Name = Annotated[str, typer.Option("--name", metavar="START", help="Only jobs whose name begins so.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Made since then: a date, a time, or how long ago (30m, 12h, 7d)."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, metavar="N", help="So many of the newest.")]


def list_jobs(
    *,
    state: States = None,
    kind: Kind = None,
    name: Name = "",
    since: Since = None,
    limit: Limit = 20,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    states = [cast(JobState, one_of("--state", given, get_args(JobState))) for given in state or ()]
    of_kind = None if kind is None else cast(JobKind, one_of("--kind", kind, get_args(JobKind)))
    earliest = None if since is None else moment(since, datetime.now(UTC))
    with Client(url) as client:
        page_size = min(limit, 100)
        wanted = client.list_jobs(state=states, kind=of_kind, name=name, since=earliest, page_size=page_size)
        found = list(islice(wanted, limit))
    if as_json:
        print_json({"jobs": [job.model_dump(mode="json") for job in found]})
    elif found:
        print_list(list_console(), COLUMNS, [_row(job) for job in found])
    else:
        stdout_console().print("no jobs")


def watch(job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Follow a job to its end and show its result; a connection that is lost meanwhile is made again."""
    with Client(url) as client:
        Watcher(progress_console(as_json=as_json), lambda _: goes_on(job_id, url), as_json).follow_to_end(
            client, job_id
        )


def moment(text: str, now: datetime) -> datetime:
    """The time that ``text`` names; without a time zone it is the local one.

    Raises:
        InvalidInputError: it names none.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return now - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise InvalidInputError(
            f"--since is {text!r:.60}; give a date (2026-01-31), a time (2026-01-31T18:00) or how long ago it was "
            "(30m, 12h, 7d)"
        ) from None


def _row(job: JobView) -> tuple[str | Text, ...]:
    progress = job.progress
    before, after = words.loss(progress.train_loss_before), words.loss(progress.train_loss)
    return (
        job.id,
        on_one_line(job.name, MAX_NAME),
        Text(job.state, style=STATE_STYLES.get(job.state, "")),
        clock.utc(job.created_at),
        f"{progress.iteration}/{progress.max_iterations}" if progress.max_iterations else "-",
        "-" if progress.train_loss is None else f"{before} → {after}",
        job.verdict or "-",
    )
