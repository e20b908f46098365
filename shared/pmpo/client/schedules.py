"""The schedule routes, written once: ``Client`` and ``AsyncClient`` are two faces of these coroutines."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from pmpo.client.answers import read
from pmpo.client.calls import Call
from pmpo.client.exchange import Exchange
from pmpo.client.paths import path_of
from pmpo.client.specs import Keys, body_of, job_with_rows
from pmpo.contracts.schedules import ScheduleDeleted, SchedulesPage, ScheduleSpec, ScheduleView


class ScheduleCalls:
    """Schedules of one API."""

    _exchange: Exchange
    _timeout_s: float

    async def create_schedule(self, spec: ScheduleSpec | Keys, *, idempotency_key: str | None = None) -> ScheduleView:
        """Have a job made again and again; ``next_at`` of the answer says when the first one is.

        Args:
            spec: when, and which job; a mapping of the same keys will do.
            idempotency_key: name of this very request, under which the API makes one schedule however often it comes;
                a fresh one when None.

        Raises:
            InvalidInputError: no cron line that fires, no time zone, no window, or a job that the API refuses.

        Example::

            nightly = ScheduleSpec(cron="0 22 * * 1-5", timezone="Europe/Berlin", window="22:00-06:00", job=spec)
            schedule = client.create_schedule(nightly)
        """
        headers = {"content-type": "application/json", "idempotency-key": idempotency_key or str(uuid.uuid4())}
        body = body_of(ScheduleSpec, _with_rows(spec))
        call = Call("POST", "/v1/schedules", self._timeout_s, is_repeatable=True, headers=headers, body=body)
        return read(ScheduleView, await self._exchange.send(call))

    async def list_schedules(self) -> SchedulesPage:
        """All schedules, newest first."""
        call = Call("GET", "/v1/schedules", self._timeout_s, is_repeatable=True)
        return read(SchedulesPage, await self._exchange.send(call))

    async def get_schedule(self, schedule_id: str) -> ScheduleView:
        """When the next job is made, and what became of the times before. Raises NotFoundError: there is none."""
        call = Call("GET", _path(schedule_id), self._timeout_s, is_repeatable=True)
        return read(ScheduleView, await self._exchange.send(call))

    async def pause_schedule(self, schedule_id: str) -> ScheduleView:
        """Make no jobs until it is resumed; one that is under way goes on. Raises NotFoundError: there is none."""
        return await self._changed(schedule_id, "/pause")

    async def resume_schedule(self, schedule_id: str) -> ScheduleView:
        """Make jobs again; ``catch_up`` decides about times that came meanwhile. Raises NotFoundError: there is none.

        Example::

            client.pause_schedule(schedule.id)
            print(client.resume_schedule(schedule.id).next_at)
        """
        return await self._changed(schedule_id, "/resume")

    async def delete_schedule(self, schedule_id: str) -> ScheduleDeleted:
        """Make no more jobs; one that is under way goes on, and one that its window keeps paused stays so.

        Raises:
            NotFoundError: there is no such schedule.

        Example::

            held = client.delete_schedule(schedule.id).held_job_id
            if held is not None:
                client.resume_job(held)
        """
        call = Call("DELETE", _path(schedule_id), self._timeout_s, is_repeatable=False)
        return read(ScheduleDeleted, await self._exchange.send(call))

    async def _changed(self, schedule_id: str, verb: str) -> ScheduleView:
        """Sent again it changes nothing more, so it may be."""
        call = Call("POST", _path(schedule_id, verb), self._timeout_s, is_repeatable=True)
        return read(ScheduleView, await self._exchange.send(call))


def _with_rows(spec: ScheduleSpec | Keys) -> ScheduleSpec | Keys:
    if not isinstance(spec, Mapping) or "job" not in spec:
        return spec
    return {**spec, "job": job_with_rows(spec["job"])}


def _path(schedule_id: str, below: str = "") -> str:
    empty = "the schedule's id is empty; give one that `pmpo schedule list` prints"
    return path_of("schedules", schedule_id, empty, below)
