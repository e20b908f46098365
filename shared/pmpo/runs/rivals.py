"""Jobs that name another algorithm than PMPO: the rival, its settings, and the smallest budget of any job."""

from __future__ import annotations

from pmpo.baselines.bounds import minimum_rival_budget
from pmpo.baselines.catalogue import rival_of
from pmpo.baselines.rival import Rival
from pmpo.baselines.spec import MeasureKind, RivalSpec
from pmpo.contracts.jobs import JobSpec
from pmpo.errors import InvalidInputError
from pmpo.optim.bounds import TokenCounts, minimum_budget
from pmpo.optim.selection import policy_of
from pmpo.optim.tariff import Reservation
from pmpo.optim.types import Prices
from pmpo.runs.jobspec import search_spec


def rival_in(job: JobSpec) -> Rival | None:
    """A fresh rival, good for one run; None when the job's algorithm is PMPO.

    Raises:
        InvalidInputError: a population that is too small for it, settings of rivals in a job of PMPO, several seed
            prompts, or a way of scoring that needs a metric in a job without one.
    """
    optimizer = job.optimizer
    if optimizer.algorithm == "pmpo":
        _check_unused(job)
        return None
    if len(job.prompts) > 1:
        raise InvalidInputError(
            f"prompts holds {len(job.prompts)} seed prompts and optimizer.algorithm {optimizer.algorithm!r} begins "
            "with one; give one prompt, or take the algorithm 'pmpo'"
        )
    rival = rival_of(optimizer.algorithm, optimizer.population)
    if job.metric is None and scored_by(job) == "accuracy":
        raise InvalidInputError(
            f"optimizer.algorithm {optimizer.algorithm!r} with scoring {optimizer.scoring!r} grades answers, and the "
            "job has no metric; name one, or write `scoring: loss`"
        )
    return rival


def scored_by(job: JobSpec) -> MeasureKind:
    """What the candidates of the job are compared by: PMPO's always by loss, a rival's perhaps by graded answers."""
    optimizer = job.optimizer
    if job.kind != "optimize" or optimizer.algorithm == "pmpo":
        return "loss"
    return optimizer.scoring if optimizer.scoring != "published" else rival_of(optimizer.algorithm).published


def rival_spec(job: JobSpec, prices: Prices | None = None) -> RivalSpec:
    """The settings of the job's rival. ``prices`` and what is raised: see ``search_spec``."""
    return RivalSpec(search_spec(job, prices), job.optimizer.scoring, job.optimizer.operator)


def smallest_budget(job: JobSpec, counts: TokenCounts, prices: Prices | None = None) -> Reservation:
    """What the job needs at the least, whatever its algorithm. Raises InvalidInputError as ``rival_in``."""
    rival = rival_in(job)
    if rival is None:
        spec = search_spec(job, prices)
        return minimum_budget(counts, spec, policy_of(spec.selection))
    return minimum_rival_budget(counts, rival_spec(job, prices), rival)


def refuse_estimate(job: JobSpec) -> None:
    """Raises InvalidInputError: the job is a rival's, makes rationales or adds demonstrations: there is no forecast."""
    if job.kind == "rationalize" or job.optimizer.few_shot is not None:
        what = f"jobs of kind {job.kind!r}" if job.kind == "rationalize" else "optimizer.few_shot"
        raise InvalidInputError(f"there are no estimates for {what}; run the job with caps: a cap is never exceeded")
    if rival_in(job) is not None:
        raise InvalidInputError(
            f"there are no estimates for optimizer.algorithm {job.optimizer.algorithm!r}, only for 'pmpo'; run the job "
            "with caps in its budget: a cap is never exceeded"
        )


def _check_unused(job: JobSpec) -> None:
    """A setting that does nothing is a mistake. PMPO's own operator is the shared one, so either name is right."""
    optimizer = job.optimizer
    given = {"scoring: accuracy": optimizer.scoring == "accuracy", "population": optimizer.population is not None}
    for key, is_given in given.items():
        if is_given:
            raise InvalidInputError(f"`{key}` under optimizer is for rivals, and the algorithm is 'pmpo'; remove it")
