"""The API under load: many clients that look and follow while jobs are submitted and run on a real stack.

``make bench-load``; ``BENCH_ARGS="--clients 20 --seconds 5"`` for a try. Exits 1 when status takes 100 ms or more at
the 99th percentile, or anything fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from benchmarks.loading.clients import Clients, Follow, Load
from benchmarks.loading.figures import MemoryLog, cpu_seconds, is_met, report, table
from benchmarks.machine import ROOT

RESULTS = ROOT / "benchmarks" / "results"
SAMPLE_S = 1.0
STOP_S = 60.0


def main(arguments: Sequence[str]) -> int:
    """Start a stack, load it, write the figures. 0 when what is wanted was met."""
    given = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, _stack(given.workers, Path(folder)) as ready:
        address = urlsplit(str(ready["api"]))
        load = Load(
            str(address.hostname),
            int(address.port or 80),
            given.clients,
            given.seconds,
            given.every,
            given.follow,
            given.backlog,
        )
        figures = asyncio.run(_measure(load, ready["pids"]))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "load.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (given.out / "load.md").write_text(table(figures), encoding="utf-8")
    print(table(figures))
    print(json.dumps(figures["errors"]) if figures["errors"] else "no errors")
    return 0 if is_met(figures) else 1


async def _measure(load: Load, pids: Mapping[str, int]) -> dict[str, Any]:
    clients, memory = Clients(load, _small_job()), MemoryLog(pids)
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    own = cpu_seconds(os.getpid())

    async def watch() -> None:
        while True:
            memory.sample()
            await asyncio.sleep(SAMPLE_S)

    watching = asyncio.create_task(watch())
    try:
        await clients.run()
    finally:
        watching.cancel()
    busy = {name: (cpu_seconds(pid) - before[name]) / load.seconds for name, pid in pids.items()}
    busy["clients"] = (cpu_seconds(os.getpid()) - own) / load.seconds
    return report(load, clients.seen, memory, busy)


@contextmanager
def _stack(num_workers: int, folder: Path) -> Iterator[dict[str, Any]]:
    """A stack as ``pmpo up`` starts it, with a deterministic scorer, on free ports."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMPO_")}
    settings = {"PMPO_SCORER_DETERMINISTIC": "true", "PMPO_STATE_DIR": str(folder), "PMPO_LOG_LEVEL": "warning"}
    ports = ["--api-port", "0", "--scorer-port", "0"]
    command = [sys.executable, "-P", "-m", "services.stack", *ports, "--workers", str(num_workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**kept, **settings}, text=True)
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise SystemExit("the stack did not start; its message stands above")
        yield json.loads(line)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _small_job() -> dict[str, Any]:
    """24 rows of a bundled job and two short rounds: some seconds of work."""
    lines = (ROOT / "examples" / "data" / "review-city.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        "prompt": "Process the input. Take your time. This is very important.",
        "dataset": {"train": [json.loads(line) for line in lines[:24]]},
        "optimizer": {"iterations": 2, "hard_examples": 2, "variants": 2, "patience": 2},
        "constraints": {"max_prompt_tokens": 80},
        "max_answer_tokens": 16,
    }


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    options.add_argument("--clients", type=int, default=200, help="clients that look once a second and follow a job")
    options.add_argument("--seconds", type=float, default=60.0, help="how long")
    options.add_argument("--every", type=float, default=2.0, help="seconds between two submitted jobs")
    options.add_argument("--backlog", type=int, default=20, help="jobs that are submitted before the clients come")
    options.add_argument("--follow", choices=get_args(Follow), default="sse", help="by streams, long polls, or not")
    options.add_argument("--workers", type=int, default=1, help="worker processes of the stack")
    options.add_argument("--out", type=Path, default=RESULTS, help="folder for load.json and load.md")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
