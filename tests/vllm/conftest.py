"""A real vLLM: nano in this process and behind ``vllm serve``. Loaded once; each takes about a minute."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pmpo.runtime.settings import load_settings
from services.bundled import nano_dir
from services.scorer.engines.choosing import ModelText, choose_engine, load_text
from services.scorer.engines.machine import Machine
from services.scorer.model_source import find_model

START_S = 300.0
BATCH_TOKENS = "4096"
KEY = "a-key-of-the-tests"
VLLM = {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
os.environ.update(VLLM)


class VllmServer:
    """``vllm serve models/nano`` in float32, with a key, on a port that it keeps when it is started again."""

    def __init__(self, log: Path) -> None:
        self._log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, str(Path(__file__).parent / "serve.py"), "serve", str(nano_dir())]
        served = ["--served-model-name", "nano", "--host", "127.0.0.1", "--port", str(self._port), "--api-key", KEY]
        more = ["--dtype", "float32", "--enforce-eager", "--max-num-batched-tokens", BATCH_TOKENS]
        routes = ["--enable-scale-out", "--enable-tokenizer-info-endpoint"]
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, *served, *more, *routes],
                stdout=output,
                stderr=output,
                env={**os.environ, **VLLM},
                start_new_session=True,  # so that it can be killed with the engine's process
            )

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_S
        with httpx.Client(trust_env=False) as client:
            while time.monotonic() < deadline:
                if self.process is None or self.process.poll() is not None:
                    break
                try:
                    if client.get(f"{self.url}/health").status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.5)
        raise AssertionError(f"vllm serve did not start:\n{self._log.read_text(errors='replace')[-4000:]}")

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    server = VllmServer(tmp_path_factory.mktemp("vllm") / "serve.log")
    server.start()
    try:
        server.wait_until_up()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def vllm_url(vllm_server: VllmServer) -> str:
    return vllm_server.url


def chosen(engine: str, **settings: str) -> Machine:
    names = {f"PMPO_SCORER_{name.upper()}": value for name, value in settings.items()}
    found = load_settings({"PMPO_SCORER_ENGINE": engine, "PMPO_SCORER_MAX_BATCH_TOKENS": BATCH_TOKENS, **names})
    source = find_model(found.scorer_model)
    return choose_engine(found, source, load_text(found, source))


@pytest.fixture(scope="session")
def text() -> ModelText:
    return load_text(load_settings({}), find_model("nano"))


@pytest.fixture(scope="session")
def tree() -> Machine:
    return chosen("torch_tree", dtype="float32")


@pytest.fixture(scope="session")
def in_process() -> Machine:
    return chosen("vllm_local", dtype="float32", vllm_eager="true", vllm_cache_gib="1")


@pytest.fixture(scope="session")
def over_http(vllm_url: str) -> Machine:
    return chosen("remote", remote_urls=vllm_url, remote_key=KEY)
