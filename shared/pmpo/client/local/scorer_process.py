"""A scorer of one's own: a process that lives as long as this one needs it, and never longer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
from typing import IO

import httpx

from pmpo.client.local.installed import require_server
from pmpo.errors import ConfigurationError, PmpoError, UnavailableError

POLL_S = 0.1
STOP_TIMEOUT_S = 15.0
MAX_SAID_BYTES = 4_096
_SETTING = re.compile(r"\bPMPO_[A-Z]|\bthe (model|tokenizer) ")
# The scorer ends when its standard input does: whoever started it is gone then, however that came about.
_PROGRAM = """
import os, signal, sys, threading
def end_with_parent():
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=end_with_parent, daemon=True).start()
from services.scorer.__main__ import main
sys.exit(main())
"""


class ScorerProcess:
    """``python -m services.scorer`` on a free port."""

    def __init__(self, model: str | None = None) -> None:
        """``model``: a folder, a hub name or nano; None leaves it to ``PMPO_SCORER_MODEL``."""
        self._model = model
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._starting = asyncio.Lock()
        self.url = ""

    async def start(self) -> str:
        """Its address, once its model is loaded; started by the first call.

        Raises:
            ConfigurationError: pmpo-server is not installed, or a setting or the model is not usable.
            UnavailableError: it ended for another reason; says what it said last.
        """
        async with self._starting:
            if self._process is None:
                require_server()
                self._launch()
                await self._wait_until_ready()
            return self.url

    async def stop(self) -> None:
        """Ask it to end, wait, and only then insist."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        if self._log is not None:
            self._log.close()

    def _launch(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        own = {"PMPO_SCORER_HOST": "127.0.0.1", "PMPO_SCORER_PORT": str(port), "PYTHONSAFEPATH": "1"}
        if self._model is not None:
            own["PMPO_SCORER_MODEL"] = self._model
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by ``stop``)
        self._process = subprocess.Popen(  # noqa: S603 - our own scorer, with fixed words
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env={name: value for name, value in {**os.environ, **own}.items() if name != "PMPO_SCORER_KEY"},
            start_new_session=True,  # Ctrl-C is for this process, which then stops it in good order
        )

    async def _wait_until_ready(self) -> None:
        assert self._process is not None
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
                while not await _is_ready(http, self.url):
                    if self._process.poll() is not None:
                        raise self._start_error(self._process.returncode)
                    await asyncio.sleep(POLL_S)
        except BaseException:
            await self.stop()
            raise

    def _start_error(self, status: int) -> PmpoError:
        """The scorer's last sentence, in the class that it tells of: those about a setting name it, or the model."""
        assert self._log is not None
        end = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, end - MAX_SAID_BYTES))
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        sentence = lines[-1].removeprefix("scorer: ") if lines else f"the scorer ended with status {status}"
        return (ConfigurationError if _SETTING.search(sentence) else UnavailableError)(sentence)


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK
    return False
