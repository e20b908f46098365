"""``pmpo compress``: the job that makes a prompt shorter, from a job file or from a prompt and its data."""

from __future__ import annotations

from typing import Annotated

import typer

from pmpo.cli.console import progress_console
from pmpo.cli.optimize import run_on_api
from pmpo.cli.options import AsJson, Fields, Seed, Url
from pmpo.cli.prompt_files import Data, PromptOrJob, job_of_files

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
    field: Fields = None,
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
    job = job_of_files([file], data, field, {"kind": "compress", **given})
    run_on_api(job, url, progress_console(as_json=as_json), as_json=as_json)
