"""A job on the wire to what the search takes: its settings and its three sets."""

from __future__ import annotations

from pmpo.contracts.jobs import MAX_INLINE_ROWS, JobSpec, Row, SplitSizes
from pmpo.data.examples import check_placeholders, to_examples
from pmpo.data.splits import make_splits
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.losses import Supervised
from pmpo.optim.spec import BudgetCaps, Sampling, SearchSpec
from pmpo.optim.types import Example, Splits
from pmpo.runs.few_shot import few_shot_rule
from pmpo.runs.meta_prompt import small_rewrite
from pmpo.runs.targets import for_targets


def search_spec(job: JobSpec) -> SearchSpec:
    """The search's settings, with the meta-prompt that ships.

    Raises:
        InvalidInputError: an empty prompt, or a protected text that does not stand in the prompt.
    """
    optimizer, constraints, budget = job.optimizer, job.constraints, job.budget
    _check_protected(job)
    spec = SearchSpec(
        prompt=job.prompt,
        rewrite_meta=small_rewrite(),
        task=job.task,
        iterations=optimizer.iterations,
        patience=optimizer.patience,
        hard_examples=optimizer.hard_examples,
        variants=optimizer.variants,
        min_delta=optimizer.min_delta,
        target_loss=optimizer.target_loss,
        max_prompt_tokens=constraints.max_prompt_tokens,
        max_answer_tokens=job.max_answer_tokens,
        objective=Supervised(job.objective.normalize),
        selection=optimizer.selection,
        protected=tuple(constraints.protect),
        anchors=tuple(constraints.anchors),
        with_accuracy=job.metric is not None,
        sampling=_sampling(job),
        caps=BudgetCaps(budget.scored_tokens, budget.generated_tokens, budget.seconds),
        seed=job.seed,
        few_shot=few_shot_rule(optimizer.few_shot),
    )
    return for_targets(spec, job)


def split_job(job: JobSpec) -> tuple[Splits, SplitSizes, list[str]]:
    """The job's three sets, their sizes, and warnings for its owner.

    Raises:
        InvalidDataError: too many or too few rows, or a row that cannot be used.
        PlaceholderError: the prompt asks for a field that a row does not have.
        InvalidInputError: an anchor that is no row.
    """
    dataset = job.dataset
    check_num_rows(dataset.train, dataset.validation, dataset.test)
    train = to_examples(dataset.train, job.fields, name="train")
    validation = _given(job, dataset.validation, "validation")
    test = _given(job, dataset.test, "test")
    for examples in (train, validation or (), test or ()):
        check_placeholders(job.prompt, examples)
    division = make_splits(train, validation, test, job.constraints.anchors, job.seed)
    splits = division.splits
    sizes = SplitSizes(
        train=len(splits.train),
        validation=len(splits.validation),
        test=len(splits.test),
        unused=division.num_unused,
    )
    return splits, sizes, list(division.warnings)


def check_num_rows(train: list[Row], validation: list[Row] | None, test: list[Row] | None) -> None:
    """Refuse more rows than a job carries.

    Raises:
        InvalidDataError: names the number, the limit and the remedy.
    """
    num_given = len(validation or ()) + len(test or ())
    if len(train) + num_given <= MAX_INLINE_ROWS:
        return
    room = MAX_INLINE_ROWS - num_given
    remedy = f"add `sample: {room}` to the job file's dataset" if room >= 3 else "shorten validation and test"
    raise InvalidDataError(
        f"the data has {len(train) + num_given:,} rows and a job carries at most {MAX_INLINE_ROWS:,}; {remedy}"
    )


def _given(job: JobSpec, rows: list[Row] | None, name: str) -> tuple[Example, ...] | None:
    return None if rows is None else to_examples(rows, job.fields, name=name)


def _check_protected(job: JobSpec) -> None:
    for text in job.constraints.protect:
        if not text.strip() or text not in job.prompt:
            raise InvalidInputError(
                f"constraints.protect: {text!r:.80} is no text of the prompt; write it as it stands there, or remove it"
            )


def _sampling(job: JobSpec) -> Sampling:
    """Rewrites of a long prompt get room to be as long: a token is two bytes at the least in most texts."""
    room = max(Sampling().max_tokens, len(job.prompt.encode()) // 2)
    return Sampling(job.optimizer.temperature, job.optimizer.top_p, room)
