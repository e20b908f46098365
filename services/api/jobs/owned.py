"""The job that a path names, when it is the caller's. What belongs to another project does not exist.

A job never changes its project, so one look before the route is enough.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from services.api.callers import Reader, Submitter
from services.api.deps import Service


async def _readable(job_id: str, caller: Reader, service: Service) -> str:
    """Raises NotFoundError: no job of the caller's project."""
    await service.require(job_id, caller.project)
    return job_id


async def _changeable(job_id: str, caller: Submitter, service: Service) -> str:
    """Raises NotFoundError: no job of the caller's project."""
    await service.require(job_id, caller.project)
    return job_id


ReadableJob = Annotated[str, Depends(_readable)]
"""The id of a job that the caller may look at: a route takes ``job_id: ReadableJob`` in place of a string."""
ChangeableJob = Annotated[str, Depends(_changeable)]
"""The same for a route that changes the job."""
