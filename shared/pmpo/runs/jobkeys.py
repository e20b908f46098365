"""The keys of a job file: which are known, which are mistakes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from pmpo.contracts.jobs import JobSpec
from pmpo.errors import UnknownKeyError

DATASET_KEYS = ("train", "validation", "test", "sample")
FILE_KEYS = ("prompt_file",)
SECTION_FILE_KEYS = {"optimizer": ("meta_prompt_file",)}


def check_keys(job: Mapping[Any, Any], where: str) -> None:
    """Refuse, at any level, a key that is unknown.

    Args:
        job: a job file's content.
        where: the file, for messages.

    Raises:
        UnknownKeyError: names the key, where it stands, and the nearest known name.
    """
    for prefix, section, known in _sections(job):
        for key in section:
            if key in known:
                continue
            raise UnknownKeyError(f"{where}: {unknown_key(prefix, str(key), known)}")


def unknown_key(prefix: str, key: str, known: Collection[str]) -> str:
    """Half a sentence: the key with its section, and the nearest known name, or all names that the section has."""
    near = get_close_matches(key, known, n=1)
    hint = f", did you mean '{prefix}{near[0]}'?" if near else f"; known keys there are: {', '.join(known)}"
    return f"unknown key '{prefix}{key}'{hint}"


def _sections(job: Mapping[Any, Any]) -> Iterator[tuple[str, Mapping[Any, Any], Collection[str]]]:
    """Every mapping of the file with its prefix and the keys that it may have, outermost first."""
    yield "", job, [*JobSpec.model_fields, *FILE_KEYS]
    yield from _inner("", job, JobSpec)


def _inner(
    prefix: str, job: Mapping[Any, Any], model: type[BaseModel]
) -> Iterator[tuple[str, Mapping[Any, Any], Collection[str]]]:
    for name, field in model.model_fields.items():
        section, inner = job.get(name), section_model(field.annotation)
        path = f"{prefix}{name}."
        if not isinstance(section, Mapping):
            continue
        if path == "dataset.":
            yield path, section, DATASET_KEYS
        elif inner is not None:
            yield path, section, [*inner.model_fields, *SECTION_FILE_KEYS.get(path.removesuffix("."), ())]
            yield from _inner(path, section, inner)


def section_model(annotation: Any) -> type[BaseModel] | None:
    """The model of a section, which may be left out; None for a key that holds a plain value."""
    models = [part for part in (annotation, *get_args(annotation)) if isinstance(part, type)]
    return next((model for model in models if issubclass(model, BaseModel)), None)
