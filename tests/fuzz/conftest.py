"""Real processes to throw things at: Redis, the scorer with nano, the API. No worker: jobs are taken, not run."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.stack.options import free_port
from tests.unit.private_redis import PrivateRedis

from .tally import Tally

START_S = 300.0


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fuzz")
    group.addoption(
        "--fuzz-inputs", type=int, default=400, help="inputs in all: 400 in the short form, 20000 in the long"
    )
    group.addoption("--fuzz-seed", type=int, default=0, help="decides which inputs are made")
    group.addoption("--fuzz-results", type=Path, default=None, help="JSON file that gets the figures")


@dataclass(frozen=True)
class Fuzzed:
    """Where the services are, and the process ids whose memory is watched."""

    api: str
    scorer: str
    pids: dict[str, int]

    def memory_mib(self) -> dict[str, float]:
        """Resident memory of each process."""
        return {name: _resident_mib(pid) for name, pid in self.pids.items()}


@pytest.fixture(scope="session")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    redis = PrivateRedis(tmp_path_factory.mktemp("redis"))
    redis.start()
    ports = {"api": free_port(), "scorer": free_port()}
    settings = {
        "PMPO_REDIS_URL": redis.url,
        "PMPO_API_PORT": str(ports["api"]),
        "PMPO_SCORER_PORT": str(ports["scorer"]),
        "PMPO_SCORER_MEMO_BYTES": "0",
        "PMPO_LOG_LEVEL": "error",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMPO_")}
    processes = {
        name: subprocess.Popen([sys.executable, "-P", "-m", f"services.{name}"], env={**kept, **settings})
        for name in ("scorer", "api")
    }
    try:
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        _wait_until_ready([*urls.values()], list(processes.values()))
        yield Fuzzed(urls["api"], urls["scorer"], {name: process.pid for name, process in processes.items()})
        assert all(process.poll() is None for process in processes.values()), "a service died of an input"
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(30)
        redis.kill()


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What was sent and answered, for the file of ``--fuzz-results``."""
    counted = Tally()
    yield counted
    path = request.config.getoption("--fuzz-results")
    if path is not None:
        counted.write(path, seed=request.config.getoption("--fuzz-seed"))


Share = Callable[[float], int]


@pytest.fixture(scope="session")
def share(request: pytest.FixtureRequest) -> Share:
    """How many inputs a part of the whole is."""
    total = int(request.config.getoption("--fuzz-inputs"))
    return lambda part: max(10, round(total * part))


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--fuzz-seed"))


def _wait_until_ready(urls: list[str], processes: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_S
    with httpx.Client(trust_env=False, timeout=5) as client:
        for url in urls:
            while not _is_ready(client, url):
                assert all(process.poll() is None for process in processes), "a service did not start"
                assert time.monotonic() < deadline, f"{url} is not ready"
                time.sleep(0.1)


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
