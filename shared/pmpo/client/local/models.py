"""The models of local jobs: those of ``PMPO_ENDPOINTS`` where that is set, else a scorer of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pmpo.client.local.scorer_process import ScorerProcess
from pmpo.contracts.jobs import JobSpec, ModelView
from pmpo.contracts.models import ModelsView, NamedModelView
from pmpo.contracts.scoring import TemplateArguments
from pmpo.errors import PmpoError
from pmpo.optim.ports import Generator
from pmpo.optim.several import IdentifiedScorer, SeveralScorers
from pmpo.optim.types import ModelIdentity
from pmpo.remote.generator import GeneratorClient
from pmpo.remote.interactive import InteractiveScorer
from pmpo.remote.prices import prices_of
from pmpo.remote.scorer import ScorerClient
from pmpo.runs.terms import JobTerms, job_terms
from pmpo.runtime.endpoints import DEFAULT_NAME, Endpoint, endpoint, load_endpoints
from pmpo.runtime.http import open_http
from pmpo.runtime.settings import Settings


class LocalModels:
    """Scorers and generators by the names that jobs use. Nothing is started before it is needed."""

    def __init__(self, settings: Settings, model: str | None) -> None:
        """``model``: what a scorer of one's own serves, whatever the endpoint table says; None: see above."""
        self._settings = settings
        self._own = ScorerProcess(model) if model is not None or settings.endpoints is None else None
        self._http = open_http()

    async def table(self) -> Mapping[str, Endpoint]:
        """The endpoints. Raises as ``ScorerProcess.start`` and ``load_endpoints`` do."""
        if self._own is None:
            return load_endpoints(self._settings)
        return {DEFAULT_NAME: Endpoint(name=DEFAULT_NAME, url=await self._own.start())}

    async def terms(self, job: JobSpec) -> JobTerms:
        """What the table says of the job's models now. Raises InvalidInputError: a name that is not in it."""
        table, models = await self.table(), job.models
        names = {*models.targets, models.rewriter}
        arguments = {name: endpoint(table, name).chat_template_kwargs for name in names}
        return job_terms(job, prices_of(table, models.targets, models.rewriter), arguments)

    async def scorer(
        self, arguments: Mapping[str, TemplateArguments], identities: Sequence[ModelIdentity], job_id: str | None = None
    ) -> IdentifiedScorer:
        """The scorer of a job's targets, whose journal began with ``identities`` (or is empty)."""
        table = await self.table()
        known: Sequence[ModelIdentity | None] = identities or [None] * len(arguments)
        scorers = [
            self._scorer(endpoint(table, name), given, identity, job_id)
            for (name, given), identity in zip(arguments.items(), known, strict=True)
        ]
        return scorers[0] if len(scorers) == 1 else SeveralScorers(scorers)

    async def generator(self, name: str, arguments: TemplateArguments, job_id: str) -> Generator:
        """A generator."""
        row = endpoint(await self.table(), name)
        timeout_s = self._settings.upstream_timeout_s
        return GeneratorClient(
            self._http,
            row,
            timeout_s=timeout_s,
            key=row.generate_key(),
            chat_template_kwargs=arguments,
            job=job_id,
        )

    async def asked(self, name: str) -> InteractiveScorer:
        """A scorer for somebody who waits."""
        row = endpoint(await self.table(), name)
        return InteractiveScorer(self._http, row, key=row.key())

    async def served(self) -> ModelsView:
        """What every scorer of the table serves; one that does not answer is named with its reason."""
        table = await self.table()
        return ModelsView(models=list(await asyncio.gather(*map(self._served, table.values()))))

    async def close(self) -> None:
        """Close every connection and stop the scorer."""
        await self._http.aclose()
        if self._own is not None:
            await self._own.stop()

    async def _served(self, row: Endpoint) -> NamedModelView:
        try:
            found = (await self._scorer(row, {}, None, None).ask_model()).identity
        except PmpoError as error:
            return NamedModelView(name=row.name, served=None, problem=error.message)
        view = ModelView(model=found.model, revision=found.revision, dtype=found.dtype, engine=found.engine)
        return NamedModelView(name=row.name, served=view)

    def _scorer(
        self, row: Endpoint, arguments: TemplateArguments, identity: ModelIdentity | None, job_id: str | None
    ) -> ScorerClient:
        return ScorerClient(
            self._http,
            row,
            timeout_s=self._settings.upstream_timeout_s,
            key=row.key(),
            identity=identity,
            chat_template_kwargs=arguments,
            job=job_id,
        )
