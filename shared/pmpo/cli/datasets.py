"""``pmpo datasets``: commands whose result is a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmpo.cli.console import progress_console
from pmpo.cli.jobs import read_job
from pmpo.cli.optimize import run_on_api
from pmpo.cli.options import AsJson, JobFile, Seed, Url
from pmpo.cli.rationales import print_rationales, write_rows
from pmpo.client import Client
from pmpo.contracts.jobs import JobView

datasets = typer.Typer(help="Data sets.", no_args_is_help=True, rich_markup_mode="markdown")
Out = Annotated[Path, typer.Option("--out", metavar="ROWS", help="Where the rows go, as JSON lines.")]


@datasets.command(epilog="Example: pmpo datasets rationalize job.yaml --out rationales.jsonl")
def rationalize(file: JobFile, out: Out, url: Url = None, seed: Seed = None, as_json: AsJson = False) -> None:
    """Let the target model reason about every row and keep what ends in the right answer.

    FILE is a job file; its prompt and its train rows are used. Each row that got a rationale is written with it as its
    target; the others are listed with the reason. The job goes where `pmpo optimize` would send it.
    """
    spec = read_job(file, seed, {"kind": "rationalize"})

    def keep(client: Client, job: JobView) -> None:
        found = client.rationales(job.id)
        write_rows(found, out)
        print_rationales(found, as_json=as_json, written=out)

    run_on_api(spec, url, progress_console(as_json=as_json), as_json=as_json, show=keep)
