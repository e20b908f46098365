"""``pmpo compress``: the job that makes a prompt shorter, from a job file or from a prompt and its data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pmpo.cli.console import progress_console
from pmpo.cli.optimize import run_on_api
from pmpo.cli.options import AsJson, Seed, Url
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidInputError
from pmpo.runtime.settings import load_settings

PromptOrJob = Annotated[
    Path, typer.Argument(metavar="FILE", help="Job file (YAML or JSON), or the prompt itself as a text file.")
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="ROWS", help="Rows to measure with, when FILE is a prompt.")
]
Epsilon = Annotated[
    float | None, typer.Option("--epsilon", metavar="NATS", help="A unit may go when the loss rises by at most this.")
]
Tolerance = Annotated[
    float | None,
    typer.Option("--tolerance", min=0, metavar="NATS", help="How far the validation loss may rise in all."),
]
Margin = Annotated[
    float | None, typer.Option("--margin", min=0, metavar="NATS", help="What the verdict calls not worse.")
]


def compress(
    file: PromptOrJob,
    *,
    data: Data = None,
    epsilon: Epsilon = None,
    tolerance: Tolerance = None,
    margin: Margin = None,
    url: Url = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Delete what a prompt does not need and show what is left.

    FILE is a job file, or a prompt with --data beside it. The job goes where `pmpo optimize` would send it.
    """
    limits = {"compress.epsilon": epsilon, "compress.tolerance": tolerance, "compress.margin": margin, "seed": seed}
    given = {key: value for key, value in limits.items() if value is not None}
    run_on_api(_job(file, data, {"kind": "compress", **given}), url, progress_console(as_json=as_json), as_json=as_json)


def _job(file: Path, data: Path | None, values: dict[str, Any]) -> JobSpec:
    from pmpo.runs.jobfile import load_job
    from pmpo.runs.promptfile import is_job_file, load_prompt_job

    if is_job_file(file):
        if data is not None:
            raise InvalidInputError(f"--data is for a prompt in a text file; {file} is a job file and names its data")
        data_dir = load_settings().data_dir
        return load_job(file, Path(data_dir) if data_dir else None, values)
    if data is None:
        raise InvalidInputError(f"{file} is read as a prompt; name the rows to measure it with: --data rows.jsonl")
    return load_prompt_job(file, data, values)
