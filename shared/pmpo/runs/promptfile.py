"""A job from a prompt in a text file and data beside it, for commands that need no more than these two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pmpo.contracts.jobs import JobSpec
from pmpo.data.loading import load_rows
from pmpo.data.mapping import renamed
from pmpo.runs.document import YAML_SUFFIXES, read_text
from pmpo.runs.jobfile import nested, validated
from pmpo.runs.jobspec import MOST_READ, check_num_rows

MAX_NAME = 200
JOB_SUFFIXES = YAML_SUFFIXES | {".json"}


def is_job_file(path: Path) -> bool:
    """Whether ``path`` is read as a job file; anything else is the text of a prompt."""
    return path.suffix.lower() in JOB_SUFFIXES


def load_prompt_job(
    prompts: Sequence[Path], data: Path, values: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> JobSpec:
    """The job that asks for ``values`` (keys of sections are dotted) about prompts and their data, named like them.

    Args:
        prompts: text files, at least one.
        data: the rows.
        values: keys of a job.
        names: new names of the rows' keys, by the old ones.

    Raises:
        InvalidInputError: a prompt is missing, is no UTF-8, or a value is out of range.
        InvalidDataError: the data is missing, malformed or too long.
    """
    texts = [prompt_text(prompt) for prompt in prompts]
    rows = list(renamed(load_rows(data, MOST_READ), names or {}))
    several = {"prompts": texts} if len(texts) > 1 else {}
    name = ", ".join(prompt.stem for prompt in prompts)
    body = {"name": name[:MAX_NAME], "prompt": texts[0], **several, "dataset": {"train": rows}}
    spec = validated(nested(body, values), prompts[0])
    check_num_rows(spec.dataset, "write a job file with `dataset: {{train: ROWS, sample: {room}}}`")
    return spec


def prompt_text(prompt: Path) -> str:
    """The prompt of a file, without the line end that editors add. Raises InvalidInputError."""
    return read_text(prompt).removesuffix("\n")
