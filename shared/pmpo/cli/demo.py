"""``pmpo demo``: the whole path on this machine, with the bundled model and a bundled job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmpo.cli.console import print_words, progress_console, stdout_console
from pmpo.cli.embedded import StackAddresses, find_examples
from pmpo.cli.jobs import read_job
from pmpo.cli.optimize import stack_for_one_job
from pmpo.cli.options import AsJson, Seed
from pmpo.cli.watch import Watcher
from pmpo.client import Client
from pmpo.errors import InvalidInputError, NotFoundError

JobName = Annotated[str, typer.Option("--job", metavar="NAME", help="Bundled job to run.")]


def demo(job: JobName = "review-city", seed: Seed = None, as_json: AsJson = False) -> None:
    """Start everything, make a bad prompt better, show the proof, stop everything.

    Nothing is downloaded and nothing is left running: a small model that comes with the package does the scoring,
    rewriting and answering.
    """
    console = progress_console(as_json=as_json)
    spec = read_job(bundled_job(find_examples(), job), seed)
    with stack_for_one_job(console) as stack, Client(stack.api) as client:
        watcher = Watcher(console, lambda _: "it ended with the demo", as_json=as_json, is_passing=True)
        watcher.run_to_end(client, spec)
        if not as_json:
            _print_addresses(stack)


def bundled_job(examples: Path, name: str) -> Path:
    """The job file called ``name``.

    Raises:
        NotFoundError: there is none; the message lists those that can be run, their data being there.
    """
    path = examples / f"{name}.yaml"
    if path.is_file() and path.parent == examples:
        return path
    known = ", ".join(file.stem for file in sorted(examples.glob("*.yaml")) if _has_data(file)) or "none"
    raise NotFoundError(f"there is no bundled job called {name!r}; there are: {known}")


def _has_data(file: Path) -> bool:
    try:
        read_job(file, None)
    except InvalidInputError:
        return False
    return True


def _print_addresses(stack: StackAddresses) -> None:
    console = stdout_console()
    console.print()
    for line in (
        f"API: {stack.api}, its pages: {stack.api}/docs",
        f"dashboard: {stack.dashboard} (not in this version yet)",
        "All of it stops now. To keep it: pmpo up. For a prompt of yours: pmpo optimize FILE",
    ):
        print_words(console, line)
