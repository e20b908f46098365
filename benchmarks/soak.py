"""Does memory grow? A stack under steady load for a given time, with the memory of each process sampled on the way.

``python -m benchmarks.soak --minutes 60``; see docs/benchmarks.md. Jobs come in as others end. The bounds of both score
caches are set low and ended jobs are cleared away soon, so that all that may fill is full early on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import redis

from benchmarks.machine import ROOT, surroundings
from benchmarks.memory import MIB, Series, children_of, resident_mib
from benchmarks.options import RESULTS, write_result
from pmpo.client import Client
from pmpo.contracts.jobs import FINAL_STATES, JobSpec
from pmpo.errors import NotFoundError

POLL_S = 0.5
ROWS = 16
DAY_MINUTES = 24 * 60
SCORE_CACHE_BYTES = 8 * MIB
MEMO_BYTES = 16 * MIB


def main(arguments: Sequence[str]) -> int:
    """Run and write ``soak.json``."""
    options = _parser().parse_args(arguments)
    settings = {
        "PMPO_RETENTION_DAYS": str(options.keep_minutes / DAY_MINUTES),
        "PMPO_SCORE_CACHE_BYTES": str(SCORE_CACHE_BYTES),
        "PMPO_SCORER_MEMO_BYTES": str(MEMO_BYTES),
    }
    with ExitStack() as closing:
        ready = closing.enter_context(_stack(options.workers, settings))
        client = closing.enter_context(Client(ready["api"]))
        store = redis.Redis.from_url(ready["redis"])
        closing.callback(store.close)
        soak = Soak(client, store, ready, sample_s=options.sample_seconds)
        soak.run(options.minutes * 60.0, num_in_flight=2 * options.workers)
    shown = {name: value for name, value in vars(options).items() if name != "results"}
    result = {"benchmark": "soak", "measured_on": surroundings(), "settings": {**shown, **settings}, **soak.result()}
    write_result(options.results / "soak.json", result)
    for name, found in result["memory_mib"].items():
        print(f"{name:24} {found}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long jobs are submitted")
    parser.add_argument("--workers", type=int, default=2, help="workers of the stack")
    parser.add_argument("--keep-minutes", type=float, default=5.0, help="how long ended jobs are kept")
    parser.add_argument("--sample-seconds", type=float, default=10.0, help="between two samples")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result")
    return parser


class Soak:
    """A steady load, and the samples that are taken under it."""

    def __init__(self, client: Client, store: redis.Redis, ready: Mapping[str, Any], *, sample_s: float) -> None:
        """``ready``: what the stack said when it was."""
        self._client = client
        self._store = store
        self._scorer_url = str(ready["scorer"])
        self._pids: Mapping[str, int] = ready["pids"]
        self._sample_s = sample_s
        self._series = Series()
        self._ends: Counter[str] = Counter()
        self._num_submitted = 0
        self._duration_s = 0.0

    def run(self, duration_s: float, num_in_flight: int) -> None:
        """Submit as others end, for so long; what is then still under way is left."""
        specs = _specs()
        under_way: set[str] = set()
        started = time.monotonic()
        next_sample_s = 0.0
        while (now_s := time.monotonic() - started) < duration_s:
            if now_s >= next_sample_s:
                self._series.add(now_s, self._sample())
                next_sample_s += self._sample_s
            under_way -= self._ended(under_way)
            while len(under_way) < num_in_flight:
                under_way.add(self._client.create_job(next(specs)).id)
                self._num_submitted += 1
            time.sleep(POLL_S)
        self._duration_s = now_s

    def result(self) -> dict[str, Any]:
        """What was seen. Slopes are those of the last two thirds of the time, per hour."""
        return {
            "minutes": round(self._duration_s / 60, 1),
            "jobs_submitted": self._num_submitted,
            "jobs_ended": dict(self._ends),
            "memory_mib": self._series.summary(self._duration_s / 3),
            "moments_s": self._series.moments_s,
            "series": self._series.values,
        }

    def _ended(self, under_way: set[str]) -> set[str]:
        ended = set()
        for job_id in under_way:
            state = self._state(job_id)
            if state is None or state in FINAL_STATES:
                self._ends[state or "lost"] += 1
                ended.add(job_id)
        return ended

    def _state(self, job_id: str) -> str | None:
        try:
            return self._client.get_job(job_id).state
        except NotFoundError:
            return None

    def _sample(self) -> dict[str, float | None]:
        """MiB of each process, of the largest work horse, and as Redis and the scorer count; jobs that are kept."""
        horses = [
            resident_mib(horse)
            for name, pid in self._pids.items()
            if name.startswith("worker")
            for horse in children_of(pid)
        ]
        information: Mapping[str, Any] = self._store.info("memory")
        return {
            **{name: resident_mib(pid) for name, pid in self._pids.items()},
            "largest work horse": max((each for each in horses if each is not None), default=None),
            "redis, used": information["used_memory"] / MIB,
            **self._scorer_memos(),
            "jobs kept (number)": float(self._store.zcard("pmpo:jobs")),
        }

    def _scorer_memos(self) -> dict[str, float | None]:
        """MiB that the scorer remembers, within bounds, of contexts and of scores."""
        lines = httpx.get(f"{self._scorer_url}/metrics", timeout=30, trust_env=False).text.splitlines()
        found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        names = {"scorer, contexts": "pmpo_scorer_context_memo_bytes", "scorer, scores": "pmpo_scorer_memo_bytes"}
        return {name: float(found[metric]) / MIB for name, metric in names.items()}


def _specs() -> Iterator[JobSpec]:
    """Short jobs, each with another seed and other rows."""
    lines = (ROOT / "examples" / "data" / "review-city.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for number in itertools.count():
        start = ROWS * number % (len(rows) - ROWS)
        yield JobSpec.model_validate(
            {
                "name": f"soak-{number}",
                "prompt": f"Process the input. Take your time. This is number {number}.",
                "dataset": {"train": rows[start : start + ROWS]},
                "optimizer": {"iterations": 2, "hard_examples": 1, "variants": 2, "patience": 2},
                "constraints": {"max_prompt_tokens": 80},
                "max_answer_tokens": 12,
                "seed": number,
            }
        )


@contextmanager
def _stack(num_workers: int, settings: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A stack of its own, and what it says when it is ready."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMPO_")}
    ports = ("--api-port", "0", "--scorer-port", "0")
    with tempfile.TemporaryDirectory(prefix="pmpo-soak-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "services.stack", *ports, "--workers", str(num_workers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**kept, "PYTHONSAFEPATH": "1", **settings, "PMPO_STATE_DIR": folder},
            text=True,
        )
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline() or "{}")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
