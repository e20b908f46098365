import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest


@pytest.fixture(scope="session")
def redis_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis of our own, started once: the binary that the embedded stack would take."""
    from services.stack import redis_server
    from services.stack.options import free_port

    folder: Path = tmp_path_factory.mktemp("redis")
    port = free_port()
    process = subprocess.Popen(
        redis_server.command(redis_server.find_server(), port, folder), stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while not redis_server.answers(port):
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """The same Redis, emptied."""
    address = urlsplit(redis_server_url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(64).startswith(b"+OK")
    return redis_server_url


@pytest.fixture(scope="session")
def api_process_url(redis_server_url: str) -> Iterator[str]:
    """A real API process over that Redis, started once; it has no scorer, so it takes no jobs."""
    from services.stack.options import free_port

    url = f"http://127.0.0.1:{(port := free_port())}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMPO_")}
    settings = {"PMPO_REDIS_URL": redis_server_url, "PMPO_API_PORT": str(port), "PMPO_LOG_LEVEL": "error"}
    process = subprocess.Popen([sys.executable, "-m", "services.api"], env={**kept, **settings})
    try:
        deadline = time.monotonic() + 60
        while not _answers(f"{url}/healthz"):
            assert process.poll() is None and time.monotonic() < deadline, "the API did not start"
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def live_api(api_process_url: str, redis_url: str) -> str:
    """The address of that API, with nothing stored."""
    return api_process_url


@pytest.fixture
def nightly(live_api: str, redis_url: str) -> str:
    """The id of a schedule that this API has: saved as it saves one, whose scorer counts no tokens here."""
    from pmpo.contracts.jobs import SplitSizes
    from services.store.records import NewJob
    from services.store.schedule_records import NewSchedule
    from services.store.store import Store

    async def save() -> None:
        spec = b'{"prompt": "Do it.", "dataset": {"train": [{"input": "a", "target": "b"}]}}'
        sizes = SplitSizes(train=5, validation=2, test=3)
        job = NewJob("", "cities", "optimize", "overnight", spec, b"{}", b"{}", sizes, (), "Do it.")
        new = NewSchedule(
            "sch_1", "nightly", "@daily", "UTC", "skip", "none", None, time.time(), int(time.time()) + 90_000, job
        )
        store = Store.open(redis_url, 60.0)
        await store.schedules.create(new, 200, None, b"")
        await store.close()

    asyncio.run(save())
    return "sch_1"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
