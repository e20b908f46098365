"""An engine and a generator whose pace the test sets, and a batcher over them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager

import numpy as np

from pmpo.errors import EngineError, NonFiniteScoreError
from services.scorer.batcher.batcher import Batcher
from services.scorer.batcher.engine_room import EngineRoom, RestartPolicy
from services.scorer.batcher.items import ItemPreparer, PreparedItems
from services.scorer.batcher.types import BatchLimits, Sampled, Scored
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.engines.machine import Machine
from services.scorer.generation.types import RowEnd, RowKey, Sample, SamplingRequest, SamplingRow

IDENTITY = EngineIdentity("gated", "0", "float32", "gated", "none", 0, 100)
POISON = 666  # the engine fails on it
NOT_A_NUMBER = 667  # scores as NaN
DEADLY = 668  # the engine fails on it, and on everything after it


class GatedEngine:
    """Scores a token as minus its id; ``gate`` holds every call until it is opened."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.identity = IDENTITY
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.calls: list[list[TokenItem]] = []
        self.is_dead = False
        if is_open:
            self.gate.set()

    @property
    def targets(self) -> list[list[int]]:
        """First target token of every item of every call."""
        return [[item.target[0] for item in call] for call in self.calls]

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        self.calls.append(list(items))
        self.entered.set()
        self.gate.wait(timeout=30)
        tokens = {token for item in items for token in item.target}
        self.is_dead = self.is_dead or DEADLY in tokens
        if self.is_dead or POISON in tokens:
            raise RuntimeError("out of memory")
        values = [[np.nan if token == NOT_A_NUMBER else -token for token in item.target] for item in items]
        rows = tuple(np.array(row, dtype=np.float32) for row in values)
        return ScoredItems(rows, tuple(item.num_tokens for item in items))

    def self_check(self) -> None:
        if self.is_dead:
            raise EngineError("broken")


class CountingGenerator:
    """Draws one letter a row and turn, ``max_tokens`` of them; keeps who was in the batch at each turn."""

    def __init__(self, engine: GatedEngine, *, lets_rows_join: bool = True, max_cached_tokens: int = 1_000) -> None:
        self._engine = engine
        self.lets_rows_join = lets_rows_join
        self.max_cached_tokens = max_cached_tokens
        self.rows: dict[RowKey, list[int]] = {}
        self.requests: dict[RowKey, SamplingRequest] = {}
        self.turns: list[list[int]] = []

    def turn(self, leaving: Set[RowKey], joining: Sequence[SamplingRow]) -> list[RowEnd]:
        for key in leaving:
            del self.rows[key]
        for row in joining:
            self.rows[row.key], self.requests[row.key] = [], row.request
        self.turns.append(sorted(self.requests[key].seed for key in self.rows))
        prompts = {token for key in self.rows for token in self.requests[key].prompt}
        self._engine.is_dead = self._engine.is_dead or DEADLY in prompts
        if self._engine.is_dead or POISON in prompts:
            raise RuntimeError("out of memory")
        ends = [end for key in self.rows if (end := self._draw(key)) is not None]
        for end in ends:
            del self.rows[end.key]
        return ends

    def _draw(self, key: RowKey) -> RowEnd | None:
        request = self.requests[key]
        if NOT_A_NUMBER in request.prompt:
            return RowEnd(key, NonFiniteScoreError("no finite logits"))
        self.rows[key].append(request.seed)
        num = len(self.rows[key])
        return RowEnd(key, Sample(f"{request.seed}x{num}", num, "length")) if num == request.max_tokens else None

    def clear(self) -> None:
        self.rows.clear()


class Notes:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.rounds: list[tuple[int, int, int]] = []
        self.turns: list[int] = []

    def round_ended(self, num_items: int, num_tokens: int, computed_tokens: int, seconds: float) -> None:
        assert seconds >= 0
        self.rounds.append((num_items, num_tokens, computed_tokens))

    def turn_ended(self, num_rows: int, seconds: float) -> None:
        assert seconds >= 0
        self.turns.append(num_rows)


class Bench:
    """A batcher with what it runs on. ``rebuild`` makes the machine that follows a dead one."""

    def __init__(
        self,
        engine: GatedEngine,
        limits: BatchLimits,
        generator: CountingGenerator | None = None,
        rebuild: Callable[[], Machine] | None = None,
        max_restarts: int = 3,
    ) -> None:
        self.engine = engine
        self.generator = generator or CountingGenerator(engine)
        self.notes = Notes()
        policy = RestartPolicy(max_tries=max_restarts, first_wait_s=0.0)
        room = EngineRoom(rebuild or self._rebuild, Machine(engine, self.generator), policy)
        self.batcher = Batcher(room, limits, self.notes)
        self._preparer = ItemPreparer(IDENTITY, remembers=limits.remembers)

    def prepared(self, *items: TokenItem) -> PreparedItems:
        return self._preparer.prepare(items)

    async def score(self, *items: TokenItem, job: str = "a") -> Scored:
        return await self.batcher.score(self.prepared(*items), job)

    async def start(self, *items: TokenItem, job: str = "a") -> asyncio.Task[Scored]:
        """A scoring request that waits in the batcher."""
        task = asyncio.create_task(self.score(*items, job=job))
        await asyncio.sleep(0)
        return task

    async def start_sampling(self, request: SamplingRequest, job: str = "a") -> asyncio.Task[Sampled]:
        """A sampling request that waits in the batcher."""
        task = asyncio.create_task(self.batcher.sample(request, job))
        await asyncio.sleep(0)
        return task

    async def occupy(self) -> asyncio.Task[Scored]:
        """A scoring request (target 1) that is held by the engine's closed gate."""
        task = await self.start(item(1))
        await asyncio.to_thread(self.engine.entered.wait, 30)
        return task

    def _rebuild(self) -> Machine:
        self.engine.is_dead = False
        return Machine(self.engine, CountingGenerator(self.engine))


@asynccontextmanager
async def running(
    engine: GatedEngine,
    *,
    slice_tokens: int = 1_000,
    round_tokens: int | None = None,
    memo_bytes: int = 0,
    is_deterministic: bool = False,
    generator: CountingGenerator | None = None,
    rebuild: Callable[[], Machine] | None = None,
    max_restarts: int = 3,
) -> AsyncIterator[Bench]:
    """A batcher at work."""
    limits = BatchLimits(slice_tokens, round_tokens or slice_tokens, memo_bytes, is_deterministic)
    bench = Bench(engine, limits, generator, rebuild, max_restarts)
    bench.batcher.start()
    try:
        yield bench
    finally:
        engine.gate.set()
        await bench.batcher.close()


def item(target: int, length: int = 2) -> TokenItem:
    """A sequence that shares nothing with those of other targets."""
    return TokenItem((1_000 + target,) * (length - 1), (target,))


def values(scored: Scored) -> list[float]:
    """Sums of the items."""
    return [float(row.sum()) for row in scored.items.token_log_likelihoods]


def asking(seed: int, *, num_samples: int = 1, max_tokens: int = 1, prompt: tuple[int, ...] = (1,)) -> SamplingRequest:
    """A sampling request; its samples are ``<seed>x<max_tokens>``."""
    return SamplingRequest(prompt, num_samples, max_tokens, 1.0, 1.0, seed)


def texts(sampled: Sampled) -> list[str]:
    """Texts of the samples."""
    return [sample.text for sample in sampled.samples]
