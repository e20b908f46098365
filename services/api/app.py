"""The API's composition root: settings in, an application out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from pmpo import __version__
from pmpo.contracts.datasets import DatasetLimits
from pmpo.contracts.problems import problem_responses
from pmpo.contracts.scoring import TemplateArguments
from pmpo.remote.interactive import InteractiveScorer
from pmpo.remote.scorer import ScorerClient
from pmpo.remote.transport import RetryPolicy
from pmpo.runtime.endpoints import Endpoint
from pmpo.runtime.http import open_http
from pmpo.runtime.metrics import ApiMetrics
from pmpo.runtime.settings import Settings
from services.api import probes
from services.api.archives import endpoints as archives
from services.api.archives.datasets import DatasetsSection
from services.api.archives.jobs import JobsSection
from services.api.archives.prompts import PromptsSection
from services.api.archives.sections import Section
from services.api.archives.service import ArchiveService
from services.api.datasets import endpoints as datasets
from services.api.datasets.service import DatasetService
from services.api.deps import Collaborators
from services.api.events.streams import EventStreams
from services.api.gate import Gate, doorkeeper
from services.api.gc import endpoints as gc
from services.api.gc.service import GcService
from services.api.health import Health
from services.api.jobs import endpoints as jobs
from services.api.jobs.checks import JobChecks
from services.api.jobs.reports import ReportService
from services.api.jobs.service import JobService
from services.api.keys import endpoints as keys
from services.api.keys.service import KeyService
from services.api.measuring import MetricsService, route_with_method
from services.api.middleware import RequestFrame
from services.api.models import endpoints as models
from services.api.models.service import ModelService
from services.api.problems import install_problems
from services.api.prompts import endpoints as prompts
from services.api.prompts.service import PromptService
from services.api.quota import Quota
from services.api.schedules import endpoints as schedules
from services.api.schedules.service import ScheduleService
from services.api.scoring import endpoints as scoring
from services.api.scoring.service import ScoringService
from services.api.security_headers import SecurityHeaders
from services.docs_page import install_docs_page
from services.queues import JobQueues
from services.request_metrics import RequestMetrics
from services.store.admission import JobLimits
from services.store.keeping import Keeping
from services.store.store import Store
from services.upstreams import logged_breakers
from services.webhooks.rules import WebhookRules
from services.webhooks.secrets import read_secrets
from services.webhooks.targets import WebhookTargets

COUNT_TIMEOUT_S = 60.0
PROBE_TIMEOUT_S = 2.0
# Somebody waits for the answer: one more try, soon, then the caller is told.
COUNT_POLICY = RetryPolicy(max_tries=2, first_wait_s=0.2, max_wait_s=1.0)
PROBE_POLICY = RetryPolicy(max_tries=1, is_probing=True)


def create_app(settings: Settings, table: Mapping[str, Endpoint]) -> FastAPI:
    """The application. Its connections are opened by the first use and closed when it ends.

    Raises:
        ConfigurationError: no Redis address, an endpoint whose key is not set, no API keys where others could call, or
            webhook settings that are none.
    """
    closing = AsyncExitStack()
    store = Store.open(settings.redis_url, settings.lease_s)
    closing.push_async_callback(store.close)
    collaborators = _collaborate(settings, table, store, closing)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with closing:
            yield

    app = FastAPI(
        title="PMPO",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=problem_responses(),
    )
    install_docs_page(app)
    app.state.collaborators = collaborators
    if settings.api_max_requests_per_minute:
        app.add_middleware(Quota, counter=store.requests, max_per_minute=settings.api_max_requests_per_minute)
    app.add_middleware(Gate, doorkeeper=doorkeeper(settings, store.api_keys))
    app.add_middleware(RequestFrame, unbounded=frozenset({datasets.router.prefix, archives.IMPORT_PATH}))
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestMetrics, metrics=collaborators.measured.metrics, named=route_with_method)
    install_problems(app)
    app.include_router(jobs.router)
    app.include_router(datasets.router)
    app.include_router(scoring.router)
    app.include_router(keys.router)
    app.include_router(prompts.router)
    app.include_router(models.router)
    app.include_router(archives.router)
    app.include_router(gc.router)
    app.include_router(schedules.router)
    app.include_router(probes.router)
    return app


def _collaborate(
    settings: Settings, table: Mapping[str, Endpoint], store: Store, closing: AsyncExitStack
) -> Collaborators:
    """The routes' collaborators; none of them opens a connection before it is used."""
    queues = JobQueues.open(settings.redis_url, settings.lease_s)
    closing.callback(queues.close)
    http = open_http()
    closing.push_async_callback(http.aclose)
    breakers = logged_breakers()

    def counter(row: Endpoint, arguments: TemplateArguments) -> ScorerClient:
        return ScorerClient(
            http,
            row,
            timeout_s=COUNT_TIMEOUT_S,
            key=row.key(),
            chat_template_kwargs=arguments,
            policy=COUNT_POLICY,
            breakers=breakers,
            when_slow="; give fewer or shorter rows, or add capacity",
        )

    checks = JobChecks(table, counter, webhook_rules(settings))

    def prober(row: Endpoint) -> ScorerClient:
        return ScorerClient(http, row, timeout_s=PROBE_TIMEOUT_S, key=row.key(), policy=PROBE_POLICY, breakers=breakers)

    probed = {name: _ScorerProbe(prober(row)) for name, row in table.items()}
    limits = DatasetLimits(rows=settings.dataset_max_rows, bytes=settings.dataset_max_bytes)
    job_limits = JobLimits.of(settings)
    service = JobService(store, queues, checks, job_limits)
    return Collaborators(
        jobs=service,
        health=Health(store, probed),
        reports=ReportService(store),
        keys=KeyService(store.api_keys),
        datasets=DatasetService(store, limits),
        prompts=PromptService(store),
        streams=EventStreams(store.journal, service.waiting),
        models=ModelService(table, prober),
        archives=ArchiveService(_sections(store, limits), settings.import_max_bytes),
        clearing=GcService(store, Keeping.of(settings)),
        scoring=ScoringService(table, lambda row: InteractiveScorer(http, row, key=row.key())),
        schedules=ScheduleService(store, service),
        measured=MetricsService(ApiMetrics(), store),
    )


def _sections(store: Store, limits: DatasetLimits) -> list[Section]:
    """What an export consists of; what others name comes before them."""
    return [DatasetsSection(store, limits), PromptsSection(store), JobsSection(store)]


def webhook_rules(settings: Settings) -> WebhookRules:
    """What a job's webhook is checked by. Raises ConfigurationError: a secret or a list of targets that is none."""
    can_sign = bool(read_secrets(settings.webhook_secret))
    return WebhookRules(WebhookTargets.read(settings.webhook_allow), can_sign)


class _ScorerProbe:
    """Counting the tokens of one word is the cheapest thing that a scorer does with its model."""

    def __init__(self, scorer: ScorerClient) -> None:
        self._scorer = scorer

    async def ask(self) -> None:
        await self._scorer.count_tokens(["ready"])
