"""The service that `pmpo ci` has its jobs done by: taken up again after an interruption, waited for when restarted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

from pmpo.ci.digests import job_key
from pmpo.ci.measuring import MeasuringJob, measuring_job
from pmpo.cli.ci_project import KeptPrompt, of_prompt
from pmpo.cli.optimize import chosen_api
from pmpo.client import Client, Retries
from pmpo.contracts.datasets import MAX_PAGE_ROWS
from pmpo.contracts.jobdata import Row
from pmpo.contracts.jobs import JobCreated, JobSpec
from pmpo.contracts.models import NamedModelView
from pmpo.errors import IdempotencyKeyReusedError, InvalidInputError, NotFoundError, PmpoError

# A service that answered once may be away for some seconds, as when it is restarted; one that never did is not there.
PATIENT = Retries(max_attempts=7, first_wait_s=0.25, max_wait_s=4.0)
Served = Mapping[str, NamedModelView]


@dataclass(frozen=True, slots=True)
class Service:
    """Where a command has its jobs done. ``is_passing``: the service and its jobs end with the command."""

    client: Client
    is_passing: bool
    _rows: dict[str, list[Row]] = field(default_factory=dict)

    def measuring(self, prompt: KeptPrompt, *, with_units: bool = False) -> MeasuringJob:
        """The job that measures the prompt. Rows of stored data sets are fetched, each set once.

        Raises:
            InvalidDataError: too few rows, or rows that cannot be used; names the prompt.
            NotFoundError: a data set that is not there.
        """
        try:
            ids = prompt.spec.dataset.ids
            dataset = prompt.spec.dataset.with_rows({name: self._stored(found) for name, found in ids.items()})
            return measuring_job(prompt.spec.model_copy(update={"dataset": dataset}), with_units=with_units)
        except PmpoError as error:
            raise of_prompt(prompt.name, error) from None

    def _stored(self, dataset_id: str) -> list[Row]:
        if dataset_id not in self._rows:
            rows: list[Row] = []
            offset: int | None = 0
            while offset is not None:
                page = self.client.get_dataset(dataset_id, rows=MAX_PAGE_ROWS, offset=offset)
                rows += page.rows or ()
                offset = page.next
            self._rows[dataset_id] = rows
        return self._rows[dataset_id]

    def take_up(self, spec: JobSpec, served: Served | None) -> JobCreated:
        """The job of ``spec`` that an interrupted command left here in the last 24 hours, or a new one.

        Args:
            spec: the job.
            served: what stands behind the service's names: another model is another job; None for a new one anyway.
        """
        if served is None:
            return self.client.create_job(spec)
        names = {*spec.models.targets, spec.models.rewriter}
        models = {name: served[name].served if name in served else None for name in names}
        try:
            created = self.client.create_job(spec, idempotency_key=job_key(spec, models))
            is_usable = self.client.get_job(created.id).state not in ("failed", "cancelling", "cancelled")
        except (NotFoundError, IdempotencyKeyReusedError):  # deleted since, or sent by another version
            is_usable = False
        return created if is_usable else self.client.create_job(spec)

    def how_to_go_on(self, job_id: str) -> str:
        """What to do about a job that nobody watches any more."""
        if self.is_passing:
            return "it ended with the services that were started for it; run the command again"
        return (
            "it goes on without you: the same command takes it up again within 24 hours; or stop it with "
            f"`pmpo cancel {job_id}`"
        )


@contextmanager
def chosen_service(url: str | None, console: Console | None, *, is_local: bool) -> Iterator[Service]:
    """The service that `pmpo optimize` would choose; with ``is_local`` this very process."""
    if is_local and url is not None:
        raise InvalidInputError("--local needs no service and --url names one; give one of the two")
    if is_local:
        with tempfile.TemporaryDirectory(prefix="pmpo-ci-") as folder, Client.local(folder) as client:
            yield Service(client, is_passing=True)
        return
    with chosen_api(url, console) as api:
        with Client(api.url) as asked:
            retries = PATIENT if asked.is_alive() else Retries()
        with Client(api.url, retries=retries) as client:
            yield Service(client, api.is_passing)
