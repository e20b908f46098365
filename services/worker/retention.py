"""The duty to clear away what is kept no longer: jobs, events and journals, some days after the end of their jobs."""

from __future__ import annotations

from pmpo.runtime.logs import get_logger
from services.store.disposal import Part
from services.store.keeping import Keeping, days_ago
from services.store.store import Store

log = get_logger()


class Retention:
    """Deletes what is older than it is to be kept. A job whose webhook is still to be called is kept until then."""

    name = "retention"
    interval_s = 60.0

    def __init__(self, store: Store, keeping: Keeping) -> None:
        self._disposal = store.disposal
        self._keeping = keeping

    async def perform(self) -> None:
        """Delete what is due, one job after the other."""
        num_jobs = 0
        if self._keeping.job_days is not None:
            for job_id in await self._disposal.ended_before(days_ago(self._keeping.job_days)):
                num_jobs += await self._disposal.try_delete(job_id)
        num_events = await self._trim("events", self._keeping.events_days)
        num_journals = await self._trim("journal", self._keeping.journal_days)
        if num_jobs or num_events or num_journals:
            log.info("cleared_away", jobs=num_jobs, events=num_events, journals=num_journals)

    async def _trim(self, part: Part, days: float | None) -> int:
        if days is None:
            return 0
        ended = await self._disposal.ended_before(days_ago(days), part)
        return sum([await self._disposal.trim(job_id, part) for job_id in ended])
