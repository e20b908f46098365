"""The engine under test: the product's scorer as a process of its own, called over HTTP by the product's clients."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import httpx

from pmpo.errors import UnavailableError
from pmpo.optim.types import Completion, Example, GenerationRequest, ModelIdentity, Scores
from pmpo.remote.generator import GeneratorClient
from pmpo.remote.scorer import ScorerClient
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.http import open_http
from services.stack.children import Child
from services.stack.options import free_port

START_S = 180.0
CALL_S = 600.0
NUM_SIDE_BY_SIDE = 4
WARM_UP = Example(0, "warm up the engine", ("done",))

T = TypeVar("T")


@dataclass(slots=True)
class Spending:
    """What was asked of the engine. ``seconds``: wall time of the calls, HTTP and rendering included."""

    seconds: float = 0.0
    scored_tokens: int = 0
    computed_tokens: int = 0
    generated_tokens: int = 0


@dataclass(slots=True)
class Engine:
    """The ports of a search, metered: ``Scorer`` and ``Generator`` in one, with a ``Clock`` of engine seconds."""

    url: str
    scorer: ScorerClient
    generators: Sequence[GeneratorClient]
    spent: Spending = field(default_factory=Spending)

    @property
    def identity(self) -> ModelIdentity:
        """The model that answers."""
        assert self.scorer.identity is not None
        return self.scorer.identity

    def described(self) -> dict[str, str]:
        """The model that answers, as plain values."""
        return asdict(self.identity)

    def elapsed_s(self) -> float:
        """Engine seconds since the last ``reset``: time in which the engine was not asked does not count."""
        return self.spent.seconds

    def reset(self) -> None:
        """Start counting again."""
        self.spent = Spending()

    async def score(self, prompts: Sequence[str], examples: Sequence[Example]) -> Scores:
        """See ``pmpo.optim.ports.Scorer``."""
        scores = await self._timed(lambda: self.scorer.score(prompts, examples))
        self.spent.scored_tokens += scores.scored_tokens
        self.spent.computed_tokens += scores.computed_tokens
        return scores

    async def num_scored_tokens(self, prompts: Sequence[str], examples: Sequence[Example]) -> list[list[int]]:
        """See ``pmpo.optim.ports.Scorer``."""
        return await self._timed(lambda: self.scorer.num_scored_tokens(prompts, examples))

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ``pmpo.optim.ports.Scorer``."""
        return await self._timed(lambda: self.scorer.count_tokens(texts))

    async def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """See ``pmpo.optim.ports.Generator``."""
        answers = await self._timed(lambda: self.generators[0].generate(requests))
        self.spent.generated_tokens += sum(completion.num_tokens for row in answers for completion in row)
        return answers

    async def generate_all(self, batches: Sequence[Sequence[GenerationRequest]]) -> list[list[list[Completion]]]:
        """Unmetered, several batches side by side: for ground truth, where only the answers matter."""
        turn = asyncio.Semaphore(len(self.generators))

        async def one(index: int, batch: Sequence[GenerationRequest]) -> list[list[Completion]]:
            async with turn:
                return await self.generators[index % len(self.generators)].generate(batch)

        return list(await asyncio.gather(*(one(index, batch) for index, batch in enumerate(batches))))

    async def _timed(self, call: Callable[[], Awaitable[T]]) -> T:
        started_at = time.perf_counter()
        try:
            return await call()
        finally:
            self.spent.seconds += time.perf_counter() - started_at


@asynccontextmanager
async def open_engine(model: str, num_threads: int = 0) -> AsyncIterator[Engine]:
    """Start the scorer on a free port, wait until it has checked itself, warm it up; stop it at the end.

    Args:
        model: model folder, hub name, or nano.
        num_threads: of the model on the CPU; 0 leaves what the settings say.

    Raises:
        UnavailableError: it did not start.
    """
    port = free_port()
    environment = {**os.environ, "PMPO_SCORER_PORT": str(port), "PMPO_SCORER_MODEL": model}
    if num_threads:
        environment["PMPO_SCORER_THREADS"] = str(num_threads)
    with TemporaryDirectory() as folder:
        scorer = Child("scorer", [sys.executable, "-m", "services.scorer"], environment, Path(folder) / "scorer.log")
        scorer.start()
        try:
            async with open_http() as http:
                await _ready(http, port, scorer)
                yield await connect(http, f"http://127.0.0.1:{port}")
        finally:
            scorer.ask_to_stop()
            scorer.wait_stopped()


async def connect(http: httpx.AsyncClient, url: str) -> Engine:
    """The engine at an address where a scorer is ready, warmed up."""
    endpoint = Endpoint(name="benchmark", url=url)
    generators = [GeneratorClient(http, endpoint, timeout_s=CALL_S) for _ in range(NUM_SIDE_BY_SIDE)]
    engine = Engine(url, ScorerClient(http, endpoint, timeout_s=CALL_S), generators)
    await engine.score([WARM_UP.input, WARM_UP.target], [WARM_UP])
    engine.reset()
    return engine


async def _ready(http: httpx.AsyncClient, port: int, scorer: Child) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and scorer.exit_code() is None:
        try:
            if (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise UnavailableError(f"the scorer did not get ready ({scorer.last_line()}); see PMPO_SCORER_MODEL and --model")
