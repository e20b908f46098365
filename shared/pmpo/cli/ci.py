"""``pmpo ci``: prompts kept like code, checked, refreshed and told about."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from pmpo.ci import words
from pmpo.ci.config import CONFIG_NAME
from pmpo.ci.junit import junit_xml
from pmpo.ci.standing import Standing, notes_of
from pmpo.cli.ci_comment import base_lock, changed_prompts, commented, compared_with
from pmpo.cli.ci_project import KeptPrompt, Project, open_project, write_in_one_step
from pmpo.cli.ci_refresh import Refreshed, Refreshing
from pmpo.cli.ci_scoring import importances, standing_of, standings
from pmpo.cli.ci_service import Service, chosen_service
from pmpo.cli.console import print_json, print_words, progress_console, shown, stderr_console, stdout_console
from pmpo.cli.exits import FAILED
from pmpo.cli.groups import Group
from pmpo.cli.options import AsJson, Url
from pmpo.cli.words import counted
from pmpo.errors import InvalidInputError
from pmpo.runtime.settings import load_settings

ci = Group("Prompts kept like code.")
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help=f"Prompts of {CONFIG_NAME}; all of them without any.")
]
Config = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="What to keep; the lock and all paths are beside it.")
]
Local = Annotated[bool, typer.Option("--local", help="Search in this process: a scorer is started, no services.")]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no service: compare the files with the lock only.")]
Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML.")]
ScoreAll = Annotated[bool, typer.Option("--score", help="Score every prompt, also those that did not change.")]
Accept = Annotated[bool, typer.Option("--accept", help="Write a better prompt even where its gain is not confirmed.")]
Keep = Annotated[bool, typer.Option("--keep", help="Lock the prompts as they are: measure them, optimize nothing.")]
All = Annotated[bool, typer.Option("--all", help="Optimize every prompt, also those that did not change.")]
Base = Annotated[str | None, typer.Option("--base", metavar="REF", help="Compare with the lock of this git revision.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the Markdown there, not to stdout.")]
NoUnits = Annotated[bool, typer.Option("--no-importances", help="Leave out what each part of a prompt is worth.")]
Post = Annotated[
    bool, typer.Option("--post", help="In a GitHub job: also the pull request's comment, written or updated.")
]
DEFAULT_CONFIG = Path(CONFIG_NAME)


@ci.command(epilog="Example: pmpo ci check --junit report.xml")
def check(
    names: Names = None,
    *,
    config: Config = DEFAULT_CONFIG,
    offline: Offline = False,
    score: ScoreAll = False,
    junit: Junit = None,
    local: Local = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Compare prompts with the lock; exit code 1 when one got worse or the lock is stale.

    Prompts that did not change, under a model that did not change, are not scored again.
    """
    project = _project(config)
    console = progress_console(as_json=as_json)
    prompts = project.chosen(names or ())
    with _asked(url, console, offline=offline, local=local, score=score) as service:
        found = _found(service, project, prompts, console, score=score)
    if junit is not None:
        write_in_one_step(junit, junit_xml(found).encode())
    if as_json:
        print_json(_as_json(project, found))
    else:
        _print(stdout_console(), project, found)
    failed = sum(not standing.passes for standing in found)
    if failed:
        remedy = "see `pmpo ci refresh`" if not as_json else ""
        stderr_console().print(
            f"pmpo: {failed} of {counted(len(found), 'prompt')} failed the check; {remedy}".rstrip("; ")
        )
        raise typer.Exit(FAILED)


