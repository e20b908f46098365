"""A real Redis of one test alone, which it may kill and start again over the same files."""

import signal
import subprocess
import time
from pathlib import Path

from services.stack import redis_server
from services.stack.options import free_port


class PrivateRedis:
    """A server of this test alone, which it may kill."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, port: int | None = None) -> None:
        """Serve what is in the folder, at another port on demand."""
        port = port or self.port
        command = redis_server.command(redis_server.find_server(), port, self._folder)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not redis_server.answers(port):
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
