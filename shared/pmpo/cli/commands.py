"""The commands, and how one is called."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from pmpo import __version__
from pmpo.cli.ci import ci
from pmpo.cli.compress import compress
from pmpo.cli.datasets import datasets
from pmpo.cli.demo import demo
from pmpo.cli.doctor import doctor
from pmpo.cli.env import env
from pmpo.cli.estimate import estimate
from pmpo.cli.evaluate import evaluate
from pmpo.cli.exits import DONE, USAGE
from pmpo.cli.groups import Group
from pmpo.cli.jobs import cancel, pause, result, resume, status, submit
from pmpo.cli.keys import keys
from pmpo.cli.listing import list_jobs, watch
from pmpo.cli.optimize import optimize
from pmpo.cli.prompts import prompts
from pmpo.cli.reports import diff, report
from pmpo.cli.schedules import schedule
from pmpo.cli.scoring import analyze, score
from pmpo.cli.up import up
from pmpo.cli.upkeep import delete, export, gc, import_project
from pmpo.errors import InvalidInputError

EXAMPLES: dict[Callable[..., None], str] = {
    demo: "pmpo demo --seed 7",
    up: "pmpo up --api-port 8000",
    optimize: "pmpo optimize job.yaml --json",
    estimate: "pmpo estimate job.yaml --json",
    compress: "pmpo compress prompt.txt --data rows.jsonl",
    evaluate: "pmpo eval before.txt after.txt --data rows.jsonl",
    submit: "pmpo submit job.yaml --url http://127.0.0.1:8000",
    status: "pmpo status ID",
    cancel: "pmpo cancel ID",
    pause: "pmpo pause ID",
    resume: "pmpo resume ID",
    result: "pmpo result ID --json",
    watch: "pmpo watch ID",
    list_jobs: "pmpo list --state running --state queued",
    report: "pmpo report ID --losses",
    diff: "pmpo diff ID --steps",
    delete: "pmpo delete ID",
    gc: "pmpo gc --older-than 90",
    export: "pmpo export --to pmpo-export.tar.gz",
    import_project: "pmpo import pmpo-export.tar.gz",
    score: "pmpo score before.txt after.txt --data rows.jsonl",
    analyze: "pmpo analyze prompt.txt --data rows.jsonl",
    doctor: "pmpo doctor --url http://127.0.0.1:8000",
    env: "pmpo env --json",
}


NAMES = {evaluate: "eval", list_jobs: "list", import_project: "import"}  # words that are Python's own

_POSSIBLE = re.compile(r" \(Possible options: (.*)\)$")
# typer names only the child of the class of all wrong usage
_UsageError: type[Any] = typer.BadParameter.__mro__[1]

app = Group("Prompts made better by measuring them.", epilog="Start with: pmpo demo")


def command_name(command: Callable[..., None]) -> str:
    """What a person types."""
    return NAMES.get(command, command.__name__)


for _command, _example in EXAMPLES.items():
    app.command(command_name(_command), epilog=f"Example: {_example}")(_command)
app.add_typer(datasets, name="datasets")
app.add_typer(keys, name="keys")
app.add_typer(ci, name="ci")
app.add_typer(prompts, name="prompts")
app.add_typer(schedule, name="schedule")


def call(arguments: Sequence[str]) -> int:
    """Run one command; its exit code.

    Raises:
        InvalidInputError: a command, option or argument is not known, missing, or has a value that cannot be used.
    """
    try:
        status = app(list(arguments), prog_name="pmpo", standalone_mode=False)
    except _UsageError as error:
        refusal = error.format_message()
        if not refusal:  # a group without a command: its help was printed
            return USAGE
        raise InvalidInputError(_sentence(refusal, error.ctx)) from error
    return status or DONE


def _sentence(refusal: str, context: typer.Context | None) -> str:
    """What typer says, as one sentence that ends in a remedy."""
    wrong = refusal[:1].lower() + refusal[1:].rstrip(".").replace(". Did you mean", "; did you mean")
    wrong = _POSSIBLE.sub(r"; did you mean \1?", wrong)
    if context is None or wrong.endswith("?"):
        return wrong
    return f"{wrong}; see `{context.command_path} --help`"


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"pmpo {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Prompts made better by measuring them."""
