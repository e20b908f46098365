"""The contenders of one model in one dtype, started when they are first needed, all ended together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.scoring_speed.cases import Contender
from benchmarks.scoring_speed.contenders.serving import Loading
from benchmarks.scoring_speed.processes import ContenderError, ContenderProcess, try_interpreter


@dataclass(slots=True)
class Loaded:
    """A process that holds its model. ``warm``: the variants that have run on other data."""

    process: ContenderProcess
    about: Mapping[str, Any]
    warm: set[str]


class Lineup:
    """Asks contenders for scores. ``warm_up``: a file of items that are measured nowhere."""

    def __init__(self, loading: Loading, warm_up: Path, logs: Path) -> None:
        self._loading = loading
        self._warm_up = warm_up
        self._logs = logs
        self._loaded: dict[str, Loaded] = {}

    @property
    def batch_tokens(self) -> int:
        """Tokens of one forward pass."""
        return self._loading.batch_tokens

    def score(self, contender: Contender, items: Path, *, with_tokens: bool) -> dict[str, Any]:
        """The contender's answer, and what it said of itself when it was loaded.

        Raises:
            ContenderError: it could not.
        """
        loaded = self._have(contender)
        if contender.variant not in loaded.warm:
            loaded.process.ask(_command(self._warm_up, contender.variant))
            loaded.warm.add(contender.variant)
        answer = loaded.process.ask(_command(items, contender.variant, with_tokens=with_tokens))
        return {**answer, "about": loaded.about}

    def close(self) -> None:
        """End all processes."""
        while self._loaded:
            self._loaded.popitem()[1].process.close()

    def _have(self, contender: Contender) -> Loaded:
        if contender.module not in self._loaded:
            interpreter = try_interpreter(contender.environment)
            if interpreter is None:
                raise ContenderError(f"{contender.name} has no environment: make bench makes it")
            log = self._logs / f"{contender.module}.log"
            process = ContenderProcess(contender.module, interpreter, self._loading.threads, log)
            try:
                about = process.ask({"do": "load", **asdict(self._loading)})
            except ContenderError:
                process.close()
                raise
            self._loaded[contender.module] = Loaded(process, about, set())
        return self._loaded[contender.module]


@contextmanager
def open_lineup(loading: Loading, warm_up: Path, logs: Path) -> Iterator[Lineup]:
    """A lineup that is closed at the end."""
    lineup = Lineup(loading, warm_up, logs)
    try:
        yield lineup
    finally:
        lineup.close()


def in_float32(loading: Loading) -> Loading:
    """The same model for the reference."""
    return replace(loading, dtype="float32")


def _command(items: Path, variant: str, *, with_tokens: bool = False) -> dict[str, Any]:
    return {"do": "score", "items": str(items), "variant": variant, "with_tokens": with_tokens}
