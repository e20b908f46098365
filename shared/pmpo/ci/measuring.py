"""Jobs that measure a prompt as it is: the losses of held-out rows one by one, or what each of its parts is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pmpo.ci.comparison import MIN_ROWS, Measured
from pmpo.ci.digests import row_names
from pmpo.contracts.evaluation import EvaluationView
from pmpo.contracts.jobdata import MAX_INLINE_ROWS, JobData, Row
from pmpo.contracts.jobs import JobSpec
from pmpo.contracts.modes import CompressSpec, JobKind
from pmpo.contracts.registry import RegistrySpec
from pmpo.contracts.sections import BudgetSpec, ConstraintsSpec, OptimizerSpec
from pmpo.data.splits import FEWEST_ROWS
from pmpo.errors import InvalidDataError, UpstreamError
from pmpo.optim.types import Example

MOST_TOKENS = 100_000
NOTHING_MAY_GO = -1e9
MOST_TRAINING_ROWS = MAX_INLINE_ROWS - 1 - MIN_ROWS  # one row is for validation, and some must be tested


@dataclass(frozen=True, slots=True)
class MeasuringJob:
    """A job about a prompt. ``names`` and ``weights`` are those of the rows that an evaluation measures, in order."""

    spec: JobSpec
    names: Sequence[str]
    weights: Sequence[float]

    def read(self, found: EvaluationView) -> Measured:
        """The losses that the job measured. Raises UpstreamError: not those of its rows."""
        if [each.rows for each in found.prompts] != [list(range(len(self.names)))]:
            raise UpstreamError(f"the result of job {found.job_id} lacks losses of its rows; is the service as new?")
        losses = dict(zip(self.names, found.prompts[0].losses, strict=True))
        return Measured(losses, dict(zip(self.names, self.weights, strict=True)), found.objective.unit)


def measuring_job(spec: JobSpec, *, with_units: bool = False) -> MeasuringJob:
    """The job that measures ``spec.prompt`` where ``spec`` would test it.

    It is an evaluation. The rows are the test rows of ``spec``, which no search sees; where they are fewer than 5, all
    rows of its sets.

    Args:
        spec: the job of the prompt, with the rows of its stored data sets in it.
        with_units: measure what each part of the prompt is worth on the training rows instead: a compression that may
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
    chosen = chosen[:MAX_INLINE_ROWS]
    if len(chosen) < MIN_ROWS:
        raise InvalidDataError(f"{len(chosen)} rows are too few to measure a prompt on; give at least {MIN_ROWS}")
    rows, weights = [row for _, row in chosen], [example.weight for example, _ in chosen]
    if not with_units:
        return MeasuringJob(_changed(spec, JobData(train=rows), "evaluate"), row_names(rows), weights)
    training = [train[example.index] for example in splits.train][:MOST_TRAINING_ROWS]
    dataset = JobData(
        train=training if len(training) >= FEWEST_ROWS else train[:FEWEST_ROWS],
        validation=[sets["validation"][1][splits.validation[0].index]],
        test=rows[: MAX_INLINE_ROWS - max(len(training), FEWEST_ROWS) - 1],
    )
    return MeasuringJob(_changed(spec, dataset, "compress"), row_names(rows), weights)


def _changed(spec: JobSpec, dataset: JobData, kind: JobKind) -> JobSpec:
    return spec.model_copy(
        update={
            "name": f"{spec.name[:180]}, measured",
            "kind": kind,
            "prompts": [],
            "task": "",
            "dataset": dataset,
            "optimizer": OptimizerSpec(),
            "compress": CompressSpec(epsilon=NOTHING_MAY_GO) if kind == "compress" else None,
            "constraints": ConstraintsSpec(max_prompt_tokens=MOST_TOKENS),
            "budget": BudgetSpec(),
            "metric": None,
            "registry": RegistrySpec(keep=False),
        }
    )
