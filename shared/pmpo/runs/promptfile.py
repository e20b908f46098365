"""A job from a prompt in a text file and data beside it, for commands that need no more than these two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pmpo.contracts.jobs import JobSpec
from pmpo.data.loading import load_rows, missing_file
from pmpo.errors import InvalidInputError
from pmpo.runs.document import YAML_SUFFIXES
from pmpo.runs.jobfile import nested, validated
from pmpo.runs.jobspec import check_num_rows

JOB_SUFFIXES = YAML_SUFFIXES | {".json"}


def is_job_file(path: Path) -> bool:
    """Whether ``path`` is read as a job file; anything else is the text of a prompt."""
    return path.suffix.lower() in JOB_SUFFIXES


def load_prompt_job(prompt: Path, data: Path, values: Mapping[str, Any]) -> JobSpec:
    """The job that asks for ``values`` (keys of sections are dotted) about a prompt and its data, named like its file.

    Raises:
        InvalidInputError: the prompt is missing, is no UTF-8, or a value is out of range.
        InvalidDataError: the data is missing, malformed or too long.
    """
    return load_prompts_job([prompt], data, values)


def load_prompts_job(prompts: Sequence[Path], data: Path, values: Mapping[str, Any]) -> JobSpec:
    """The same about several prompts, of which the first names the job. Raises as ``load_prompt_job``."""
    texts, rows, first = [_text(prompt) for prompt in prompts], load_rows(data), prompts[0]
    several = {"prompts": texts} if len(texts) > 1 else {}
    body = {"name": first.stem, "prompt": texts[0], **several, "dataset": {"train": rows}}
    spec = validated(nested(body, values), first)
    check_num_rows(spec.dataset)
    return spec


def _text(prompt: Path) -> str:
    try:
        return prompt.read_text(encoding="utf-8-sig").removesuffix("\n")
    except FileNotFoundError:
        raise InvalidInputError(str(missing_file(prompt))) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{prompt} cannot be read as UTF-8: {error}") from None
