"""Which mode a job asks for: its settings for the algorithm, its smallest budget, and what it adds to the result."""

from __future__ import annotations

from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.modes import CompressionView, CompressSpec
from pmpo.errors import InvalidInputError
from pmpo.optim.bounds import TokenCounts, minimum_budget
from pmpo.optim.budget import Reservation
from pmpo.optim.deletion import DeletionRule, minimum_compression_budget
from pmpo.optim.mode_results import Compression
from pmpo.optim.selection import policy_of
from pmpo.optim.spec import SearchSpec
from pmpo.runs.plain import to_plain


def check_mode(job: JobSpec) -> None:
    """Refuse sections that the job's kind does not look at: they would be ignored in silence.

    Raises:
        InvalidInputError: names the section and the kind that it belongs to.
    """
    if job.compress is not None and job.kind != "compress":
        raise InvalidInputError(
            f"the section 'compress' belongs to jobs of that kind and this one's kind is {job.kind}; "
            "write `kind: compress`, or remove the section"
        )
    if job.optimizer.iterations == 0 and job.optimizer.few_shot is None:
        raise InvalidInputError(
            "optimizer.iterations is 0; it must be at least 1, unless optimizer.few_shot asks for demonstrations alone"
        )
    if job.kind == "compress":
        deletion_rule(job)
        if job.optimizer.few_shot is not None:
            raise InvalidInputError(
                "optimizer.few_shot adds to a prompt and a compress job takes away from it; remove the section"
            )


def deletion_rule(job: JobSpec) -> DeletionRule:
    """What a compression may delete. Raises InvalidInputError for limits that contradict one another."""
    given = job.compress or CompressSpec()
    return DeletionRule(given.epsilon, given.tolerance, given.margin, given.max_units)


def smallest_budget(job: JobSpec, search: SearchSpec, counts: TokenCounts) -> Reservation:
    """What the job costs at least, by its kind. Raises InvalidInputError: there is nothing to compress."""
    if job.kind == "compress":
        return minimum_compression_budget(counts, search, deletion_rule(job))
    return minimum_budget(counts, search, policy_of(search.selection))


def compression_view(found: Compression | None) -> CompressionView | None:
    """A compression on the wire."""
    return None if found is None else CompressionView.model_validate(to_plain(found))
