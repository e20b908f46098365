"""The loop of every contender: one JSON object a line on stdin, one answer a line on stdout, log text on stderr.

    {"do": "load", "model": FOLDER, "dtype": "bfloat16", "device": "cpu", "threads": 2, "batch_tokens": 8192}
        -> {"versions": {...}, "size": {...} or null, "resident_bytes": ...}
    {"do": "score", "items": FILE, "variant": NAME, "with_tokens": false}
        -> {"seconds": ..., "sums": [...], "tokens": [[...]] or null, "computed_tokens": ... or null,
            "resident_bytes": ..., "peak_bytes": ...}

Reading the file is not timed. Closing stdin ends the contender. An exception is answered with {"error": TEXT}.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, TextIO

from benchmarks.scoring_speed.contenders.memory import Meter
from benchmarks.scoring_speed.shapes import Item


@dataclass(frozen=True, slots=True)
class Loading:
    """What a contender is told once. ``device``: cpu or cuda. ``batch_tokens``: tokens of one forward pass."""

    model: str
    dtype: str
    device: str
    threads: int
    batch_tokens: int


@dataclass(frozen=True, slots=True)
class Scored:
    """Nats. ``tokens``: of every target token where the contender tells, else None; then ``sums`` is all there is."""

    sums: Sequence[float]
    tokens: Sequence[Sequence[float]] | None = None
    computed_tokens: int | None = None


class Contender(Protocol):
    """A model, loaded and warm."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Those whose versions decide its figures."""

    def size(self) -> Mapping[str, int] | None:
        """The fields of ``ModelSize``, or None where the contender does not show its model."""

    def score(self, variant: str, items: Sequence[Item]) -> Scored:
        """Log-likelihoods of all targets, in the order of the items."""


def from_tokens(tokens: Sequence[Sequence[float]], computed_tokens: int | None = None) -> Scored:
    """With sums in double precision."""
    return Scored([float(sum(map(float, row))) for row in tokens], tokens, computed_tokens)


def serve(open_contender: Callable[[Loading], Contender]) -> None:
    """Answer commands until stdin ends."""
    with _clean_stdout() as out:
        session = _Session(open_contender)
        for line in sys.stdin:
            try:
                answer = session.answer(json.loads(line))
            except Exception as error:  # whatever happens inside a contender is its answer
                traceback.print_exc()
                answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:500]}
            print(json.dumps(answer), file=out, flush=True)


class _Session:
    """One contender from load to end."""

    def __init__(self, open_contender: Callable[[Loading], Contender]) -> None:
        self._open = open_contender
        self._contender: Contender | None = None
        self._meter = Meter("cpu")

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        do = command.pop("do")
        return self._load(Loading(**command)) if do == "load" else self._score(**command)

    def _load(self, loading: Loading) -> dict[str, Any]:
        self._contender = self._open(loading)
        self._meter = Meter(loading.device)
        return {
            "versions": {name: _version(name) for name in self._contender.packages},
            "size": self._contender.size(),
            "resident_bytes": self._meter.resident(),
        }

    def _score(self, items: str, variant: str, with_tokens: bool) -> dict[str, Any]:
        assert self._contender is not None, "load comes first"
        rows = read_items(Path(items))
        self._meter.reset()
        resident = self._meter.resident()
        started_at = time.perf_counter()
        scored = self._contender.score(variant, rows)  # values arrive on the host, so a GPU has finished too
        seconds = time.perf_counter() - started_at
        tokens = None if scored.tokens is None or not with_tokens else [list(map(float, row)) for row in scored.tokens]
        return {
            "seconds": seconds,
            "sums": list(scored.sums),
            "tokens": tokens,
            "computed_tokens": scored.computed_tokens,
            "resident_bytes": resident,
            "peak_bytes": self._meter.peak(),
        }


def write_items(path: Path, items: Sequence[Item]) -> None:
    """The same ids for every contender."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(items), encoding="utf-8")


def read_items(path: Path) -> list[Item]:
    """What ``write_items`` wrote."""
    return [(tuple(context), tuple(target)) for context, target in json.loads(path.read_text(encoding="utf-8"))]


@contextmanager
def _clean_stdout() -> Iterator[TextIO]:
    """The real stdout for answers alone: what libraries print goes to stderr, that of C code and children too."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        yield out


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "from the checkout"
