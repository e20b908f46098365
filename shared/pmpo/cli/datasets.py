"""``pmpo datasets``: storing and checking data sets, and commands that make one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmpo.cli.check import check
from pmpo.cli.console import print_json, print_words, progress_console, shown, stdout_console
from pmpo.cli.groups import Group
from pmpo.cli.jobs import read_job
from pmpo.cli.optimize import run_on_api
from pmpo.cli.options import AsJson, JobFile, Seed, Url
from pmpo.cli.rationales import print_rationales, refuse_nothing, write_rows
from pmpo.cli.stored import list_stored, push, rm
from pmpo.client import Client
from pmpo.contracts.jobs import JobView
from pmpo.runtime.settings import load_settings

datasets = Group("Data sets.")
PublishedName = Annotated[
    str, typer.Argument(metavar="NAME", help="A published set and its part, such as bbh:navigate or gsm8k:train.")
]
PublishedFile = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="The published file; otherwise it is looked for in PMPO_DATA_DIR."),
]
AnswersOnly = Annotated[
    bool, typer.Option("--answers-only", help="Leave out the published reasoning: targets hold the answer alone.")
]
Out = Annotated[Path, typer.Option("--out", metavar="ROWS", help="Where the rows go, as JSON lines.")]

datasets.command(epilog="Example: pmpo datasets push rows.csv --field input=review --field target=city")(push)
datasets.command("list", epilog="Example: pmpo datasets list --json")(list_stored)
datasets.command(epilog="Example: pmpo datasets rm ID")(rm)
datasets.command(epilog="Example: pmpo datasets check train.jsonl --validation validation.jsonl")(check)


@datasets.command(epilog="Example: pmpo datasets rationalize job.yaml --out rationales.jsonl")
def rationalize(file: JobFile, out: Out, url: Url = None, seed: Seed = None, as_json: AsJson = False) -> None:
    """Let the target model reason about every row and keep what ends in the right answer.

    FILE is a job file; its prompt and its train rows are used. Each row that got a rationale is written with it as its
    target; the others are listed with the reason. Where no row got one, nothing is written and the exit code is 1. The
    job goes where `pmpo optimize` would send it.
    """
    spec = read_job(file, seed, {"kind": "rationalize"})

    def keep(client: Client, job: JobView) -> None:
        found = client.rationales(job.id)
        refuse_nothing(found, out, as_json=as_json)
        write_rows(found.rows, out)
        print_rationales(found, as_json=as_json, written=out)

    run_on_api(spec, url, progress_console(as_json=as_json), as_json=as_json, show=keep)


@datasets.command("import", epilog="Example: pmpo datasets import bbh:navigate --out navigate.jsonl")
def import_published(
    name: PublishedName,
    out: Out,
    file: PublishedFile = None,
    answers_only: AnswersOnly = False,
    as_json: AsJson = False,
) -> None:
    """Make rows for a job out of a published data set that you have.

    NAME is bbh:TASK, gsm8k:train, aqua:dev, alpaca_eval:MODEL (outputs as targets) or alpaca_pairs:MODEL (preference
    pairs), for instance. Nothing is downloaded. A job file may also name a set where it could name a file.
    """
    from pmpo.data.published.catalogue import load_published, published_set

    data_dir = load_settings().data_dir
    known, _ = published_set(name)
    rows = load_published(name, Path(data_dir) if data_dir else None, file, with_reasoning=not answers_only)
    write_rows(rows, out)
    if as_json:
        about = {"source": known.source, "licence": known.licence}
        print_json({"name": name, "rows": len(rows), "written_to": str(out), **about})
        return
    licence = f"({known.source}, licence: {known.licence})"
    print_words(stdout_console(), f"{len(rows):,} rows of {name} are in {shown(str(out))} {licence}.")
