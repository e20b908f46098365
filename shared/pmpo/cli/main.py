"""The ``pmpo`` command."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

from pmpo import __version__
from pmpo.cli.ci import ci
from pmpo.cli.compress import compress
from pmpo.cli.console import drop_output, print_json, shown
from pmpo.cli.datasets import datasets
from pmpo.cli.demo import demo
from pmpo.cli.doctor import doctor
from pmpo.cli.env import env
from pmpo.cli.estimate import estimate
from pmpo.cli.evaluate import evaluate
from pmpo.cli.exits import DONE, FAILED, INTERRUPTED, READER_GONE, SERVICE, TERMINATED, JobError, exit_code
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
from pmpo.errors import PmpoError

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

_OUTPUT_FAULTS = frozenset({errno.ENOSPC, errno.EIO})

app = typer.Typer(
    help="Prompts made better by measuring them.",
    epilog="Start with: pmpo demo",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


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


def run() -> NoReturn:
    """The console script: the process ends with the command's exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code (see ``pmpo.cli.exits``). What went wrong is one sentence on stderr."""
    try:
        status = _run_command(arguments, as_json="--json" in arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return READER_GONE
    except OSError as error:
        return _refuse_output(error)
    return status


def _run_command(arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        app(list(arguments), prog_name="pmpo")
    except SystemExit as end:
        if end.code == INTERRUPTED:
            return _end("stopped", "interrupted", INTERRUPTED, as_json=as_json)
        return end.code if isinstance(end.code, int) else FAILED
    except JobError as error:
        return _end(str(error), error.code, error.status, as_json=as_json, job_id=error.job_id)
    except PmpoError as error:
        return _end(error.message, error.code, exit_code(error), as_json=as_json)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OUTPUT_FAULTS:
            raise
        traceback.print_exc()
        return _end("pmpo itself failed; please report it with the lines above", "internal", SERVICE, as_json=as_json)
    return DONE


def _refuse_output(error: OSError) -> int:
    """Say that stdout takes nothing; a program that reads it learns from the exit code."""
    drop_output()
    sys.stderr.write(f"pmpo: the output cannot be written: {error.strerror}\n")
    return SERVICE


def _end(sentence: str, code: str, status: int, *, as_json: bool, job_id: str | None = None) -> int:
    """Say what went wrong, on stderr for people and as the one JSON object for programs; ``status`` for the shell."""
    if as_json:
        print_json({"error": {"code": code, "message": sentence}, "job_id": job_id})
    sys.stderr.write(f"pmpo: {shown(sentence)}\n")
    return status


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM unwinds like an exception, so that a stack that was started is stopped."""
    sys.exit(TERMINATED)


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
