"""``pmpo prompts``: the registry of a running API."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pmpo.cli import history
from pmpo.cli.completion import prompt_labels, prompt_names, prompt_numbers, prompt_versions
from pmpo.cli.console import list_console, print_json, print_words, shown, stderr_console, stdout_console
from pmpo.cli.groups import Group
from pmpo.cli.options import AsJson, Url
from pmpo.cli.report import diff_legend, diff_text, has_colour, indented
from pmpo.client import Client
from pmpo.contracts.prompts import PRODUCTION, PromptVersionView
from pmpo.contracts.registry import LATEST
from pmpo.data.loading import missing_file
from pmpo.errors import InvalidInputError, NotFoundError
from pmpo.text.diff import word_diff
from pmpo.text.files import read_prompt

HOW_TO_BEGIN = "A job's winner becomes a version of one; to begin with a text: pmpo prompts push NAME FILE"
prompts = Group("The prompt registry.")
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The prompt's name in the registry.", autocompletion=prompt_names)
]
PromptFile = Annotated[Path, typer.Argument(metavar="FILE", help="A text file with the prompt; `-` is standard input.")]
WantedVersion = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version's number, or a label.", autocompletion=prompt_versions)
]
Before = Annotated[
    str, typer.Argument(metavar="FROM", help="A version's number, or a label.", autocompletion=prompt_versions)
]
After = Annotated[
    str,
    typer.Argument(
        metavar="TO", help="A version's number, or a label; otherwise the newest.", autocompletion=prompt_versions
    ),
]
Label = Annotated[
    str, typer.Option("--label", metavar="LABEL", help="The label that moves.", autocompletion=prompt_labels)
]
NewLabel = Annotated[str | None, typer.Option("--label", metavar="LABEL", help="A label that it gets at once.")]
AtLabel = Annotated[
    str | None, typer.Option("--label", metavar="LABEL", help="Where this label stands.", autocompletion=prompt_labels)
]
AtVersion = Annotated[
    int | None, typer.Option("--version", min=1, metavar="N", help="This version.", autocompletion=prompt_numbers)
]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the text there, letter by letter.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="A sentence for whoever reads the history.")]
Exact = Annotated[bool, typer.Option("--exact", help="Keep every character of the file, its line ends among them.")]
PageSize = Annotated[int, typer.Option("--limit", min=1, max=500, metavar="N", help="So many at most.")]


@prompts.command("list", epilog="Example: pmpo prompts list")
def list_prompts(limit: PageSize = 100, url: Url = None, as_json: AsJson = False) -> None:
    """List prompts by name: how many versions they have and where their labels stand."""
    with Client(url) as client:
        page = client.list_prompts(limit=limit)
    if as_json:
        print_json(page.model_dump(mode="json"))
    elif page.prompts:
        history.print_prompts(list_console(), page.prompts)
    else:
        print_words(stdout_console(), f"There are no prompts yet. {HOW_TO_BEGIN}")


@prompts.command(epilog="Example: pmpo prompts get review-city --label production --out prompt.txt")
def get(
    name: Name,
    *,
    label: AtLabel = None,
    version: AtVersion = None,
    out: OutFile = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print a version of a prompt: by its number, by a label, or the newest. With --json, with its lineage."""
    with Client(url) as client:
        found = client.get_prompt(name, label=label, version=version)
    if out is not None:
        _write(out, found.prompt)
    if as_json:
        print_json({**found.model_dump(mode="json"), **({"written_to": str(out)} if out else {})})
    elif out is not None:
        stdout_console().print(f"Version {found.version} of {name} is in {shown(str(out))}.")
    elif sys.stdout.isatty():
        stdout_console().print(Text(shown(found.prompt)), soft_wrap=True)
    else:
        sys.stdout.buffer.write(found.prompt.encode() + b"\n")


