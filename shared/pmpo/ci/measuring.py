"""The job that measures a prompt as it is: no rewrites, no answers, the losses of held-out rows one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pmpo.ci.comparison import MIN_ROWS, Measured
from pmpo.ci.digests import row_names
from pmpo.contracts.jobdata import MAX_INLINE_ROWS, JobData, Row
from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.modes import CompressSpec
from pmpo.contracts.reports import ReportView
from pmpo.contracts.sections import BudgetSpec, ConstraintsSpec, OptimizerSpec
from pmpo.data.splits import FEWEST_ROWS
from pmpo.errors import InvalidDataError, UpstreamError
from pmpo.optim.types import Example

MOST_TOKENS = 100_000
NOTHING_MAY_GO = -1e9
ANY_LOSS = 1e12  # as a target it is reached before the first round
MOST_TRAINING_ROWS = MAX_INLINE_ROWS - 1 - MIN_ROWS  # one row is for validation, and some must be tested


@dataclass(frozen=True, slots=True)
class MeasuringJob:
    """A job whose test rows are those to measure; ``names`` and ``weights`` are theirs, in order."""

    spec: JobSpec
    names: Sequence[str]
    weights: Sequence[float]

    def read(self, report: ReportView) -> Measured:
        """The losses in the job's report. Raises UpstreamError: it has none."""
        found = report.outcome.test_losses
        if found is None or sorted(found.rows) != list(range(len(self.names))):
            raise UpstreamError(
                f"the report of job {report.job_id} lacks losses of its test rows; is the service as new?"
            )
        by_name = {self.names[row]: loss for row, loss in zip(found.rows, found.before, strict=True)}
        losses = {name: by_name[name] for name in self.names}
        return Measured(losses, dict(zip(self.names, self.weights, strict=True)), report.objective.unit)


def measuring_job(spec: JobSpec, *, with_units: bool = False) -> MeasuringJob:
    """The job that measures ``spec.prompt`` where ``spec`` would test it.

    The rows are the test rows of ``spec``, which no search sees; where they are fewer than 5, all rows of its sets.

    Args:
        spec: the job of the prompt, with the rows of its stored data sets in it.
        with_units: also measure what each part of the prompt is worth on the training rows: a compression that may
            delete nothing.

    Raises:
        InvalidDataError: fewer than 5 rows in all, or rows that cannot be used.
    """
    from pmpo.runs.jobspec import split_job  # numpy comes with it: the command line starts without

    splits, _, _ = split_job(spec)
    train, validation = spec.dataset.train, spec.dataset.validation
    sets: Mapping[str, tuple[Sequence[Example], Sequence[Row]]] = {
        "train": (splits.train, train),
        "validation": (splits.validation, train if validation is None else validation),
        "test": (splits.test, train if spec.dataset.test is None else spec.dataset.test),
    }
    wanted = ["test"] if len(splits.test) >= MIN_ROWS else list(sets)
    chosen = [(example, sets[name][1][example.index]) for name in wanted for example in sets[name][0]]
    chosen = chosen[: MAX_INLINE_ROWS - FEWEST_ROWS - 1]
    if len(chosen) < MIN_ROWS:
        raise InvalidDataError(f"{len(chosen)} rows are too few to measure a prompt on; give at least {MIN_ROWS}")
    rows = [row for _, row in chosen]
    training = [train[example.index] for example in splits.train][:MOST_TRAINING_ROWS] if with_units else []
    dataset = JobData(
        train=training if len(training) >= FEWEST_ROWS else train[:FEWEST_ROWS],
        validation=[sets["validation"][1][splits.validation[0].index]],
        test=rows,
    )
    return MeasuringJob(_changed(spec, dataset, with_units), row_names(rows), [example.weight for example, _ in chosen])


def _changed(spec: JobSpec, dataset: JobData, with_units: bool) -> JobSpec:
    if with_units and len(dataset.train) + len(dataset.test or ()) >= MAX_INLINE_ROWS:
        dataset = dataset.model_copy(update={"test": (dataset.test or [])[: MAX_INLINE_ROWS - len(dataset.train) - 1]})
    return spec.model_copy(
        update={
            "name": f"{spec.name[:180]}, measured",
            "kind": "compress" if with_units else "optimize",
            "prompts": [],
            "task": "",
            "dataset": dataset,
            "optimizer": OptimizerSpec(iterations=1, target_loss=ANY_LOSS),
            "compress": CompressSpec(epsilon=NOTHING_MAY_GO) if with_units else None,
            "constraints": ConstraintsSpec(max_prompt_tokens=MOST_TOKENS),
            "budget": BudgetSpec(),
            "metric": None,
        }
    )
