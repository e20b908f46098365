"""The scorer on a real socket when things go wrong: floods, callers that leave, an engine that dies."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn

from pmpo.contracts.scoring import JOB_HEADER
from pmpo.errors import EngineError
from pmpo.runtime.metrics import ScorerMetrics
from pmpo.runtime.settings import Settings
from services.scorer.app import create_app
from services.scorer.engines.base import EngineIdentity, ScoredItems, TokenItem
from services.scorer.engines.loading import load_model
from services.scorer.engines.machine import Machine
from services.scorer.engines.torch_tree import TorchTreeEngine
from services.scorer.generation.loop import TorchGenerator
from services.scorer.model_source import ModelSource
from services.scorer.rendering.codec import TextCodec
from services.scorer.rendering.template import ChatTemplate
from services.scorer.startup import ServiceSlot, assemble
from tests.unit.scorer.talking import CHAT

NUM_EXAMPLES = 4


class HeldEngine:
    """The real engine behind a gate that the test opens, until the test lets it die."""

    def __init__(self, engine: TorchTreeEngine, gate: threading.Event) -> None:
        self._engine = engine
        self._gate = gate
        self.num_calls = 0
        self.is_dead = False

    @property
    def identity(self) -> EngineIdentity:
        return self._engine.identity

    def score(self, items: Sequence[TokenItem]) -> ScoredItems:
        self.num_calls += 1
        self._gate.wait(30)
        if self.is_dead:
            raise RuntimeError("device lost")
        return self._engine.score(items)

    def self_check(self) -> None:
        if self.is_dead:
            raise EngineError("the device does not answer")


@dataclass
class Served:
    """A scorer that listens."""

    client: httpx.AsyncClient
    gate: threading.Event
    may_restart: threading.Event
    cannot_restart: threading.Event
    engines: list[HeldEngine]

    async def score(self, prompt: str, job: str) -> httpx.Response:
        return await self.client.post("/v1/score", json=body(prompt), headers={JOB_HEADER: job})

    async def gauge(self, name: str) -> float:
        lines = (await self.client.get("/metrics")).text.splitlines()
        (value,) = [line.split()[1] for line in lines if line.startswith(f"pmpo_scorer_{name} ")]
        return float(value)

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while not await holds():
                await asyncio.sleep(0.01)


@pytest.fixture
async def served(
    settings: Settings, source: ModelSource, codec: TextCodec, template: ChatTemplate
) -> AsyncIterator[Served]:
    gate, may_restart, cannot_restart = threading.Event(), threading.Event(), threading.Event()
    may_restart.set()
    engines: list[HeldEngine] = []

    def build() -> Machine:
        may_restart.wait(30)
        if cannot_restart.is_set():
            raise EngineError("the device is gone")
        loaded = load_model(source, "float32", 1)
        engines.append(HeldEngine(TorchTreeEngine(loaded.model, loaded.identity, 8_192), gate))
        return Machine(engines[-1], TorchGenerator(loaded.model, codec, frozenset(), 10_000))

    slot = ServiceSlot(metrics=ScorerMetrics())
    slot.service = assemble(
        settings.model_copy(update={"scorer_max_restarts": 1}), codec, template, build, slot.metrics
    )
    slot.service.start()
    async with listening(slot) as address, httpx.AsyncClient(base_url=address, timeout=30) as client:
        yield Served(client, gate, may_restart, cannot_restart, engines)
        gate.set()
    await slot.service.close()


@asynccontextmanager
async def listening(slot: ServiceSlot) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(slot), log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await task


def body(prompt: str) -> dict[str, Any]:
    examples = [{"input": f"question {number}", "target": "yes"} for number in range(NUM_EXAMPLES)]
    return {"prompts": [prompt], "examples": examples}


async def test_a_flood_gets_429_while_what_was_accepted_finishes(served: Served) -> None:
    tasks = [asyncio.create_task(served.score(f"prompt {n:03} " + "x" * 90, job="flood")) for n in range(40)]
    await served.until(lambda: _any_done(tasks))
    served.gate.set()
    answers = await asyncio.gather(*tasks)
    refused = [answer for answer in answers if answer.status_code == 429]
    accepted = [answer for answer in answers if answer.status_code == 200]
    assert len(refused) + len(accepted) == 40
    assert refused
    assert accepted
    for answer in refused:
        assert (answer.json()["code"], answer.json()["retryable"]) == ("overloaded", True)
        assert int(answer.headers["retry-after"]) >= 1
        assert "exceed the limit of 5000" in answer.json()["detail"]
    for answer in accepted:
        assert len(answer.json()["log_likelihoods"][0]) == NUM_EXAMPLES
    await served.until(lambda: _is_zero(served, "queue_tokens"))
    assert (await served.score("prompt 039 " + "x" * 90, job="flood")).status_code == 200


async def test_another_job_is_taken_while_one_floods(served: Served) -> None:
    tasks = [asyncio.create_task(served.score(f"prompt {n:03} " + "x" * 90, job="flood")) for n in range(40)]
    await served.until(lambda: _equals(served, "context_memo_misses_total", 40 * NUM_EXAMPLES))
    held = await served.gauge("queue_tokens")
    assert held > 4_000
    other = asyncio.create_task(served.score("a small question", job="other"))
    await served.until(lambda: _exceeds(served, "queue_tokens", held))
    served.gate.set()
    assert (await other).status_code == 200
    await asyncio.gather(*tasks)


async def test_a_caller_that_leaves_frees_its_place_and_costs_nothing(served: Served) -> None:
    stays = asyncio.create_task(served.score("the first", job="a"))
    await served.until(lambda: _has_called(served))
    held = await served.gauge("queue_tokens")
    leaves = asyncio.create_task(served.score("the second", job="b"))
    await served.until(lambda: _exceeds(served, "queue_tokens", held))
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    await served.until(lambda: _equals(served, "queue_tokens", held))
    served.gate.set()
    assert (await stays).status_code == 200
    await served.until(lambda: _is_zero(served, "queue_tokens"))
    assert served.engines[0].num_calls == 1


async def test_a_dead_engine_fails_all_in_a_retryable_way_and_the_process_restarts_it(served: Served) -> None:
    served.may_restart.clear()
    served.engines[0].is_dead = True
    tasks = [asyncio.create_task(served.score(f"prompt {n}", job=str(n))) for n in range(3)]
    await served.until(lambda: _exceeds(served, "queue_tokens", 400))
    served.gate.set()
    for answer in await asyncio.gather(*tasks):
        assert (answer.status_code, answer.json()["code"]) == (503, "scorer_unavailable")
        assert answer.json()["retryable"] is True
        assert int(answer.headers["retry-after"]) >= 1
        assert "RuntimeError: device lost" in answer.json()["detail"]
    ready = await served.client.get("/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "scorer_unavailable")
    assert "is being restarted" in ready.json()["detail"]
    assert (await served.client.get("/healthz")).status_code == 200
    assert (await served.client.post("/v1/chat/completions", json=CHAT)).status_code == 503
    assert await served.gauge("ready") == 0
    served.may_restart.set()
    await served.until(lambda: _is_ready(served))
    assert (await served.score("prompt 0", job="0")).status_code == 200
    assert (await served.client.post("/v1/chat/completions", json=CHAT)).status_code == 200
    assert await served.gauge("engine_restarts_total") == 1
    assert len(served.engines) == 2


async def test_a_scorer_that_cannot_help_itself_asks_to_be_restarted(served: Served) -> None:
    served.cannot_restart.set()
    served.engines[0].is_dead = True
    served.gate.set()
    assert (await served.score("prompt 0", job="0")).status_code == 503
    await served.until(lambda: _is_unhealthy(served))
    for path in ("/healthz", "/readyz"):
        problem = (await served.client.get(path)).json()
        assert problem["code"] == "scorer_unavailable"
        assert "a restart did not help: the device is gone; restart the scorer" in problem["detail"]


async def _is_unhealthy(served: Served) -> bool:
    return (await served.client.get("/healthz")).status_code == 503


async def _any_done(tasks: Sequence[asyncio.Task[Any]]) -> bool:
    return any(task.done() for task in tasks)


async def _has_called(served: Served) -> bool:
    return served.engines[0].num_calls > 0


async def _exceeds(served: Served, name: str, bound: float) -> bool:
    return await served.gauge(name) > bound


async def _equals(served: Served, name: str, value: float) -> bool:
    return await served.gauge(name) == value


async def _is_zero(served: Served, name: str) -> bool:
    return await served.gauge(name) == 0


async def _is_ready(served: Served) -> bool:
    return (await served.client.get("/readyz")).status_code == 200
