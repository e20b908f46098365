"""How long what belongs to ended jobs is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pmpo.runtime.settings import Settings

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Days after the end of a job; None: for ever, or as long as the job."""

    job_days: float | None = None
    events_days: float | None = None
    journal_days: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> Keeping:
        """As the settings say, where 0 means for ever."""
        days = (settings.retention_days, settings.retention_events_days, settings.retention_journal_days)
        return cls(*(each or None for each in days))


def days_ago(days: float) -> float:
    """Seconds since the epoch."""
    return time.time() - days * DAY_S
