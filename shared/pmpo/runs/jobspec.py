"""A job on the wire to what the search takes: its settings and its three sets."""

from __future__ import annotations

from pmpo.contracts.jobdata import MAX_INLINE_ROWS, JobData, Row
from pmpo.contracts.jobs import JobSpec, SplitSizes
from pmpo.contracts.sections import OptimizerSpec
from pmpo.data.examples import check_placeholders, to_examples
from pmpo.data.splits import make_splits
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.rewrite import MetaPrompt
from pmpo.optim.spec import BudgetCaps, Sampling, SearchSpec
from pmpo.optim.types import Example, Prices, Splits
from pmpo.runs.few_shot import few_shot_rule
from pmpo.runs.meta_prompt import mask_form, rewrite_form
from pmpo.runs.objectives import check_objective, objective_of
from pmpo.runs.targets import for_targets


def search_spec(job: JobSpec, prices: Prices | None = None) -> SearchSpec:
    """The search's settings, with the job's own meta-prompt or one that ships.

    Args:
        job: what to do.
        prices: what the job's models cost, where the operator's endpoint table says it.

    Raises:
        InvalidInputError: an empty prompt, a protected text that does not stand in every prompt, a meta-prompt without
            its sections, a cap on money without prices, or keys that do not go with the objective.
        PlaceholderError: several prompts with different placeholders.
    """
    optimizer, constraints, budget = job.optimizer, job.constraints, job.budget
    _check_protected(job)
    check_objective(job)
    spec = SearchSpec(
        prompt=job.prompt,
        rewrite_meta=_rewrite_meta(optimizer),
        more_prompts=() if job.kind == "evaluate" else tuple(job.prompts[1:]),
        prices=prices,
        units=optimizer.units,
        mask_meta=mask_form(optimizer.meta_prompt),
        mask_mode=optimizer.mask_mode,
        max_units=optimizer.max_units,
        restarts=optimizer.restarts,
        task=job.task,
        iterations=optimizer.iterations,
        patience=optimizer.patience,
        hard_examples=optimizer.hard_examples,
        hard_examples_policy=optimizer.hard_examples_policy,
        variants=optimizer.variants,
        min_delta=optimizer.min_delta,
        target_loss=optimizer.target_loss,
        max_prompt_tokens=constraints.max_prompt_tokens,
        max_answer_tokens=job.max_answer_tokens,
        objective=objective_of(job.objective),
        selection=optimizer.selection,
        protected=tuple(constraints.protect),
        anchors=tuple(constraints.anchors),
        with_accuracy=job.metric is not None,
        sampling=_sampling(job),
        caps=BudgetCaps(budget.scored_tokens, budget.generated_tokens, budget.seconds, budget.money),
        seed=job.seed,
        few_shot=few_shot_rule(optimizer.few_shot),
    )
    return for_targets(spec, job)


def seeds_of(job: JobSpec) -> tuple[str, ...]:
    """All prompts of the job, each once, the first one first."""
    return tuple(dict.fromkeys((job.prompt, *job.prompts)))


def split_job(job: JobSpec) -> tuple[Splits, SplitSizes, list[str]]:
    """The job's three sets, their sizes, and warnings for its owner.

    Raises:
        InvalidDataError: too many or too few rows, or a row that cannot be used.
        PlaceholderError: the prompt asks for a field that a row does not have.
        InvalidInputError: an anchor that is no row, or keys that do not go with the objective.
    """
    check_objective(job)
    dataset = job.dataset
    refuse_unread(dataset)
    check_num_rows(dataset)
    train = examples_of(job, dataset.train, "train")
    validation = _given(job, dataset.validation, "validation")
    test = _given(job, dataset.test, "test")
    for examples in (train, validation or (), test or ()):
        check_placeholders(job.prompt, examples)  # further seed prompts have the same ones: see SearchSpec
    division = make_splits(train, validation, test, job.constraints.anchors, job.seed)
    splits = division.splits
    check_weights(splits)
    sizes = SplitSizes(
        train=len(splits.train),
        validation=len(splits.validation),
        test=len(splits.test),
        unused=division.num_unused,
    )
    return splits, sizes, [*division.warnings, *weights_used(job, train)]


