"""A real stack whose workers reach the scorer through a proxy: Redis, two workers, scorer, API, nano."""

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.integration.conftest import Stack, running, start_stack
from tests.webhook_receiver import Receiver, serving

from .figures import Figures
from .proxy import Proxy

LEASE_S = 3.0
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--faults-jobs", type=int, default=20, help="jobs: 20 in the short form, 100 in the long")
    group.addoption("--faults-disturbances", type=int, default=22, help="how often something is killed, frozen or cut")
    group.addoption("--faults-seed", type=int, default=0, help="decides what is disturbed and when")
    group.addoption("--faults-limit", type=float, default=14.0, help="seconds that each job may add to the whole run")
    group.addoption("--faults-results", type=Path, default=None, help="JSON file that gets the figures")


@dataclass(frozen=True)
class Disturbed:
    stack: Stack
    proxy: Proxy


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """What a test measured, for the file of ``--faults-results``."""
    return Figures(request.config.getoption("--faults-results"))


@pytest.fixture
def disturbed(tmp_path: Path) -> Iterator[Disturbed]:
    """With short leases, and webhooks to this machine."""
    settings = {"PMPO_LEASE_S": str(LEASE_S), "PMPO_WEBHOOK_SECRET": SECRET, "PMPO_WEBHOOK_ALLOW": "127.0.0.1"}
    with started(tmp_path, **settings) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes webhooks; one of three only when it comes again."""
    with serving(Receiver(fails_first_of=3)) as found:
        yield found


@pytest.fixture
def disturbed_by_default(tmp_path: Path) -> Iterator[Disturbed]:
    """With the lease that is the default."""
    with started(tmp_path) as found:
        yield found


@contextmanager
def started(folder: Path, *, disk: Path | None = None, **settings: str) -> Iterator[Disturbed]:
    """A stack with its proxy; ``disk``: where Redis' files lie, in the place of the stack's own folder."""
    state = folder / "state"
    if disk is not None:
        state.mkdir()
        (state / "redis").symlink_to(disk, target_is_directory=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        scorer_port = int(probe.getsockname()[1])
    client: list[redis.Redis] = []

    def num_answers(job_id: str) -> int | None:
        """Length of a job's journal; None while Redis is away."""
        try:
            return int(client[0].hlen(f"pmpo:job:{job_id}:journal"))  # type: ignore[arg-type]
        except redis.RedisError:
            return None

    proxy = Proxy(scorer_port, num_answers)
    process = start_stack(
        *("--workers", "2", "--scorer-port", str(scorer_port)),
        PMPO_ENDPOINTS=json.dumps({"default": {"url": f"http://127.0.0.1:{proxy.port}"}}),
        PMPO_SCORER_DETERMINISTIC="true",
        PMPO_STATE_DIR=str(state),
        **settings,
    )
    with running(process) as stack:
        client.append(redis.Redis.from_url(str(stack.ready["redis"]), socket_timeout=2))
        yield Disturbed(stack, proxy)
    client[0].close()
    proxy.close()
