"""The janitor's duty to call webhooks: whatever is due, each by one worker, until it is taken or given up."""

from __future__ import annotations

import asyncio
import random

from pmpo.errors import NotFoundError
from pmpo.runtime.logs import get_logger
from services.store.store import Store
from services.worker.webhooks.message import message_body, message_id
from services.worker.webhooks.sender import DEADLINE_S, Sent, WebhookSender

log = get_logger()
MAX_AT_ONCE = 16
# A caller that dies leaves its call to another after this: long enough for the deadline and what is written after it.
CLAIM_S = DEADLINE_S + 15.0
# Between two tries, each longer by up to a tenth: nine tries in about two days.
WAITS_S = (5.0, 60.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 86_400.0)
MAX_WAIT_S = 86_400.0
MAX_TRIES = len(WAITS_S) + 1


class WebhookDelivery:
    """At least once: what a crash leaves open is called again, under the same id."""

    name = "webhooks"
    interval_s = 0.0

    def __init__(self, store: Store, sender: WebhookSender) -> None:
        self._store = store
        self._sender = sender

    async def perform(self) -> None:
        """Call what is due."""
        while due := await self._store.webhooks.due(MAX_AT_ONCE):
            done = await asyncio.gather(*(self._deliver(job_id) for job_id in due), return_exceptions=True)
            for error in done:
                if isinstance(error, BaseException):
                    raise error
            if not any(done):
                return  # others are at it

    async def _deliver(self, job_id: str) -> bool:
        """Call one webhook; whether there was anything to do."""
        claimed = await self._store.webhooks.try_claim(job_id, CLAIM_S)
        if claimed is None:
            return False
        try:
            job = await self._store.jobs.get(job_id)
        except NotFoundError:
            return True  # deleted meanwhile, its place in the outbox with it
        if claimed.attempt > MAX_TRIES:  # whoever made the last one died with it
            await self._store.webhooks.failed(job_id, f"given up after {MAX_TRIES} tries")
            return True
        sent = await self._sender.send(claimed.url, message_id(job_id), message_body(job.view, job.project))
        await self._note(job_id, claimed.attempt, sent)
        return True

    async def _note(self, job_id: str, attempt: int, sent: Sent) -> None:
        if sent.outcome == "delivered":
            log.info("webhook_delivered", job_id=job_id, attempt=attempt)
            await self._store.webhooks.delivered(job_id)
            return
        log.warning("webhook_failed", job_id=job_id, attempt=attempt, reason=sent.detail)
        if sent.outcome == "refused":
            await self._store.webhooks.failed(job_id, sent.detail)
        elif attempt == MAX_TRIES:
            await self._store.webhooks.failed(job_id, f"{sent.detail} (given up after {attempt} tries)")
        else:
            wait_s = WAITS_S[attempt - 1] * random.uniform(1.0, 1.1)  # noqa: S311 (jitter)
            await self._store.webhooks.put_off(job_id, max(wait_s, min(MAX_WAIT_S, sent.retry_after_s)), sent.detail)
