import socket
import subprocess
import time
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
