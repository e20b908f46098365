"""``python -m benchmarks.optimizing.packages QUESTION ANSWER``: run the trial in one JSON file, write its steps."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.engine import connect
from benchmarks.optimizing.packages.desk import Desk, Task
from benchmarks.optimizing.priced import CapReachedError, PricedEngine
from benchmarks.optimizing.rates import Rates
from pmpo.runtime.http import open_http

MODULES = {"gepa": "with_gepa", "promptolution": "with_promptolution"}


def main() -> None:
    """Run the trial in QUESTION."""
    question, answer = (Path(argument) for argument in sys.argv[1:])
    asked = json.loads(question.read_text(encoding="utf-8"))
    answer.write_text(json.dumps(_trial(asked)), encoding="utf-8")


def _trial(asked: dict[str, Any]) -> dict[str, Any]:
    """The packages are synchronous, our client is not: its loop runs while a call does."""
    optimizer = importlib.import_module(f"benchmarks.optimizing.packages.{MODULES[asked['package']]}")
    with asyncio.Runner() as loop:
        http = open_http()
        engine = loop.run(connect(http, asked["url"]))
        desk = Desk(loop, PricedEngine(engine, Rates.read(asked["rates"]), asked["cap_s"]), Task.read(asked))
        with suppress(CapReachedError):
            optimizer.optimize(desk)
        loop.run(http.aclose())
    return desk.result()


if __name__ == "__main__":
    main()
