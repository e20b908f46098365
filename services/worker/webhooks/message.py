"""What a webhook says of a job that is over: how it ended, and nothing of its data or its prompts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pmpo.contracts.jobs import JobView


def message_id(job_id: str) -> str:
    """The id of a job's only message."""
    return f"msg_{job_id}"


def message_body(job: JobView, project: str) -> bytes:
    """The body, the same bytes in every try. ``job`` is in a final state."""
    ended_at = _moment(job.updated_at)
    data = {
        "id": job.id,
        "name": job.name,
        "kind": job.kind,
        "project": project,
        "state": job.state,
        "verdict": job.verdict,
        "stop_reason": job.stop_reason,
        "failure_code": job.failure.code if job.failure is not None else None,
        "created_at": _moment(job.created_at),
        "ended_at": ended_at,
    }
    message = {"type": f"job.{job.state}", "timestamp": ended_at, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
