"""What it costs to score through a server: one engine after the other on the same token ids, on the same single core.

The tree engine, vLLM in this process, and the remote engine on ``vllm serve`` next to it, each as the scorer would
choose it. Seconds of the clock ask for an otherwise idle core; seconds of the processor, this process's and the
server's together, are what the clock would show then, and hold on a busy machine too. Run in vLLM's environment:
``python -m benchmarks.remote_overhead --cpu 1``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.machine import ROOT, surroundings
from benchmarks.options import RESULTS, write_result
from benchmarks.scoring_speed.shapes import SHAPES, num_raw_tokens
from pmpo.runtime.settings import load_settings
from services.bundled import nano_dir
from services.scorer.engines.base import Engine, TokenItem
from services.scorer.engines.choosing import choose_engine, load_text
from services.scorer.model_source import find_model

START_S = 600.0
PRIORITY = 5
MODELS = {"nano": ("float32", 4, 16), "qwen2.5-0.5b": ("bfloat16", 1, 3)}  # dtype, candidates, examples
ENGINES = ("torch_tree", "vllm_local", "remote")
BATCH_TOKENS = "2048"
SAME_HEAD = '{"head_dtype": "float32"}'  # the engine in this process has its output layer in float32
LENGTH = "1024"
VLLM = {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "WARNING"}


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over all items: seconds of the clock, and those of the processor here and in the server's processes."""

    seconds: float
    caller_s: float
    server_s: float
    sums: tuple[float, ...]

    @property
    def cpu_s(self) -> float:
        """Seconds that the core worked for it."""
        return self.caller_s + self.server_s


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen models and write the result."""
    options = _options(arguments)
    os.environ.update(
        VLLM, OMP_NUM_THREADS="1", VLLM_CPU_OMP_THREADS_BIND=str(options.cpu), VLLM_ENABLE_V1_MULTIPROCESSING="0"
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped too
    if options.caller_cpu is None:
        options.caller_cpu = options.cpu
    is_shared = options.caller_cpu == options.cpu
    path = options.results / f"remote_overhead{'' if is_shared else '_caller_apart'}.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in options.models:
        measured = measure(name, options)
        found[name] = {"made_on": surroundings(), "cores": 1, **measured}
        write_result(path, found)
    print(path)
    return 0


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Rounds of all engines on one model's items, after one that is not counted."""
    dtype, num_candidates, num_examples = MODELS[name]
    folder = nano_dir() if name == "nano" else _random_model(name, options.folder)
    vocabulary = 512 if name == "nano" else 100_000
    pairs = SHAPES["A"].items(num_candidates, num_examples, vocabulary, seed=1)
    items = [TokenItem(context, target) for context, target in pairs]
    with serving(folder, dtype) as (url, server):
        engines = {engine: _engine(engine, folder, dtype, url) for engine in ENGINES}
        for engine in engines.values():
            engine.score(items[:2])
        _pin([os.getpid(), *_family(server)], options.cpu, is_realtime=options.realtime)
        rounds: list[dict[str, Pass]] = []
        for _ in range(options.rounds):
            rounds.append({})
            for key, engine in engines.items():
                caller_cpu = options.cpu if key != "remote" else options.caller_cpu
                _pin([os.getpid()], caller_cpu, is_realtime=options.realtime)
                rounds[-1][key] = _pass(engine, items, server)
        modes = {key: engine.identity.mode for key, engine in engines.items()}
    return {"dtype": dtype, "items": len(items), "tokens": num_raw_tokens(pairs), "modes": modes, **_summary(rounds)}


