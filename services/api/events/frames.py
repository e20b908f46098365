"""What goes over the wire of an event stream (WHATWG HTML, section 9.2): frames of lines, the last one empty.

An event of the job is a message whose id is its number, so that a client that lost the connection may name the last one
it has in ``Last-Event-ID``. ``state`` tells how the job stands, first and whenever that changes; ``end`` comes last.
"""

from __future__ import annotations

import json

from pmpo.contracts.jobs import JobState

RETRY_MS = 1_000
MEDIA_TYPE = "text/event-stream"
RETRY = f"retry: {RETRY_MS}\n\n".encode()
HEARTBEAT = b": nothing new\n\n"


def message(number: int, event: bytes) -> bytes:
    """One event, whose JSON has no line breaks: they are escaped in JSON's texts."""
    return b"id: %d\ndata: %s\n\n" % (number, event)


def state(now: JobState) -> bytes:
    """How the job stands."""
    return _named("state", {"state": now})


def end(now: JobState, last: int) -> bytes:
    """The job is over and ``last`` was its last event: whoever follows it may hang up."""
    return _named("end", {"state": now, "last": last})


def _named(name: str, data: dict[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
