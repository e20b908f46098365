"""Two hundred people at once: each looks at a job once a second and follows one, while others submit."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.loading.wire import Connection
from pmpo.contracts.jobs import FINAL_STATES

Follow = Literal["sse", "wait", "none"]
TICK_S = 0.01
POLL_S = 1.0
ARRIVAL_S = 5.0  # within which the clients come, one after the other
WAIT_S = 30
ANSWER_S = 30.0
COME_BACK_S = 0.5  # on average, from the end of one job to following another


@dataclass(frozen=True, slots=True)
class Load:
    """How much there is of what: clients, seconds, seconds between two submitted jobs, how clients follow jobs, and how
    many jobs are there before them.
    """

    host: str
    port: int
    num_clients: int
    seconds: float
    submit_every_s: float
    follow: Follow
    num_first_jobs: int = 1


@dataclass(slots=True)
class Seen:
    """What the clients saw. Latencies in seconds."""

    statuses_s: list[float] = field(default_factory=list)
    submits_s: list[float] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    jobs: list[str] = field(default_factory=list)
    final_states: Counter[str] = field(default_factory=Counter)
    num_frames: int = 0
    num_streams: int = 0


class Clients:
    """All clients of one run, in one event loop."""

    def __init__(self, load: Load, job: dict[str, Any], seed: int = 0) -> None:
        self.seen = Seen()
        self._load = load
        self._job = job
        self._rng = random.Random(seed)
        self._over: set[str] = set()
        self._has_jobs = asyncio.Event()
        self._has_ended = False

    async def run(self) -> None:
        """Submit the first job, then load the API for the time that was asked for."""
        load = self._load
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._submit()), group.create_task(self._measure_lag())]
            await self._has_jobs.wait()
            for number in range(load.num_clients):
                offset_s = number * ARRIVAL_S / load.num_clients
                tasks.append(group.create_task(self._poll(offset_s)))
                if load.follow != "none":
                    tasks.append(group.create_task(self._follow(offset_s)))
            await asyncio.sleep(load.seconds)
            self._has_ended = True
            for task in tasks:
                task.cancel()

    async def _submit(self) -> None:
        number = 0
        async with self._connected() as connection:
            while True:
                body = json.dumps({**self._job, "name": f"load-{number}", "seed": number}).encode()
                started_at = time.perf_counter()
                answer = await self._ask(connection, "POST", "/v1/jobs", body)
                if answer is not None:
                    self.seen.submits_s.append(time.perf_counter() - started_at)
                    self.seen.jobs.append(json.loads(answer)["id"])
                    number += 1
                if number >= self._load.num_first_jobs:
                    self._has_jobs.set()
                    await asyncio.sleep(self._load.submit_every_s)

    async def _poll(self, offset_s: float) -> None:
        """Look once a second at the second's beginning, however long the last answer took."""
        async with self._connected() as connection:
            next_at = time.perf_counter() + offset_s
            while True:
                await asyncio.sleep(max(0.0, next_at - time.perf_counter()))
                started_at = time.perf_counter()
                if await self._ask(connection, "GET", f"/v1/jobs/{self._any_job()}") is not None:
                    self.seen.statuses_s.append(time.perf_counter() - started_at)
                next_at = max(next_at + POLL_S, started_at)

    async def _follow(self, offset_s: float) -> None:
        await asyncio.sleep(offset_s)
        async with self._connected() as connection:
            while True:
                job_id = self._unfinished_job()
                if self._load.follow == "wait":
                    await self._wait(connection, job_id)
                else:
                    await self._read_stream(connection, job_id)
                await asyncio.sleep(self._rng.uniform(0.0, 2 * COME_BACK_S))

    async def _wait(self, connection: Connection, job_id: str) -> None:
        answer = await self._ask(connection, "GET", f"/v1/jobs/{job_id}?wait={WAIT_S}")
        if answer is not None and json.loads(answer).get("state") in FINAL_STATES:
            self._over.add(job_id)

    async def _read_stream(self, connection: Connection, job_id: str) -> None:
        self.seen.num_streams += 1
        try:
            async with aclosing(connection.stream(f"/v1/jobs/{job_id}/events")) as lines:
                async for line in lines:
                    self.seen.num_frames += line.startswith(b"data:")
                    if line.startswith(b"event: end"):
                        self._over.add(job_id)
        except (OSError, EOFError) as error:
            self._note(f"stream: {type(error).__name__}")

    async def _ask(self, connection: Connection, method: str, path: str, body: bytes = b"") -> bytes | None:
        """The body of a good answer; None, and noted, for any other."""
        route = path.split("?", maxsplit=1)[0].rsplit("/", 1)[0] if method == "GET" else path
        try:
            async with asyncio.timeout(ANSWER_S + WAIT_S):
                status, content = await connection.ask(method, path, body)
        except (OSError, EOFError, TimeoutError) as error:
            self._note(f"{method} {route}: {type(error).__name__}")
            return None
        if status >= 400:
            self._note(f"{method} {route}: {status}")
            return None
        return content

    async def _measure_lag(self) -> None:
        """How late this very loop wakes up: what of the latencies is the clients' own."""
        while True:
            started_at = time.perf_counter()
            await asyncio.sleep(TICK_S)
            self.seen.lags_s.append(time.perf_counter() - started_at - TICK_S)

    def _any_job(self) -> str:
        return self._rng.choice(self.seen.jobs)

    def _unfinished_job(self) -> str:
        """One that nobody has seen the end of: people follow what still happens."""
        return self._rng.choice([each for each in self.seen.jobs if each not in self._over] or self.seen.jobs[-1:])

    def _note(self, error: str) -> None:
        if not self._has_ended:
            self.seen.errors[error] += 1

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        connection = Connection(self._load.host, self._load.port)
        with suppress(asyncio.CancelledError):
            try:
                yield connection
            finally:
                connection.close()
