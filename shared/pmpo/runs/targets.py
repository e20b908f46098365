"""Several target models of one job: what they change about its search."""

from __future__ import annotations

from dataclasses import replace

from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidInputError
from pmpo.optim.several import SeveralTargets
from pmpo.optim.spec import SearchSpec


def for_targets(spec: SearchSpec, job: JobSpec) -> SearchSpec:
    """``spec`` with one loss made of those of all the job's targets; unchanged for a job with one.

    Raises:
        InvalidInputError: a target is named twice.
    """
    names = job.models.targets
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInputError(f"models.target names {twice!r} twice; name each endpoint once")
    if len(names) == 1:
        return spec
    objective = SeveralTargets(spec.objective, len(names), job.objective.combine)
    return replace(spec, objective=objective, num_target_models=len(names))
