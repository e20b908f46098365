"""What was seen, as figures and as a table."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.loading.clients import Load, Seen
from benchmarks.machine import surroundings

WANTED_P99_MS = 100.0
PERCENTILES = (50, 95, 99)


class MemoryLog:
    """Resident memory of processes, sampled."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._samples: dict[str, list[float]] = {name: [] for name in pids}

    def sample(self) -> None:
        """Look once at each process, with those that it started."""
        for name, pid in self._pids.items():
            self._samples[name].append(sum(_resident_mib(each) for each in [pid, *_children(pid)]))

    def figures(self) -> dict[str, dict[str, float]]:
        """MiB at the beginning, at the end, and the most."""
        return {
            name: {"begin": round(seen[0], 1), "end": round(seen[-1], 1), "most": round(max(seen), 1)}
            for name, seen in self._samples.items()
            if seen
        }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of all are not above (nearest rank); NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def latencies_ms(seconds: Sequence[float]) -> dict[str, float | int]:
    """How many, and the percentiles in milliseconds."""
    found: dict[str, float | int] = {"count": len(seconds)}
    for percent in PERCENTILES:
        found[f"p{percent}"] = round(1000 * percentile(seconds, percent), 2)
    found["max"] = round(1000 * percentile(seconds, 100), 2)
    return found


def report(load: Load, seen: Seen, memory: MemoryLog, busy: Mapping[str, float]) -> dict[str, Any]:
    """Everything, as plain values. ``busy``: share of one core that each process used."""
    return {
        "measured_at": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": surroundings(),
        "load": {
            "clients": load.num_clients,
            "seconds": load.seconds,
            "submit_every_s": load.submit_every_s,
            "follow": load.follow,
            "first_jobs": load.num_first_jobs,
        },
        "status_ms": latencies_ms(seen.statuses_s),
        "submit_ms": latencies_ms(seen.submits_s),
        "client_lag_ms": latencies_ms(seen.lags_s),
        "errors": dict(sorted(seen.errors.items())),
        "num_jobs": len(seen.jobs),
        "num_streams": seen.num_streams,
        "num_frames": seen.num_frames,
        "memory_mib": memory.figures(),
        "cores_used": {name: round(share, 3) for name, share in busy.items()},
    }


def is_met(figures: Mapping[str, Any]) -> bool:
    """Whether status was answered in less than 100 ms at the 99th percentile, and nothing failed."""
    return bool(figures["status_ms"]["p99"] < WANTED_P99_MS and not figures["errors"])


def table(figures: Mapping[str, Any]) -> str:
    """The figures for a reader, in Markdown."""
    load = figures["load"]
    lines = [
        f"{load['clients']} clients, {load['seconds']:g} s, follow: {load['follow']}, "
        f"{figures['num_jobs']} jobs submitted; errors: {sum(figures['errors'].values())}",
        "",
        "| what | count | p50 ms | p95 ms | p99 ms | max ms |",
        "|---|---|---|---|---|---|",
    ]
    for key, name in (("status_ms", "status"), ("submit_ms", "submit"), ("client_lag_ms", "the clients' own lag")):
        row = figures[key]
        lines.append(f"| {name} | {row['count']} | {row['p50']} | {row['p95']} | {row['p99']} | {row['max']} |")
    lines += ["", "| process | MiB at the beginning | at the end | most | cores used |", "|---|---|---|---|---|"]
    for name, row in figures["memory_mib"].items():
        cores = figures["cores_used"].get(name, "-")
        lines.append(f"| {name} | {row['begin']} | {row['end']} | {row['most']} | {cores} |")
    return "\n".join(lines) + "\n"


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of those that it started and waited for; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
