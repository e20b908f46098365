"""The only name that RQ knows: ``services.worker.tasks.run_job``. It runs in the work horse, a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from contextlib import AsyncExitStack
from functools import partial

from pmpo.remote.generator import GeneratorClient
from pmpo.remote.scorer import ScorerClient
from pmpo.runtime.endpoints import load_endpoints
from pmpo.runtime.http import open_http
from pmpo.runtime.logs import configure_logs
from pmpo.runtime.secrets import known_secrets
from pmpo.runtime.settings import Settings, load_settings
from services.store.store import Store
from services.upstreams import logged_breakers
from services.worker.driver import SearchDriver
from services.worker.horse import Drain
from services.worker.models import RemoteModels
from services.worker.runner import Runner
from services.worker.score_cache import connect_cached


def run_job(job_id: str) -> None:
    """Run one job until it ends, is cancelled, or must be left to another worker."""
    settings = load_settings()
    configure_logs("work-horse", settings.log_level, known_secrets(settings))
    asyncio.run(_run(job_id, settings))


async def _run(job_id: str, settings: Settings) -> None:
    drain = Drain(asyncio.get_running_loop(), settings.drain_s)
    drain.install()
    async with AsyncExitStack() as closing:
        http = await closing.enter_async_context(open_http())
        store = Store.open(settings.redis_url, settings.lease_s, settings.score_cache_bytes)
        closing.push_async_callback(store.close)
        limit_s, breakers = settings.upstream_timeout_s, logged_breakers()
        connect = partial(ScorerClient, http, timeout_s=limit_s, job=job_id, breakers=breakers)
        models = RemoteModels(
            load_endpoints(settings),
            partial(connect_cached, connect, store.scores) if settings.score_cache_bytes else connect,
            partial(GeneratorClient, http, timeout_s=limit_s, job=job_id, breakers=breakers),
        )
        holder = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        runner = Runner(
            store,
            SearchDriver(store, models),
            holder=holder,
            lease_s=settings.lease_s,
            drain=drain.event,
            drain_s=settings.drain_s,
        )
        await runner.run(job_id)
