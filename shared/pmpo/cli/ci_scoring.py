"""What `pmpo ci` asks a service: which models it has, and what prompts score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console

from pmpo.ci.markdown import Unit, units_of
from pmpo.ci.measuring import MeasuringJob
from pmpo.ci.standing import Models, Standing, changes_of, with_measurement
from pmpo.cli.ci_project import KeptPrompt, Project
from pmpo.cli.ci_service import Served, Service
from pmpo.cli.console import busy, print_words
from pmpo.cli.exits import JobError, about_job, exit_code
from pmpo.cli.watch import failure
from pmpo.cli.words import counted
from pmpo.client import Client
from pmpo.contracts.jobs import ModelView
from pmpo.contracts.models import NamedModelView
from pmpo.errors import (
    InvalidInputError,
    PmpoError,
    ScorerUnavailableError,
)

Found = TypeVar("Found")
MAX_LOSSES = 4


def served_models(client: Client) -> dict[str, NamedModelView]:
    """What stands behind every name of the service's endpoint table."""
    return {model.name: model for model in client.models().models}


def models_of(prompt: KeptPrompt, served: Served) -> dict[str, ModelView]:
    """The prompt's target models by name.

    Raises:
        InvalidInputError: a name that the service does not have.
        ScorerUnavailableError: a scorer that does not say what it serves.
    """
    found = {}
    for name in prompt.spec.models.targets:
        if name not in served:
            known = ", ".join(served) or "none"
            raise InvalidInputError(f"[prompts.{prompt.name}] the service has no model {name!r:.60}; it has: {known}")
        view = served[name].served
        if view is None:
            raise ScorerUnavailableError(f"the model {name!r} cannot be asked what it is: {served[name].problem}")
        found[name] = view
    return found


def standing_of(project: Project, prompt: KeptPrompt, models: Models | None) -> Standing:
    """How a prompt stands by its digests alone; nothing is scored."""
    locked = project.lock.prompts.get(prompt.name)
    changes = changes_of(locked, prompt.now, models)
    return Standing(prompt.name, prompt.entry.file, prompt.file.text, prompt.entry.thresholds, locked, changes)


def standings(
    service: Service, project: Project, prompts: Sequence[KeptPrompt], console: Console | None, *, scores_all: bool
) -> list[Standing]:
    """How prompts stand; those that changed are scored, and with ``scores_all`` all of them, and anew."""
    served = served_models(service.client)
    models = {prompt.name: models_of(prompt, served) for prompt in prompts}
    first = {prompt.name: standing_of(project, prompt, models[prompt.name]) for prompt in prompts}
    to_score = [prompt for prompt in prompts if scores_all or first[prompt.name].changes]
    jobs = {prompt.name: service.measuring(prompt) for prompt in to_score}
    found = run_all(service, jobs, console, None if scores_all else served, service.client.evaluation)
    for prompt in to_score:
        measured = jobs[prompt.name].read(found[prompt.name])
        first[prompt.name] = with_measurement(first[prompt.name], measured, models[prompt.name], seed=prompt.spec.seed)
    return list(first.values())


def run_all(
    service: Service,
    jobs: Mapping[str, MeasuringJob],
    console: Console | None,
    served: Served | None,
    read: Callable[[str], Found],
) -> dict[str, Found]:
    """Run jobs side by side; what ``read`` finds of each by its id. ``served`` as in ``Service.take_up``.

    Raises:
        JobError: one failed or was cancelled.
    """
    if not jobs:
        return {}
    with busy(console, f"Scoring {counted(len(jobs), 'prompt')}"):
        ids = {name: service.take_up(job.spec, served).id for name, job in jobs.items()}
        return {name: _finished(service, job_id, console, read) for name, job_id in ids.items()}


def importances(
    service: Service, prompts: Sequence[KeptPrompt], console: Console | None
) -> dict[str, tuple[Unit, ...]]:
    """What each part of these prompts is worth; a prompt of which no part may go has none."""
    jobs = {prompt.name: service.measuring(prompt, with_units=True) for prompt in prompts if _has_parts(prompt)}
    served = served_models(service.client) if jobs else None
    reports = run_all(service, jobs, console, served, service.client.report)
    found = {name: report.compression for name, report in reports.items()}
    return {name: units_of(view.units) for name, view in found.items() if view is not None}


def _has_parts(prompt: KeptPrompt) -> bool:
    from pmpo.optim.deletion import DeletionRule, deletable_units

    try:
        return bool(deletable_units(prompt.file.text, prompt.spec.constraints.protect, DeletionRule()))
    except InvalidInputError:
        return False


def _finished(service: Service, job_id: str, console: Console | None, read: Callable[[str], Found]) -> Found:
    def tell(error: PmpoError, times: int) -> None:
        if console is not None:
            print_words(console, f"{error}; trying again ({times} of {MAX_LOSSES})")

    client = service.client
    with about_job(job_id), _in_sight(service, job_id):
        job = client.wait(job_id, max_losses=MAX_LOSSES, on_lost=tell)
        if job.state == "failed":
            raise JobError(failure(job), job_id=job_id, code=job.failure.code if job.failure else "failed")
        if job.state == "cancelled":
            raise JobError(f"job {job_id} was cancelled, so nothing was measured", job_id=job_id, code="cancelled")
        return read(job_id)


@contextmanager
def _in_sight(service: Service, job_id: str) -> Iterator[None]:
    """Raises: JobError: in place of an error of a service that is gone; says what becomes of the job."""
    try:
        yield
    except PmpoError as error:
        if not error.retryable:
            raise
        sentence = f"lost sight of job {job_id} ({error.message}); {service.how_to_go_on(job_id)}"
        raise JobError(sentence, job_id=job_id, code=error.code, status=exit_code(error)) from error
