"""The routes of schedules: what comes in and goes out; what it means is in ``service``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from pmpo.contracts.schedules import ScheduleDeleted, SchedulesPage, ScheduleSpec, ScheduleView
from services.api.callers import Reader, Submitter
from services.api.deps import Timetable
from services.api.idempotency import REPLAYED, KeyOfRequest

router = APIRouter(prefix="/v1/schedules", tags=["schedules"])


@router.post("", status_code=201)
async def create_schedule(
    spec: ScheduleSpec, caller: Submitter, keyed: KeyOfRequest, schedules: Timetable, response: Response
) -> ScheduleView:
    """Check a schedule and its job, and save both; the first job is made when its time comes."""
    view, is_replayed = await schedules.create(caller.project, spec, keyed.request(spec))
    response.headers["location"] = f"/v1/schedules/{view.id}"
    if is_replayed:
        response.headers[REPLAYED] = "true"
    return view


@router.get("")
async def list_schedules(caller: Reader, schedules: Timetable) -> SchedulesPage:
    """All schedules of the caller's project, newest first."""
    return await schedules.all(caller.project)


@router.get("/{schedule_id}")
async def get_schedule(schedule_id: str, caller: Reader, schedules: Timetable) -> ScheduleView:
    """When the next job is made, and what became of the times before."""
    return await schedules.get(caller.project, schedule_id)


@router.post("/{schedule_id}/pause")
async def pause_schedule(schedule_id: str, caller: Submitter, schedules: Timetable) -> ScheduleView:
    """Make no jobs until the schedule is resumed. A job that is under way goes on."""
    return await schedules.pause(caller.project, schedule_id)


@router.post("/{schedule_id}/resume")
async def resume_schedule(schedule_id: str, caller: Submitter, schedules: Timetable) -> ScheduleView:
    """Make jobs again; its catch-up policy decides about the times that came meanwhile."""
    return await schedules.resume(caller.project, schedule_id)


@router.delete("/{schedule_id}")
async def delete_schedule(schedule_id: str, caller: Submitter, schedules: Timetable) -> ScheduleDeleted:
    """Make no more jobs. A job that is under way goes on; one that its window keeps paused stays so, and is named."""
    return await schedules.delete(caller.project, schedule_id)
