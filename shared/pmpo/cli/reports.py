"""``pmpo report`` and ``pmpo diff``: how a job came to its prompt, also while it runs and when it failed."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from pmpo.cli import story
from pmpo.cli.candidates import candidate_list
from pmpo.cli.console import print_json, shown, stdout_console
from pmpo.cli.exits import about_job
from pmpo.cli.options import AsJson, JobId, Url
from pmpo.cli.report import diff_legend, diff_text, has_colour, indented, print_result
from pmpo.cli.rows import row_losses
from pmpo.cli.unfinished import unfinished
from pmpo.client import Client
from pmpo.contracts.jobs import ResultView
from pmpo.contracts.reports import ReportView
from pmpo.text.diff import word_diff

Losses = Annotated[bool, typer.Option("--losses", help="Also the losses row by row; with --json of every candidate.")]
Steps = Annotated[bool, typer.Option("--steps", help="Each step from the seed prompt, not their sum alone.")]


def report(job_id: JobId, url: Url = None, losses: Losses = False, as_json: AsJson = False) -> None:
    """Show all that a job has told: its result, every candidate and its fate, how the prompt came about, its units.

    A job that runs, failed or was cancelled has a report too, of what it had found until then.
    """
    with about_job(job_id), Client(url) as client:
        found = client.report(job_id, with_losses=losses)
        is_whole = found.state == "succeeded" and not as_json
        result = client.result(job_id) if is_whole else None
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_report(stdout_console(), found, result)


def diff(job_id: JobId, url: Url = None, steps: Steps = False, as_json: AsJson = False) -> None:
    """Show what a job changed in the prompt, word by word; of a job that is not over, in the best prompt so far."""
    with about_job(job_id), Client(url) as client:
        found = client.report(job_id)
    if as_json:
        print_json(_difference(found))
    else:
        print_diff(stdout_console(), found, with_steps=steps)


def print_report(console: Console, found: ReportView, result: ResultView | None) -> None:
    """Which job it is and everything about it, with ``result`` where it has one."""
    console.print(Text(f"Job {found.job_id}: {shown(found.name) or 'without a name'}, {found.state}", style="bold"))
    if result is not None:
        print_result(console, result)
    sections = [
        *([] if result is not None else unfinished(found, console)),
        story.agreement(found),
        story.rounds(found),
        story.lineage(found, console),
        story.units(found),
        story.demonstrations(found),
        candidate_list(found, console),
        *row_losses(found),
    ]
    for section in sections:
        if section is not None:
            console.print()
            console.print(section)


def print_diff(console: Console, found: ReportView, *, with_steps: bool) -> None:
    """What changed, and with ``with_steps`` also how."""
    outcome = found.outcome
    if found.note:
        console.print(Text(shown(found.note)))
    if outcome.prompt_after == outcome.prompt_before:
        console.print(Text("The prompt is unchanged."))
    else:
        console.print(Text.assemble(("What changed ", "bold"), (f"({diff_legend(console)})", "dim")))
        pieces = word_diff(outcome.prompt_before, outcome.prompt_after)
        console.print(indented(diff_text(pieces, has_colour=has_colour(console)), console))
    steps = story.lineage(found, console) if with_steps else None
    if steps is not None:
        console.print()
        console.print(steps)


def _difference(found: ReportView) -> dict[str, object]:
    before, after = found.outcome.prompt_before, found.outcome.prompt_after
    return {
        "job_id": found.job_id,
        "state": found.state,
        "prompt_before": before,
        "prompt_after": after,
        "diff": [{"op": op, "text": text} for op, text in word_diff(before, after)],
        "lineage": [step.model_dump(mode="json") for step in found.lineage],
    }