@prompts.command(epilog='Example: pmpo prompts push review-city prompt.txt --note "after the review"')
def push(
    name: Name,
    file: PromptFile,
    *,
    note: Note = "",
    label: NewLabel = None,
    exact: Exact = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Register a prompt of your own as the newest version. The text that the newest has already makes no further one.

    What an editor adds is left out, and said: a byte order mark, Windows line ends, the last line feed.
    """
    read = read_prompt(_read(file), "standard input" if file == Path("-") else str(file), is_exact=exact)
    with Client(url) as client:
        newest = _newest(client, name)
        found = client.create_prompt_version(name, read.text, note=note, label=label)
    for sentence in read.notes:
        stderr_console().print(Text(shown(sentence)), soft_wrap=True)
    when = "already" if found.version <= newest else "now"
    _tell(found, f"the text is {when} version {found.version} of {name}", as_json=as_json)


@prompts.command(epilog="Example: pmpo prompts promote review-city 3")
def promote(
    name: Name, version: WantedVersion, *, label: Label = PRODUCTION, url: Url = None, as_json: AsJson = False
) -> None:
    """Move a label to a version. It moves only from where it stands now: of two who move it at once, one is told."""
    with Client(url) as client:
        standing = client.get_prompt_labels(name, limit=1).labels.get(label)
        number = _fetch(client, name, version).version
        found = client.promote_prompt(name, number, label=label, expected=standing)
    _tell(found, f"{label} of {name} is version {found.version}{_was(standing, found.version)}", as_json=as_json)


@prompts.command(epilog="Example: pmpo prompts rollback review-city")
def rollback(name: Name, *, label: Label = PRODUCTION, url: Url = None, as_json: AsJson = False) -> None:
    """Move a label back to the version that it stood at before; again, one step further back."""
    with Client(url) as client:
        standing = client.get_prompt_labels(name, limit=1).labels.get(label)
        found = client.rollback_prompt(name, label=label, expected=standing)
    _tell(found, f"{label} of {name} is version {found.version}{_was(standing, found.version)}", as_json=as_json)


@prompts.command(epilog="Example: pmpo prompts diff review-city production latest")
def diff(name: Name, before: Before, after: After = LATEST, url: Url = None, as_json: AsJson = False) -> None:
    """Show what changed between two versions, word by word."""
    with Client(url) as client:
        old, new = _fetch(client, name, before), _fetch(client, name, after)
    pieces = word_diff(old.prompt, new.prompt)
    if as_json:
        changes = [{"op": op, "text": text} for op, text in pieces]
        print_json({"name": name, "from": old.version, "to": new.version, "diff": changes})
        return
    console = stdout_console()
    if old.prompt == new.prompt:
        console.print(f"Versions {old.version} and {new.version} of {name} are the same text.")
        return
    head = f"Version {old.version} to version {new.version} of {name} "
    console.print(Text.assemble((head, "bold"), (f"({diff_legend(console)})", "dim")))
    console.print(indented(diff_text(pieces, has_colour=has_colour(console)), console))


@prompts.command(epilog="Example: pmpo prompts log review-city")
def log(name: Name, limit: PageSize = 20, url: Url = None, as_json: AsJson = False) -> None:
    """Show the versions of a prompt with where they come from, and how its labels moved, newest first."""
    with Client(url) as client:
        versions = client.list_prompt_versions(name, limit=limit)
        labels = client.get_prompt_labels(name, limit=limit)
    if as_json:
        print_json({"name": name, **versions.model_dump(mode="json"), "labels": labels.model_dump(mode="json")})
        return
    console = stdout_console()
    for part in history.prompt_log(versions.versions, labels.moves, console):
        console.print(part)


def _newest(client: Client, name: str) -> int:
    """The number of the newest version; 0 for a prompt that there is not yet."""
    try:
        return client.list_prompt_versions(name, limit=1).versions[0].version
    except NotFoundError:
        return 0


def _tell(found: PromptVersionView, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        stdout_console().print(Text(f"{sentence}."), soft_wrap=True)


def _was(before: int | None, now: int) -> str:
    return "" if before is None or before == now else f" (it was version {before})"


def _fetch(client: Client, name: str, wanted: str) -> PromptVersionView:
    """The version of a number or a label."""
    if wanted.isascii() and wanted.isdecimal() and int(wanted) > 0:
        return client.get_prompt(name, version=int(wanted))
    return client.get_prompt(name, label=wanted)


def _read(file: Path) -> bytes:
    if file == Path("-"):
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise InvalidInputError(str(missing_file(file))) from None
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror or error}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror or error}") from None
