"""``pmpo optimize``: one job from its file to its result, on a running API or on a stack of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pmpo.cli.console import busy, progress_console, stderr_console
from pmpo.cli.embedded import StackAddresses, StackOptions, running_stack
from pmpo.cli.jobs import read_job
from pmpo.cli.options import AsJson, JobFile, Seed, Url
from pmpo.cli.watch import Show, Watcher
from pmpo.client import Client
from pmpo.client.local.installed import require_server
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidInputError, NotFoundError
from pmpo.runtime.settings import load_settings

Local = Annotated[bool, typer.Option("--local", help="Search in this process: no API, no Redis.")]
Resume = Annotated[bool, typer.Option("--resume", help="With --local: go on with the run that was interrupted.")]
Runs = Annotated[
    Path | None,
    typer.Option("--runs", metavar="DIR", help="With --local: where runs are kept; ~/.local/state/pmpo/runs."),
]


@dataclass(frozen=True, slots=True)
class ChosenApi:
    """Where a job goes, what to tell somebody who loses sight of it there, and whether it ends with the command."""

    url: str
    how_to_go_on: Callable[[str], str]
    is_passing: bool = False


def optimize(
    file: JobFile,
    *,
    url: Url = None,
    seed: Seed = None,
    local: Local = False,
    resume: Resume = False,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Optimize the prompt of a job file and show the result.

    The job goes to the API of --url or PMPO_URL, otherwise to the one on this machine if it runs, otherwise to services
    that are started for this job alone. With --local it runs in this very process, with a scorer beside it: no API, no
    Redis; what the models answer is kept, so that --resume goes on where an interrupted run stopped.
    """
    spec, console = read_job(file, seed), progress_console(as_json=as_json)
    if not local:
        if resume or runs is not None:
            raise InvalidInputError("--resume and --runs are for runs without services; add --local")
        run_on_api(spec, url, console, as_json=as_json)
        return
    refuse_url(url)
    run_local(spec, file, console, runs=runs, is_resumed=resume, as_json=as_json)


def refuse_url(url: str | None) -> None:
    """Raises InvalidInputError: --local goes with no address."""
    if url is not None:
        raise InvalidInputError("--local runs without an API, and --url names one; leave one of them out")


def run_local(
    spec: JobSpec, file: Path, console: Console | None, *, runs: Path | None, is_resumed: bool, as_json: bool
) -> None:
    """Run a job in this process, or go on with its newest run that was interrupted.

    Raises:
        NotFoundError: there is none to go on with.
    """
    from pmpo.client.local.folder import RunsFolder, default_folder

    folder = default_folder() if runs is None else runs
    unfinished = RunsFolder(folder).unfinished(spec)
    named = "" if runs is None else f" --runs {runs}"
    remedy = f"go on with `pmpo optimize {file} --local --resume{named}`"
    kept = f"all it found is kept: {remedy}"
    watcher = Watcher(console, lambda _: kept, as_json, _beginning(), is_passing=True)
    if is_resumed and unfinished is None:
        raise NotFoundError(f"no run of {file} in {folder} was interrupted; leave --resume out to begin one")
    if unfinished is not None and not is_resumed:
        stderr_console().print(
            f"An earlier run of this job was interrupted; this one begins anew: {remedy}", soft_wrap=True
        )
    with Client.local(folder) as client:
        if is_resumed and unfinished is not None:
            client.resume_job(unfinished.id)
            watcher.follow_to_end(client, unfinished.id)
            return
        watcher.run_to_end(client, spec)


def run_here(spec: JobSpec, console: Console | None, *, as_json: bool, show: Show | None = None) -> None:
    """Run a job in this process, ``show`` its result, and keep nothing of it."""
    again = "run the command again"
    watcher = Watcher(console, lambda _: again, as_json, _beginning(), is_passing=True)
    with tempfile.TemporaryDirectory(prefix="pmpo-") as folder, Client.local(folder) as client:
        watcher.run_to_end(client, spec, show)


def _beginning() -> str:
    """What a run in this process begins with; empty where the models are endpoints that run already.

    Raises:
        ConfigurationError: pmpo-server, which the scorer belongs to, is not installed.
    """
    if load_settings().endpoints is not None:
        return ""
    require_server()
    return "Starting the scorer"


def run_on_api(
    spec: JobSpec, url: str | None, console: Console | None, *, as_json: bool, show: Show | None = None
) -> None:
    """Send a job to the API that is named or runs here, otherwise to one of its own; follow it, ``show`` its result."""
    with chosen_api(url, console) as api, Client(api.url) as client:
        watcher = Watcher(console, api.how_to_go_on, as_json=as_json, is_passing=api.is_passing)
        watcher.run_to_end(client, spec, show)


@contextmanager
def stack_for_one_job(console: Console | None) -> Iterator[StackAddresses]:
    """A stack on free ports whose state is thrown away. Raises ConfigurationError: pmpo-server is not installed."""
    require_server()
    with tempfile.TemporaryDirectory(prefix="pmpo-") as folder, ExitStack() as exits:
        with busy(console, "Starting Redis, scorer, API and worker"):
            stack = exits.enter_context(running_stack(StackOptions(state_dir=Path(folder))))
        yield stack.addresses


@contextmanager
def chosen_api(url: str | None, console: Console | None) -> Iterator[ChosenApi]:
    """The API of ``url`` or ``PMPO_URL``, else the one on this machine if it runs, else one of a stack of its own."""
    settings = load_settings()
    is_named = url is not None or "url" in settings.model_fields_set
    address = url or settings.url
    if is_named or _answers(address):
        yield ChosenApi(address, lambda job_id: goes_on(job_id, url))
        return
    with stack_for_one_job(console) as stack:
        ended = "it ended with the services that were started for it"
        yield ChosenApi(stack.api, lambda _: ended, is_passing=True)


def goes_on(job_id: str, url: str | None) -> str:
    """What to do about a job that nobody watches any more."""
    option = f" --url {url}" if url else ""
    return f"it goes on without you: see `pmpo status {job_id}{option}`, or stop it with `pmpo cancel {job_id}{option}`"


def _answers(url: str) -> bool:
    with Client(url) as client:
        return client.is_alive()
