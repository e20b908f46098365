"""How a run of a job can end, and what each end makes of the job."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pmpo.contracts.jobs import JobFailure, JobState
from pmpo.errors import PmpoError
from pmpo.runs.registration import Registration
from services.store.records import JobRecord, failure_fields

MAX_SETBACKS = 20
FIRST_BACKOFF_S = 1.0
MAX_BACKOFF_S = 60.0

Changes = dict[str, str | bytes | float]


@dataclass(frozen=True, slots=True)
class Move:
    """The state a job gets, the fields that change with it, and the prompt that becomes a version with it."""

    target: JobState
    changes: Changes = field(default_factory=dict)
    registration: Registration | None = None


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The search came to its end."""

    result: bytes
    stop_reason: str
    verdict: str
    registration: Registration | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody cancelled the job."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The run let go of its job, between two calls: it is paused, or its worker shuts down."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The search raised."""

    failure: JobFailure

    @classmethod
    def of(cls, error: BaseException) -> Failed:
        """The failure that an error means; an error outside our tree is a defect and is named by its class."""
        if isinstance(error, PmpoError):
            return cls(JobFailure(code=error.code, message=error.message, retryable=error.retryable))
        message = f"the worker met an error it does not know ({type(error).__name__}: {error}); its log has the details"
        return cls(JobFailure(code=PmpoError.code, message=message))


Ending = Succeeded | Cancelled | Interrupted | Failed
WORKER_VANISHED = JobFailure(
    code="worker_vanished", message="the worker that held the job vanished; another one goes on with it", retryable=True
)


def move_after(ending: Ending, state: JobState, record: JobRecord, num_answers: int) -> Move:
    """What becomes of a job: one that is being cancelled is cancelled, and one that is paused does not go to its queue.

    Args:
        ending: how the run ended.
        state: the job's state now.
        record: the job when the run began.
        num_answers: length of its journal now.
    """
    if state == "cancelling":
        ending = Cancelled()
    if isinstance(ending, Succeeded):
        outcome = {"stop_reason": ending.stop_reason, "verdict": ending.verdict}
        return Move("succeeded", {"result": ending.result, "failure": "", **outcome}, ending.registration)
    if isinstance(ending, Cancelled):
        return Move("cancelled", {"stop_reason": "cancelled", "failure": ""})
    if isinstance(ending, Interrupted):
        return Move("paused" if state == "paused" else "queued", {"enqueued_id": "", "not_before": 0})
    if ending.failure.retryable:
        move = after_setback(record, num_answers, ending.failure, backs_off=True)
        return Move("paused", move.changes) if (state, move.target) == ("paused", "queued") else move
    return Move("failed", {"stop_reason": "failed", **failure_fields(ending.failure)})


def after_setback(record: JobRecord, num_answers: int, failure: JobFailure, *, backs_off: bool) -> Move:
    """Back to the queue, later each time; failed after ``MAX_SETBACKS`` in a row.

    New answers in the journal restart the count: a long job may meet many setbacks as long as it moves on.
    """
    moved_on = num_answers > record.num_answers_at_setback
    setbacks = 1 if moved_on else record.setbacks + 1
    if setbacks >= MAX_SETBACKS:
        message = f"{failure.message} (given up after {setbacks} tries without progress)"
        last = JobFailure(code=failure.code, message=message, retryable=True)
        return Move("failed", {"stop_reason": "failed", **failure_fields(last)})
    wait_s = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (setbacks - 1)) if backs_off else 0.0
    waiting: Changes = {"setbacks": setbacks, "num_answers_at_setback": num_answers, "not_before": time.time() + wait_s}
    return Move("queued", {"enqueued_id": "", **waiting, **failure_fields(failure)})
