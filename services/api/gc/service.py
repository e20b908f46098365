"""What clearing away means: ended jobs of a project that were kept long enough, parts of others, and orphans."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from pmpo.contracts.upkeep import EndedJob, GcReport, GcRequest
from pmpo.runtime.logs import get_logger
from services.store.disposal import PARTS, Part
from services.store.keeping import Keeping, days_ago
from services.store.orphans import Orphan
from services.store.records import JobRecord
from services.store.store import Store

log = get_logger()
MAX_NAMED = 100


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to go."""

    jobs: list[JobRecord]
    num_spared: int
    parts: dict[Part, list[str]]
    orphans: list[Orphan]


class GcService:
    """Does at once, and for one project, what the janitor does for all of them as time goes by."""

    def __init__(self, store: Store, keeping: Keeping) -> None:
        self._store = store
        self._keeping = keeping

    async def run(self, project: str, asked: GcRequest) -> GcReport:
        """Find what is to go; delete it when that was confirmed.

        Raises:
            StoreUnavailableError: Redis does not answer.
        """
        keeping = self._keeping
        if asked.older_than_days is not None:
            keeping = replace(keeping, job_days=asked.older_than_days)
        due = await self._due(project, keeping)
        if asked.confirm:
            await self._delete(due)
            log.info("cleared_away", project=project, jobs=len(due.jobs), orphans=len(due.orphans))
        return _report(due, is_deleted=asked.confirm)

    async def _due(self, project: str, keeping: Keeping) -> _Due:
        found = await self._ended(project, keeping.job_days)
        waiting = {
            record.id for record in found if record.view.webhook is not None and record.view.webhook.state == "pending"
        }
        jobs = [record for record in found if record.id not in waiting]
        going = {record.id for record in jobs}
        days: dict[Part, float | None] = {"events": keeping.events_days, "journal": keeping.journal_days}
        parts: dict[Part, list[str]] = {}
        for part in PARTS:
            records = await self._ended(project, days[part], part)
            parts[part] = [record.id for record in records if record.id not in going]
        orphans = {orphan async for orphan in self._store.orphans.find(project)}
        return _Due(jobs, len(waiting), parts, sorted(orphans, key=str))

    async def _ended(self, project: str, days: float | None, part: Part | None = None) -> list[JobRecord]:
        if days is None:
            return []
        ended = await self._store.disposal.ended_before(days_ago(days), part)
        return [record for record in await self._store.jobs.several(ended) if record.project == project]

    async def _delete(self, due: _Due) -> None:
        for record in due.jobs:
            await self._store.disposal.try_delete(record.id)
        for part, job_ids in due.parts.items():
            for job_id in job_ids:
                await self._store.disposal.trim(job_id, part)
        for orphan in due.orphans:
            await self._store.orphans.delete(orphan)


def _report(due: _Due, *, is_deleted: bool) -> GcReport:
    views = [record.view for record in itertools.islice(due.jobs, MAX_NAMED)]
    return GcReport(
        is_deleted=is_deleted,
        num_jobs=len(due.jobs),
        jobs=[EndedJob(id=view.id, name=view.name, state=view.state, ended_at=view.updated_at) for view in views],
        num_spared=due.num_spared,
        num_events=len(due.parts["events"]),
        num_journals=len(due.parts["journal"]),
        num_orphans=len(due.orphans),
        orphans=[str(orphan) for orphan in due.orphans[:MAX_NAMED]],
    )
