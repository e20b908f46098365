"""A real vLLM: nano in this process and behind ``vllm serve``. Loaded once; each takes about a minute."""

from __future__ import annotations

import os
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
VLLM = {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
os.environ.update(VLLM)


@pytest.fixture(scope="session")
def vllm_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of ``vllm serve models/nano`` in float32."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("vllm") / "serve.log"
    command = [sys.executable, str(Path(__file__).parent / "serve.py"), "serve", str(nano_dir())]
    options = ["--served-model-name", "nano", "--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    more = ["--enable-scale-out", "--enforce-eager", "--max-num-batched-tokens", BATCH_TOKENS]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *options, *more], stdout=output, stderr=output, env={**os.environ, **VLLM}
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(url, process, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                if client.get(f"{url}/health").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.5)
    raise AssertionError(f"vllm serve did not start:\n{log.read_text(errors='replace')[-4000:]}")


def chosen(engine: str, **settings: str) -> Machine:
    names = {f"PMPO_SCORER_{name.upper()}": value for name, value in settings.items()}
    found = load_settings({"PMPO_SCORER_ENGINE": engine, "PMPO_SCORER_MAX_BATCH_TOKENS": BATCH_TOKENS, **names})
    source = find_model(found.scorer_model)
    return choose_engine(found, source, load_text(source))


@pytest.fixture(scope="session")
def text() -> ModelText:
    return load_text(find_model("nano"))


@pytest.fixture(scope="session")
def tree() -> Machine:
    return chosen("torch_tree", dtype="float32")


@pytest.fixture(scope="session")
def in_process() -> Machine:
    return chosen("vllm_local", dtype="float32", vllm_eager="true", vllm_cache_gib="1")


@pytest.fixture(scope="session")
def over_http(vllm_url: str) -> Machine:
    return chosen("remote", remote_urls=vllm_url)
