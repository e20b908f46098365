"""The worker process: an RQ worker over both queues, and a janitor beside it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
import threading
import time
import uuid
from contextlib import suppress
from types import FrameType

import httpx
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import SpawnWorker, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from pmpo.errors import PmpoError
from pmpo.runtime.logs import configure_logs, get_logger
from pmpo.runtime.secrets import known_secrets
from pmpo.runtime.settings import Settings, load_settings
from services.queues import QUEUES, RESULT_TTL_S, JobQueues
from services.store.admission import JobLimits
from services.store.connection import connect_blocking, ping_blocking
from services.store.keeping import Keeping
from services.store.store import Store
from services.webhooks.secrets import read_secrets
from services.webhooks.targets import WebhookTargets
from services.worker.entry import Entry
from services.worker.janitor import Duty, Janitor
from services.worker.requeue import Requeuing
from services.worker.retention import Retention
from services.worker.schedules.making import MakingJobs
from services.worker.schedules.windows import HoldingWindows
from services.worker.tasks import run_job
from services.worker.webhooks.delivery import WebhookDelivery
from services.worker.webhooks.sender import WebhookSender

log = get_logger()
LOADED = (run_job,)  # what a work horse needs is imported here, once, so that a fork has it
RESTART_PAUSE_S = 2.0
# Forking is unsafe beside the frameworks of macOS; there RQ starts a new interpreter for each job.
_Base: type[Worker] = SpawnWorker if sys.platform == "darwin" else Worker


class DrainingWorker(_Base):  # type: ignore[misc, valid-type]
    """RQ's worker waits for the whole job on a first SIGTERM; this one asks the work horse to let go of it."""

    is_stopping = False
    max_connection_wait_time = 2.0  # how long Redis is away is no reason to look for it less often

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Pass the wish on to the horse, which puts its job back and ends, then stop as RQ does."""
        self.is_stopping = True
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)
        super().request_stop(signum, frame)

    def maintain_heartbeats(self, job: Job) -> None:
        """Tell that the worker lives. With Redis away it goes on watching its work horse, which waits for Redis."""
        with suppress(RedisError):
            super().maintain_heartbeats(job)

    def set_current_job_working_time(self, current_job_working_time: float, pipeline: Pipeline | None = None) -> None:
        """As ``maintain_heartbeats``."""
        with suppress(RedisError):
            super().set_current_job_working_time(current_job_working_time, pipeline=pipeline)


def main() -> int:
    """Run until told to stop. 0 after a stop, 1 when the start fails: one sentence on standard error."""
    try:
        settings = load_settings()
        configure_logs("worker", settings.log_level, known_secrets(settings))
        sender = _webhook_sender(settings)
        ping_blocking(connect_blocking(settings.redis_url))
    except PmpoError as error:
        print(error.message, file=sys.stderr)
        return 1
    holder = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    threading.Thread(target=_run_janitor, args=(settings, sender, holder), name="janitor", daemon=True).start()
    _work(settings, holder)
    return 0


def _work(settings: Settings, holder: str) -> None:
    """Serve the queues until a stop is asked for.

    RQ's worker quits on some errors of Redis, and cannot be made without it: another one is tried then.
    """
    client = connect_blocking(settings.redis_url)
    for number in itertools.count():
        worker = None
        try:
            worker = DrainingWorker(
                QUEUES,
                name=f"{holder}-{number}",
                connection=client,
                serializer=JSONSerializer,
                job_class=Entry,
                default_result_ttl=RESULT_TTL_S,
            )
            worker.work(with_scheduler=False)
        except Exception:
            log.exception("worker_quit")
        if worker is not None and worker.is_stopping:
            return
        for wish in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wish, signal.SIG_DFL)  # RQ's handlers belong to the worker that quit
        time.sleep(RESTART_PAUSE_S)


def _webhook_sender(settings: Settings) -> WebhookSender:
    """Raises ConfigurationError: a secret or a list of targets that is none."""
    targets = WebhookTargets.read(settings.webhook_allow)
    return WebhookSender(targets, read_secrets(settings.webhook_secret), httpx.create_ssl_context())


def _run_janitor(settings: Settings, sender: WebhookSender, holder: str) -> None:
    store = Store.open(settings.redis_url, settings.lease_s)
    queues = JobQueues.open(settings.redis_url, settings.lease_s)
    duties: list[Duty] = [
        Requeuing(store, queues),
        WebhookDelivery(store, sender),
        Retention(store, Keeping.of(settings)),
        MakingJobs(store, queues, JobLimits.of(settings)),
        HoldingWindows(store, queues),
    ]
    asyncio.run(Janitor(store.leases, duties, holder=holder, lease_s=settings.lease_s).run())
