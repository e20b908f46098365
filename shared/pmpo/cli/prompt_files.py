"""The job that a command makes of its files: of a job file, or of prompts in text files with their rows beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pmpo.cli.jobs import read_job
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidInputError

Prompts = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="A job file, or prompts as text files with --data beside them.")
]
PromptOrJob = Annotated[
    Path, typer.Argument(metavar="FILE", help="A job file (YAML or JSON), or a prompt as a text file with --data.")
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="ROWS", help="Rows to measure with, beside prompts in text files.")
]


def job_of_files(
    files: Sequence[Path], data: Path | None, field: Sequence[str] | None, changes: Mapping[str, Any]
) -> JobSpec:
    """The job of one job file, or of prompts and ``data``, with ``changes`` (keys of sections are dotted).

    Raises:
        InvalidInputError: files that do not go together, or that cannot be used.
        InvalidDataError: rows that cannot be used.
    """
    from pmpo.data.mapping import parse_mapping
    from pmpo.runs.document import read_text
    from pmpo.runs.promptfile import is_job_file, load_prompt_job

    document = next((file for file in files if is_job_file(file)), None)
    if document is None:
        if data is None:
            read_text(files[0])  # a folder, or a file that is not there, is told first
            raise InvalidInputError(
                f"{files[0]} is read as a prompt; name the rows to measure it with: --data rows.jsonl"
            )
        return load_prompt_job(files, data, changes, parse_mapping(field or []))
    if len(files) > 1:
        raise InvalidInputError(f"{document} is a job file, and one is all that is read; give it alone")
    for option, value in (("--data", data), ("--field", field)):
        if value:
            raise InvalidInputError(
                f"{option} is for prompts in text files; {document} is a job file and names its data and fields"
            )
    return read_job(document, None, changes)


def prompt_names(files: Sequence[Path], job: JobSpec) -> dict[str, str]:
    """The file of each of the job's prompts, where they came from files of their own; of equal ones the first."""
    from pmpo.runs.promptfile import is_job_file

    if any(map(is_job_file, files)):
        return {}
    texts = job.prompts or [job.prompt]
    return {text: str(file) for text, file in reversed(list(zip(texts, files, strict=True)))}
