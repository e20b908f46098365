"""Jobs that measure prompts as they are: their rows, their smallest budget, what they will use."""

from __future__ import annotations

from pmpo.contracts.jobdata import SetName
from pmpo.contracts.jobs import JobSpec, SplitSizes
from pmpo.data.examples import check_placeholders
from pmpo.errors import InvalidDataError, InvalidInputError
from pmpo.optim.bounds import TokenCounts
from pmpo.optim.estimate import Estimate
from pmpo.optim.evaluate import prompt_cost
from pmpo.optim.spec import SearchSpec
from pmpo.optim.tariff import Reservation, Tariff
from pmpo.optim.types import Splits
from pmpo.runs.jobspec import check_num_rows, check_weights, examples_of, refuse_unread, seeds_of, weights_used
from pmpo.runs.objectives import check_objective


def check_evaluation(job: JobSpec) -> None:
    """Refuse what an evaluation would ignore in silence. Raises InvalidInputError."""
    if job.optimizer.few_shot is not None:
        raise InvalidInputError("an evaluate job adds nothing to a prompt; remove optimizer.few_shot")
    searches = {
        "constraints.anchors": job.constraints.anchors,
        "constraints.protect": job.constraints.protect,
        "registry": job.registry.keep and job.registry.name,
    }
    unread = next((name for name, given in searches.items() if given), None)
    if unread is not None:
        raise InvalidInputError(f"an evaluate job changes no prompt and has no use for {unread}; remove it")
    blank = next((number for number, prompt in enumerate(job.prompts, start=1) if not prompt.strip()), None)
    if blank is not None:
        raise InvalidInputError(f"prompt {blank} of prompts is empty; remove it")


def measured_set(job: JobSpec) -> SetName:
    """The set whose rows are measured: ``test`` where the job names one, else ``train``."""
    return "train" if job.dataset.test is None else "test"


def evaluation_sets(job: JobSpec) -> tuple[Splits, SplitSizes, list[str]]:
    """Every row of the measured set, as the test set of ``Splits``; its size; warnings for the job's owner.

    Raises:
        InvalidDataError: no rows, too many, or rows that cannot be used.
        PlaceholderError: a prompt asks for a field that a row does not have.
        InvalidInputError: keys that do not go with the objective.
    """
    check_objective(job)
    refuse_unread(job.dataset)
    check_num_rows(job.dataset)
    name = measured_set(job)
    rows = job.dataset.train if job.dataset.test is None else job.dataset.test
    if not rows:
        raise InvalidDataError(f"the set {name} has no rows, so there is nothing to measure on; give at least one")
    examples = examples_of(job, rows, name)
    for prompt in seeds_of(job):
        check_placeholders(prompt, examples)
    splits = Splits((), (), examples)
    check_weights(splits)
    warnings = weights_used(job, examples)
    num_repeated = max(0, len(job.prompts) - len(seeds_of(job)))
    if num_repeated:
        warnings.append(f"{num_repeated} of the prompts repeat another one; each text is measured once")
    num_left = len(job.dataset.validation or ()) + (len(job.dataset.train) if name == "test" else 0)
    if num_left:
        warnings.append(f"{num_left:,} rows of the other sets are not read: prompts are measured on {name}")
    return splits, SplitSizes(train=0, validation=0, test=len(examples)), warnings


def evaluation_budget(spec: SearchSpec, counts: TokenCounts) -> Reservation:
    """What the first prompt costs at most: none is measured on a part of the rows."""
    return prompt_cost(counts.test, spec)


def estimate_evaluation(counts: TokenCounts, spec: SearchSpec, answer_tokens: float) -> Estimate:
    """What all prompts cost: scoring is known exactly, answers are as long as the known ones, or up to their cap."""
    each = (counts, *counts.others)
    scoring = Tariff(spec.prices).scoring(sum(sum(one.test) for one in each))
    if not spec.with_accuracy:
        return Estimate(scoring, scoring, scoring)
    copies = counts.max_row_targets * spec.num_target_models
    read = round(sum(sum(one.test) for one in each) / copies)
    costs = [
        scoring
        + Tariff(spec.prices).answering(
            round(len(each) * len(counts.test) * min(answer_tokens * growth + 1, float(spec.max_answer_tokens))), read
        )
        for growth in (0.7, 1.0)
    ]
    return Estimate(costs[0], costs[1], sum((prompt_cost(one.test, spec) for one in each), start=Reservation()))
