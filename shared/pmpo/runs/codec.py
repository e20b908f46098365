"""What a run leaves behind, as bytes and back: journal entries, events, splits. JSON, exact to a float's last bit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, cast, get_args

from pydantic import ValidationError

from pmpo.contracts.jobs import EventView, JobSpec
from pmpo.contracts.problems import refusal
from pmpo.errors import JournalMismatchError
from pmpo.optim.events import Event
from pmpo.optim.journal import JournalEntry
from pmpo.optim.types import Completion, ModelIdentity, Scores, Splits
from pmpo.runs.plain import from_plain, to_plain

VERSION = 1
ANSWER_TYPES: dict[str, Any] = {
    "score": Scores,
    "num_scored_tokens": list[list[int]],
    "count_tokens": list[int],
    "rewrite": list[list[Completion]],
    "answer": list[list[Completion]],
    "clock": float,
}


def snake_case(name: str) -> str:
    """``SearchStarted`` becomes ``search_started``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


EVENT_TYPES: dict[str, type[Event]] = {snake_case(cls.__name__): cls for cls in get_args(Event)}


def encode_entry(entry: JournalEntry) -> bytes:
    """One answer of a port. The kind must be one of ``ANSWER_TYPES``."""
    if entry.kind not in ANSWER_TYPES:
        raise ValueError(f"no answer of kind {entry.kind!r} can be stored; known are: {', '.join(ANSWER_TYPES)}")
    body = {"version": VERSION, "call": entry.call, "kind": entry.kind, "digest": entry.digest}
    return _dumps({**body, "answer": to_plain(entry.answer)})


def decode_entry(raw: bytes) -> JournalEntry:
    """The inverse of ``encode_entry``.

    Raises:
        JournalMismatchError: the bytes are no entry, or one of another version of the program.
    """
    try:
        body = json.loads(raw)
        if body["version"] != VERSION:
            raise ValueError(f"version {body['version']} where {VERSION} should stand")
        answer = from_plain(ANSWER_TYPES[body["kind"]], body["answer"])
        return JournalEntry(int(body["call"]), body["kind"], str(body["digest"]), answer)
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("a journal entry", error) from None


def event_view(event: Event) -> EventView:
    """An event on the wire: its number, its class in snake case, its other fields."""
    data = to_plain(event)
    return EventView(number=data.pop("number"), kind=snake_case(type(event).__name__), data=data)


def event_of(view: EventView) -> Event:
    """The inverse of ``event_view``.

    Raises:
        JournalMismatchError: the kind or its fields are those of another version of the program.
    """
    try:
        return cast(Event, from_plain(EVENT_TYPES[view.kind], {"number": view.number, **view.data}))
    except (ValueError, KeyError) as error:
        raise _unreadable(f"event {view.number} ({view.kind})", error) from None


def encode_event(event: Event) -> bytes:
    """An ``EventView`` in JSON: what is stored is what the API sends."""
    return _dumps(event_view(event).model_dump())


def decode_event(raw: bytes) -> Event:
    """The inverse of ``encode_event``. Raises JournalMismatchError."""
    try:
        body = json.loads(raw)
        view = EventView(number=body["number"], kind=body["kind"], data=body["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("an event", error) from None
    return event_of(view)


def encode_splits(splits: Splits) -> bytes:
    """The three sets of a job, rows and all."""
    return _dumps({"version": VERSION, "splits": to_plain(splits)})


def decode_splits(raw: bytes) -> Splits:
    """The inverse of ``encode_splits``. Raises JournalMismatchError."""
    try:
        body = json.loads(raw)
        return cast(Splits, from_plain(Splits, body["splits"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("the splits of a job", error) from None


def decode_spec(raw: bytes) -> JobSpec:
    """A job as it was sent. Raises JournalMismatchError: this version of the program would not have taken it."""
    try:
        return JobSpec.model_validate_json(raw)
    except ValidationError as error:
        raise JournalMismatchError(
            f"the job cannot be read ({refusal(error.errors()).message}); it was taken by another version of the "
            "program: use that version, or submit it again"
        ) from None


def first_identities(entries: Iterable[JournalEntry]) -> tuple[ModelIdentity, ...]:
    """The models, in order, that the first journaled score of a job came from; empty before there is one."""
    first = _first_scores(entries)
    return () if first is None else first.identities or (first.identity,)


def first_identity(entries: Iterable[JournalEntry]) -> ModelIdentity | None:
    """What the first journaled score of a job came from; None before there is one."""
    first = _first_scores(entries)
    return None if first is None else first.identity


def _first_scores(entries: Iterable[JournalEntry]) -> Scores | None:
    ordered = sorted(entries, key=lambda entry: entry.call)
    return next((entry.answer for entry in ordered if isinstance(entry.answer, Scores)), None)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _unreadable(what: str, error: Exception) -> JournalMismatchError:
    return JournalMismatchError(
        f"{what} cannot be read ({type(error).__name__}: {error}); it was written by another version of the program: "
        "run the job with that version, or submit it again"
    )
