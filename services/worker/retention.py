"""The duty to clear away what is kept no longer: jobs, events and journals, some days after the end of their jobs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pmpo.runtime.logs import get_logger
from pmpo.runtime.settings import Settings
from services.store.disposal import Part
from services.store.store import Store

log = get_logger()
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Days after the end of a job; 0: for ever, or as long as the job."""

    job_days: float
    events_days: float
    journal_days: float

    @classmethod
    def of(cls, settings: Settings) -> Keeping:
        """As the settings say."""
        return cls(settings.retention_days, settings.retention_events_days, settings.retention_journal_days)


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
        if self._keeping.job_days:
            for job_id in await self._disposal.ended_before(_days_ago(self._keeping.job_days)):
                num_jobs += await self._disposal.try_delete(job_id)
        num_events = await self._trim("events", self._keeping.events_days)
        num_journals = await self._trim("journal", self._keeping.journal_days)
        if num_jobs or num_events or num_journals:
            log.info("cleared_away", jobs=num_jobs, events=num_events, journals=num_journals)

    async def _trim(self, part: Part, days: float) -> int:
        if not days:
            return 0
        ended = await self._disposal.ended_before(_days_ago(days), part)
        return sum([await self._disposal.trim(job_id, part) for job_id in ended])


def _days_ago(days: float) -> float:
    return time.time() - days * DAY_S