@ci.command(epilog="Example: pmpo ci refresh greeting")
def refresh(
    names: Names = None,
    *,
    config: Config = DEFAULT_CONFIG,
    accept: Accept = False,
    keep: Keep = False,
    all_prompts: All = False,
    local: Local = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Optimize what changed since the lock was written; write better prompts and the lock.

    A prompt's file is written when the verdict is confirmed, or with --accept. Otherwise the prompt is locked as it is,
    unless it got worse: then nothing is written for it, and the exit code is 1.
    """
    if accept and keep:
        raise InvalidInputError("--accept writes new prompts and --keep none; give one of the two")
    project = _project(config)
    console = progress_console(as_json=as_json)
    with chosen_service(url, console, is_local=local) as service:
        refreshing = Refreshing(service, project, console, accepts_all=accept, keeps=keep)
        done = refreshing.done
        try:
            refreshing.run(project.chosen(names or ()), everything=all_prompts)
        except BaseException:
            if done and not as_json:  # what was finished is written, and the reader should know
                _print_refreshed(stdout_console(), done, project)
            raise
    if as_json:
        print_json({"prompts": [each.as_json() for each in done], "lock": str(project.lock_path)})
    else:
        _print_refreshed(stdout_console(), done, project)
    if any(each.is_refused for each in done):
        raise typer.Exit(FAILED)


@ci.command(epilog="Example: pmpo ci comment --base origin/main --out comment.md")
def comment(
    names: Names = None,
    *,
    config: Config = DEFAULT_CONFIG,
    base: Base = None,
    out: Out = None,
    post: Post = False,
    junit: Junit = None,
    no_importances: NoUnits = False,
    offline: Offline = False,
    local: Local = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Tell about prompts before and after, as Markdown: losses, what changed in the text, what each part is worth.

    Before is the lock, or that of --base. The Markdown also goes to the summary of a GitHub step, where there is one,
    and with --post to the pull request, where GITHUB_TOKEN may write; where it may not, a warning says so.
    The exit code says nothing about the prompts; that is what `pmpo ci check` is for.
    """
    project = _project(config)
    prompts = project.chosen(names or ())
    earlier = base_lock(config, base) if base is not None else project.lock
    console = stderr_console() if out is None and not as_json else progress_console(as_json=as_json)
    with _asked(url, console, offline=offline, local=local, score=False) as service:
        found = _found(service, project, prompts, console, score=False)
        if base is not None:
            found = [compared_with(earlier, standing, project, service) for standing in found]
        units = {}
        if service is not None and not no_importances:
            units = importances(service, changed_prompts(found, project), console)
    text = commented(found, units, project)
    if junit is not None:
        write_in_one_step(junit, junit_xml(found).encode())
    summary = os.environ.get(SUMMARY_VARIABLE)
    if summary:
        _append(Path(summary), text)
    if out is not None:
        write_in_one_step(out, text.encode())
    if post:
        _post(text, config)
    if as_json:
        print_json({**_as_json(project, found), "markdown": text})
    elif out is None:
        typer.echo(text, nl=False)


def _project(config: Path) -> Project:
    data_dir = load_settings().data_dir
    return open_project(config, Path(data_dir) if data_dir else None)


@contextmanager
def _asked(
    url: str | None, console: Console | None, *, offline: bool, local: bool, score: bool
) -> Iterator[Service | None]:
    """The service that the options name, for one command; None with --offline."""
    if not offline:
        with chosen_service(url, console, is_local=local) as service:
            yield service
        return
    if url is not None or local or score:
        raise InvalidInputError("--offline asks no service, so --url, --local and --score do not go with it")
    yield None


def _found(
    service: Service | None,
    project: Project,
    prompts: Sequence[KeptPrompt],
    console: Console | None,
    *,
    score: bool,
) -> list[Standing]:
    if service is None:
        return [standing_of(project, prompt, None) for prompt in prompts]
    return standings(service, project, prompts, console, scores_all=score)


def _print(console: Console, project: Project, found: Sequence[Standing]) -> None:
    width = max(len(standing.name) for standing in found)
    by_name = {prompt.name: prompt for prompt in project.prompts}
    for standing in found:
        after = "" if standing.loss_after is None else f"   loss {standing.loss_after:.3f} {standing.unit}"
        style = "" if standing.passes else "bold"
        console.print(Text(f"{standing.name:<{width}}   {words.state(standing)}{after}", style=style))
        notes = [f"note: {note}" for note in notes_of(standing.locked, by_name[standing.name].now)]
        for line in (*words.reasons(standing), *filter(None, [words.evidence(standing)]), *notes):
            print_words(console, f"  {shown(line)}")
    for note in (*project.notes, *(f"{name} is in the lock and not in {CONFIG_NAME}" for name in project.left_over)):
        print_words(console, f"note: {shown(note)}")


def _as_json(project: Project, found: Sequence[Standing]) -> dict[str, object]:
    by_name = {prompt.name: prompt for prompt in project.prompts}
    return {
        "passes": all(standing.passes for standing in found),
        "prompts": [
            {
                "name": standing.name,
                "file": standing.file,
                "state": words.state(standing),
                "passes": standing.passes,
                "changes": [{"cause": change.cause, "detail": change.sentence} for change in standing.changes],
                "notes": list(notes_of(standing.locked, by_name[standing.name].now)),
                "loss_before": standing.loss_before,
                "loss_after": standing.loss_after,
                "unit": standing.unit,
                "num_rows": None if standing.comparison is None else standing.comparison.num_rows,
                "p_rise": None if standing.comparison is None else standing.comparison.p_rise,
                "reasons": words.reasons(standing),
            }
            for standing in found
        ],
        "notes": project.notes,
        "left_over": project.left_over,
    }


def _print_refreshed(console: Console, done: Sequence[Refreshed], project: Project) -> None:
    if not done:
        console.print("Nothing changed; the lock stays as it is.")
    for each in done:
        print_words(console, f"{each.name}: {shown(each.sentence)}")
    if any(not each.is_refused for each in done):
        print_words(console, f"The lock is {shown(str(project.lock_path))}; commit it with the prompts.")


def _post(text: str, config: Path) -> None:
    from pmpo.cli.ci_pull_request import NotPostedError, PullRequest

    try:
        address = PullRequest.of_this_job().post(text, config.as_posix())
    except NotPostedError as error:
        stderr_console().print(f"warning: no comment was posted: {shown(error.message)}", soft_wrap=True)
    else:
        stderr_console().print(f"The pull request's comment is {shown(address)}", soft_wrap=True)


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise InvalidInputError(f"{SUMMARY_VARIABLE}: {path} cannot be written: {error.strerror or error}") from None
