"""What a run under faults measured, beside what it was measured on."""

import json
from pathlib import Path
from typing import Any

from benchmarks.machine import surroundings


class Figures:
    """One JSON file of all tests of a run; without a file, nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def record(self, name: str, **values: Any) -> None:
        """Add a test's figures, in the place of those of an earlier run of it."""
        if self._path is None:
            return
        known = json.loads(self._path.read_text()) if self._path.is_file() else {"benchmark": "faults"}
        known[name] = {"measured_on": surroundings(), **values}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(known, indent=1) + "\n")
