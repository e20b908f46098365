"""What stands in a queue is run when it is one of our own entries, and never else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from services.queues import TASK
from services.worker import tasks
from services.worker.entry import Entry


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    client = redis.Redis.from_url(redis_url)
    yield Queue("interactive", connection=client, serializer=JSONSerializer)
    client.close()


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the jobs that were run."""
    ids: list[str] = []
    monkeypatch.setattr(tasks, "run_job", ids.append)
    return ids


def work(queue: Queue, entry_class: type[Job]) -> None:
    worker = SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer, job_class=entry_class)
    worker.work(burst=True, logging_level="ERROR")


def test_rq_itself_would_call_anything(queue: Queue, tmp_path: Path) -> None:
    queue.enqueue_call("os.mkdir", args=(str(tmp_path / "made"),))
    work(queue, Job)
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "call",
    [
        ("os.mkdir", ["MADE"], {}),
        ("services.worker.tasks.os.mkdir", ["MADE"], {}),
        (TASK, ["j1", "j2"], {}),
        (TASK, [["j1"]], {}),
        (TASK, ["j1"], {"more": 1}),
    ],
)
def test_another_call_is_not_made(
    queue: Queue, ran: list[str], tmp_path: Path, call: tuple[str, list[Any], dict[str, Any]]
) -> None:
    name, arguments, named = call
    made = tmp_path / "made"
    entry = queue.enqueue_call(name, args=[str(made) if each == "MADE" else each for each in arguments], kwargs=named)
    work(queue, Entry)
    assert entry.get_status(refresh=True) == "failed"
    assert not made.exists() and ran == []


def test_our_own_call_is_made_and_nothing_with_it(queue: Queue, ran: list[str], tmp_path: Path) -> None:
    entry = queue.enqueue_call(TASK, args=("j1",), on_success=Callback("os.mkdir"), on_failure=Callback("os.mkdir"))
    work(queue, Entry)
    assert ran == ["j1"]
    assert entry.get_status(refresh=True) == "finished"
