"""What becomes of a job's winner in the prompt registry."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from pmpo.contracts.jobs import JobSpec, ResultView
from pmpo.contracts.modes import KINDS_WITH_A_WINNER
from pmpo.contracts.prompts import PromptContent, PromptLineage
from pmpo.contracts.registry import RegistrySpec, name_like
from pmpo.optim.types import Splits
from pmpo.runs.plain import to_plain

CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class Registration:
    """A winner on its way to the registry.

    Attributes:
        name: the prompt that gets a version.
        content: the version; ``created_at`` is that of the job's end.
        seed_sha256: of the prompt that the job began with.
        labels: what the version is labelled with: nothing unless the verdict is ``confirmed``, and not where the label
            stands at a version with a lower test loss that was measured on the same.
    """

    name: str
    content: PromptContent
    seed_sha256: str
    labels: tuple[str, ...]


def with_registry_name(job: JobSpec) -> tuple[JobSpec, str]:
    """The job with the name that its winner will have in the registry, or with none; and a warning, or nothing.

    A name that the job gives is taken, else one that is made of the job's own name. A job that only a program named
    (it has the default name), or one without a winner, gets none.
    """
    given = job.registry
    if given.name is not None and given.keep and job.kind in KINDS_WITH_A_WINNER:
        return job, ""
    warning = ""
    spec = RegistrySpec(keep=False)
    if given.keep and job.kind in KINDS_WITH_A_WINNER and "name" in job.model_fields_set:
        name = name_like(job.name)
        if name:
            spec = RegistrySpec(name=name, label=given.label)
        else:
            warning = (
                f"nothing of the job's name {job.name!r:.60} makes a name for the prompt registry, so the winner "
                "becomes no version there; write `registry: NAME`"
            )
    return job.model_copy(update={"registry": spec}), warning


def registration_of(job: JobSpec, result: ResultView, splits: Splits, now: float) -> Registration | None:
    """The winner of a job as a version; None where the job asks for none, or kept the prompt that it began with.

    Args:
        job: as ``with_registry_name`` made it.
        result: what it found.
        splits: the rows that it was found on.
        now: seconds since the epoch.
    """
    name = job.registry.name
    if not job.registry.keep or name is None or result.prompt_after == result.prompt_before:
        return None
    seed = text_digest(result.prompt_before)
    is_confirmed = result.verdict == CONFIRMED
    asked = (job.registry.label,) if job.registry.label not in (None, CONFIRMED) else ()
    content = PromptContent(
        prompt=result.prompt_after,
        sha256=text_digest(result.prompt_after),
        created_at=now,
        source="job",
        lineage=_lineage(job, result, seed, splits),
    )
    labels = tuple(label for label in (CONFIRMED, *asked) if is_confirmed and label is not None)
    return Registration(name, content, seed, labels)


def text_digest(text: str) -> str:
    """SHA-256 of a prompt's text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _lineage(job: JobSpec, result: ResultView, seed_sha256: str, splits: Splits) -> PromptLineage:
    return PromptLineage(
        job_id=result.job_id,
        job_name=job.name,
        kind=job.kind,
        verdict=result.verdict,
        seed_sha256=seed_sha256,
        train_loss_before=result.train_loss_before,
        train_loss_after=result.train_loss_after,
        validation_loss_before=result.validation_loss_before,
        validation_loss_after=result.validation_loss_after,
        test=result.test,
        objective=result.objective,
        model=result.model,
        datasets={str(name): found for name, found in result.datasets.items()},
        measured_on=_measured_on(result, splits),
    )


def _measured_on(result: ResultView, splits: Splits) -> str:
    """Empty without a test, and where several models measured together: their names are not told."""
    if result.test is None or result.model is None:
        return ""
    what = [result.model.model, result.model.revision, result.objective.model_dump(), to_plain(splits.test)]
    return text_digest(json.dumps(what, sort_keys=True))
