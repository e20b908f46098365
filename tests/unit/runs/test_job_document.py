"""The document of the job's keys has every key there is, no other, and their defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pmpo.contracts.jobs import JobSpec
from pmpo.runs.jobkeys import DATASET_KEYS, FILE_KEYS, SECTION_FILE_KEYS, section_model
from pmpo.runtime.endpoints import Endpoint, Prices

DOCUMENT = Path(__file__).parents[3] / "docs" / "jobs.md"
ROW = re.compile(r"^\| `([a-z_.]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
NO_DEFAULT = object()
OPTIONAL_SECTIONS = {"compress", "rationalize", "optimizer.few_shot"}


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted keys and their defaults; sections that are always there are named by their keys alone."""
    for name, field in model.model_fields.items():
        inner = section_model(field.annotation)
        if inner is None or f"{prefix}{name}" in OPTIONAL_SECTIONS:
            yield f"{prefix}{name}", _default(field)
        if inner is not None and name != "dataset":
            yield from _keys(inner, f"{prefix}{name}.")


def _default(field: FieldInfo) -> object:
    if field.is_required():
        return NO_DEFAULT
    value = field.get_default(call_default_factory=True, validated_data={})
    return NO_DEFAULT if value is None else value


def _of_job_files() -> Iterator[tuple[str, object]]:
    keys = [*FILE_KEYS, *(f"dataset.{key}" for key in DATASET_KEYS)]
    keys += [f"{section}.{key}" for section, names in SECTION_FILE_KEYS.items() for key in names]
    return ((key, NO_DEFAULT) for key in keys)


def _parts() -> tuple[dict[str, str], dict[str, str]]:
    """Keys with the default that is told: of jobs, and of the endpoint table."""
    jobs, _, table = DOCUMENT.read_text(encoding="utf-8").partition("## The endpoint table")
    return _rows(jobs), _rows(table)


def _rows(text: str) -> dict[str, str]:
    rows = ROW.findall(text)
    assert len({key for key, _, _ in rows}) == len(rows), "a key stands there twice"
    return {key: default for key, default, _ in rows}


def _read(told: str) -> object:
    """What a cell says the default is; ``none`` is an empty list or object."""
    return NO_DEFAULT if told == "-" else yaml.safe_load(told.strip("`"))


def test_every_key_of_a_job_is_documented_with_its_default() -> None:
    known = dict(_keys(JobSpec)) | dict(_of_job_files())
    documented, _ = _parts()
    assert sorted(documented) == sorted(known)
    for key, default in known.items():
        told = [] if documented[key] == "none" else _read(documented[key])
        expected = [] if default == {} else default
        assert told == expected, key


def test_every_key_of_the_endpoint_table_is_documented() -> None:
    _, documented = _parts()
    assert sorted(documented) == sorted(Endpoint.model_fields.keys() - {"name"})
    assert all(f"`{price}`" in DOCUMENT.read_text(encoding="utf-8") for price in Prices.model_fields)