@contextmanager
def serving(folder: Path, dtype: str) -> Iterator[tuple[str, int]]:
    """``vllm serve`` of a folder: its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "tests" / "vllm" / "serve.py"), "serve", str(folder)]
    options = ["--dtype", dtype, "--host", "127.0.0.1", "--port", str(port), "--max-model-len", LENGTH]
    more = [
        "--served-model-name",
        "m",
        "--hf-overrides",
        SAME_HEAD,
        "--enable-scale-out",
        "--enforce-eager",
        "--max-num-batched-tokens",
        BATCH_TOKENS,
    ]
    process = subprocess.Popen([*command, *options, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_S
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"vllm serve of {folder} did not start")
            time.sleep(0.5)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def _engine(name: str, folder: Path, dtype: str, url: str) -> Engine:
    named = {
        "ENGINE": name,
        "MODEL": str(folder),
        "DTYPE": dtype,
        "THREADS": "1",
        "MAX_BATCH_TOKENS": BATCH_TOKENS,
        "REMOTE_URLS": url,
        "VLLM_EAGER": "true",
        "VLLM_CACHE_GIB": "1",
        "VLLM_MAX_MODEL_LEN": LENGTH,
    }
    settings = load_settings({f"PMPO_SCORER_{key}": value for key, value in named.items()})
    source = find_model(settings.scorer_model)
    return choose_engine(settings, source, load_text(settings, source)).engine


def _pass(engine: Engine, items: Sequence[TokenItem], server: int) -> Pass:
    server_s, caller_s, started_at = _cpu_s(server), time.process_time(), time.perf_counter()
    scored = engine.score(items)
    seconds, caller_s = time.perf_counter() - started_at, time.process_time() - caller_s
    sums = tuple(float(values.sum(dtype=np.float64)) for values in scored.token_log_likelihoods)
    return Pass(seconds, caller_s, _cpu_s(server) - server_s, sums)


def _summary(rounds: Sequence[dict[str, Pass]]) -> dict[str, Any]:
    """Medians over the rounds; ratios are taken within a round."""
    num_items = len(rounds[0]["remote"].sums)
    local = np.array(rounds[0]["vllm_local"].sums)
    ratios = {
        "clock": [each["vllm_local"].seconds / each["remote"].seconds for each in rounds],
        "processor": [each["vllm_local"].cpu_s / each["remote"].cpu_s for each in rounds],
        "server's share of the processor": [each["remote"].server_s / each["remote"].cpu_s for each in rounds],
    }
    return {
        "seconds": {name: [round(each[name].seconds, 3) for each in rounds] for name in ENGINES},
        "processor_seconds": {name: [round(each[name].cpu_s, 3) for each in rounds] for name in ENGINES},
        "items_per_processor_second": {
            name: round(num_items / statistics.median(each[name].cpu_s for each in rounds), 3) for name in ENGINES
        },
        "remote_over_local": {name: round(statistics.median(values), 4) for name, values in ratios.items()},
        "largest_difference_nats": {
            name: float(np.abs(np.array(rounds[0][name].sums) - local).max()) for name in ENGINES
        },
    }


def _random_model(name: str, folder: Path) -> Path:
    """A model of that shape with random weights, and nano's tokenizer beside it, which the servers' start needs."""
    path: Path = folder / name
    if not (path / "config.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        module = "benchmarks.scoring_speed.random_model"
        subprocess.run([sys.executable, "-m", module, name, str(path)], check=True, cwd=ROOT)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(nano_dir() / file, path / file)
    return path


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _family(process: int) -> list[int]:
    """A process and all that come from it."""
    children = []
    for task in Path(f"/proc/{process}/task").iterdir():
        children += [int(child) for child in (task / "children").read_text().split()]
    return [process, *(each for child in children for each in _family(child))]


def _pin(processes: Sequence[int], cpu: int, *, is_realtime: bool) -> None:
    for process in processes:
        for task in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cpu})
            if is_realtime:
                os.sched_setscheduler(int(task.name), os.SCHED_RR, os.sched_param(PRIORITY))


def _cpu_s(process: int) -> float:
    """CPU seconds of a process and its descendants so far."""
    ticks = 0
    for each in _family(process):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m benchmarks.remote_overhead", description=__doc__)
    options.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    options.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="the core that all share")
    options.add_argument(
        "--caller-cpu", type=int, help="the core of the remote engine's own side; the same when left out"
    )
    options.add_argument("--realtime", action="store_true", help="measure before everything else on that core (root)")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--folder", type=Path, default=ROOT / ".bench" / "scoring" / "models", help="of random models")
    options.add_argument("--results", type=Path, default=RESULTS)
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
