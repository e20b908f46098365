"""Memory of processes over time: what the system says, and whether it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MIB = 2**20
HOUR_S = 3_600.0


def resident_mib(pid: int) -> float | None:
    """The resident memory of a process; None when it is gone, or where there is no /proc."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = [line for line in text.splitlines() if line.startswith("VmRSS:")]
    return int(found[0].split()[1]) / 1_024 if found else None


def children_of(pid: int) -> list[int]:
    """Direct children."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(each) for each in path.read_text(encoding="utf-8").split()]
        except OSError:
            continue
    return found


def slope_per_hour(moments_s: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """The least-squares slope of ``values`` in an hour, and its standard error as if the samples were independent.

    ``moments_s`` differ; at least three of them.
    """
    hours = np.asarray(moments_s, dtype=float) / HOUR_S
    found = np.asarray(values, dtype=float)
    centred = hours - hours.mean()
    spread = float(centred @ centred)
    slope = float(centred @ found) / spread
    residuals = found - found.mean() - slope * centred
    return slope, float(np.sqrt(residuals @ residuals / (len(found) - 2) / spread))


@dataclass
class Series:
    """Named values, sampled at the same moments (seconds from the start); None where one was not there."""

    moments_s: list[float] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)

    def add(self, moment_s: float, sample: Mapping[str, float | None]) -> None:
        """One sample of everything; the names are the same each time."""
        self.moments_s.append(round(moment_s, 1))
        for name, value in sample.items():
            self.values.setdefault(name, []).append(None if value is None else round(value, 2))

    def summary(self, after_s: float) -> dict[str, dict[str, Any]]:
        """First, last and highest of each name, and the slope of what was sampled after ``after_s``."""
        return {name: self._summary(values, after_s) for name, values in self.values.items()}

    def _summary(self, values: Sequence[float | None], after_s: float) -> dict[str, Any]:
        known = [(at, value) for at, value in zip(self.moments_s, values, strict=True) if value is not None]
        if not known:
            return {"samples": 0}
        found: dict[str, Any] = {
            "samples": len(known),
            "first": known[0][1],
            "last": known[-1][1],
            "highest": max(value for _, value in known),
        }
        late = [(at, value) for at, value in known if at >= after_s]
        if len(late) > 2:
            slope, error = slope_per_hour([at for at, _ in late], [value for _, value in late])
            found |= {"slope_per_hour": round(slope, 2), "standard_error": round(error, 2)}
        return found
