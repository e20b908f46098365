"""A job as the store holds it: the fields of one hash, read back into typed values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pmpo.contracts.jobdata import SetName
from pmpo.contracts.jobs import FINAL_STATES, JobFailure, JobState, JobView, Progress, SplitSizes, WebhookView
from pmpo.contracts.keys import DEFAULT_PROJECT
from pmpo.contracts.registry import PromptRef

TEXT_FIELDS = (
    "project",
    "name",
    "kind",
    "state",
    "queue",
    "stop_reason",
    "verdict",
    "best_prompt",
    "enqueued_id",
    "registered",
)
WEBHOOK_FIELDS = ("webhook_state", "webhook_attempts", "webhook_detail")
NUMBER_FIELDS = ("created_at", "updated_at", "not_before", "attempts", "setbacks", "num_answers_at_setback", "version")
CALL_FIELDS = ("num_asked", "repeated_tokens")
JSON_FIELDS = ("datasets", "split_sizes", "warnings", "progress", "failure")
FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS, *CALL_FIELDS, *JSON_FIELDS, *WEBHOOK_FIELDS, "events_removed")


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is saved when a job comes in. ``spec``, ``splits`` and ``terms`` are bytes to the store."""

    id: str
    name: str
    kind: str
    queue: str
    spec: bytes
    splits: bytes
    terms: bytes
    split_sizes: SplitSizes
    warnings: Sequence[str]
    prompt: str
    project: str = DEFAULT_PROJECT
    webhook: str = ""
    datasets: Mapping[SetName, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job without its spec, its splits and its result.

    Attributes:
        view: what the API shows.
        project: whose it is.
        queue: the queue it belongs in.
        enqueued_id: its entry in that queue; empty when it has none that counts.
        not_before: seconds since the epoch before which it waits.
        setbacks: runs in a row that ended without a result and without a new answer in the journal.
        num_answers_at_setback: length of the journal at the last setback.
        version: rises with every change.
        num_asked: how often a model was asked what has no answer in the journal yet; 0 when nothing is under way.
        has_lost_events: whether its events are gone, as they are some time after its end.
    """

    view: JobView
    project: str
    queue: str
    enqueued_id: str
    not_before: float
    setbacks: int
    num_answers_at_setback: int
    version: int
    num_asked: int
    has_lost_events: bool

    @property
    def id(self) -> str:
        """The job's id."""
        return self.view.id

    @property
    def state(self) -> JobState:
        """The job's state."""
        return self.view.state

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.view.state in FINAL_STATES


def first_fields(job: NewJob, now: float) -> dict[str, str | bytes | float]:
    """The hash of a new job."""
    webhook: dict[str, str | bytes | float] = {}
    if job.webhook:
        webhook = {"webhook": job.webhook, "webhook_state": "pending"}
    return {
        "project": job.project,
        **webhook,
        "datasets": json.dumps(dict(job.datasets)),
        "name": job.name,
        "kind": job.kind,
        "state": "queued",
        "queue": job.queue,
        "created_at": now,
        "updated_at": now,
        "best_prompt": job.prompt,
        "split_sizes": job.split_sizes.model_dump_json(),
        "warnings": json.dumps(list(job.warnings)),
        "spec": job.spec,
        "splits": job.splits,
        "terms": job.terms,
        "version": 1,
    }


def read_record(job_id: str, values: Sequence[bytes | None]) -> JobRecord | None:
    """The record from the values of ``FIELDS``, in that order; None when there is no such job."""
    found = {name: value.decode() for name, value in zip(FIELDS, values, strict=True) if value is not None}
    if "state" not in found:
        return None
    view = JobView.model_validate(
        {
            "id": job_id,
            "name": found["name"],
            "kind": found["kind"],
            "state": found["state"],
            "created_at": float(found["created_at"]),
            "updated_at": float(found["updated_at"]),
            "attempts": int(found.get("attempts", 0)),
            "repeated_tokens": int(found.get("repeated_tokens", 0)),
            "splits": json.loads(found["split_sizes"]),
            "warnings": json.loads(found["warnings"]),
            "progress": _json(found, "progress") or Progress(),
            "failure": _json(found, "failure"),
            "datasets": _json(found, "datasets") or {},
            "stop_reason": found.get("stop_reason") or None,
            "verdict": found.get("verdict") or None,
            "best_prompt": found["best_prompt"],
            "webhook": _webhook(found),
            "registered": _registered(found),
        }
    )
    return JobRecord(
        view=view,
        project=found.get("project", DEFAULT_PROJECT),
        queue=found["queue"],
        enqueued_id=found.get("enqueued_id", ""),
        not_before=float(found.get("not_before", 0)),
        setbacks=int(found.get("setbacks", 0)),
        num_answers_at_setback=int(found.get("num_answers_at_setback", 0)),
        version=int(found["version"]),
        num_asked=int(found.get("num_asked", 0)),
        has_lost_events="events_removed" in found,
    )


def failure_fields(failure: JobFailure) -> dict[str, str]:
    """The changes that go with the state ``failed``, or with a wait for another try."""
    return {"failure": failure.model_dump_json()}


def call_fields(num_asked: int, repeated_tokens: int) -> dict[str, str]:
    """The changes that go with a call of a model: before it, and with its answer."""
    return {"num_asked": str(num_asked), "repeated_tokens": str(repeated_tokens)}


def progress_fields(progress: Progress, best_prompt: str | None = None) -> dict[str, str]:
    """The changes that go with an event."""
    fields = {"progress": progress.model_dump_json()}
    return fields if best_prompt is None else {**fields, "best_prompt": best_prompt}


def _webhook(found: dict[str, str]) -> WebhookView | None:
    if "webhook_state" not in found:
        return None
    return WebhookView.model_validate(
        {
            "state": found["webhook_state"],
            "attempts": int(found.get("webhook_attempts", 0)),
            "detail": found.get("webhook_detail", ""),
        }
    )


def _registered(found: dict[str, str]) -> PromptRef | None:
    """Written by the script that makes the version: its name, its number, and ``label=version`` for what stayed."""
    name, *rest = found.get("registered", "").split(" ")
    if not name:
        return None
    version, *kept = rest
    stays = (each.partition("=") for each in kept)
    return PromptRef(name=name, version=int(version), kept_labels={label: int(number) for label, _, number in stays})


def _json(found: dict[str, str], name: str) -> object:
    return json.loads(found[name]) if found.get(name) else None
