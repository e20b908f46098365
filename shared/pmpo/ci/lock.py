"""``pmpo.lock``: what every prompt was measured at, as TOML that merges and compares line by line.

Prompts stand in the order of their names, each value on a line of its own, so that a change of one prompt changes its
lines alone and the same content is always the same text.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from pmpo.ci.conflicts import refuse_conflict
from pmpo.contracts.jobs import ModelView
from pmpo.errors import InvalidInputError

FORMAT = 1
LOCK_NAME = "pmpo.lock"
REMEDY = f"keep either side (for example `git checkout --theirs {LOCK_NAME}`), then run `pmpo ci refresh`"
_LOSS_DIGITS = 6
_HEADER = (
    f"# {LOCK_NAME}: what the prompts of this repository were measured at. Written by `pmpo ci refresh`: commit it."
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Measured(_Part):
    """What an entry of the file and a prompt that was read from it share."""

    file: str
    prompt: str
    data: str
    scoring: str
    search: str
    meta_prompts: str
    verdict: str
    loss: FiniteFloat
    unit: str
    models: dict[str, ModelView]


class LockedPrompt(_Measured):
    """One prompt at its last refresh.

    Attributes:
        file: the prompt's file, from the folder of ``pmpo.toml``, with forward slashes.
        prompt, data, scoring, search, meta_prompts: see ``pmpo.ci.digests.Fingerprint``.
        verdict: of the run that led to it: ``confirmed``, ``unconfirmed``, ``untested``, or ``kept`` without a run.
        loss: weighted mean over the measured rows.
        unit: of the losses.
        models: the identity of every target model, by its name in the endpoint table.
        text: the prompt.
        losses: by the names of the measured rows, in their order.
    """

    text: str
    losses: dict[str, float]


class _Row(_Part):
    row: str
    loss: FiniteFloat


class _Entry(_Measured):
    """A prompt as it stands in the file."""

    text: list[str]
    losses: list[_Row]


class _Document(_Part):
    format: int
    written_by: str
    prompts: dict[str, _Entry] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole lock; ``written_by`` is the version of pmpo that wrote it, empty for one that does not exist yet."""

    prompts: Mapping[str, LockedPrompt] = field(default_factory=dict)
    written_by: str = ""


def read_lock(text: str, where: str) -> Lock:
    """The lock in a file's text.

    Raises:
        InvalidInputError: a merge conflict, the lock of a newer version, or a file that is none; with the remedy.
    """
    refuse_conflict(text, where, REMEDY)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{where} is no lock ({error}); {REMEDY}") from None
    _refuse_newer(document, where)
    try:
        found = _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInputError(
            f"{where} was edited or is incomplete ({place}: {first['msg']}); {REMEDY}, or delete it and refresh"
        ) from None
    return Lock({name: _locked(entry) for name, entry in found.prompts.items()}, found.written_by)


def lock_text(lock: Lock) -> str:
    """The text of the file; ``read_lock`` reads the same lock back."""
    return "\n".join(_lines(lock)) + "\n"


def rounded(loss: float) -> float:
    """A loss as the lock keeps it: short, and far finer than any tolerance."""
    return round(loss, _LOSS_DIGITS)


def _refuse_newer(document: Mapping[str, Any], where: str) -> None:
    number = document.get("format")
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidInputError(
            f"{where} does not say its format, so it is no lock; delete it and run `pmpo ci refresh`"
        )
    if number > FORMAT:
        version = document.get("written_by")
        newer = f"pmpo {version}" if isinstance(version, str) else "a newer pmpo"
        raise InvalidInputError(
            f"{where} has format {number} and this version reads up to {FORMAT}: it was written by {newer}; "
            "install that version or a later one"
        )


def _locked(entry: _Entry) -> LockedPrompt:
    values = {name: getattr(entry, name) for name in _Entry.model_fields}
    losses = {row.row: row.loss for row in entry.losses}
    return LockedPrompt(**{**values, "text": "\n".join(entry.text), "losses": losses})


def _lines(lock: Lock) -> Iterator[str]:
    yield from (_HEADER, f"format = {FORMAT}", f"written_by = {_quoted(lock.written_by)}")
    for name in sorted(lock.prompts):
        entry = lock.prompts[name]
        yield from ("", f"[prompts.{name}]")
        for key in ("file", "prompt", "data", "scoring", "search", "meta_prompts", "verdict"):
            yield f"{key} = {_quoted(getattr(entry, key))}"
        yield from (f"loss = {float(entry.loss)!r}", f"unit = {_quoted(entry.unit)}")
        yield from ("text = [", *(f"  {_quoted(line)}," for line in entry.text.split("\n")), "]")
        yield "losses = ["
        for row, loss in entry.losses.items():
            yield f"  {{row = {_quoted(row)}, loss = {float(loss)!r}}},"
        yield "]"
        for model in sorted(entry.models):
            yield from ("", f"[prompts.{name}.models.{_quoted(model)}]")
            yield from (f"{key} = {_quoted(value)}" for key, value in entry.models[model].model_dump().items())


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes, and TOML's for the one control character that JSON leaves alone."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
