"""``pmpo submit``, ``status``, ``cancel``, ``pause``, ``resume`` and ``result``: one job of a running API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from pmpo.cli.console import print_json, shown, stderr_console, stdout_console
from pmpo.cli.exits import about_job
from pmpo.cli.options import AsJson, JobFile, JobId, Seed, Url
from pmpo.cli.report import print_result
from pmpo.cli.status import describe
from pmpo.cli.watch import print_without_winner
from pmpo.client import Client
from pmpo.contracts.jobs import JobSpec, JobView
from pmpo.contracts.modes import KINDS_WITH_A_WINNER
from pmpo.runtime.settings import load_settings


def submit(file: JobFile, url: Url = None, seed: Seed = None, as_json: AsJson = False) -> None:
    """Queue a job and print its id."""
    spec = read_job(file, seed)
    with Client(url) as client:
        created = client.create_job(spec)
    if as_json:
        print_json(created.model_dump(mode="json"))
        return
    for warning in created.warnings:
        stderr_console().print(f"warning: {shown(warning)}")
    stdout_console().print(created.id)


def status(job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Show how a job stands."""
    with about_job(job_id), Client(url) as client:
        job = client.get_job(job_id)
    if as_json:
        print_json(job.model_dump(mode="json"))
        return
    table = Table.grid(padding=(0, 2))
    for name, value in describe(job):
        table.add_row(Text(name, style="bold"), Text(value))
    stdout_console().print(table)


def cancel(job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Stop a job; the best prompt so far stays in its status."""
    with about_job(job_id), Client(url) as client:
        _print_state(client.cancel_job(job_id), as_json)


def pause(job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Let a job rest after the call at hand; nothing that it did is lost."""
    with about_job(job_id), Client(url) as client:
        _print_state(client.pause_job(job_id), as_json)


def resume(job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Let a paused job go on where it stopped."""
    with about_job(job_id), Client(url) as client:
        _print_state(client.resume_job(job_id), as_json)


def result(job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Show what a finished job found: losses before and after, the new prompt, what was rejected and why."""
    with about_job(job_id), Client(url) as client:
        job = client.get_job(job_id)
        if job.kind not in KINDS_WITH_A_WINNER:
            print_without_winner(client, job, as_json=as_json)
            return
        found = client.result(job_id)
    if as_json:
        registered = None if job.registered is None else job.registered.model_dump(mode="json")
        print_json({**found.model_dump(mode="json"), "registered": registered})
    else:
        print_result(stdout_console(), found, job.registered)


def _print_state(job: JobView, as_json: bool) -> None:
    if as_json:
        print_json(job.model_dump(mode="json"))
    else:
        stdout_console().print(f"job {job.id} is {job.state}")


def read_job(file: Path, seed: int | None, changes: Mapping[str, Any] | None = None) -> JobSpec:
    """The job of ``file`` with its data inside, with ``changes`` and with ``seed`` in place of its own when given."""
    from pmpo.runs.jobfile import load_job

    data_dir = load_settings().data_dir
    overrides = {**(changes or {}), **({} if seed is None else {"seed": seed})}
    return load_job(file, Path(data_dir) if data_dir else None, overrides)
