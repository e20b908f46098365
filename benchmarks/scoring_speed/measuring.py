"""Rounds: in each, every contender scores the same items once, one after the other, in an order that moves on.

A round is a cell, kept under a key of all that decides it: ids, dtype, threads, the engine's own source. A round in
which a contender failed to answer is not kept, so the next run tries it again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cells import Cells
from benchmarks.machine import ROOT
from benchmarks.scoring_speed.cases import REFERENCE, Case, Contender
from benchmarks.scoring_speed.contenders.serving import write_items
from benchmarks.scoring_speed.gate import compare
from benchmarks.scoring_speed.lineup import Lineup
from benchmarks.scoring_speed.processes import ContenderError
from benchmarks.scoring_speed.shapes import Item, spread_places

SOURCES = ("services/scorer/engines", "services/scorer/planner", "benchmarks/scoring_speed/contenders")
NUM_REFERENCES = {"nano": 64}
NUM_REFERENCES_OF_LARGE = 6


@dataclass(frozen=True, slots=True)
class Assignment:
    """A case with its items, saved for the contenders at ``file``."""

    case: Case
    items: Sequence[Item]
    file: Path

    @classmethod
    def save(cls, case: Case, items: Sequence[Item], folder: Path) -> Assignment:
        """Write the ids where contenders read them."""
        file = folder / f"{case.name}.json"
        write_items(file, items)
        return cls(case, items, file)

    @property
    def places(self) -> list[int]:
        """Items that the reference scores too."""
        return spread_places(len(self.items), NUM_REFERENCES.get(self.case.model, NUM_REFERENCES_OF_LARGE))


def reference(assignment: Assignment, lineup: Lineup, cells: Cells, key: dict[str, Any]) -> list[list[float]]:
    """Log-likelihoods of the target tokens of ``assignment.places``, one sequence at a time in float32.

    Raises:
        ContenderError: the reference could not be made; nothing can be measured without it.
    """
    name, places = f"{assignment.case.name}/reference", assignment.places
    full_key = {**key, "places": places, "items": _digest(assignment.items)}
    found = cells.load(name, full_key)
    if found is None:
        file = assignment.file.with_suffix(".reference.json")
        write_items(file, [assignment.items[place] for place in places])
        found = cells.save(name, full_key, lineup.score(REFERENCE, file, with_tokens=True)["tokens"])
    rows: list[list[float]] = found
    return rows


@dataclass(frozen=True, slots=True)
class Rounds:
    """Measures rounds of cases on one lineup."""

    lineup: Lineup
    cells: Cells
    key: dict[str, Any]

    def measure(
        self, assignment: Assignment, contenders: Sequence[Contender], right: Sequence[Sequence[float]], number: int
    ) -> list[dict[str, Any]]:
        """``number`` rounds, those that are kept already read from their cells."""
        key = {**self.key, "items": _digest(assignment.items), "contenders": [one.name for one in contenders]}
        return [self._round(assignment, contenders, right, key, index) for index in range(number)]

    def _round(
        self,
        assignment: Assignment,
        contenders: Sequence[Contender],
        right: Sequence[Sequence[float]],
        key: dict[str, Any],
        index: int,
    ) -> dict[str, Any]:
        name = f"{assignment.case.name}/round-{index}"
        found: dict[str, Any] | None = self.cells.load(name, key)
        if found is not None:
            return found
        first = index % len(contenders)
        rows = {one.name: self._pass(assignment, one, right) for one in [*contenders[first:], *contenders[:first]]}
        found = {"contenders": rows, "load_1m": round(os.getloadavg()[0], 2)}
        if not any("error" in row for row in rows.values()):
            self.cells.save(name, key, found)
        _report(name, rows)
        return found

    def _pass(self, assignment: Assignment, one: Contender, right: Sequence[Sequence[float]]) -> dict[str, Any]:
        try:
            answer = self.lineup.score(one, assignment.file, with_tokens=True)
        except ContenderError as error:
            return {"error": str(error)}
        about = answer.pop("about")
        gate = compare(answer, right, assignment.places, assignment.case.dtype)
        measured = {name: answer[name] for name in ("seconds", "computed_tokens", "resident_bytes", "peak_bytes")}
        return {
            **measured,
            "gate": gate,
            "loaded_bytes": about["resident_bytes"],
            "versions": about["versions"],
            "size": about["size"],
        }


def source_digest() -> str:
    """Of the engine's and the contenders' code: figures of other code are not kept."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        at = ROOT / folder
        for path in sorted(at.rglob("*.py")) if at.is_dir() else [at.with_suffix(".py")]:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def weights_digest(folder: Path) -> str:
    """Of a model's weights: figures of a model that was trained again are not kept."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _digest(items: Sequence[Item]) -> str:
    return hashlib.sha256(json.dumps(items).encode()).hexdigest()[:12]


def _report(name: str, rows: dict[str, Any]) -> None:
    told = ", ".join(f"{who} {row['seconds']:.2f} s" if "seconds" in row else f"{who} -" for who, row in rows.items())
    print(f"{name}: {told}", flush=True)
    for row in rows.values():
        if "error" in row:
            print(f"  failed: {row['error']}", flush=True)