def refuse_unread(data: JobData) -> None:
    """Refuse a stored data set whose rows nobody brought: without an API there is none.

    Raises:
        InvalidInputError: names it.
    """
    sets = {"train": data.train, "validation": data.validation, "test": data.test}
    unread = next((found for name, found in data.ids.items() if not sets[name]), None)
    if unread is not None:
        raise InvalidInputError(f"data set {unread} is stored in an API, and none is used here; name a file instead")


MOST_READ = MAX_INLINE_ROWS + 1  # rows of a file that is not sampled: enough to know that they are too many


def check_num_rows(data: JobData, how_to_sample: str = "add `sample: {room}` to the job file's dataset") -> None:
    """Refuse more rows than a job carries; those of stored data sets are not carried.

    Raises:
        InvalidDataError: names the limit and the remedy.
    """
    sets = {"train": data.train, "validation": data.validation, "test": data.test}
    nums = {name: len(rows or ()) for name, rows in sets.items() if name not in data.ids}
    total = sum(nums.values())
    if total <= MAX_INLINE_ROWS:
        return
    room = MAX_INLINE_ROWS - total + nums.get("train", 0)
    sample = how_to_sample.format(room=room) if room >= 3 else "shorten validation and test"
    raise InvalidDataError(
        f"the data has more than {MAX_INLINE_ROWS:,} rows, and a job carries no more; {sample}, or store it with "
        "`pmpo datasets push` and name its id there"
    )


def _given(job: JobSpec, rows: list[Row] | None, name: str) -> tuple[Example, ...] | None:
    return None if rows is None else examples_of(job, rows, name)


def examples_of(job: JobSpec, rows: list[Row], name: str) -> tuple[Example, ...]:
    """The rows of the set ``name``, read as the job says. Raises InvalidDataError: a row that cannot be used."""
    kind, prefix = job.objective.kind, job.answer_prefix
    return to_examples(rows, job.fields, name=name, kind=kind, answer_prefix=prefix)


def check_weights(splits: Splits) -> None:
    """A set whose rows all weigh nothing has no mean."""
    for name, examples in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
        if examples and not any(example.weight for example in examples):
            raise InvalidDataError(
                f"the {len(examples)} rows that were chosen for {name} all weigh 0; give more rows a weight above 0, "
                "or give a file of its own for each set"
            )


def weights_used(job: JobSpec, train: tuple[Example, ...]) -> list[str]:
    """A word about a key that is read because of its name alone."""
    if "weight" in job.fields.model_fields_set or all(example.weight == 1.0 for example in train):
        return []
    return [
        "the rows' key 'weight' counts them more or less in every loss; write `fields: {weight: weight}` if that is "
        "meant, or `fields: {weight: null}` if the key means something else"
    ]


def _check_protected(job: JobSpec) -> None:
    for text in job.constraints.protect:
        if not text.strip() or any(text not in prompt for prompt in (job.prompt, *job.prompts)):
            whose = "every prompt" if job.prompts else "the prompt"
            raise InvalidInputError(
                f"constraints.protect: {text!r:.80} is no text of {whose}; write it as it stands there, or remove it"
            )


def _rewrite_meta(optimizer: OptimizerSpec) -> MetaPrompt:
    if optimizer.meta_prompt_text is None:
        return rewrite_form(optimizer.meta_prompt)
    return MetaPrompt.parse(optimizer.meta_prompt_text)


def _sampling(job: JobSpec) -> Sampling:
    """Rewrites get the room that the job says, else that of the longest prompt (most tokens are two bytes or more)."""
    longest = max(len(prompt.encode()) for prompt in (job.prompt, *job.prompts))
    room = job.optimizer.max_rewrite_tokens or max(Sampling().max_tokens, longest // 2)
    return Sampling(job.optimizer.temperature, job.optimizer.top_p, room)
