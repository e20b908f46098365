"""Contestants from packages of others, run as they are in an environment of their own (``.bench/rivals``).

Each trial is a process there (``benchmarks.optimizing.packages``): it calls the same scorer over HTTP, through the same
client, is charged at the same rates and writes the same steps as a trial here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.jobs import JobData
from benchmarks.machine import ROOT
from benchmarks.optimizing.rates import Rates
from pmpo.errors import ConfigurationError, UnavailableError

# Contestant, and the package that it is from.
PACKAGES: Mapping[str, str] = {"package gepa": "gepa", "package promptolution, CAPO": "promptolution"}
PINS = ROOT / "benchmarks" / "rivals.txt"


def python_of_rivals() -> Path:
    """The interpreter of their environment.

    Raises:
        ConfigurationError: it is not there.
    """
    python = ROOT / ".bench" / "rivals" / "bin" / "python"
    if not python.exists():
        raise ConfigurationError(
            "the environment of the packages gepa and promptolution is not there; `make bench-optimizers` makes it, "
            "and --contestants names those that need none"
        )
    return python


def package_versions() -> dict[str, str]:
    """The pinned versions of the packages that take part."""
    pins = dict(line.split("==") for line in PINS.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {package: pins[package].strip() for package in PACKAGES.values()}


def package_key() -> dict[str, Any]:
    """What the trials of packages depend on beside a job."""
    return {"packages": package_versions()}


async def run_package(name: str, url: str, data: JobData, rates: Rates, *, cap_s: float, seed: int) -> dict[str, Any]:
    """One trial, as ``run_trial`` gives it.

    Raises:
        ConfigurationError: the environment of the packages is not there.
        UnavailableError: the process failed; with the last line that it said.
    """
    asked = {
        "package": PACKAGES[name],
        "url": url,
        "prompt": data.prompt,
        "train": [asdict(row) for row in data.splits.train],
        "validation": [asdict(row) for row in data.splits.validation],
        "metric": data.metric,
        "max_answer_tokens": data.max_answer_tokens,
        "rates": asdict(rates),
        "cap_s": cap_s,
        "seed": seed,
    }
    with TemporaryDirectory() as folder:
        question, answer = Path(folder) / "question.json", Path(folder) / "answer.json"
        question.write_text(json.dumps(asked), encoding="utf-8")
        await _run(name, str(question), str(answer))
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


async def _run(name: str, *paths: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "shared"), str(ROOT)))}
    process = await asyncio.create_subprocess_exec(
        str(python_of_rivals()),
        "-m",
        "benchmarks.optimizing.packages",
        *paths,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or [""]
        print("\n".join(lines[-20:]), file=sys.stderr)
        raise UnavailableError(f"{name} failed: {lines[-1]}")
