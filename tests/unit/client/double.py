"""A real HTTP server that speaks the API's job routes from memory, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pmpo.contracts.jobs import EventView, JobView, ResultView, SplitSizes, TestView
from pmpo.contracts.problems import PROBLEM_MEDIA_TYPE, to_problem
from pmpo.contracts.reports import ReportView
from pmpo.errors import ConflictError, InvalidInputError, NotFoundError, PmpoError

SPLITS = SplitSizes(train=50, validation=20, test=30)


ESTIMATE = {
    "splits": SPLITS.model_dump(),
    "warnings": ["few [rows]"],
    "iterations": 20,
    "scored_tokens": {"low": 10_000, "expected": 41_000, "high": 90_000},
    "generated_tokens": {"low": 700, "expected": 1_400, "high": 2_800},
    "money": {"low": 0.1, "expected": 0.25, "high": 0.5},
    "smallest_budget": {"scored_tokens": 9_000, "generated_tokens": 650, "money": 0.09},
}


@dataclass
class Fault:
    """What happens to one request instead of an answer. ``drop`` closes the connection, the rest is the answer."""

    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    is_handled: bool = False  # the request does its work before the answer is lost


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class ApiDouble:
    """Jobs by id, with the events that they tell; ``faults`` meet the next requests, one each."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobView] = {}
        self.events: dict[str, list[EventView]] = {}
        self.results: dict[str, ResultView] = {}
        self.reports: dict[str, ReportView] = {}
        self.faults: deque[Fault] = deque()
        self.ids_by_key: dict[str, str] = {}
        self.seen: list[Seen] = []
        self.page_size = 1000
        self.streams = False
        self.cuts: deque[int] = deque()  # numbers after which the next streams are cut
        self.ending = "succeeded"
        self.registered: dict[str, Any] | None = None  # what the winners of new jobs become
        self.estimate: dict[str, Any] = ESTIMATE
        self.asked_answers: dict[str, dict[str, Any]] = {}
        self.url = ""

    def add_job(self, job_id: str = "job-1", *, num_iterations: int = 3, state: str = "succeeded", **more: Any) -> str:
        self.events[job_id] = list(_search(num_iterations))
        self.jobs[job_id] = _job(job_id, state, **more)
        self.results[job_id] = make_result(job_id)
        return job_id

    def answer(self, seen: Seen) -> tuple[int, Any]:
        parts = seen.path.strip("/").split("/")
        match (seen.method, parts):
            case ("GET", ["healthz"]):
                return 200, {"status": "alive", "checked": []}
            case ("POST", ["v1", "jobs", "estimate"]):
                return 200, self.estimate
            case ("GET", ["v1", "jobs"]):
                start = int(seen.query.get("cursor", "0"))
                stop = start + int(seen.query["limit"])
                listed = [job.model_dump(mode="json") for job in list(self.jobs.values())[::-1][start:stop]]
                return 200, {"jobs": listed, "next": str(stop) if stop < len(self.jobs) else None}
            case ("POST", ["v1", "score" | "analyze" as question]):
                return 200, self.asked_answers[question]
            case ("POST", ["v1", "jobs"]):
                spec = json.loads(seen.body)
                if not spec.get("prompt"):
                    raise InvalidInputError("prompt: the prompt is empty")
                key = seen.headers.get("idempotency-key", "")
                if key not in self.ids_by_key:
                    more = {"state": self.ending, "name": spec["name"], "registered": self.registered}
                    job_id = self.add_job(f"job-{len(self.jobs) + 1}", **more)
                    self.ids_by_key[key] = job_id
                job_id = self.ids_by_key[key]
                return 201, {"id": job_id, "state": "queued", "splits": SPLITS.model_dump(), "warnings": []}
        job = self.jobs.get(parts[2]) if len(parts) > 2 else None
        if job is None:
            raise NotFoundError(f"there is no job {parts[2]!r}")
        return self._about(job, seen, parts[3:])

    def _about(self, job: JobView, seen: Seen, below: list[str]) -> tuple[int, Any]:
        match (seen.method, below):
            case ("GET", []):
                return 200, job.model_dump(mode="json")
            case ("GET", ["events"]):
                after = int(seen.query.get("after", "0"))
                events = [event for event in self.events[job.id] if event.number > after][: self.page_size]
                last = len(self.events[job.id])
                return 200, {"events": [event.model_dump() for event in events], "last": last, "state": job.state}
            case ("GET", ["result"]):
                if job.state != "succeeded":
                    raise ConflictError(f"job {job.id} is {job.state}")
                return 200, self.results[job.id].model_dump(mode="json")
            case ("GET", ["report"]):
                report = self.reports[job.id].model_copy(update={"job_id": job.id, "state": job.state})
                return 200, report.model_dump(mode="json")
            case ("GET", ["candidates"]):
                page = {"candidates": [], "next": None, "counts": {"dropped": 3}, "state": job.state}
                return 200, page
            case ("POST", ["cancel"]):
                self.jobs[job.id] = job.model_copy(update={"state": "cancelling"})
                return 200, self.jobs[job.id].model_dump(mode="json")
            case ("POST", ["pause" | "resume" as wish]):
                self.jobs[job.id] = job.model_copy(update={"state": "paused" if wish == "pause" else "queued"})
                return 202, self.jobs[job.id].model_dump(mode="json")
        raise NotFoundError("no such route")


