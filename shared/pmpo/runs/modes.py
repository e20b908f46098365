"""Which mode a job asks for: its settings for the algorithm, its smallest budget, and what it adds to the result."""

from __future__ import annotations

from pmpo.contracts.jobdata import MAX_INLINE_ROWS
from pmpo.contracts.jobs import JobSpec, SplitSizes
from pmpo.contracts.modes import CompressionView, CompressSpec, RationalizeSpec
from pmpo.data.examples import check_placeholders, to_examples
from pmpo.data.rationales import AnswerReader
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.bounds import TokenCounts, covered_by_minimum
from pmpo.optim.deletion import DeletionRule, minimum_compression_budget
from pmpo.optim.evaluate import COVERED
from pmpo.optim.mode_results import Compression
from pmpo.optim.rationalize import RationaleRule
from pmpo.optim.spec import BudgetCaps, SearchSpec
from pmpo.optim.tariff import Reservation
from pmpo.optim.types import Splits
from pmpo.runs.evaluation import check_evaluation, evaluation_budget, evaluation_sets
from pmpo.runs.jobspec import refuse_unread, split_job
from pmpo.runs.plain import to_plain
from pmpo.runs.rivals import smallest_budget as smallest_search_budget


def check_mode(job: JobSpec) -> None:
    """Refuse sections that the job's kind does not look at: they would be ignored in silence.

    Raises:
        InvalidInputError: names the section and the kind that it belongs to.
    """
    for name, section in (("compress", job.compress), ("rationalize", job.rationalize)):
        if section is not None and job.kind != name:
            raise InvalidInputError(
                f"the section {name!r} belongs to jobs of that kind and this one's kind is {job.kind}; "
                f"write `kind: {name}`, or remove the section"
            )
    if job.kind == "rationalize":
        _check_rationalize(job)
    if job.kind != "optimize":
        _check_no_search(job)
    if job.kind == "evaluate":
        check_evaluation(job)
    if job.optimizer.few_shot is not None and job.optimizer.algorithm != "pmpo":
        raise InvalidInputError(
            f"optimizer.few_shot belongs to the algorithm 'pmpo' and this one's is {job.optimizer.algorithm!r}; "
            "remove the section"
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


def _check_rationalize(job: JobSpec) -> None:
    AnswerReader(job.metric)
    if job.objective.kind != "supervised":
        raise InvalidInputError(
            f"a rationalize job makes targets and objective.kind is {job.objective.kind!r}; use rows with one target"
        )
    if job.budget.money is not None:
        raise InvalidInputError(
            "a rationalize job counts no money; cap budget.generated_tokens instead of budget.money"
        )


def _check_no_search(job: JobSpec) -> None:
    if job.optimizer.algorithm != "pmpo":
        article = "an" if job.kind == "evaluate" else "a"
        raise InvalidInputError(f"{article} {job.kind} job searches for nothing; remove optimizer.algorithm")
    if len(job.prompts) > 1 and job.kind != "evaluate":
        raise InvalidInputError(f"a {job.kind} job takes one prompt and prompts holds {len(job.prompts)}; give one")


def deletion_rule(job: JobSpec) -> DeletionRule:
    """What a compression may delete. Raises InvalidInputError for limits that contradict one another."""
    given = job.compress or CompressSpec()
    return DeletionRule(given.epsilon, given.tolerance, given.margin, given.max_units)


def rationale_rule(job: JobSpec) -> RationaleRule:
    """How rationales are drawn."""
    given, budget = job.rationalize or RationalizeSpec(), job.budget
    return RationaleRule(
        prompt=job.prompt,
        samples=given.samples,
        max_tokens=given.max_tokens,
        temperature=given.temperature,
        top_p=given.top_p,
        caps=BudgetCaps(generated_tokens=budget.generated_tokens, seconds=budget.seconds),
        seed=job.seed,
    )


def sets_of(job: JobSpec) -> tuple[Splits, SplitSizes, list[str]]:
    """The job's sets, their sizes and warnings: see ``split_job``; a rationalize job takes every row of train, an
    evaluate job every row that it measures on.

    Raises:
        InvalidDataError: too many rows, or rows that cannot be used.
    """
    if job.kind == "evaluate":
        return evaluation_sets(job)
    return _every_training_row(job) if job.kind == "rationalize" else split_job(job)


def _every_training_row(job: JobSpec) -> tuple[Splits, SplitSizes, list[str]]:
    dataset = job.dataset
    refuse_unread(dataset)
    num_left = len(dataset.validation or ()) + len(dataset.test or ())
    warnings = [f"{num_left} validation and test rows are not read: rationales are made for train"] if num_left else []
    if len(dataset.train) > MAX_INLINE_ROWS:
        raise InvalidDataError(
            f"the data has {len(dataset.train):,} rows and a rationalize job takes at most {MAX_INLINE_ROWS:,}; take a "
            f"sample of them: `sample: {MAX_INLINE_ROWS}` in a job file, or `pmpo datasets push FILE --sample "
            f"{MAX_INLINE_ROWS} --seed 0`"
        )
    train = to_examples(dataset.train, job.fields, name="train")
    check_placeholders(job.prompt, train)
    return Splits(train, (), ()), SplitSizes(train=len(train), validation=0, test=0), warnings


def smallest_budget(job: JobSpec, search: SearchSpec, counts: TokenCounts) -> Reservation:
    """What the job costs at least, by its kind. Raises InvalidInputError: there is nothing to compress."""
    if job.kind == "compress":
        return minimum_compression_budget(counts, search, deletion_rule(job))
    if job.kind == "rationalize":
        return rationale_rule(job).reservation
    if job.kind == "evaluate":
        return evaluation_budget(search, counts)
    return smallest_search_budget(job, counts, search.prices)


def covered_by(job: JobSpec, search: SearchSpec) -> str:
    """What ``smallest_budget`` is for, as a refusal says it."""
    if job.kind == "evaluate":
        return COVERED
    return "the rationales of one row" if job.kind == "rationalize" else covered_by_minimum(search)


def compression_view(found: Compression | None) -> CompressionView | None:
    """A compression on the wire."""
    return None if found is None else CompressionView.model_validate(to_plain(found))
