"""Lists of jobs: pages by a cursor, with filters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query

from pmpo.contracts.jobs import JobsPage, JobState, JobView
from pmpo.contracts.modes import JobKind
from pmpo.errors import InvalidInputError
from services.store.jobs import JobPlace, Jobs
from services.store.records import JobRecord

MAX_PAGE_JOBS = 500
CHUNK_JOBS = 200
MAX_LOOKED_AT = 2_000
_CURSOR = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)-([\w.:-]{1,128})")


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a page holds.

    Attributes:
        states: any of these; empty for all.
        kind: None for all.
        name: how the name begins.
        since: seconds since the epoch; jobs made earlier are left out.
        after: the last job that the page before looked at.
        limit: most jobs of a page.
    """

    states: frozenset[JobState]
    kind: JobKind | None
    name: str
    since: float
    after: JobPlace | None
    limit: int

    def takes(self, job: JobView) -> bool:
        """Whether the job belongs on the page."""
        return (
            (not self.states or job.state in self.states)
            and self.kind in (None, job.kind)
            and job.name.startswith(self.name)
        )


async def _filter(
    *,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_JOBS)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    state: Annotated[list[JobState] | None, Query(description="may be given several times")] = None,
    kind: JobKind | None = None,
    name: Annotated[str, Query(max_length=200, description="how the name begins")] = "",
    since: Annotated[datetime | None, Query(description="a time (UTC unless it says) or seconds since 1970")] = None,
) -> JobFilter:
    """Raises InvalidInputError: the cursor is none."""
    earliest = 0.0
    if since is not None:
        earliest = (since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp()
    return JobFilter(frozenset(state or ()), kind, name, earliest, _place(cursor), limit)


WantedJobs = Annotated[JobFilter, Depends(_filter)]


async def jobs_page(jobs: Jobs, project: str, wanted: JobFilter) -> JobsPage:
    """The next jobs of a project that the filter takes, newest first; at most ``MAX_LOOKED_AT`` are looked at."""
    found: list[JobRecord] = []
    place, num_looked_at = wanted.after, 0
    while num_looked_at < MAX_LOOKED_AT:
        chunk = await jobs.before(project, place, wanted.since, CHUNK_JOBS)
        for record in chunk:
            place = JobPlace(record.view.created_at, record.id)
            found += [record] if wanted.takes(record.view) else []
            if len(found) == wanted.limit:
                break
        num_looked_at += len(chunk)
        if len(chunk) < CHUNK_JOBS and len(found) < wanted.limit:
            return JobsPage(jobs=[record.view for record in found])
        if len(found) == wanted.limit:
            break
    has_more = place is not None and bool(await jobs.before(project, place, wanted.since, 1))
    return JobsPage(jobs=[record.view for record in found], next=_cursor(place) if has_more and place else None)


def _cursor(place: JobPlace) -> str:
    return f"{place.created_at!r}-{place.job_id}"


def _place(cursor: str | None) -> JobPlace | None:
    if cursor is None:
        return None
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidInputError("cursor is none of this list: give the `next` of the page before, or leave it out")
    return JobPlace(float(found.group(1)), found.group(2))