@contextmanager
def serving() -> Iterator[ApiDouble]:
    double = ApiDouble()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(double))
    server.daemon_threads = True
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()


def problem(error: PmpoError, **headers: str) -> Fault:
    """The answer that tells of ``error``."""
    body = to_problem(error, "request-1").model_dump_json().encode()
    return Fault(error.status, body, {"content-type": PROBLEM_MEDIA_TYPE, **headers})


def make_result(job_id: str = "job-1", **changes: Any) -> ResultView:
    values: dict[str, Any] = {
        "job_id": job_id,
        "name": "review-city",
        "stop_reason": "perfect",
        "verdict": "confirmed",
        "prompt_before": "Process the input. Thank you.",
        "prompt_after": "Extract the city from the review.\nAnswer with the city alone.",
        "train_loss_before": 2.134,
        "train_loss_after": 0.021,
        "validation_loss_before": 2.2,
        "validation_loss_after": 0.031,
        "test": TestView(
            num_examples=30,
            loss_before=2.15,
            loss_after=0.025,
            difference=-2.125,
            interval=(-2.31, -1.94),
            p_value=0.0002,
            accuracy_before=0.0,
            accuracy_after=0.967,
        ),
        "num_iterations": 3,
        "num_accepted": 2,
        "num_candidates": 25,
        "rejected": [
            {
                "prompt": "Process it.",
                "reason": "selection",
                "detail": "candidate 3 has the lower loss",
                "iteration": 1,
            },
            {"prompt": "Do it.", "reason": "selection", "detail": "candidate 3 has the lower loss", "iteration": 2},
            {"prompt": "[bold]Oslo[/bold] \x1b[2J", "reason": "copies_data", "detail": "copied", "iteration": 2},
        ],
        "splits": SPLITS,
        "scored_tokens": 1234567,
        "computed_tokens": 345678,
        "generated_tokens": 3412,
        "seconds": 8.25,
        "model": {"model": "nano", "revision": "1", "dtype": "float32", "engine": "torch_tree"},
    }
    return ResultView.model_validate(values | changes)


def _job(job_id: str, state: str, **more: Any) -> JobView:
    values = {
        "id": job_id,
        "name": "review-city",
        "kind": "optimize",
        "state": state,
        "created_at": 1.0,
        "updated_at": 2.0,
        "splits": SPLITS,
        "best_prompt": "Extract the city.",
    }
    return JobView.model_validate(values | more)


def _search(num_iterations: int) -> Iterator[EventView]:
    """The events of a search that gets better in every second round."""
    loss, number = 2.134, 0

    def event(kind: str, **data: Any) -> EventView:
        nonlocal number
        number += 1
        return EventView(number=number, kind=kind, data=data)

    started = {"max_iterations": 20, "train_loss": loss, "validation_loss": 2.2, "num_train": 50}
    yield event("search_started", **started)
    for iteration in range(1, num_iterations + 1):
        spent = _spent(iteration)
        yield event("iteration_started", iteration=iteration, incumbent_id=0, train_loss=loss, spent=spent)
        yield event("rewrite_rejected", iteration=iteration, reason="duplicate", detail="", text="x", example_index=1)
        yield event("candidate_dropped", iteration=iteration, candidate_id=1, reason="selection", detail="")
        accepted = iteration % 2 == 1
        loss = loss / 4 if accepted else loss
        losses = {"train_loss": loss, "validation_loss": loss + 0.01}
        yield event("iteration_finished", iteration=iteration, accepted=accepted, spent=spent, **losses)
    yield event("search_finished", result={"spent": _spent(num_iterations)})


def _spent(iteration: int) -> dict[str, float]:
    return {
        "scored_tokens": 41_000 * iteration,
        "computed_tokens": 11_000 * iteration,
        "generated_tokens": 700 * iteration,
        "seconds": 1.5 * iteration,
    }


def _handler(double: ApiDouble) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            double.seen.append(seen)
            fault = double.faults.popleft() if double.faults else None
            job_id = parts.path.split("/")[3] if parts.path.endswith("/events") else ""
            wants_stream = double.streams and "text/event-stream" in headers.get("accept", "")
            if fault is None and wants_stream and job_id in double.jobs:
                self._stream(job_id, int(headers.get("last-event-id", "0")))
                return
            if fault is None:
                self._reply(*_answered(double, seen))
                return
            if fault.is_handled:
                _answered(double, seen)
            if fault.drop:
                self.close_connection = True
                return
            self._reply(fault.status, fault.body, fault.headers)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def _stream(self, job_id: str, after: int) -> None:
            cut = double.cuts.popleft() if double.cuts else None
            self.close_connection = True
            self.send_response(200)
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.end_headers()
            self.wfile.write(b'retry: 10\n\nevent: state\ndata: {"state": "running"}\n\n: nothing new\n\n')
            for event in double.events[job_id][after:]:
                if cut is not None and event.number > cut:
                    return
                self.wfile.write(f"id: {event.number}\ndata: {event.model_dump_json()}\n\n".encode())
            if cut is None:
                self.wfile.write(b'event: end\ndata: {"state": "succeeded", "last": 1}\n\n')

        def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _answered(double: ApiDouble, seen: Seen) -> tuple[int, bytes, dict[str, str]]:
    try:
        status, value = double.answer(seen)
    except PmpoError as error:
        fault = problem(error)
        return fault.status, fault.body, fault.headers
    return status, json.dumps(value).encode(), {"content-type": "application/json"}
