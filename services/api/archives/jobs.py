"""The section of jobs: fields, journal and events of each, byte for byte as the store holds them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from pmpo.contracts.jobs import FINAL_STATES, EventView
from pmpo.errors import InvalidInputError, NotFoundError, PmpoError
from pmpo.runs.archive import Member
from pmpo.runs.codec import decode_entry, decode_spec, decode_splits
from pmpo.runs.terms import decode_terms
from services.api.archives.sections import Outcome, reason_of
from services.store.snapshots import PORTABLE_FIELDS, Snapshot
from services.store.store import Store

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class JobsSection:
    """Jobs that are over, and all others as paused: who imports them resumes them, so that none runs in two places."""

    name = "jobs"

    def __init__(self, store: Store) -> None:
        self._jobs = store.jobs
        self._snapshots = store.snapshots
        self._datasets = store.datasets

    async def members(self, project: str) -> AsyncIterator[Member]:
        """See ``Section``."""
        for job_id in await self._snapshots.job_ids(project):
            snapshot = await self._snapshots.take(job_id)
            if snapshot is not None:
                yield Member(f"{self.name}/{job_id}.jsonl", encode_job(snapshot))

    def check(self, member: Member) -> str | None:
        """See ``Section``."""
        snapshot = decode_job(member)
        try:
            _check(snapshot)
        except (ValidationError, ValueError, KeyError, TypeError, PmpoError) as error:
            return reason_of(error)
        return None

    async def restore(self, project: str, member: Member) -> Outcome:
        """See ``Section``."""
        snapshot = decode_job(member)
        if await self._snapshots.restore(snapshot, project):
            await self._hold_data(project, snapshot)
            return "added"
        owned = await self._jobs.several([snapshot.job_id])
        if not owned or owned[0].project != project:
            return "differs"  # another project's
        return "present" if await self._snapshots.take(snapshot.job_id) == snapshot else "differs"

    async def _hold_data(self, project: str, snapshot: Snapshot) -> None:
        """A job that may go on needs its stored data sets. One that is gone is missed when the job asks for it."""
        found = list(decode_spec(snapshot.fields["spec"]).dataset.ids.values())
        if found and snapshot.fields["state"] == b"paused":
            with suppress(NotFoundError):
                await self._datasets.hold(project, found, f"job:{snapshot.job_id}")


def encode_job(snapshot: Snapshot) -> bytes:
    """One line of fields, then a line for each answer by call number, then a line for each event in order."""
    lines: list[dict[str, Any]] = [
        {"job": snapshot.job_id, "fields": {name: _text(snapshot.fields[name]) for name in sorted(snapshot.fields)}}
    ]
    lines += [{"call": call, "answer": _text(snapshot.answers[call])} for call in sorted(snapshot.answers)]
    lines += [{"event": _text(event)} for event in snapshot.events]
    return b"".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines)


def decode_job(member: Member) -> Snapshot:
    """The job of a member.

    Raises:
        InvalidInputError: it holds no job, or another than its name says.
    """
    try:
        first, *rest = [json.loads(line) for line in member.content.removesuffix(b"\n").split(b"\n")]
        job_id, fields = str(first["job"]), {str(name): _bytes(value) for name, value in first["fields"].items()}
        answers = {int(line["call"]): _bytes(line["answer"]) for line in rest if "call" in line}
        events = [_bytes(line["event"]) for line in rest if "call" not in line]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidInputError(f"{member.name} is no job: it has a line that no job has") from None
    if member.name != f"jobs/{job_id}.jsonl" or not _ID.fullmatch(job_id):
        raise InvalidInputError(f"{member.name} holds another job than its name says")
    return Snapshot(job_id, fields, answers, events)


def _check(snapshot: Snapshot) -> None:
    """Raise unless every part of a job can be read as the services will read it."""
    unknown = sorted(set(snapshot.fields) - PORTABLE_FIELDS)
    if unknown:
        raise ValueError(f"it has a field {unknown[0][:40]!r}, which no job has")
    record = snapshot.record()
    if record is None or not (record.is_final or record.state == "paused"):
        raise ValueError(f"its state is none of paused, {', '.join(sorted(FINAL_STATES))}")
    decode_spec(snapshot.fields["spec"])
    decode_splits(snapshot.fields["splits"])
    if snapshot.fields.get("terms"):
        decode_terms(snapshot.fields["terms"])
    if record.state == "succeeded":
        json.loads(snapshot.fields["result"])
    for call, answer in snapshot.answers.items():
        if decode_entry(answer).call != call:
            raise ValueError(f"answer {call} is that of another call")
    for number, event in enumerate(snapshot.events, start=1):
        if EventView.model_validate_json(event).number != number:
            raise ValueError(f"event {number} has another number")


def _text(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _bytes(value: Any) -> bytes:
    """Raises ValueError or TypeError: neither a text nor base64."""
    if isinstance(value, str):
        return value.encode()
    try:
        return base64.b64decode(value["base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
