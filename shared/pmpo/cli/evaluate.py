"""``pmpo eval``: the job that measures prompts as they are, from a job file or from prompts and their rows."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer

from pmpo.cli.completion import among
from pmpo.cli.console import progress_console
from pmpo.cli.evaluations import print_evaluation
from pmpo.cli.optimize import refuse_url, run_here, run_on_api
from pmpo.cli.options import AsJson, Fields, Seed, Url, one_of
from pmpo.cli.prompt_files import Data, Prompts, job_of_files, prompt_names
from pmpo.client import Client
from pmpo.contracts.jobs import JobView
from pmpo.contracts.modes import Metric

NO_METRIC = "none"
METRICS = (*get_args(Metric), NO_METRIC)
# What a job file says to a search alone: it is measured without.
NOTHING_ELSE: dict[str, Any] = {
    "kind": "evaluate",
    "optimizer": {},
    "compress": None,
    "rationalize": None,
    "constraints": {},
    "registry": False,
}

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
    files: Prompts,
    *,
    data: Data = None,
    field: Fields = None,
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
    job, console = job_of_files(files, data, field, changes), progress_console(as_json=as_json)
    names = prompt_names(files, job)

    def show(client: Client, found: JobView) -> None:
        print_evaluation(client.evaluation(found.id), as_json=as_json, names=names)

    if not local:
        run_on_api(job, url, console, as_json=as_json, show=show)
        return
    refuse_url(url)
    run_here(job, console, as_json=as_json, show=show)


def _metric(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    return {"metric": None if one_of("--metric", name, METRICS) == NO_METRIC else name}
