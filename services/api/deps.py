"""The collaborators of the routes, built once by the app and handed to each request.

Dependencies are coroutines although they wait for nothing: a plain function would cost each request a change of
thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from services.api.archives.service import ArchiveService
from services.api.datasets.service import DatasetService
from services.api.events.streams import EventStreams
from services.api.gc.service import GcService
from services.api.health import Health
from services.api.jobs.reports import ReportService
from services.api.jobs.service import JobService
from services.api.keys.service import KeyService
from services.api.measuring import MetricsService
from services.api.models.service import ModelService
from services.api.prompts.service import PromptService
from services.api.schedules.service import ScheduleService
from services.api.scoring.service import ScoringService


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What the routes work with."""

    jobs: JobService
    health: Health
    reports: ReportService
    keys: KeyService
    datasets: DatasetService
    prompts: PromptService
    streams: EventStreams
    models: ModelService
    archives: ArchiveService
    clearing: GcService
    scoring: ScoringService
    schedules: ScheduleService
    measured: MetricsService


def _collaborators(request: Request) -> Collaborators:
    return cast(Collaborators, request.app.state.collaborators)


async def _jobs(request: Request) -> JobService:
    return _collaborators(request).jobs


async def _reports(request: Request) -> ReportService:
    return _collaborators(request).reports


async def _datasets(request: Request) -> DatasetService:
    return _collaborators(request).datasets


async def _prompts(request: Request) -> PromptService:
    return _collaborators(request).prompts


async def _health(request: Request) -> Health:
    return _collaborators(request).health


async def _keys(request: Request) -> KeyService:
    return _collaborators(request).keys


async def _streams(request: Request) -> EventStreams:
    return _collaborators(request).streams


async def _models(request: Request) -> ModelService:
    return _collaborators(request).models


async def _archives(request: Request) -> ArchiveService:
    return _collaborators(request).archives


async def _clearing(request: Request) -> GcService:
    return _collaborators(request).clearing


async def _scoring(request: Request) -> ScoringService:
    return _collaborators(request).scoring


async def _schedules(request: Request) -> ScheduleService:
    return _collaborators(request).schedules


async def _measured(request: Request) -> MetricsService:
    return _collaborators(request).measured


Service = Annotated[JobService, Depends(_jobs)]
Reports = Annotated[ReportService, Depends(_reports)]
DatasetStore = Annotated[DatasetService, Depends(_datasets)]
PromptRegistry = Annotated[PromptService, Depends(_prompts)]
Models = Annotated[ModelService, Depends(_models)]
HealthChecks = Annotated[Health, Depends(_health)]
Keys = Annotated[KeyService, Depends(_keys)]
Timetable = Annotated[ScheduleService, Depends(_schedules)]
Streams = Annotated[EventStreams, Depends(_streams)]
Archives = Annotated[ArchiveService, Depends(_archives)]
Clearing = Annotated[GcService, Depends(_clearing)]
Scoring = Annotated[ScoringService, Depends(_scoring)]
Measured = Annotated[MetricsService, Depends(_measured)]
