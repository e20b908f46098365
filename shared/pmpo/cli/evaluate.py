"""``pmpo eval``: the job that measures prompts as they are, from a job file or from prompts and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from pmpo.cli.completion import among
from pmpo.cli.console import progress_console
from pmpo.cli.jobs import read_job
from pmpo.cli.optimize import run_here, run_on_api
from pmpo.cli.options import AsJson, Seed, Url
from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.modes import Metric
from pmpo.errors import InvalidInputError

NO_METRIC = "none"
METRICS = (*get_args(Metric), NO_METRIC)
NOTHING_ELSE: dict[str, Any] = {"kind": "evaluate", "optimizer": {}, "compress": None, "rationalize": None}

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="A job file, or prompts as text files with --data beside them.")
]
Data = Annotated[Path | None, typer.Option("--data", metavar="ROWS", help="Rows to measure with, beside text files.")]
MetricName = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="How answers are graded; none: measure the loss alone.",
        autocompletion=among(METRICS),
    ),
]
Local = Annotated[bool, typer.Option("--local", help="Measure in this process: no API, no Redis.")]


def evaluate(
    files: Files,
    *,
    data: Data = None,
    metric: MetricName = None,
    url: Url = None,
    seed: Seed = None,
    local: Local = False,
    as_json: AsJson = False,
) -> None:
    """Measure prompts as they are: loss, accuracy, and a paired test of each against the first.

    FILE is a job file (its test rows are measured, or all its rows where it names no test set), or one or several
    prompts in text files with --data beside them. The job goes where `pmpo optimize` would send it.
    """
    changes = {**NOTHING_ELSE, **_metric(metric), **({} if seed is None else {"seed": seed})}
    job, console = _job(files, data, changes), progress_console(as_json=as_json)
    if not local:
        run_on_api(job, url, console, as_json=as_json)
        return
    if url is not None:
        raise InvalidInputError("--local runs without an API, and --url names one; leave one of them out")
    run_here(job, console, as_json=as_json)


def _metric(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    if name not in METRICS:
        raise InvalidInputError(f"--metric is {name!r:.60}; give one of {', '.join(METRICS)}")
    return {"metric": None if name == NO_METRIC else name}


def _job(files: Sequence[Path], data: Path | None, changes: dict[str, Any]) -> JobSpec:
    from pmpo.runs.promptfile import is_job_file, load_prompts_job

    documents = [file for file in files if is_job_file(file)]
    if documents and len(files) > 1:
        raise InvalidInputError(f"{documents[0]} is a job file, and one is all that is read; give it alone")
    if documents:
        if data is not None:
            raise InvalidInputError(
                f"--data is for prompts in text files; {documents[0]} is a job file and names its data"
            )
        return read_job(documents[0], None, changes)
    if data is None:
        raise InvalidInputError(f"{files[0]} is read as a prompt; name the rows to measure it with: --data rows.jsonl")
    return load_prompts_job(files, data, changes)
