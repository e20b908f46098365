"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pmpo.cli.completion import job_ids
from pmpo.errors import InvalidInputError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="API to call; otherwise PMPO_URL, otherwise http://127.0.0.1:8000."),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="N", help="Use this seed instead of the job file's.")
]
JobFile = Annotated[Path, typer.Argument(metavar="FILE", help="Job file, YAML or JSON.")]
JobId = Annotated[
    str, typer.Argument(metavar="ID", help="Job id, as printed by `pmpo submit`.", autocompletion=job_ids)
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="NEW=OLD", help="Rename a key: input=review. May be given several times."),
]


def one_of(option: str, given: str, known: Sequence[str]) -> str:
    """``given``, which must be among ``known``. Raises InvalidInputError: names the option and what it takes."""
    if given in known:
        return given
    choice = " or ".join(known) if len(known) == 2 else f"one of {', '.join(known)}"
    raise InvalidInputError(f"{option} is {given!r:.60}; give {choice}")
