"""A contender's process, seen from the benchmark: JSON lines to its stdin, answers from its stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from benchmarks.machine import ROOT

ENVIRONMENTS = ROOT / ".bench"
ANSWER_S = 1800.0
MODULES = "benchmarks.scoring_speed.contenders"


class ContenderError(Exception):
    """A contender did not answer; the message is its own, or says how it ended."""


def try_interpreter(environment: str | None) -> Path | None:
    """The Python of an environment under ``.bench``, ours for None; None when it was not made."""
    if environment is None:
        return Path(sys.executable)
    found = ENVIRONMENTS / environment / "bin" / "python"
    return found if found.exists() else None


def surrounding_variables(threads: int) -> dict[str, str]:
    """For a child: our modules to import, as many threads as it is told, no way to the network."""
    paths = [str(ROOT), str(ROOT / "shared")]
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false"}
    return {**os.environ, **offline, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": str(threads)}


class ContenderProcess:
    """One process, from its start to ``close``."""

    def __init__(self, module: str, interpreter: Path, threads: int, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._name = module
        self._log = log
        with log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [str(interpreter), "-m", f"{MODULES}.{module}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=log.parent,
                env=surrounding_variables(threads),
            )

    def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """One answer.

        Raises:
            ContenderError: it answered with an error, ended, or took longer than half an hour.
        """
        stdin, stdout = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        watchdog = threading.Timer(ANSWER_S, self._process.kill)
        watchdog.start()
        try:
            stdin.write(json.dumps(command) + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        if not line:
            code = self._process.wait()
            raise ContenderError(f"{self._name} ended with exit code {code}: {self._last_line()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContenderError(f"{self._name}: {answer['error']}")
        return answer

    def close(self) -> None:
        """Let it end by itself; kill it when it does not within a minute."""
        cast(IO[str], self._process.stdin).close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        cast(IO[str], self._process.stdout).close()

    def _last_line(self) -> str:
        lines = [line for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else "it said nothing"


def run_module(module: str, arguments: list[str], threads: int) -> str:
    """What a module of this package prints when run on its own. Raises ContenderError with its last line."""
    result = subprocess.run(
        [sys.executable, "-m", f"benchmarks.scoring_speed.{module}", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=surrounding_variables(threads),
    )
    if result.returncode:
        raise ContenderError(f"{module}: {(result.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    return result.stdout
